import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openRecording, openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { figures } from '#test/support/figures.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { registration } from './direct.ts';

const SAMPLES = 100_000_000;
const BLOCK = 200_000;
const PERIOD = 10_000;
const START = 1_700_000_000_000_000;
/** Whole numbers that do not follow from their neighbours, and whose sums are exact. */
const valueAt = (index: number): number => (index * 7_919) % 10_007;
const never = new AbortController().signal;

it('holds 100 million samples of one tag, and shows and sums up any part of them', async () => {
  const path = `${temporaryDirectory()}/history.parx`;
  const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
  const { store } = await openStore({ path }, deps);
  store.register([registration(0)]);
  const started = performance.now();
  let last = Promise.resolve();
  let rss = 0;
  for (let from = 0; from < SAMPLES; from += BLOCK) {
    const time = new Float64Array(BLOCK);
    const value = new Float64Array(BLOCK);
    for (let i = 0; i < BLOCK; i++) {
      time[i] = START + (from + i) * PERIOD;
      value[i] = valueAt(from + i);
    }
    const tag = new Uint32Array(BLOCK);
    last = store.append({ length: BLOCK, tag, time, value, quality: new Uint16Array(BLOCK), received: null });
    if (store.status().backlog > 4 * BLOCK) await last;
    rss = Math.max(rss, process.memoryUsage.rss());
  }
  await last;
  await store.close();
  const seconds = (performance.now() - started) / 1_000;

  const file = await openRecording(path, deps);
  expect(file.info).toMatchObject({ samples: SAMPLES, damage: [] });
  const [described] = await file.tags(never);
  expect(described).toMatchObject({ first: START, last: START + (SAMPLES - 1) * PERIOD });
  const asked = performance.now();
  const range = { from: START, to: START + SAMPLES * PERIOD };
  const overview = await file.view(['tag-0'], range, 1_000, never);
  const overviewMs = performance.now() - asked;
  expect(overview[0]!.time.length).toBeGreaterThan(500);
  for (const at of [0, 33_333_333, SAMPLES - 1_000]) {
    const part = { from: START + at * PERIOD, to: START + (at + 1_000) * PERIOD };
    const found: number[] = [];
    for await (const [series] of file.raw(['tag-0'], part, never)) {
      for (const [i, time] of series!.time.entries()) {
        if (time >= part.from && time < part.to) found.push(series!.value[i]!);
      }
    }
    expect(found).toEqual(Array.from({ length: 1_000 }, (_, i) => valueAt(at + i)));
  }
  const { series } = await file.aggregate(
    {
      tags: [{ tag: 'tag-0', functions: ['count', 'sum', 'min', 'max'] }],
      range,
      grid: { step: range.to - range.from, origin: START },
      fill: { kind: 'none' },
      maxHold: null,
    },
    never,
  );
  let sum = 0;
  for (let i = 0; i < SAMPLES; i++) sum += valueAt(i);
  expect(series[0]!.columns.map((column) => column[0])).toEqual([SAMPLES, sum, 0, 10_006]);
  await file.close();
  figures({
    'samples/s': Math.round(SAMPLES / seconds),
    'bytes a sample': (statSync(path).size / SAMPLES).toFixed(3),
    'overview ms': Math.round(overviewMs),
    MiB: Math.round(rss / 1024 ** 2),
  });
}, 600_000);
