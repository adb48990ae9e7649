import { z } from 'zod';
import { timeRange } from '#shared/model/index.ts';
import type { SendJob } from '#shared/rpc/sending.ts';
import type { PieceGrid } from './send-plan.ts';
import type { SentPiece } from './send-range.ts';
import type { LeftOut } from './sent-series.ts';

/** Names in a sentence, and sentences of what was refused. */
const MOST_NAMES = 10;
const MOST_SENTENCES = 20;
const MOST_REFUSALS = 1_000;

/** In `read` of a piece. */
export const NOT_SENT = -1;
const numbers = z.array(z.number());
const savedJob = z.object({
  id: z.string(),
  path: z.string().nullable(),
  source: z.string(),
  sourceName: z.string(),
  tags: z.array(z.string()).nullable(),
  range: timeRange,
  target: z.string(),
  targetName: z.string(),
  place: z.string().nullable(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
  started: z.number(),
  message: z.string().nullable(),
  tagCount: z.number(),
  total: z.number(),
  leftOut: z.array(z.string()),
  grid: z.object({ start: z.number(), step: z.number(), length: z.number() }).nullable(),
  /** By piece. */
  read: numbers,
  marks: numbers,
  refused: numbers,
  refusals: z.array(
    z.object({ piece: z.number(), tag: z.string(), reason: z.string(), count: z.number(), first: z.number() }),
  ),
});
export type SavedJob = z.infer<typeof savedJob>;
const savedJobs = z.object({ version: z.literal(1), jobs: z.array(savedJob) });

/** Throws for a text that is not of this version. */
export const readSavedJobs = (text: string | null): SavedJob[] =>
  text === null ? [] : savedJobs.parse(JSON.parse(text)).jobs;
export const savedJobsText = (jobs: readonly SavedJob[]): string => JSON.stringify({ version: 1, jobs });

/** As screens see it. `partial`: samples of the piece under way. */
export function jobOf(saved: SavedJob, partial: number, rate: number): SendJob {
  const { read, marks, refused, tagCount, total, leftOut } = saved;
  const [ofRead, ofMarks, ofRefused] = [read, marks, refused].map((all) =>
    all.reduce((sum, one) => sum + Math.max(0, one), 0),
  ) as [number, number, number];
  return {
    id: saved.id,
    source: saved.source,
    sourceName: saved.sourceName,
    target: saved.target,
    targetName: saved.targetName,
    range: saved.range,
    tags: tagCount,
    state: saved.state,
    started: saved.started,
    done: Math.min(ofRead + partial, Math.max(total, ofRead)),
    total,
    rate,
    message: saved.message,
    sent: ofRead + ofMarks - ofRefused,
    refused: ofRefused,
    marks: ofMarks,
    sentences: [...leftOut, ...refusalTexts(saved)],
  };
}

export const isOpen = ({ state }: Pick<SavedJob, 'state'>): boolean => state === 'waiting' || state === 'running';

export const nothingSent = ({ length }: PieceGrid): Pick<SavedJob, 'read' | 'marks' | 'refused'> => ({
  read: Array(length).fill(NOT_SENT),
  marks: Array(length).fill(0),
  refused: Array(length).fill(0),
});

export function withPiece(saved: SavedJob, piece: number, done: SentPiece): Partial<SavedJob> {
  const at = (all: number[], one: number): number[] => all.with(piece, one);
  const others = saved.refusals.filter((one) => one.piece !== piece);
  const own = done.refusals.slice(0, MOST_REFUSALS - others.length).map((one) => ({ piece, ...one }));
  return {
    read: at(saved.read, done.read),
    marks: at(saved.marks, done.marks),
    refused: at(saved.refused, done.refused),
    refusals: [...others, ...own],
  };
}

export function leftOutText({ names, reason }: LeftOut): string {
  const some = names.slice(0, MOST_NAMES).join(', ');
  const what = names.length === 1 ? '1 tag is' : `${names.length} tags are`;
  return `${what} left out, because ${reason}: ${some}${names.length > MOST_NAMES ? ' …' : '.'}`;
}

/** A sentence for each reason, with the tags that it met. */
function refusalTexts({ refusals, refused }: SavedJob): string[] {
  const byReason = new Map<string, Map<string, { count: number; first: number }>>();
  for (const { tag, reason, count, first } of refusals) {
    const tags = byReason.get(reason) ?? new Map<string, { count: number; first: number }>();
    const known = tags.get(tag) ?? { count: 0, first };
    tags.set(tag, { count: known.count + count, first: Math.min(known.first, first) });
    byReason.set(reason, tags);
  }
  const texts = [...byReason].map(([reason, tags]) => {
    const all = [...tags.values()].reduce((sum, { count }) => sum + count, 0);
    const some = [...tags].slice(0, MOST_NAMES).map(([tag, { count, first }]) => {
      const begin = new Date(first / 1_000).toISOString();
      return `${tag}: ${count === 1 ? `1, of ${begin}` : `${count}, the first of ${begin}`}`;
    });
    const what = all === 1 ? '1 sample was' : `${all} samples were`;
    return `${what} refused. ${reason} ${some.join('; ')}${tags.size > MOST_NAMES ? ' …' : '.'}`;
  });
  if (texts.length <= MOST_SENTENCES) return texts;
  const all = refused.reduce((sum, one) => sum + one, 0);
  return [...texts.slice(0, MOST_SENTENCES), `There are more such reasons; ${all} samples were refused in all.`];
}
