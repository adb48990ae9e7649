import { join } from 'node:path';
import { openStore, type SampleStore } from '#engine/historian/index.ts';
import { createLogger, openDatabase, systemClock, type WorkerUrls } from '#engine/platform/index.ts';
import { type AggregateFunction, PLAIN_RECIPE, type Series } from '#shared/model/index.ts';
import type { Contestant, Grid, Points, Reading } from './contestant.ts';

/** Beside this file where it is bundled, else in the source. */
const threadOf = (name: string): URL =>
  import.meta.url.endsWith('.js')
    ? new URL(`./historian-${name}.js`, import.meta.url)
    : new URL(import.meta.resolve(`#engine/historian/${name}-worker.ts`));
const workers: WorkerUrls = {
  'historian-writer': threadOf('writer'),
  'historian-reader': threadOf('reader'),
  exporter: threadOf('reader'),
};
const FILE = 'history.parx';
/** Samples that may wait for the writer in bulk; more only cost memory. */
const WAITING = 500_000;
const signal = new AbortController().signal;
const FUNCTIONS: AggregateFunction[] = ['min', 'max', 'mean', 'count'];
const idOf = (tag: number): string => `tag-${tag}`;

/** `flushMs` 0 commits what there is at once. */
export async function openHistory(folder: string, flushMs?: number): Promise<SampleStore> {
  const { store } = await openStore(
    { path: join(folder, FILE), ...(flushMs === undefined ? {} : { flushMs }) },
    { clock: systemClock(), log: createLogger((line) => console.error(line.level, line.text)), workers },
  );
  return store;
}

export function registerTags(store: SampleStore, tags: number): void {
  store.register(
    Array.from({ length: tags }, (_, index) => ({
      index,
      id: idOf(index),
      name: `Tag ${index}`,
      description: '',
      connection: 'Bench',
      device: 'Bench',
      address: `${index}`,
      periodMs: 100,
      timeKind: 'receive' as const,
      demo: false,
      decimals: null,
      range: null,
      recipe: PLAIN_RECIPE,
    })),
  );
}

export const ours: Contestant = {
  title: 'ParX',
  missing: () => null,
  async stream(folder, tags, lazy) {
    const store = await openHistory(folder, lazy ? undefined : 0);
    registerTags(store, tags);
    return { commit: (block) => store.append(block), close: () => store.close() };
  },
  async load(folder, { tags }, blocks, started) {
    const store = await openHistory(folder);
    registerTags(store, tags);
    started();
    let last: Promise<void> = Promise.resolve();
    for (const block of blocks) {
      last = store.append(block);
      if (store.status().backlog > WAITING) await last;
    }
    await last;
    await store.close();
  },
  async open(folder) {
    const store = await openHistory(folder);
    // Opening does not wait for the readers' threads; a question should be what a question costs.
    await store.gaps({ from: 0, to: 0 }, signal);
    return reading(store);
  },
  parts(folder) {
    const database = openDatabase(join(folder, FILE), { readonly: true });
    try {
      const total = database.prepare('SELECT sum(pgsize) FROM dbstat').pluck().get() as number;
      const payload = database.prepare('SELECT sum(length(data)) FROM chunks').pluck().get() as number;
      const pyramid = database
        .prepare(
          `SELECT coalesce(sum(pgsize), 0) FROM dbstat
           WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name = 'rollups')`,
        )
        .pluck()
        .get() as number;
      return { payload, pyramid, other: total - payload - pyramid };
    } finally {
      database.close();
    }
  },
};

function reading(store: SampleStore): Reading {
  return {
    async overview(tags, { from, to, width }) {
      const found = await store.aggregate(
        {
          tags: tags.map((tag) => ({ tag: idOf(tag), functions: FUNCTIONS })),
          range: { from, to },
          grid: { step: width, origin: 0 },
          fill: { kind: 'none' },
          maxHold: null,
        },
        signal,
      );
      return () =>
        found.series.map(({ columns }) => {
          const [min, max, mean, count] = columns as [Float64Array, Float64Array, Float64Array, Float64Array];
          return { min, max, mean, count };
        });
    },
    picture: (tags, grid) => store.view(tags.map(idOf), grid, pixelsFor(grid), signal),
    async raw(tag, from, to) {
      const [series] = await store.view([idOf(tag)], { from, to }, 1_000, signal);
      return () => inside(series!, from, to);
    },
    async last() {
      const values = await store.lastValues();
      return () => {
        const time = new Float64Array(values.length);
        const value = new Float64Array(values.length);
        for (const one of values) {
          const tag = Number(one.id.slice('tag-'.length));
          time[tag] = one.time;
          value[tag] = one.value;
        }
        return { time, value };
      };
    },
    close: () => store.close(),
  };
}

/** A view takes one and a half buckets a pixel at most, so this is the screen that gets these buckets. */
const pixelsFor = ({ from, to, width }: Grid): number => Math.ceil((to - from) / width / 1.5);

/** A view has a sample more at either end. */
function inside(series: Series, from: number, to: number): Points {
  const first = series.time.findIndex((time) => time >= from);
  const end = series.time.findLastIndex((time) => time < to) + 1;
  return { time: series.time.slice(first, end), value: series.value.slice(first, end) };
}
