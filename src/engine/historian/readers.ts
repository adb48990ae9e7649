import type { Logger } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type { CacheCounts } from './decoded-cache.ts';
import type { ReaderHandle } from './reader-client.ts';

/** Threads that read a history. They are started when they are asked for, since each takes some 15 MB. */
export interface Readers {
  /** The reader with the least to do. Another is started, for later calls, where all are busy. */
  least(): Promise<ReaderHandle>;
  /**
   * Asks one, or where there are tags for several each that lives for its share of them; the rest are started for the
   * next call. Answers in the order of the tags.
   */
  share<T extends { readonly tags: readonly unknown[] }, Part>(
    input: T,
    ask: (reader: ReaderHandle, input: T) => Promise<readonly Part[]>,
  ): Promise<readonly Part[]>;
  /** What all of them remember together. */
  readonly cache: CacheCounts;
  close(): Promise<void>;
}

/** Calls of fewer tags are not worth a second thread. */
const TAGS_PER_READER = 4;

interface Place {
  reader: ReaderHandle | null;
  starting: Promise<ReaderHandle> | null;
}

/** `most` threads at most, each made by `start` and with `cacheBytes` of its own; the first is started at once. */
export function createReaders(
  most: number,
  cacheBytes: number,
  log: Logger,
  start: () => Promise<ReaderHandle>,
): Readers {
  const places = Array.from({ length: most }, (): Place => ({ reader: null, starting: null }));
  let closed: Promise<void> | null = null;
  /** Another one could not be started; those there are go on alone. */
  let full = false;

  const begin = (place: Place): Promise<ReaderHandle> => {
    place.starting ??= start()
      .then((reader) => {
        place.reader = reader;
        return reader;
      })
      .finally(() => {
        place.starting = null;
      });
    return place.starting;
  };
  const beginForLater = (place: Place): void => {
    begin(place).catch((error: unknown) => {
      full = true;
      if (closed === null) log.error('A reader of the history could not be started.', { error: String(error) });
    });
  };
  /** The readers that live; one that has died (out of memory, a fault) is replaced meanwhile. */
  const living = (): ReaderHandle[] => {
    if (closed !== null) throw new AppError('rpc.disconnected', 'The history is closed.', { details: null });
    for (const place of places) {
      if (place.reader?.dead !== true) continue;
      place.reader = null;
      log.error('A reader of the history has stopped and is replaced.');
      beginForLater(place);
    }
    return places.flatMap(({ reader }) => reader ?? []);
  };
  const one = async (): Promise<ReaderHandle> => {
    const place = places.find(({ starting }) => starting !== null) ?? places[0]!;
    return begin(place);
  };
  const another = (): void => {
    if (full || closed !== null) return;
    const place = places.find(({ reader, starting }) => reader === null && starting === null);
    if (place !== undefined) beginForLater(place);
  };

  const least = async (): Promise<ReaderHandle> => {
    const alive = living();
    if (alive.length === 0) return one();
    const best = alive.reduce((idle, reader) => (reader.load < idle.load ? reader : idle));
    if (best.load > 0) another();
    return best;
  };

  beginForLater(places[0]!);
  return {
    least,
    async share(input, ask) {
      const { tags } = input;
      if (tags.length < TAGS_PER_READER) return ask(await least(), input);
      const alive = living();
      if (alive.length === 0) return ask(await one(), input);
      const each = Math.ceil(tags.length / alive.length);
      const parts = await Promise.all(
        alive.map((reader, i) => ask(reader, { ...input, tags: tags.slice(i * each, (i + 1) * each) })),
      );
      // Not before: a thread's start takes this thread some 10 ms, and the processor from the one that works.
      if (alive.length < most) another();
      return parts.flat();
    },
    get cache() {
      const sum = { bytes: 0, limit: most * cacheBytes, hits: 0, misses: 0 };
      for (const { reader } of places) {
        if (reader === null) continue;
        sum.bytes += reader.cache.bytes;
        sum.hits += reader.cache.hits;
        sum.misses += reader.cache.misses;
      }
      return sum;
    },
    close() {
      closed ??= (async () => {
        for (const { reader, starting } of places) {
          const last = reader ?? (await starting?.catch(() => null)) ?? null;
          await last?.close();
        }
      })();
      return closed;
    },
  };
}
