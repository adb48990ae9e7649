import { expect, it } from 'vitest';
import { AppError } from '#shared/errors.ts';
import { tableMapping } from '#shared/model/index.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';
import type { Ask } from './sql.ts';
import { createTagLists } from './tags.ts';

const never = new AbortController().signal;
const search = { text: '', ids: null, offset: 0, limit: 10 };
const mapping = (name: string) =>
  tableMapping.parse({
    id: name,
    relation: { schema: 'public', name },
    time: { column: 'ts', kind: 'timestamptz' },
    tag: { kind: 'table', column: 't', relation: { schema: 'public', name: `${name}_tags` }, key: 'id', name: 'name' },
    values: [{ column: 'value' }],
  });
const lost = new AppError('tsdb.unavailable', 'The connection was lost.', {
  details: { backend: 'b' },
  retryable: true,
});
const refused = new AppError('tsdb.refused', 'The table has changed.', { details: { backend: 'b', reason: 'gone' } });

/** Answers by what stands in the statement. */
const listsWith = (answers: Record<string, () => readonly Record<string, unknown>[]>) => {
  const asked: string[] = [];
  const ask: Ask = async (text) => {
    const name = Object.keys(answers).find((one) => text.includes(`"${one}_tags"`))!;
    asked.push(name);
    return answers[name]!();
  };
  const clock = createFakeClock();
  const mappings = Object.keys(answers).map(mapping);
  return { lists: createTagLists({ mappings, overrideOf: () => null, ask, clock, mostRows: 1e6 }), asked, clock };
};
const fails = (error: Error) => () => {
  throw error;
};

it('keeps a list for some minutes, and goes on without a mapping whose tables are gone', async () => {
  const { lists, asked, clock } = listsWith({ a: () => [{ key: '1', name: 'x' }], b: fails(refused) });
  const page = await lists.find(search, never);
  expect(page).toMatchObject({ total: 1, tags: [{ id: 'plant.a{tag="x"}', name: 'x', labels: { tag: 'x' } }] });
  await lists.find(search, never);
  expect(asked).toEqual(['a', 'b', 'b']);
  await clock.advance(300_001);
  await lists.find(search, never);
  expect(asked).toEqual(['a', 'b', 'b', 'a', 'b']);
});

it('says why where no list can be read, and never takes a lost link for an empty tree', async () => {
  const all = listsWith({ a: fails(refused), b: fails(refused) });
  await expect(all.lists.find(search, never)).rejects.toBe(refused);
  const half = listsWith({ a: () => [{ key: '1', name: 'x' }], b: fails(lost) });
  await expect(half.lists.find(search, never)).rejects.toBe(lost);
});

it('takes units, descriptions, metrics and labels from a table of tags as they stand there', async () => {
  const own = tableMapping.parse({
    ...mapping('a'),
    tag: { ...mapping('a').tag, unit: 'u', description: 'd', metric: 'm', labels: 'l' },
  });
  const rows = [
    {
      key: '1',
      name: 'mill.speed',
      unit: 'm/min',
      description: '',
      metric: 'mill.speed',
      labels: '{"stand": "1", "n": 2, "deep": {}}',
    },
  ];
  const lists = createTagLists({
    mappings: [own],
    overrideOf: () => null,
    ask: async () => rows,
    clock: createFakeClock(),
    mostRows: 1e6,
  });
  expect((await lists.find(search, never)).tags).toEqual([
    {
      id: 'mill.speed{n="2", stand="1"}',
      name: 'mill.speed {n="2", stand="1"}',
      unit: 'm/min',
      description: null,
      type: 'number',
      metric: { namespace: 'mill', name: 'speed', unit: 'm/min', type: 'gauge' },
      labels: { stand: '1', n: '2' },
      override: null,
    },
  ]);
});
