import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStore } from '#engine/historian/index.ts';
import { createLogger, type LogLine, systemClock } from '#engine/platform/index.ts';
import { graphDefinition } from '#shared/model/graph/index.ts';
import { PLAIN_RECIPE } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { block, never, ramp, SECOND, START, tag } from '#test/contracts/store-samples.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { allItems, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const registry = `version: 1
metrics:
  mill.stand.speed:
    type: gauge
    unit: m/s
    title: Speed of a stand
    labels: [stand]
    backends:
      local:
        unit: m/min
        series:
          - { source: tag-0, labels: { stand: "1" } }
          - { source: Stand 1 speed, labels: { stand: "2" } }
          - { source: tag-9, labels: { stand: "10" } }
  mill.stand.broken: { type: loud }
`;

it('gives a screen metrics, values of labels, and graphs of a recording', async () => {
  const folder = temporaryDirectory();
  const { store } = await openStore(
    { path: join(folder, 'other.parx') },
    { clock: systemClock(), log: createLogger(() => undefined), workers },
  );
  const recipe = { ...PLAIN_RECIPE, unit: 'm/min' };
  store.register([tag(0, recipe), tag(1, recipe), tag(2, { ...PLAIN_RECIPE, form: 'text', type: 'string' })]);
  await store.append(block([...ramp(0, 600).map(([at, time]) => [at, time, 60] as const), [1, START, 120]]));
  mkdirSync(join(folder, 'recordings'));
  const range = { from: START, to: START + 60 * SECOND };
  await store.copyRange(join(folder, 'recordings', 'recording.parx'), 'recording', range, [], () => undefined, never);
  await store.close();
  mkdirSync(join(folder, 'metrics'));
  writeFileSync(join(folder, 'metrics', 'metrics.yaml'), registry);

  const lines: LogLine[] = [];
  const { engine, client } = await startEngine(folder, { onLog: (line) => lines.push(line) });
  const screen = client('viewer');
  try {
    expect(lines.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^metrics\.yaml:15:24 metrics\.mill\.stand\.broken\.type: /),
    );
    const { id: source } = await client('engineer').recording.open({ id: 'recording.parx', path: null });
    const search = { source, text: '', namespace: null, offset: 0, limit: 10 };
    const found = await screen.graphs.metrics(search);
    expect(
      found.metrics.map(({ key }) => key),
      'without the text',
    ).toEqual(['mill.stand.speed', 'tag.tag-0', 'tag.tag-1']);
    expect(found.faults).toMatchObject([{ file: 'metrics.yaml', line: 15 }]);
    expect((await screen.graphs.metrics({ ...search, text: 'behind stand 1' })).metrics).toMatchObject([
      { key: 'tag.tag-1', title: 'Stand 1 speed', unit: 'm/min', origin: 'tag' },
    ]);
    const asked = { source, metric: 'mill.stand.speed', label: 'stand', text: '', limit: 10 };
    expect(await screen.graphs.labelValues(asked)).toEqual({ values: ['1', '2'] });
    expect(await screen.graphs.labelValues({ ...asked, metric: 'tag.tag-1', label: 'name' })).toEqual({
      values: ['Stand 1 speed'],
    });

    const time = (at: number): string => new Date(at / 1_000).toISOString();
    const text = `version: 1
range: { from: "${time(range.from)}", to: "${time(range.to)}" }
resolution: { stepMs: 30000, align: range }
series:
  - { id: A, metric: mill.stand.speed, aggregate: mean, fill: { kind: previous, maxAge: null }, groupBy: { labels: [], aggregate: sum } }
  - { id: B, metric: tag.tag-0, aggregate: count }
`;
    const { graph } = await screen.graphs.read({ name: 'g.yaml', text });
    const items = await allItems(screen.graphs.run({ source, graph: graph! }));
    expect(items.map(({ count, series }) => [count, series!.definition, series!.unit, [...series!.value]])).toEqual([
      [2, 'A', 'm/s', [3, 3]],
      [2, 'B', null, [300, 300]],
    ]);
    expect(items[0]!.grid).toEqual({ start: START, step: 30 * SECOND, length: 2 });
    const written = await screen.graphs.write({ graph: graph! });
    expect((await screen.graphs.read({ name: 'g.yaml', text: written.text })).graph).toEqual(graph);

    expect(await screen.graphs.read({ name: 'g.yaml', text: text.replace('mean', 'median') })).toMatchObject({
      graph: null,
      issues: [{ file: 'g.yaml', line: 5, path: 'series.0.aggregate' }],
    });
    const wrong = graphDefinition.parse({
      ...graph,
      series: [{ id: 'A', metric: 'mill.stand.speed', aggregate: 'rate' }],
    });
    await expect(allItems(screen.graphs.run({ source, graph: wrong }))).rejects.toMatchObject({
      code: 'config.invalid',
      details: { issues: [{ path: 'series.0.aggregate', message: expect.stringContaining('has no rate') }] },
    });
    await expect(screen.graphs.metrics({ ...search, source: 'closed' })).rejects.toMatchObject({
      code: 'store.not-found',
    });
    const elsewhere = { ...graph!, series: [graph!.series[0]!, { ...graph!.series[1]!, source: RUNNING_HISTORY }] };
    expect(await allItems(screen.graphs.run({ source, graph: elsewhere }))).toMatchObject([
      { count: 1, series: { definition: 'A' }, warnings: [expect.stringMatching(/^B: no tag of this recording/)] },
    ]);
    const schemas = await screen.graphs.schemas();
    expect(Object.keys(schemas.registry.properties as object)).toEqual(['version', 'include', 'metrics', 'overrides']);
    expect((await screen.catalogue.get()).backends.map(({ id }) => id)).toEqual(['local', 'timescale']);
    const empty = { ...graph!, range: { from: '2001-01-01', to: '2001-01-02', zone: null }, resolution: {} };
    expect(await allItems(screen.graphs.run({ source, graph: empty }))).toMatchObject([
      { count: 0, series: null, warnings: [expect.stringContaining('A:'), expect.stringContaining('B:')] },
    ]);
  } finally {
    screen[Symbol.dispose]();
    await engine.stop();
  }
});
