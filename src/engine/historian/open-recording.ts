import type { Clock, Logger, WorkerUrls } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import { planAggregate } from './query.ts';
import { aggregateBy, checkView, rawBlocks, searchBy, startReader } from './reader-client.ts';
import type { OpenedFile } from './store.ts';

export interface RecordingDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly workers: WorkerUrls;
}

/**
 * Opens a recording to read it, also from read-only media. What is damaged is named in `info.damage` and left out.
 * Throws `store.too-new`, `store.damaged` where nothing can be read, `store.not-found`.
 */
export async function openRecording(path: string, deps: RecordingDeps): Promise<OpenedFile> {
  const damage: string[] = [];
  const reader = await startReader(deps.workers['historian-reader'], path, null, (sentence) => {
    if (!damage.includes(sentence)) damage.push(sentence);
    deps.log.warn(sentence, { path });
  });
  const { info } = reader;
  if (info === null) {
    throw new AppError('store.damaged', `${path} could not be read.`, { details: { path, reason: 'no description' } });
  }
  return {
    get info() {
      return damage.length === 0 ? info : { ...info, damage: [...new Set([...info.damage, ...damage])] };
    },
    tags: (signal) => reader.call('tags', null, signal),
    bounds: (signal) => reader.call('bounds', null, signal),
    view: async (tags, range, pixels, signal) => reader.call('view', checkView(tags, range, pixels), signal),
    raw: (tags, range, signal) => rawBlocks(reader, tags, range, signal),
    async aggregate(query, signal) {
      const { start, step, length } = planAggregate(query);
      return { start, step, length, series: await aggregateBy(reader, query, signal) };
    },
    search: (query, signal) => searchBy(reader, query, signal),
    neighbours: (tag, time, signal) => reader.call('neighbours', { tag, time }, signal),
    gaps: (range, signal) => reader.call('gaps', { range }, signal),
    events: (range, kinds, signal) => reader.call('events', { range, kinds }, signal),
    close: () => reader.close(),
  };
}
