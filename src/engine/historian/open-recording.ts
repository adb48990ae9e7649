import type { Clock, Logger, WorkerUrls } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import { planAggregate } from './query.ts';
import { CACHE_BYTES } from './reader.ts';
import { aggregateBy, checkView, type ReaderHandle, rawBlocks, searchBy, startReader } from './reader-client.ts';
import { createReaders } from './readers.ts';
import type { OpenedFile } from './store.ts';

export interface RecordingDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly workers: WorkerUrls;
}

const READERS = 2;
/** Of each reader; together they remember what one of a history does. */
const CACHE_PER_READER = CACHE_BYTES / READERS;

/**
 * Opens a recording to read it, also from read-only media. What is damaged is named in `info.damage` and left out.
 * Throws `store.too-new`, `store.damaged` where nothing can be read, `store.not-found`.
 */
export async function openRecording(path: string, deps: RecordingDeps): Promise<OpenedFile> {
  const damage: string[] = [];
  const start = (checked: boolean): Promise<ReaderHandle> =>
    startReader(
      deps.workers['historian-reader'],
      path,
      null,
      (sentence) => {
        if (!damage.includes(sentence)) damage.push(sentence);
        deps.log.warn(sentence, { path });
      },
      CACHE_PER_READER,
      checked,
    );
  let first: ReaderHandle | null = await start(false);
  const { info } = first;
  if (info === null) {
    throw new AppError('store.damaged', `${path} could not be read.`, { details: { path, reason: 'no description' } });
  }
  // Of a damaged file each thread would have to find out anew what can be read.
  const sound = info.damage.length === 0;
  const readers = createReaders(sound ? READERS : 1, CACHE_PER_READER, deps.log, () => {
    const opened = first;
    first = null;
    return opened === null ? start(sound) : Promise.resolve(opened);
  });
  return {
    get info() {
      return damage.length === 0 ? info : { ...info, damage: [...new Set([...info.damage, ...damage])] };
    },
    tags: async (signal) => (await readers.least()).call('tags', null, signal),
    bounds: async (signal) => (await readers.least()).call('bounds', null, signal),
    async view(tags, range, pixels, signal) {
      const input = checkView(tags, range, pixels);
      return readers.share(input, (one, part) => one.call('view', part, signal));
    },
    async *raw(tags, range, signal) {
      yield* rawBlocks(await readers.least(), tags, range, signal);
    },
    async aggregate(query, signal) {
      const { start: begin, step, length } = planAggregate(query);
      const series = await readers.share(query, (one, part) => aggregateBy(one, part, signal));
      return { start: begin, step, length, series };
    },
    async *search(query, signal) {
      yield* searchBy(await readers.least(), query, signal);
    },
    neighbours: async (tag, time, signal) => (await readers.least()).call('neighbours', { tag, time }, signal),
    gaps: async (range, signal) => (await readers.least()).call('gaps', { range }, signal),
    events: async (range, kinds, signal) => (await readers.least()).call('events', { range, kinds }, signal),
    close: () => readers.close(),
  };
}
