import { describe, expect, it } from 'vitest';
import { EMPTY_SERIES } from './tiles.ts';
import { createTraceStore } from './trace-store.ts';

const SECOND = 1e6;
const T0 = 1_800_000_000 * SECOND;

describe('traces of several sources', () => {
  const range = { from: T0, to: T0 + 60 * SECOND };
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const point = (tag: string) => ({
    ...EMPTY_SERIES,
    tag,
    time: Float64Array.of(T0 + SECOND),
    value: Float64Array.of(1),
    quality: new Uint16Array(1),
  });

  it('go on where one source fails: it says why, is left alone for a while, and keeps what was read', async () => {
    let now = T0 + 100 * SECOND;
    let failing = true;
    let due: (() => void)[] = [];
    const asked: string[][] = [];
    const store = createTraceStore({
      live: null,
      now: () => now,
      onChange: () => undefined,
      onError: (error) => expect.fail(String(error)),
      timer: { set: (run) => due.push(run), clear: () => undefined },
      history: {
        async *view({ tags }) {
          asked.push([...tags]);
          yield { series: tags.filter((tag) => tag === 'own').map(point) };
          if (!tags.includes('plant')) return;
          if (failing) yield { series: [], failed: { tags: ['plant'], reason: 'No answer from the plant.' } };
          else yield { series: [point('plant')] };
        },
        neighbours: () => Promise.resolve({ before: null, after: null }),
        async *statistics() {},
      },
    });
    const look = async (): Promise<void> => {
      store.prepare({ from: range.from + asked.length, to: range.to }, 600);
      for (let i = 0; i < 5; i++) {
        const runs = due;
        due = [];
        for (const run of runs) run();
        await settled();
      }
    };
    store.setTags(['own', 'plant']);
    await look();
    expect(store.segments('own').length).toBeGreaterThan(0);
    expect(store.segments('plant')).toEqual([]);
    expect([store.problem('own'), store.problem('plant')]).toEqual([null, 'No answer from the plant.']);
    expect(store.incomplete).toBe(false);
    const before = asked.length;
    await look();
    expect(asked.length).toBe(before);
    failing = false;
    now += 10 * SECOND;
    await look();
    expect(asked.at(-1)).toEqual(['plant']);
    expect(store.problem('plant')).toBeNull();
    expect(store.segmentsOver('plant', range).length).toBeGreaterThan(0);
    store[Symbol.dispose]();
  });

  it('are asked again for what reached into their own present, shifted as they are', async () => {
    let now = T0 + 30 * SECOND;
    const asked: string[] = [];
    let due: (() => void)[] = [];
    const store = createTraceStore({
      live: null,
      now: () => now,
      onChange: () => undefined,
      onError: (error) => expect.fail(String(error)),
      timer: { set: (run) => due.push(run), clear: () => undefined },
      history: {
        async *view({ tags }) {
          asked.push(...tags);
          yield { series: tags.map(point) };
        },
        neighbours: () => Promise.resolve({ before: null, after: null }),
        async *statistics() {},
        growth: (tag) =>
          tag === 'closed' ? null : { shift: tag === 'later' ? 86_400 * SECOND : 0, everyMs: 5_000, settle: SECOND },
      },
    });
    const look = async (): Promise<void> => {
      store.prepare({ from: range.from + asked.length, to: range.to }, 600);
      for (let i = 0; i < 5; i++) {
        const runs = due;
        due = [];
        for (const run of runs) run();
        await settled();
      }
    };
    store.setTags(['closed', 'growing', 'later']);
    await look();
    expect(new Set(asked)).toEqual(new Set(['closed', 'growing', 'later']));
    asked.length = 0;
    now += 10 * SECOND;
    await look();
    // Yesterday is over, and a closed recording too.
    expect(new Set(asked)).toEqual(new Set(['growing']));
    store[Symbol.dispose]();
  });
});
