/** A query that is worked on piece by piece, so that a reader answers others meanwhile and stops soon when told to. */
export interface QueryJob<T> {
  /** Works until the end (true), or until there is enough to fetch or `until` says so, which is asked every few milliseconds. */
  run(check: () => void, until: () => boolean): boolean;
  /** What has been found since it was last asked. */
  take(): T;
}

/** Time for one piece of a query in a reader. */
export const PIECE_MS = 15;

/** What a reader answers: a part, and whether that was all. */
export interface QueryStep<T> {
  readonly job: number;
  readonly part: T;
  readonly done: boolean;
}
