import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { sourceWorkers } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { blockOf, registration } from './direct.ts';

const START = 1_700_000_000_000_000;
const SECOND = 1_000_000;

it('remembers what it decoded within the bytes it was given, and tells how often that was of use', async () => {
  const limit = 2 << 20;
  const { store } = await openStore(
    { path: join(temporaryDirectory(), 'history.parx'), cacheBytes: limit },
    { clock: systemClock(), log: createLogger(() => undefined), workers: sourceWorkers },
  );
  store.register([registration(0)]);
  const signal = new AbortController().signal;
  const samples = 300_000;
  for (let from = 0; from < samples; from += 50_000) {
    await store.append(
      blockOf(
        Array.from({ length: 50_000 }, (_, i) => ({
          tag: 0,
          time: START + (from + i) * SECOND,
          value: Math.sin(from + i),
          quality: 0,
        })),
      ),
    );
  }
  await store.copyRange(
    join(temporaryDirectory(), 'copy.parx'),
    'seals',
    { from: START, to: START + 1 },
    [],
    () => undefined,
    signal,
  );
  expect(store.status().cache).toEqual({ bytes: 0, limit, hits: 0, misses: 0 });
  for (let at = 0; at < samples; at += 1_500) {
    const range = { from: START + at * SECOND, to: START + (at + 3_000) * SECOND };
    const [series] = await store.view(['tag-0'], range, 2_000, signal);
    expect(series!.time.length).toBeGreaterThan(1_400);
  }
  const { bytes, hits, misses } = store.status().cache;
  expect(bytes).toBeGreaterThan(limit / 8);
  expect(bytes).toBeLessThanOrEqual(limit);
  expect(hits).toBeGreaterThan(4 * misses);
  await store.close();
});
