import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { STATISTICS } from '#shared/model/index.ts';
import { block, never, ramp, SECOND, START, tag } from '#test/contracts/store-samples.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { allItems, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

it('answers a screen with exact statistics, aggregates and searches of a recording', async () => {
  const folder = temporaryDirectory();
  const { store } = await openStore(
    { path: join(folder, 'other.parx') },
    { clock: systemClock(), log: createLogger(() => undefined), workers },
  );
  const tags = Array.from({ length: 6 }, (_, i) => tag(i));
  store.register(tags);
  await store.append(
    block(
      tags.flatMap(({ index }) =>
        ramp(index, 30_000).map(([at, time, value]) => [at, time, (value % 100) + index] as const),
      ),
    ),
  );
  mkdirSync(join(folder, 'recordings'));
  const path = join(folder, 'recordings', 'recording.parx');
  const range = { from: START, to: START + 3_000 * SECOND };
  await store.copyRange(path, 'recording', range, [], () => undefined, never);
  await store.close();

  const { engine, client } = await startEngine(folder);
  const screen = client();
  try {
    const { id: source } = await screen.recording.open({ id: 'recording.parx', path: null });
    const ids = tags.map((one) => one.id);
    const numbers = await allItems(screen.history.statistics({ source, tags: ids, range }));
    expect(numbers.length, 'a few tags at a time').toBe(2);
    const ofTag = numbers.flatMap((item) => item.tags);
    expect(ofTag.map((one) => one.tag)).toEqual(ids);
    const named = Object.fromEntries(STATISTICS.map((name, i) => [name, ofTag[5]!.values[i]]));
    expect(named).toMatchObject({
      count: 30_000,
      bad: 0,
      min: 5,
      max: 104,
      mean: 54.5,
      heldMean: 54.5,
      known: 3_000e6,
    });
    expect(named.deviation).toBeCloseTo(Math.sqrt((833.25 * 30_000) / 29_999), 8);

    const [item] = await allItems(
      screen.history.aggregate({
        source,
        query: {
          tags: [{ tag: 'tag-1', functions: ['max', 'p90'] }],
          range,
          grid: { step: 1_000 * SECOND, origin: START },
        },
      }),
    );
    expect(item).toMatchObject({ tag: 'tag-1', start: START, length: 3, functions: ['max', 'p90'], texts: null });
    expect(item!.columns.map((column) => [...column])).toEqual([
      [100, 100, 100],
      [90.1, 90.1, 90.1].map((value) => expect.closeTo(value, 9)),
    ]);

    const where = [[{ kind: 'compare' as const, tag: 'tag-0', op: '>=' as const, value: 99 }]];
    const parts = await allItems(screen.history.search({ source, query: { range, where, backward: true } }));
    const intervals = parts.flatMap((part) => part.intervals);
    expect(intervals).toHaveLength(300);
    expect(intervals[0]).toEqual({ from: range.to - 100_000, to: range.to });
    expect(parts.at(-1)!.reached).toBe(range.from);

    await expect(
      allItems(screen.history.statistics({ source, tags: ids, range: { from: 2, to: 1 } })),
    ).rejects.toMatchObject({ code: 'config.invalid', message: expect.stringContaining('reversed') });
    await expect(
      allItems(
        screen.history.aggregate({
          source,
          query: { tags: [{ tag: 'tag-1', functions: ['max'] }], range, grid: { step: 1 } },
        }),
      ),
    ).rejects.toMatchObject({ code: 'query.too-many-samples' });
  } finally {
    screen[Symbol.dispose]();
    await engine.stop();
  }
}, 60_000);
