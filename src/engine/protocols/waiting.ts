import type { Clock } from '#engine/platform/index.ts';

/** A request under way: the first of answer, failure, time-out and abort ends it. */
export interface Waiting<Answer> {
  readonly answer: Promise<Answer>;
  settle(answer: Answer): void;
  fail(error: unknown): void;
}

/**
 * Begins to wait. `over` is called at every end, before the promise settles. `silent` is called after `timeoutMs` and
 * has to settle it or let it fail; `givenUp` is called on abort, which lets it fail with the signal's reason.
 */
export function waitForAnswer<Answer>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  on: { over(): void; silent(): void; givenUp?(): void },
): Waiting<Answer> {
  let resolve!: (answer: Answer) => void;
  let reject!: (error: unknown) => void;
  const answer = new Promise<Answer>((onAnswer, onError) => {
    resolve = onAnswer;
    reject = onError;
  });
  const end = (): void => {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
    on.over();
  };
  const fail = (error: unknown): void => {
    end();
    reject(error);
  };
  const onAbort = (): void => {
    on.givenUp?.();
    fail(signal.reason);
  };
  const timer = clock.after(timeoutMs, () => on.silent());
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    answer,
    settle(value) {
      end();
      resolve(value);
    },
    fail,
  };
}
