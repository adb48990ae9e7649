import type { HistorySource } from '#engine/historian/index.ts';
import type { TimeRange } from '#shared/model/index.ts';

/** Samples that a piece is expected to have: enough for batches that are worth a write. */
export const PIECE_SAMPLES = 200_000;
const MOST_PIECES = 1_000;
/** Tags that are counted by one question. */
const TAGS_AT_ONCE = 500;

/** A range in pieces of equal length; the first and the last one are cut to the range. */
export interface PieceGrid {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

type Counting = Pick<HistorySource, 'aggregate'>;

/** Samples of each piece, of all tags together, from rollups: usable ones and others. */
export async function countPieces(
  history: Counting,
  tags: readonly string[],
  range: TimeRange,
  grid: PieceGrid,
  signal: AbortSignal,
): Promise<number[]> {
  const counts = await count(history, tags, range, { step: grid.step, origin: grid.start }, signal);
  return Array.from({ length: grid.length }, (_, at) => counts[at] ?? 0);
}

export async function countSamples(
  history: Counting,
  tags: readonly string[],
  range: TimeRange,
  signal: AbortSignal,
): Promise<number> {
  const counts = await count(history, tags, range, { buckets: 1 }, signal);
  return counts.reduce((sum, one) => sum + one, 0);
}

/** Pieces that are worth a mark of their own: what is under way when something fails is sent again from its start. */
export async function planPieces(
  history: Counting,
  tags: readonly string[],
  range: TimeRange,
  pieceSamples: number,
  signal: AbortSignal,
): Promise<PieceGrid> {
  const samples = await countSamples(history, tags, range, signal);
  const buckets = Math.min(MOST_PIECES, Math.max(1, Math.ceil(samples / pieceSamples)));
  // A grid that the rollups have.
  const { start, step, length } = await history.aggregate({ ...question([], range), grid: { buckets } }, signal);
  return { start, step, length };
}

export const pieceAt = ({ start, step }: PieceGrid, at: number, { from, to }: TimeRange): TimeRange => ({
  from: Math.max(from, start + at * step),
  to: Math.min(to, start + (at + 1) * step),
});

const question = (tags: readonly string[], range: TimeRange) =>
  ({
    tags: tags.map((tag) => ({ tag, functions: ['count' as const, 'bad' as const] })),
    range,
    fill: { kind: 'none' as const },
    maxHold: null,
  }) as const;

async function count(
  history: Counting,
  tags: readonly string[],
  range: TimeRange,
  grid: { readonly step: number; readonly origin: number } | { readonly buckets: number },
  signal: AbortSignal,
): Promise<number[]> {
  const counts: number[] = [];
  for (let from = 0; from < tags.length; from += TAGS_AT_ONCE) {
    const { series } = await history.aggregate(
      { ...question(tags.slice(from, from + TAGS_AT_ONCE), range), grid },
      signal,
    );
    for (const { columns } of series) {
      for (const column of columns) for (const [at, one] of column.entries()) counts[at] = (counts[at] ?? 0) + one;
    }
  }
  return counts;
}
