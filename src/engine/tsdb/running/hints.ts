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
  // A table's part is called by its number; people know the table, which the plan does not name.
  const [, quoted, bare] = /Seq Scan on (?:"[^"]+"\.|[^\s."]+\.)?(?:"([^"]+)"|([^\s("]+))/.exec(plan) ?? [];
  const scanned = quoted ?? bare;
  if (scanned !== undefined) {
    const what = /^_hyper_\d+_\d+_chunk$/.test(scanned) ? 'a part of the table' : scanned;
    add(
      `The whole of ${what} is read row by row.`,
      'Have an index made on its tag column and its time column together.',
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
