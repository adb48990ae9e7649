import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { SampleBlock } from '#shared/model/index.ts';
import type { Answer, Buckets, Contestant, Grid, Points, Reading } from './contestant.ts';
import { bulkBlocks, liveBlocks, PERIOD_US, type Size, START } from './mix.ts';
import { openHistory, ours, registerTags } from './ours.ts';
import { bytesRead, cpuSeconds, dropCache, folderBytes, percentile, threadCpuSeconds } from './system.ts';

// What runs in a child process of its own: one measure of one contestant.

export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly rounds: number;
}

const spread = (times: readonly number[]): Spread => ({
  p50: percentile(times, 0.5),
  p95: percentile(times, 0.95),
  p99: percentile(times, 0.99),
  rounds: times.length,
});

export interface Streamed extends Spread {
  readonly perSecond: number;
}

/** Commits of 1,000 samples of 100 tags, one after the other, behind a quarter as many that are not measured. */
export async function stream(contestant: Contestant, folder: string, commits: number): Promise<Streamed> {
  const TAGS = 100;
  const POLLS = 10;
  const warmUp = commits / 4;
  const writing = await contestant.stream!(folder, TAGS, false);
  const times: number[] = [];
  let round = 0;
  for (const block of liveBlocks(TAGS, POLLS)) {
    const started = performance.now();
    await writing.commit(block);
    if (round >= warmUp) times.push(performance.now() - started);
    if (++round === commits + warmUp) break;
  }
  await writing.close();
  const all = times.reduce((sum, time) => sum + time, 0);
  return { ...spread(times), perSecond: (times.length * TAGS * POLLS * 1_000) / all };
}

/** Per cent of a core at 10,000 samples/s of 1,000 tags. Peers get a second's samples at once, as the store does. */
export async function steady(contestant: Contestant, folder: string, seconds: number): Promise<number> {
  const TAGS = 1_000;
  const SETTLE_S = 2;
  const lazy = contestant === ours;
  const [polls, everyMs] = lazy ? [1, 100] : [10, 1_000];
  const wanted = ((seconds + SETTLE_S) * 1_000) / everyMs;
  const blocks: SampleBlock[] = [];
  for (const block of liveBlocks(TAGS, polls)) if (blocks.push(block) === wanted) break;
  const writing = await contestant.stream!(folder, TAGS, true);
  const started = performance.now();
  let cpu = 0;
  let from = 0;
  let pending: Promise<unknown> = Promise.resolve();
  for (const [at, block] of blocks.entries()) {
    if (cpu === 0 && performance.now() - started >= SETTLE_S * 1_000) {
      cpu = cpuSeconds();
      from = performance.now();
    }
    pending = Promise.all([pending, writing.commit(block)]);
    await wait(Math.max(0, started + (at + 1) * everyMs - performance.now()));
  }
  const used = cpuSeconds() - cpu;
  const took = (performance.now() - from) / 1_000;
  await pending;
  await writing.close();
  return (used / took) * 100;
}

export interface Loaded {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Time the generator took of both, already taken off the processor time. */
  readonly generating: number;
  readonly bytes: number;
  readonly parts: Record<string, number>;
}

export async function load(contestant: Contestant, folder: string, size: Size, window: number): Promise<Loaded> {
  let generating = 0;
  function* counted(): Generator<SampleBlock> {
    const blocks = bulkBlocks(size, window);
    for (;;) {
      const before = threadCpuSeconds();
      const next = blocks.next();
      generating += threadCpuSeconds() - before;
      if (next.done === true) return;
      yield next.value;
    }
  }
  let cpu = 0;
  let started = 0;
  mkdirSync(folder, { recursive: true });
  await contestant.load(folder, size, counted(), () => {
    cpu = cpuSeconds();
    started = performance.now();
  });
  const used = cpuSeconds() - cpu - generating;
  const seconds = (performance.now() - started) / 1_000;
  const parts = contestant.parts?.(folder) ?? {};
  await contestant.arrange?.(folder, size);
  return { seconds, cpuSeconds: used, generating, bytes: folderBytes(join(folder, contestant.bytes ?? '')), parts };
}

export const QUESTIONS = ['A', 'B', 'C', 'D'] as const;
export type Question = (typeof QUESTIONS)[number];

/** Smallest doubling of the store's finest width that parts the whole range into at most 1,500 buckets. */
export function wholeGrid({ perTag }: Size): Grid {
  const end = START + perTag * PERIOD_US;
  let width = 15_625;
  while ((end - START) / width > 1_500) width *= 2;
  return { from: START, to: START + Math.ceil((end - START) / width) * width, width };
}

/** 1,024 buckets whatever the length, so that lengths can be compared: the largest such grid that the data fills. */
export function growthGrid({ perTag }: Size): Grid {
  let width = 15_625;
  while (width * 2 * 1_024 <= perTag * PERIOD_US) width *= 2;
  return { from: START, to: START + width * 1_024, width };
}

const RAW_US = 60_000_000;
export const rawRange = ({ perTag }: Size, part = 0.5): { readonly from: number; readonly to: number } => {
  const from = START + Math.max(0, Math.floor((perTag - RAW_US / PERIOD_US) * part)) * PERIOD_US;
  return { from, to: from + RAW_US };
};

