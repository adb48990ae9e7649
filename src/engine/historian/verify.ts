import { type Database, storeError } from '#engine/platform/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type ChunkInfo, chunkReaderOf, DamagedChunk, tagDecoderOf } from './chunk-table.ts';
import { isoTime } from './iso-time.ts';
import { type RollupInfo, rollupTableOf, rowIsRight, summaryOfStored } from './pyramid.ts';
import { type FileOpened, NOTES_CHANGED, openRecordingFile } from './recording-file.ts';
import { isSorted, type Run } from './run.ts';
import { decodedSince, metaOf, recipeFor, type TagOnFile } from './schema.ts';
import { notesChanged } from './sums.ts';

export interface Verified {
  /** Every sample and description is what was written. */
  readonly sound: boolean;
  /** What is not, by tag and time; at most some dozens. */
  readonly sentences: readonly string[];
  readonly chunks: number;
  readonly samples: number;
}

/** Findings of a kind that get a sentence of their own. */
const SENTENCES = 20;
const EVER = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

/**
 * Checks all that a recording says of itself: the structure, every chunk's checksum and samples, every overview against
 * the samples it sums up, the descriptions. Changes nothing. A file that cannot be opened at all is a finding, too;
 * throws `store.not-found` and `store.too-new`, and what `check` throws.
 */
export function verifyRecording(path: string, onProgress: (fraction: number) => void, check: () => void): Verified {
  let file: FileOpened;
  try {
    file = openRecordingFile(path, 0, true);
  } catch (error) {
    if (!isAppError(error, 'store.damaged')) throw error;
    return { sound: false, sentences: [error.message], chunks: 0, samples: 0 };
  }
  try {
    return verifyOpened(file, onProgress, check);
  } finally {
    file.database.close();
  }
}

function verifyOpened(file: FileOpened, onProgress: (fraction: number) => void, check: () => void): Verified {
  const { database, table, broken, info, tags } = file;
  const sentences = [...info.damage, ...lostEnds(file)];
  const damaged = listOf(sentences, (count) => `In all ${count} stretches of samples are damaged.`);
  const wrong = listOf(sentences, (count) => `In all ${count} overviews do not fit their samples.`);
  const reader = chunkReaderOf(table, () => undefined);
  const work = tags.map((tag) => ({ tag, chunks: table.overlapping(tag.number, EVER.from, EVER.to) }));
  const total = work.reduce((sum, { chunks }) => sum + chunks.length, 0);
  let chunks = 0;
  let samples = 0;
  let missing = 0;
  for (const { tag, chunks: of } of work) {
    const overviews = broken ? null : overviewsOf(database, tag, wrong.add);
    const texts = textCheckOf(database, tag);
    let last = Number.NEGATIVE_INFINITY;
    for (const chunk of of) {
      check();
      if (++chunks % 4 === 0) onProgress(chunks / (total + 1));
      try {
        const run = reader.stored(chunk);
        const reason = faultOf(run, chunk, last, tag) ?? texts(run, chunk);
        if (reason !== null) throw new DamagedChunk(chunk, reason);
        last = chunk.last;
        samples += run.length;
        if (overviews?.chunk(chunk, run) === false) missing++;
      } catch (error) {
        if (!(error instanceof DamagedChunk)) throw error;
        damaged.add(`${tag.registration.name}: ${chunk.count} samples ${span(chunk)} are damaged: ${error.message}.`);
      }
    }
    overviews?.above(of, check);
  }
  damaged.end();
  wrong.end();
  if (!broken) {
    const strays = Number(
      database.prepare('SELECT count(*) FROM chunks WHERE tag NOT IN (SELECT number FROM tags)').pluck().get(),
    );
    if (strays > 0) sentences.push(`${strays} stretches of samples belong to no tag.`);
    if (notesChanged(database, metaOf(database))) sentences.push(NOTES_CHANGED);
  }
  const sound = sentences.length === 0;
  // A missing overview costs time and nothing else.
  if (missing > 0) sentences.push(`${missing} overviews are missing; they are computed from the samples.`);
  return { sound, sentences, chunks, samples };
}

