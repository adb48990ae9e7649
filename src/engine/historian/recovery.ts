import { readFile, truncate } from 'node:fs/promises';
import { AppError } from '#shared/errors.ts';
import { isoTime } from './iso-time.ts';
import { listSegments, removeSegment, segmentPath } from './log.ts';
import { LaterRecord, LOG_FORMAT, type LoggedSamples, RECORD, readRecords, readSegmentHeader } from './log-record.ts';
import type { RecoveryReport } from './store.ts';

export interface Replay {
  /** Highest number of any segment found; the next one is above it. */
  readonly highest: number;
  readonly segments: readonly number[];
  readonly samples: number;
  readonly sentences: readonly string[];
}

export interface ReplayTarget {
  samples(samples: LoggedSamples): void;
  /** Recipe version that the tag's following samples were stored under. */
  form(tagNumber: number, version: number): void;
  string(number: number, text: string): void;
  /** A whole chunk of samples; returns how many. */
  chunk(tagNumber: number, data: Uint8Array<ArrayBuffer>): number;
}

/**
 * Reads what the log holds beyond the history. Segments below `from` were sealed before the program ended and are
 * removed. Samples that segment `from` carries over from older ones count; those that later segments carry are also in
 * the segments before them. Throws `store.too-new` where a later version of the program wrote it, and leaves it as it is.
 */
export async function replayLog(path: string, owner: Uint8Array, from: number, target: ReplayTarget): Promise<Replay> {
  try {
    return await replaySegments(path, owner, from, target);
  } catch (error) {
    if (!(error instanceof LaterRecord)) throw error;
    throw new AppError(
      'store.too-new',
      `${path} was not closed by the later version of the program that wrote to it: its log holds ${error.message}, which this version cannot read. Open it with the later version and close it there.`,
      { details: { path, found: LOG_FORMAT + 1, supported: LOG_FORMAT }, cause: error },
    );
  }
}

async function replaySegments(path: string, owner: Uint8Array, from: number, target: ReplayTarget): Promise<Replay> {
  const found = await listSegments(path);
  const sentences: string[] = [];
  let samples = 0;
  const segments: number[] = [];
  for (const segment of found) {
    if (segment < from) {
      await removeSegment(path, segment);
      continue;
    }
    const expected = segments.length === 0 ? from : segments.at(-1)! + 1;
    if (segment !== expected) sentences.push(`Log segments ${expected} to ${segment - 1} are missing.`);
    segments.push(segment);
    const bytes = new Uint8Array(await readFile(segmentPath(path, segment)));
    if (readSegmentHeader(bytes, owner) !== segment) {
      // A segment that was being made when the program ended holds nothing that was acknowledged.
      if (bytes.some((byte) => byte !== 0) && segment !== found.at(-1)) {
        sentences.push(
          `Log segment ${segment} does not belong to this history or its start is damaged; it was left out.`,
        );
      }
      continue;
    }
    const end = readRecords(bytes, segment, {
      samples(logged) {
        samples += logged.length;
        target.samples(logged);
      },
      forms(pairs) {
        for (let i = 0; i < pairs.length; i += 2) target.form(pairs[i]!, pairs[i + 1]!);
      },
      string: (number, text) => target.string(number, text),
      chunk(kind, number, data) {
        if (kind === RECORD.carriedChunk && segment !== from) return;
        samples += target.chunk(number, data);
      },
    });
    if (end.tornBytes > 0) {
      // Should this log be read once more, it ends where it ended now.
      if (segment === found.at(-1)) await truncate(segmentPath(path, segment), end.validBytes);
      sentences.push(
        segment === found.at(-1)
          ? `The last ${end.tornBytes} bytes of the log were being written when the program ended and were cut; they had not been acknowledged.`
          : `Log segment ${segment} is damaged after ${end.validBytes} bytes; ${end.tornBytes} bytes of it were left out.`,
      );
    }
  }
  return { highest: found.at(-1) ?? 0, segments, samples, sentences };
}

export interface Recovered {
  /** Samples in the log of tags that the file does not have. */
  readonly unknown: number;
  readonly wasClosed: boolean;
  readonly lastSample: number | null;
  /** -Infinity where there is none. */
  readonly lastStored: number;
}

/** What a start found, in words. */
export function recoveryReport(replay: Replay, found: Recovered): RecoveryReport {
  const { unknown, wasClosed, lastSample, lastStored } = found;
  const sentences = [...replay.sentences];
  if (unknown > 0) sentences.push(`${unknown} samples in the log belong to tags that the history does not know.`);
  const clean = wasClosed && replay.samples === 0 && sentences.length === 0;
  if (!clean) {
    const until = lastSample === null ? 'It holds no samples.' : `Its last sample is of ${isoTime(lastSample)}.`;
    sentences.unshift(
      `The history was not closed properly; ${replay.samples} samples were restored from the log. ${until}`,
    );
  }
  return {
    clean,
    samplesReplayed: replay.samples,
    sentences,
    lastSample,
    lastStored: Number.isFinite(lastStored) ? lastStored : null,
  };
}
