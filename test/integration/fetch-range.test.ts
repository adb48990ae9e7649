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
const nothingLeft = (path: string): void => {
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(at('recordings')).filter((name) => name.includes('.part'))).toEqual([]);
  expect(existsSync(at('fetching')) ? readdirSync(at('fetching')) : []).toEqual([]);
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
    expect(readdirSync(at('fetching'))).toEqual([]);
  });

  it('and leaves nothing behind when it is cancelled', async () => {
    const path = at('recordings', 'cancelled.parx');
    const abort = new AbortController();
    const given = fetcherOf(source).fetch(
      request,
      path,
      (fraction) => {
        if (fraction > 0.3) abort.abort(new AppError('rpc.cancelled', 'Cancelled.', { details: null }));
      },
      abort.signal,
    );
    await expect(given).rejects.toMatchObject({ code: 'rpc.cancelled' });
    nothingLeft(path);
  });

  it('nor when the source is lost on the way', async () => {
    const path = at('recordings', 'lost.parx');
    let parts = 0;
    const failing: ViewerSource = {
      ...source,
      async *raw(tags, part, signal) {
        if (++parts > 5) {
          throw new AppError('tsdb.unavailable', 'No answer from the plant. Check the link.', {
            details: { backend: 'plant' },
            retryable: true,
          });
        }
        yield* source.raw(tags, part, signal);
      },
    };
    await expect(fetcherOf(failing).fetch(request, path, () => undefined, never)).rejects.toMatchObject({
      code: 'tsdb.unavailable',
    });
    nothingLeft(path);
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
