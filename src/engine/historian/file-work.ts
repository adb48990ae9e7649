import { copyFileSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { AppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { assemble, writePart } from './assemble.ts';
import { chunkReaderOf } from './chunk-table.ts';
import { daysOf, equalParts, type Part } from './day-parts.ts';
import { checkFree, checkSpace, movePart, partOf, removePart } from './part-file.ts';
import { NOTES_CHANGED, openRecordingFile } from './recording-file.ts';
import { type Reread, rereadRecording } from './reread.ts';
import { firstAtOrAfter } from './run.ts';
import { metaOf } from './schema.ts';
import { notesChanged } from './sums.ts';
import { lostEnds, verifyRecording } from './verify.ts';

/**
 * What can be done with closed recordings. Nothing changes a source but `reread`, which adds recipes: every other result
 * is a file of its own, written under its name with `.part` and moved into place when it is complete and synced. `path`
 * and `to` name files.
 */
export type FileWork =
  | { readonly kind: 'verify'; readonly path: string }
  /** A sound file of what can be read. `name`: what it calls itself; null: as the source does, and "repaired". */
  | { readonly kind: 'repair'; readonly path: string; readonly to: string; readonly name: string | null }
  /** All samples in full chunks, without slack; never larger than the source. */
  | { readonly kind: 'compact'; readonly path: string; readonly to: string; readonly name: string | null }
  /** Files beside each other in `folder`, by days of an IANA zone or of at most about so many bytes. */
  | { readonly kind: 'split'; readonly path: string; readonly folder: string; readonly by: SplitBy }
  /** Tags are decoded in another way from now on; samples stay as they are. `samples` of the result counts tags. */
  | { readonly kind: 'reread'; readonly path: string; readonly tags: readonly Reread[] }
  /** Of samples with the same time those of the later path stay. */
  | { readonly kind: 'merge'; readonly paths: readonly string[]; readonly to: string; readonly name: string };
export type SplitBy =
  | { readonly kind: 'days'; readonly zone: string }
  | { readonly kind: 'size'; readonly bytes: number };

export interface FileWorkDone {
  /** Files that were written, in the order of time. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly samples: number }[];
  /** Verify: everything is what was written. Repair: nothing is missing. */
  readonly sound: boolean;
  readonly samples: number;
  /** What is damaged or missing, in plain words, by tag and time. */
  readonly sentences: readonly string[];
}

export interface FileWorkDeps {
  /** Unix microseconds. */
  readonly now: number;
  readonly onProgress: (fraction: number) => void;
  /** Throws to stop. */
  readonly check: () => void;
}

/** What each file has beside its samples. */
const FILE_BYTES = 128 << 10;
const TAG_BYTES = 600;
/** A part is planned to be this share of its limit, since samples do not all take the same room. */
const FILL = 0.85;
/** Parts of one recording: more are a mistake in the size. */
const MOST_PARTS = 1_000;
/** Damaged stretches that get a sentence of their own. */
const SENTENCES = 50;

/**
 * Does one thing with recordings, in this thread. Throws `store.disk-full` before it begins where there is not room for
 * the result, `store.damaged` for a source that must be repaired first, `config.invalid` for a name that is taken and a
 * size or zone that is none, and what `check` throws; no result is left then.
 */
export function doFileWork(work: FileWork, deps: FileWorkDeps): FileWorkDone {
  switch (work.kind) {
    case 'verify': {
      const { sound, samples, sentences } = verifyRecording(work.path, deps.onProgress, deps.check);
      return { files: [], sound, samples, sentences };
    }
    case 'reread': {
      const { changed, refused } = rereadRecording(work.path, work.tags, deps.now);
      return { files: [], sound: refused.length === 0, samples: changed, sentences: refused };
    }
    case 'repair':
      return repair(work, deps);
    case 'compact':
      return compact(work, deps);
    case 'split':
      return split(work, deps);
    case 'merge':
      return merge(work, deps);
  }
}

const EVER: TimeRange = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
type Source = ReturnType<typeof openRecordingFile>;

function withSources<T>(paths: readonly string[], work: (sources: readonly Source[]) => T): T {
  const sources: Source[] = [];
  try {
    for (const path of paths) sources.push(openRecordingFile(path, 0, true));
    return work(sources);
  } finally {
    for (const source of sources) source.database.close();
  }
}

/** Refuses a source of which something would be lost on the way. */
function refuseDamaged(sources: readonly Source[]): void {
  for (const { info, broken } of sources)
    if (broken || info.damage.length > 0) throw damaged(info.path, info.damage[0]);
}
function damaged(path: string, reason = 'its structure is damaged'): AppError<'store.damaged'> {
  return new AppError('store.damaged', `${path} is damaged: ${reason} Repair it first, and use the repaired file.`, {
    details: { path, reason },
  });
}

/** Sources whose descriptions changed after they were closed: the new file's own checksum would hide it. */
function changedNotes(sources: readonly Source[]): string[] {
  return sources
    .filter(({ database, broken }) => !broken && notesChanged(database, metaOf(database)))
    .map(({ info }) => `${info.name}: ${NOTES_CHANGED}`);
}

function rangeOf(sources: readonly Source[]): TimeRange {
  const known = sources.flatMap(({ info: { from, to } }) => (from === null || to === null ? [] : [{ from, to }]));
  return known.length === 0
    ? { from: 0, to: 0 }
    : {
        from: known.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY),
        to: known.reduce((most, { to }) => Math.max(most, to), Number.NEGATIVE_INFINITY),
      };
}

const sizeOf = (paths: readonly string[]): number => paths.reduce((sum, path) => sum + statSync(path).size, 0);

function repair({ path, to, name }: Extract<FileWork, { kind: 'repair' }>, deps: FileWorkDeps): FileWorkDone {
  checkFree(to);
  return withSources([path], (sources) => {
    checkSpace(to, sizeOf([path]));
    const { info } = sources[0]!;
    const sentences = [...info.damage, ...lostEnds(sources[0]!), ...changedNotes(sources)];
    let missing = 0;
    const { bytes, samples } = assemble(sources, {
      ...deps,
      to,
      name: name ?? `${info.name} repaired`,
      range: EVER,
      described: rangeOf(sources),
      tags: [],
      join: false,
      onMissing(sentence) {
        if (++missing <= SENTENCES) sentences.push(sentence);
      },
    });
    if (missing > SENTENCES) sentences.push(`In all ${missing} stretches of samples are damaged and left out.`);
    return { files: [{ path: to, bytes, samples }], sound: sentences.length === 0, samples, sentences };
  });
}

function compact({ path, to, name }: Extract<FileWork, { kind: 'compact' }>, deps: FileWorkDeps): FileWorkDone {
  checkFree(to);
  return withSources([path], (sources) => {
    refuseDamaged(sources);
    const before = sizeOf([path]);
    checkSpace(to, before);
    const { info } = sources[0]!;
    try {
      let { bytes, samples } = writePart(sources, {
        ...deps,
        to,
        name: name ?? `${info.name} compact`,
        range: EVER,
        described: rangeOf(sources),
        tags: [],
        join: true,
        onMissing: (sentence) => {
          throw damaged(path, sentence);
        },
      });
      if (bytes > before) {
        // It is as compact as it can be.
        copyFileSync(path, partOf(to));
        bytes = before;
      }
      deps.check();
      movePart(to);
      return { files: [{ path: to, bytes, samples }], sound: true, samples, sentences: changedNotes(sources) };
    } catch (error) {
      removePart(to);
      throw error;
    }
  });
}

function merge({ paths, to, name }: Extract<FileWork, { kind: 'merge' }>, deps: FileWorkDeps): FileWorkDone {
  checkFree(to);
  return withSources(paths, (sources) => {
    refuseDamaged(sources);
    checkSpace(to, sizeOf(paths));
    const { bytes, samples } = assemble(sources, {
      ...deps,
      to,
      name,
      range: EVER,
      described: rangeOf(sources),
      tags: [],
      join: true,
      onMissing: (sentence) => {
        throw damaged(paths.join(', '), sentence);
      },
    });
    return { files: [{ path: to, bytes, samples }], sound: true, samples, sentences: changedNotes(sources) };
  });
}

function split({ path, folder, by }: Extract<FileWork, { kind: 'split' }>, deps: FileWorkDeps): FileWorkDone {
  return withSources([path], (sources) => {
    refuseDamaged(sources);
    const source = sources[0]!;
    const parts = partsOf(source, by);
    const extension = extname(path);
    const labels = new Set<string>();
    const targets = parts.map((part) => {
      // In a zone whose clocks were set back after midnight a date can come twice.
      let { label } = part;
      while (labels.has(label)) label += '+';
      labels.add(label);
      return { ...part, label, to: join(folder, `${basename(path, extension)} ${label}${extension}`) };
    });
    for (const { to } of targets) checkFree(to);
    checkSpace(join(folder, 'part'), sizeOf([path]) + targets.length * FILE_BYTES);
    const files: { path: string; bytes: number; samples: number }[] = [];
    try {
      for (const [i, { to, range, described, label }] of targets.entries()) {
        const { bytes, samples } = writePart(sources, {
          ...deps,
          to,
          name: `${source.info.name} ${label}`,
          range,
          described,
          tags: [],
          join: false,
          onProgress: (fraction) => deps.onProgress((i + fraction) / targets.length),
          onMissing: (sentence) => {
            throw damaged(path, sentence);
          },
        });
        files.push({ path: to, bytes, samples });
      }
      deps.check();
      for (const { to } of targets) movePart(to);
    } catch (error) {
      for (const { to } of targets) removePart(to);
      throw error;
    }
    const samples = files.reduce((sum, file) => sum + file.samples, 0);
    return { files, sound: true, samples, sentences: changedNotes(sources) };
  });
}

/** Parts that hold samples. What lies between two of them, events and gaps, goes with the earlier one. */
function partsOf(source: Source, by: SplitBy): readonly (Part & { readonly described: TimeRange })[] {
  const range = rangeOf([source]);
  const chunks = source.tags.flatMap((tag) => source.table.overlapping(tag.number, EVER.from, EVER.to));
  if (chunks.length === 0) {
    throw new AppError('config.invalid', 'There are no samples in this recording that could be split.', {
      details: { issues: [{ path: 'path', message: 'A recording with samples.' }] },
    });
  }
  const found = by.kind === 'days' ? days(range, by.zone) : sized(source, by.bytes, range);
  if (found.length > MOST_PARTS) throw tooMany(found.length);
  const held = found.filter((part) => source.tags.some(({ number }) => hasSamples(source, number, part.range)));
  return held.map((part, i) => ({
    label: part.label,
    described: part.range,
    range: {
      from: i === 0 ? EVER.from : part.range.from,
      to: held[i + 1]?.range.from ?? EVER.to,
    },
  }));

  function sized(file: Source, bytes: number, whole: TimeRange): Part[] {
    const fixed = FILE_BYTES + file.tags.length * TAG_BYTES;
    const room = bytes * FILL - fixed;
    if (room < bytes / 4) {
      const least = Math.ceil(fixed / (FILL - 0.25) / 1e6);
      throw new AppError(
        'config.invalid',
        `A part of this recording takes at least ${least} MB. Choose a larger size.`,
        {
          details: { issues: [{ path: 'bytes', message: `At least ${least * 1e6}.` }] },
        },
      );
    }
    const count = Math.max(1, Math.ceil((file.info.bytes - fixed) / room));
    if (count > MOST_PARTS) throw tooMany(count);
    return equalParts(chunks, whole, count);
  }
}

function days(range: TimeRange, zone: string): Part[] {
  // Times that no calendar reaches would make a day of each microsecond.
  if (
    Math.abs(range.from) > 8.64e18 / 1e3 ||
    Math.abs(range.to) > 8.64e18 / 1e3 ||
    range.to - range.from > MOST_PARTS * 86.4e9 * 366
  )
    throw tooMany(Number.POSITIVE_INFINITY);
  try {
    return daysOf(range, zone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError('config.invalid', `"${zone}" is no time zone. Choose one such as Europe/Berlin.`, {
      details: { issues: [{ path: 'zone', message: 'An IANA time zone.' }] },
    });
  }
}

function tooMany(count: number): AppError<'rpc.limit'> {
  return new AppError(
    'rpc.limit',
    `This would make ${Number.isFinite(count) ? count : 'too many'} files; at most ${MOST_PARTS} are made at once.`,
    { details: { what: 'files of one recording', limit: MOST_PARTS } },
  );
}

/** A chunk may reach over a day without samples, such as one when the program did not run. */
function hasSamples({ table }: Source, tag: number, { from, to }: TimeRange): boolean {
  const chunks = table.overlapping(tag, from, to);
  if (chunks.some((chunk) => chunk.first >= from || chunk.last < to)) return true;
  const reader = chunkReaderOf(table, () => undefined);
  return chunks.some((chunk) => {
    const run = reader.stored(chunk);
    return firstAtOrAfter(run, to) > firstAtOrAfter(run, from);
  });
}
