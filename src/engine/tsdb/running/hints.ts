import type { SlowQuery } from '#shared/model/index.ts';

export interface QueryDone {
  readonly text: () => string;
  readonly ms: number;
  readonly rows: number;
  /** Every sample was sent, to be drawn or worked out here. */
  readonly raw: boolean;
  readonly failed: string | null;
}

type Hint = SlowQuery['hints'][number];

/** More samples than a screen has use for. */
const MANY_SAMPLES = 100_000;

const number = (value: number): string => Math.round(value).toLocaleString('en');

/**
 * What makes a query slow, as its figures and its server's plan show, and one thing to do about each. Plans are read by
 * words that are common to servers that print one; what is not understood gives no hint. `known` are those of before.
 */
export function hintsOf(
  { ms, rows, raw, failed }: Pick<QueryDone, 'ms' | 'rows' | 'raw' | 'failed'>,
  plan: string | null,
  known: readonly Hint[] = [],
): Hint[] {
  const hints: Hint[] = [...known];
  const add = (finding: string, advice: string): void => {
    if (!hints.some((one) => one.finding === finding)) hints.push({ finding, advice });
  };
  if (failed !== null) {
    add(`It ended without an answer: ${failed}`, 'Shorten the range or ask for fewer series, then raise the limit.');
  }
  if (raw && rows > MANY_SAMPLES) {
    add(
      `${number(rows)} samples were sent, one by one.`,
      'Choose an aggregation that the source does itself, or a shorter range.',
    );
  }
  if (plan === null) return hints;
  const scanned = /Seq Scan on (?:\S+\s)?"?([^"\s(]+)"?/.exec(plan);
  if (scanned !== null) {
    add(
      `The whole of ${scanned[1]} is read row by row.`,
      'Have an index made on its tag column and its time column together.',
    );
  }
  const removed = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  if (removed > 10 * Math.max(1, rows)) {
    add(
      `${number(removed)} rows were read and thrown away.`,
      'Have an index made that begins with the column that is compared, the time behind it.',
    );
  }
  if (/Sort Method: external/.test(plan)) {
    add(
      'Sorting did not fit into memory and went to the disk.',
      'Raise work_mem for this login, or shorten the range.',
    );
  }
  const chunks = (plan.match(/_hyper_\d+_\d+_chunk/g) ?? []).length;
  if (chunks > 100) {
    add(
      `${chunks} chunks were opened.`,
      'Shorten the range, have longer chunks made, or let the server keep an aggregate of this step.',
    );
  }
  if (/Function Scan|Subquery Scan/.test(plan) && hints.length === 0 && ms > 5_000) {
    add(
      'The relation is a view that is worked out for each query.',
      'Map the table behind the view, or have it stored.',
    );
  }
  return hints;
}
