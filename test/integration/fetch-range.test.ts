import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecording, openStore, type SampleStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRangeFetcher, type FetchRequest } from '#engine/recording/index.ts';
import { findBackend, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import { PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';
import { all, block, EVER, never, SECOND, START, tag } from '#test/contracts/store-samples.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

const folder = suiteDirectory();
const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
const POLLS = 30_000;
const range = { from: START + 60 * SECOND, to: START + 2_000 * SECOND };

let store: SampleStore;
let source: ViewerSource;
const at = (...names: string[]): string => join(folder.path, ...names);
const request: FetchRequest = {
  source: 'plant',
  sourceName: 'Plant historian',
  tags: ['tag-0', 'Walzgerüst/Kraft', 'tag-2'],
  range,
  name: 'Fetched',
};
const fetcherOf = (viewer: ViewerSource) =>
  createRangeFetcher({
    viewer: async () => viewer,
    openStore: async (path) => (await openStore({ path, flushMs: 0 }, deps)).store,
    directory: at('fetching'),
    clock: systemClock(),
  });
const kept = (): string[] => (existsSync(at('fetching')) ? readdirSync(at('fetching')) : []);
/** Nothing stands under the name; what has come is kept. */
const keptAlone = (path: string): void => {
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(at('recordings')).filter((name) => name.includes('.part'))).toEqual([]);
  expect(kept()).toHaveLength(1);
};
/** Reads like the source, and notes which ranges it was asked for. */
const noting = (asked: { from: number; to: number }[]): ViewerSource => ({
  ...source,
  raw(tags, part, signal) {
    asked.push(part);
    return source.raw(tags, part, signal);
  },
});
const samplesIn = async (path: string): Promise<unknown[]> => {
  const file = await openRecording(path, deps);
  try {
    expect(file.info.damage).toEqual([]);
    expect(await file.events(EVER, ['recording'], never)).toHaveLength(1);
    const found: unknown[] = [];
    for (const { id } of (await file.tags(never)).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      found.push(...(await all(file, id, EVER)).map(([time, , quality]) => [time, quality]));
    }
    return found;
  } finally {
    await file.close();
  }
};

beforeAll(async () => {
  mkdirSync(at('recordings'));
  ({ store } = await openStore({ path: at('history.parx'), flushMs: 5 }, deps));
  store.register([
    tag(0, { ...PLAIN_RECIPE, unit: 'm/min' }),
    { ...tag(1), id: 'Walzgerüst/Kraft', name: 'Kraft' },
    tag(2, { ...PLAIN_RECIPE, form: 'text', type: 'string' }),
  ]);
  const words = ['rolling', 'threading'].map((text) => store.intern(text));
  for (let first = 0; first < POLLS; first += 5_000) {
    await store.append(
      block(
        Array.from({ length: 5_000 }, (_, i) => first + i).flatMap((n) => [
          [0, START + n * 100_000, n / 7, n % 500 === 3 ? QUALITY.badTimeout : QUALITY.good] as const,
          [1, START + n * 100_000 + 7, -n] as const,
          ...(n % 1_000 === 0 ? [[2, START + n * 100_000, words[(n / 1_000) % 2]!] as const] : []),
        ]),
      ),
    );
  }
  const connection = await findBackend('local')!.connect(
    { source: 'history' },
    tsdbContext({ history: () => store }),
    never,
  );
  source = viewerOf(findBackend('local')!, connection);
});
afterAll(() => store.close());

describe('a range is fetched to a recording of this computer', () => {
  it('after it was said how much that will be', async () => {
    const { tags, samples, bytes } = await fetcherOf(source).estimate(request, never);
    expect(tags).toBe(3);
    expect(samples).toBeGreaterThan(38_000);
    expect(bytes).toBeGreaterThan(samples!);
  });

  it('with every sample, its quality and its texts, and where they came from', async () => {
    const path = at('recordings', 'fetched.parx');
    const seen: number[] = [];
    const done = await fetcherOf(source).fetch(request, path, (fraction) => seen.push(fraction), never);
    expect(done.sound).toBe(true);
    expect(done.sentences).toEqual([]);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBeLessThanOrEqual(1);
    const file = await openRecording(path, deps);
    try {
      expect(file.info.damage).toEqual([]);
      const tags = await file.tags(never);
      const force = tags.find(({ name }) => name === 'Kraft')!;
      // Graphs and exports take this id; what the source calls it is still there.
      expect(force.id).toMatch(/^[A-Za-z0-9_.-]+$/);
      expect(tags.map(({ connection }) => connection)).toEqual(Array(3).fill('Plant historian'));
      expect(tags.find(({ id }) => id === 'tag-0')!.recipe.unit).toBe('m/min');
      const ours = (await all(store, 'tag-0', range)).map(([time, value, quality]) => [
        time,
        quality > 0x7fff || value,
        quality,
      ]);
      const theirs = (await all(file, 'tag-0', EVER)).map(([time, value, quality]) => [
        time,
        quality > 0x7fff || value,
        quality,
      ]);
      expect(theirs).toEqual(ours);
      expect(await all(file, force.id, EVER)).toEqual(await all(store, 'Walzgerüst/Kraft', range));
      for await (const part of file.raw(['tag-2'], EVER, never)) {
        for (const { value, texts } of part) {
          expect(new Set([...value].map((number) => texts![number]))).toEqual(new Set(['rolling', 'threading']));
        }
      }
      const [event] = await file.events(EVER, ['recording'], never);
      expect(event!.text).toMatch(/^Fetched from "Plant historian" at 20/);
      expect(event!.labels).toMatchObject({ source: 'plant', sourceName: 'Plant historian' });
      expect(event!.labels.fetchedAt).toMatch(/^20.*Z$/);
    } finally {
      await file.close();
    }
    expect(kept()).toEqual([]);
  });

  it('and goes on where it was when it was cancelled, also after a new start, and is whole', async () => {
    const path = at('recordings', 'cancelled.parx');
    const fetcher = fetcherOf(source);
    expect(fetcher.kept(request)).toBe(0);
    const abort = new AbortController();
    const given = fetcher.fetch(
      request,
      path,
      (fraction) => {
        if (fraction > 0.3) abort.abort(new AppError('rpc.cancelled', 'Cancelled.', { details: null }));
      },
      abort.signal,
    );
    await expect(given).rejects.toMatchObject({ code: 'rpc.cancelled' });
    keptAlone(path);
    const asked: { from: number; to: number }[] = [];
    const again = fetcherOf(noting(asked));
    const share = again.kept(request);
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.5);
    expect((await again.estimate(request, never)).kept).toBe(share);
    // Another range is another fetch.
    expect(again.kept({ ...request, range: { ...range, to: range.to + 1 } })).toBe(0);
    const seen: number[] = [];
    const done = await again.fetch(request, path, (fraction) => seen.push(fraction), never);
    expect(asked[0]!.from).toBe(range.from + share * (range.to - range.from));
    expect(seen[0]).toBeGreaterThan(0.3);
    expect(kept()).toEqual([]);
    const straight = at('recordings', 'straight.parx');
    const whole = await fetcherOf(source).fetch(request, straight, () => undefined, never);
    expect(done.samples).toBe(whole.samples);
    expect(await samplesIn(path)).toEqual(await samplesIn(straight));
  });

  it('nor is a sample lost or doubled when the source is lost within a portion, again and again', async () => {
    const path = at('recordings', 'lost.parx');
    let reads = 0;
    let blocks = 0;
    const failing: ViewerSource = {
      ...source,
      async *raw(tags, part, signal) {
        reads++;
        // One tag after the other, as databases give them, and the link breaks between two of them.
        for (const tag of tags) {
          if (blocks++ % 7 === 6) {
            throw new AppError('tsdb.unavailable', 'No answer from the plant. Check the link.', {
              details: { backend: 'plant' },
              retryable: true,
            });
          }
          yield* source.raw([tag], part, signal);
        }
      },
    };
    let attempts = 0;
    for (; attempts < 60; attempts++) {
      const asked = fetcherOf(failing).fetch(request, path, () => undefined, never);
      const error = await asked.then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error === null) break;
      expect(error).toMatchObject({ code: 'tsdb.unavailable' });
      keptAlone(path);
    }
    expect(attempts).toBeGreaterThan(3);
    expect(reads).toBeLessThan(60);
    expect(await samplesIn(path)).toEqual(await samplesIn(at('recordings', 'straight.parx')));
  });

  it('keeps the last three for a week, and nothing that it cannot go on with', async () => {
    mkdirSync(at('fetching', 'crashed'), { recursive: true });
    let now = systemClock().now();
    const options = {
      viewer: async () => source,
      openStore: async (path: string) => (await openStore({ path, flushMs: 0 }, deps)).store,
      directory: at('fetching'),
      clock: { ...systemClock(), now: () => now },
    };
    const fetcher = createRangeFetcher(options);
    expect(kept()).toEqual([]);
    const requests = [1, 2, 3, 4].map((n) => ({ ...request, range: { from: range.from, to: range.to - n } }));
    for (const one of requests) {
      now += 1e6;
      const abort = new AbortController();
      const stop = (): void => abort.abort(new AppError('rpc.cancelled', 'Cancelled.', { details: null }));
      await expect(fetcher.fetch(one, at('recordings', 'x.parx'), stop, abort.signal)).rejects.toThrow('Cancelled.');
    }
    expect(requests.map((one) => fetcher.kept(one) > 0)).toEqual([false, true, true, true]);
    now += 8 * 86_400e6;
    createRangeFetcher(options);
    expect(kept()).toEqual([]);
  });

  it('says which of the tags were not there, and refuses where none is', async () => {
    const path = at('recordings', 'fewer.parx');
    const done = await fetcherOf(source).fetch({ ...request, tags: ['tag-0', 'gone'] }, path, () => undefined, never);
    expect(done.sentences).toEqual(['The source did not have 1 of the tags: gone.']);
    const none = fetcherOf(source).fetch(
      { ...request, tags: ['gone'] },
      at('recordings', 'none.parx'),
      () => undefined,
      never,
    );
    await expect(none).rejects.toMatchObject({ code: 'store.not-found' });
  });
});