/** Of a file whose structure is damaged: the tags whose last samples, of which the file knows, are not found. */
export function lostEnds({ broken, tags, table }: FileOpened): string[] {
  if (!broken) return [];
  const sentences: string[] = [];
  const lost = listOf(sentences, (count) => `In all the ends of ${count} tags are missing.`);
  for (const { number, registration, last } of tags) {
    const found = table.preceding(number, EVER.to)?.last ?? null;
    if (last === null || (found !== null && found >= last.time)) continue;
    const from = found === null ? 'all samples' : `samples after ${isoTime(found)}`;
    lost.add(`${registration.name}: ${from} until ${isoTime(last.time)} are missing.`);
  }
  lost.end();
  return sentences;
}

const span = ({ first, last }: { readonly first: number; readonly last: number }): string =>
  `from ${isoTime(first)} to ${isoTime(last)}`;

function faultOf(run: Run, chunk: ChunkInfo, last: number, { recipes }: TagOnFile): string | null {
  if (!isSorted(run)) return 'they are not in the order of time';
  if (run.time[0] !== chunk.first || run.time[run.length - 1] !== chunk.last) return 'they are of another time';
  if (chunk.first <= last) return 'they overlap those before them';
  if (!recipes.some((recipe) => recipe.version === chunk.recipe)) return 'how to decode them is not known';
  return null;
}

/** Finds texts that are named and not there. */
function textCheckOf(database: Database, { recipes }: TagOnFile): (run: Run, chunk: ChunkInfo) => string | null {
  const text = database.prepare<[number], number>('SELECT 1 FROM strings WHERE number = ?').pluck();
  const found = new Set<number>();
  return (run, chunk) => {
    if (recipeFor(recipes, chunk.recipe).form !== 'text') return null;
    for (let i = 0; i < run.length; i++) {
      const number = run.value[i]!;
      if (found.has(number) || !Number.isSafeInteger(number) || number <= 0) continue;
      try {
        if (text.get(number) === undefined) return `their text number ${number} is missing`;
      } catch (error) {
        if (!isAppError(storeError('', error), 'store.damaged')) throw error;
        return `their text number ${number} cannot be read`;
      }
      found.add(number);
    }
    return null;
  };
}

/** Compares the overviews of one tag with what they sum up. Those of an older decoding are not used, and not checked. */
function overviewsOf(database: Database, tag: TagOnFile, report: (sentence: string) => void) {
  const table = rollupTableOf(database);
  const { number, recipes, registration } = tag;
  const decoder = tagDecoderOf(recipes);
  const since = decodedSince(recipes);
  const byFirst = new Map(table.rows(number, 0, EVER.from, EVER.to).map((row) => [row.first, row]));
  const say = (row: RollupInfo): void =>
    report(`${registration.name}: the overview ${span(row)} does not fit its samples.`);
  return {
    /** False where the chunk has none. */
    chunk(chunk: ChunkInfo, run: Run): boolean {
      const row = byFirst.get(chunk.first);
      if (row === undefined) return false;
      if (row.recipe >= since && !rowIsRight(database, row, summaryOfStored(run, chunk.recipe, decoder))) say(row);
      return true;
    },
    above(chunks: readonly ChunkInfo[], check: () => void): void {
      const begins = new Set(chunks.map((chunk) => chunk.first));
      for (const row of byFirst.values()) if (!begins.has(row.first)) say(row);
      let below = [...byFirst.values()];
      const top = table.top(number);
      for (let tier = 1; tier <= top; tier++) {
        const rows = table.rows(number, tier, EVER.from, EVER.to);
        let at = 0;
        for (const row of rows) {
          check();
          while (at < below.length && below[at]!.first < row.first) at++;
          const start = at;
          while (at < below.length && below[at]!.last <= row.last) at++;
          if (row.recipe < since) continue;
          const lists = below.slice(start, at).map((one) => table.buckets(one));
          // Where one below is damaged, that has been said.
          if (lists.length > 0 && !lists.every((list) => list !== null)) continue;
          if (
            lists.length === 0 ||
            !rowIsRight(
              database,
              row,
              lists.filter((list) => list !== null),
            )
          )
            say(row);
        }
        below = rows;
      }
    },
  };
}

/** Takes the first sentences of a kind, and says at the end how many there were. */
function listOf(into: string[], all: (count: number) => string) {
  let count = 0;
  return {
    add(sentence: string): void {
      if (++count <= SENTENCES) into.push(sentence);
    },
    end(): void {
      if (count > SENTENCES) into.push(all(count));
    },
  };
}