/** Round 0 of each question is the one whose answer is compared: tag 0, tags 0 to 9, tag 3 in the middle, all tags. */
function put(reading: Reading, question: Question, size: Size, round: number): Promise<Answer<unknown>> {
  const tag = (offset: number): number => offset % size.tags;
  switch (question) {
    case 'A':
      return reading.overview([tag(round)], wholeGrid(size));
    case 'B':
      return reading.overview(tensOf(size, round), wholeGrid(size));
    case 'C': {
      // Scattered by the golden ratio, so that no round reads what the one before has read.
      const { from, to } = rawRange(size, (0.5 + round * 0.618_033_988_7) % 1);
      return reading.raw(tag(3 + round), from, to);
    }
    case 'D':
      return reading.last();
  }
}

export const tensOf = ({ tags }: Size, round = 0): number[] => {
  const count = Math.min(10, tags);
  return Array.from({ length: count }, (_, i) => (round * count + i) % tags);
};

export interface Answers {
  readonly A: readonly Buckets[];
  readonly B: readonly Buckets[];
  readonly C: Points;
  readonly D: Points;
}

export interface Asked {
  readonly times: Record<Question, Spread>;
  readonly growth: Spread;
  readonly answers: Answers;
}

/** All questions warm: each is put for `budgetMs` at least, after some rounds that do not count. */
export async function ask(contestant: Contestant, folder: string, size: Size, budgetMs: number): Promise<Asked> {
  const reading = await contestant.open(folder, size);
  const repeated = async (work: (round: number) => Promise<unknown>): Promise<Spread> => {
    const warm = performance.now();
    for (let round = 0; round < 20 && performance.now() - warm < budgetMs / 2; round++) await work(round);
    const times: number[] = [];
    const started = performance.now();
    for (let round = 0; round < 5 || (performance.now() - started < budgetMs && round < 1_000); round++) {
      const before = performance.now();
      await work(round);
      times.push(performance.now() - before);
    }
    return spread(times);
  };
  const times = {} as Record<Question, Spread>;
  const answers = {} as Record<Question, unknown>;
  for (const question of QUESTIONS) {
    answers[question] = (await put(reading, question, size, 0))();
    times[question] = await repeated((round) => put(reading, question, size, round));
  }
  const grid = growthGrid(size);
  const growth = await repeated((round) =>
    reading.picture === undefined
      ? reading.overview([round % size.tags], grid)
      : reading.picture([round % size.tags], grid),
  );
  await reading.close();
  return { times, growth, answers: answers as unknown as Answers };
}

export interface Cold {
  readonly ms: number;
  /** Null where it is not counted. */
  readonly bytes: number | null;
}

/** Each question as the first one to a file opened anew, after the page cache was emptied of it. */
export async function cold(contestant: Contestant, folder: string, size: Size): Promise<Record<Question, Cold>> {
  const found = {} as Record<Question, Cold>;
  for (const question of QUESTIONS) {
    dropCache(folder);
    const reading = await contestant.open(folder, size);
    const before = bytesRead();
    const started = performance.now();
    await put(reading, question, size, 0);
    const ms = performance.now() - started;
    const after = bytesRead();
    found[question] = { ms, bytes: before === null || after === null ? null : after - before };
    await reading.close();
  }
  return found;
}

/** Samples that the generator makes before memory is measured. */
const GENERATED = 1_000_000;

export interface Memory {
  /** Of Node, this measure and the generator. */
  readonly bare: number;
  readonly peak: number;
  readonly settled: number;
}

/** Resident bytes of a process that does nothing but store: at most while writing, and five seconds later. */
export async function memory(folder: string, tags: number, perTag: number): Promise<Memory> {
  // With the generator as it is when it works: what comes on top is the store's.
  let made = 0;
  for (const block of liveBlocks(tags, 1)) if ((made += block.length) >= GENERATED) break;
  const bare = process.memoryUsage.rss();
  let peak = bare;
  const store = await openHistory(folder, 100);
  registerTags(store, tags);
  let polls = 0;
  for (const block of liveBlocks(tags, 1)) {
    const stored = store.append(block);
    if (store.status().backlog > 100_000) await stored;
    if (polls % 10 === 0) peak = Math.max(peak, process.memoryUsage.rss());
    if (++polls === perTag) {
      await stored;
      break;
    }
  }
  await wait(5_000);
  const settled = process.memoryUsage.rss();
  await store.close();
  return { bare, peak, settled };
}

/** Stores until it is killed; tells when `perTag` samples of each tag are acknowledged. */
export async function fillUntilKilled(folder: string, tags: number, perTag: number, ready: () => void): Promise<never> {
  const store = await openHistory(folder);
  registerTags(store, tags);
  let polls = 0;
  for (const block of liveBlocks(tags, 1)) {
    const stored = store.append(block);
    if (store.status().backlog > 500_000) await stored;
    if (++polls === perTag) {
      await stored;
      ready();
    } else if (polls > perTag) {
      await stored;
      await wait(100);
    }
  }
  throw new Error('the live blocks never end');
}

export interface Restarted {
  readonly openMs: number;
  /** Until the last values of all tags are there as well. */
  readonly readyMs: number;
  readonly values: number;
}

export async function restart(folder: string): Promise<Restarted> {
  const started = performance.now();
  const store = await openHistory(folder);
  const openMs = performance.now() - started;
  const values = await store.lastValues();
  const readyMs = performance.now() - started;
  await store.close();
  return { openMs, readyMs, values: values.length };
}
