import { describe, expect, it } from 'vitest';
import { type MappingDrift, tableMapping } from '#shared/model/index.ts';
import { createFakeClock, settle } from '#test/support/fake-clock.ts';
import { createDriftWatch, driftMessage } from './drift-watch.ts';

const mapping = (id: string) =>
  tableMapping.parse({
    id,
    relation: { schema: 'plc', name: id },
    time: { column: 'ts', kind: 'timestamptz' },
    tag: { kind: 'fixed', name: id },
    values: [{ column: 'v' }],
  });
const gone = (id: string): MappingDrift => ({
  mapping: id,
  problems: [{ path: 'relation', message: `${id} is gone.`, severity: 'error' }],
});
const setUp = () => {
  const clock = createFakeClock();
  const told: string[][] = [];
  const state = { drift: [] as MappingDrift[], looks: 0, lost: false };
  const watch = createDriftWatch({
    clock,
    mappings: () => [mapping('a'), mapping('b')],
    compare: async () => {
      state.looks++;
      if (state.lost) throw new Error('There is no link.');
      return state.drift;
    },
    onChange: () => void told.push(watch.list().map((one) => one.mapping)),
  });
  return { clock, watch, state, told };
};

describe('mappings that no longer fit', () => {
  it('are marked by the read that meets it, and looked at until the tables fit again', async () => {
    const { clock, watch, state, told } = setUp();
    state.drift = [gone('a')];
    watch.met('a', 'The server says something of a.');
    expect(watch.list()[0]!.problems[0]!.message).toBe('The server says something of a.');
    await settle();
    expect(watch.list()).toEqual([gone('a')]);
    state.lost = true;
    await clock.advance(30_000);
    expect(watch.list()).toEqual([gone('a')]);
    state.lost = false;
    await clock.advance(30_000);
    expect(state.looks).toBe(3);
    state.drift = [];
    await clock.advance(30_000);
    expect(watch.list()).toEqual([]);
    expect(told.at(-1)).toEqual([]);
    await clock.advance(300_000);
    expect(state.looks).toBe(4);
    expect(clock.pending).toBe(0);
  });

  it('are looked at sooner when a read succeeds, but not with each', async () => {
    const { clock, watch, state } = setUp();
    state.drift = [gone('a')];
    await watch.look(new AbortController().signal);
    for (let at = 0; at < 12; at++) {
      await clock.advance(1_000);
      watch.met('a', null);
      watch.met('b', null);
    }
    await settle();
    expect(state.looks).toBe(3);
    watch.end();
  });

  it('of which the tables tell nothing stay marked until a read succeeds', async () => {
    const { clock, watch, state } = setUp();
    watch.met('b', 'It cannot be read.');
    watch.met('b', 'It cannot be read.');
    watch.met('of another source', 'It cannot be read.');
    await settle();
    expect(state.looks).toBe(1);
    await clock.advance(60_000);
    expect(watch.list().map((one) => one.mapping)).toEqual(['b']);
    watch.met('b', null);
    expect(watch.list()).toEqual([]);
    watch.met('a', 'It cannot be read.');
    watch.end();
    expect(clock.pending).toBe(0);
  });

  it('are named, with what has changed', () => {
    const all = ['a', 'b', 'c', 'd'].map(mapping);
    expect(driftMessage([gone('a')], all)).toBe('The mapping "a" no longer fits its table. a is gone.');
    expect(driftMessage(['a', 'b', 'c', 'd'].map(gone), all)).toBe(
      '4 mappings no longer fit their tables: "a", "b", "c" and 1 more. Of the first: a is gone.',
    );
  });
});
