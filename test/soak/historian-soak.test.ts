import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openRecording, openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import type { SampleBlock } from '#shared/model/index.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { EVER, registration } from '#test/integration/historian/direct.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { mebibytes } from './measure.ts';

// The history alone, at a steady stream for a long time. PARX_SOAK_MINUTES sets how long.

const MINUTES = Number(process.env.PARX_SOAK_MINUTES ?? (LONG ? 10 : 0.07));
const TAGS = 1_000;
const PERIOD_US = 5_000;
/** Samples of each tag that come at once: 10,000 in all, 20 times a second. */
const POLLS = 10;
const EVERY_MS = (POLLS * PERIOD_US) / 1_000;
const START = 1_700_000_000_000_000;
const never = new AbortController().signal;

/** Poll by poll; each tag counts in steps of its own. */
function blockFrom(poll: number): SampleBlock {
  const length = TAGS * POLLS;
  const block = {
    length,
    tag: new Uint32Array(length),
    time: new Float64Array(length),
    value: new Float64Array(length),
    quality: new Uint16Array(length),
    received: null,
  };
  for (let i = 0; i < length; i++) {
    const tag = i % TAGS;
    const at = poll + Math.floor(i / TAGS);
    block.tag[i] = tag;
    block.time[i] = START + at * PERIOD_US + ((at * 31) % 4) * 1_000;
    block.value[i] = at * (tag + 1);
  }
  return block;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

it(
  'takes 200,000 samples a second with level memory and delay, and loses none',
  async () => {
    const path = `${temporaryDirectory()}/history.parx`;
    const warnings: string[] = [];
    const deps = { clock: systemClock(), log: createLogger(({ text }) => void warnings.push(text)), workers };
    const { store } = await openStore({ path }, deps);
    store.register(Array.from({ length: TAGS }, (_, index) => registration(index)));

    const rounds = Math.round((MINUTES * 60_000) / EVERY_MS);
    const delays: number[] = [];
    const memory: number[] = [];
    const appends: Promise<void>[] = [];
    const started = performance.now();
    for (let round = 0; round < rounds; round++) {
      const sent = performance.now();
      appends.push(store.append(blockFrom(round * POLLS)).then(() => void delays.push(performance.now() - sent)));
      if (round % 20 === 0) memory.push(process.memoryUsage.rss());
      await wait(Math.max(0, started + (round + 1) * EVERY_MS - performance.now()));
    }
    const seconds = (performance.now() - started) / 1_000;
    await Promise.all(appends);
    await store.close();

    const samples = rounds * POLLS * TAGS;
    const quarter = (values: readonly number[], which: number): readonly number[] =>
      values.slice(Math.floor((values.length * which) / 4), Math.ceil((values.length * (which + 1)) / 4));
    const early = { delay: median(quarter(delays, 1)), memory: Math.max(...quarter(memory, 1)) };
    const late = { delay: median(quarter(delays, 3)), memory: Math.max(...quarter(memory, 3)) };
    figures({
      samples,
      'samples/s': Math.round(samples / seconds),
      'delay ms, second quarter': Math.round(early.delay),
      'delay ms, last quarter': Math.round(late.delay),
      'MiB, second quarter': mebibytes(early.memory),
      'MiB, last quarter': mebibytes(late.memory),
    });

    const file = await openRecording(path, deps);
    expect(file.info).toMatchObject({ samples, damage: [] });
    const tags = Array.from({ length: TAGS }, (_, index) => `tag-${index}`);
    const perTag = rounds * POLLS;
    const range = { from: START, to: START + (perTag + 1) * PERIOD_US };
    const { series } = await file.aggregate(
      {
        tags: tags.map((tag) => ({ tag, functions: ['count', 'sum', 'min', 'max'] })),
        range,
        grid: { step: range.to - range.from, origin: START },
        fill: { kind: 'none' },
        maxHold: null,
      },
      never,
    );
    expect(series.map(({ columns }) => columns.map((column) => column[0]))).toEqual(
      tags.map((_, tag) => [perTag, ((perTag * (perTag - 1)) / 2) * (tag + 1), 0, (perTag - 1) * (tag + 1)]),
    );
    const [newest] = await file.view(['tag-7'], { from: range.to - 100 * PERIOD_US, to: EVER.to }, 1_000, never);
    expect(newest!.value.at(-1)).toBe((perTag - 1) * 8);
    await file.close();
    expect(warnings).toEqual([]);
    expect(late.delay).toBeLessThan(early.delay * 2 + 500);
    if (MINUTES >= 3) expect(late.memory).toBeLessThan(early.memory * 1.2);
  },
  MINUTES * 60_000 + 120_000,
);
