import { AppError, isAppError } from '#shared/errors.ts';

/**
 * What a failure means for what comes next. `retryable`: the same may succeed in a moment. `permanent`: not without a
 * change. `cancelled`: nobody wants it any more. `bug`: the driver's fault, which hides behind nothing.
 */
export type FaultKind = 'retryable' | 'permanent' | 'cancelled' | 'bug';

export function faultKind(error: unknown, signal: AbortSignal): FaultKind {
  if (signal.aborted) return 'cancelled';
  if (!isAppError(error)) return 'bug';
  return error.retryable ? 'retryable' : 'permanent';
}

/** Whether it says that the source does not answer, rather than that it answered no. */
export const isOutage = (error: unknown): boolean =>
  isAppError(error, 'tsdb.unavailable') ||
  isAppError(error, 'protocol.connect-failed') ||
  isAppError(error, 'protocol.link-lost') ||
  isAppError(error, 'protocol.timeout');

/** Two sentences for a status: what happened, and what to do where the message itself does not say. */
export function inWords(error: unknown): { readonly message: string; readonly advice: string | null } {
  if (isAppError(error, 'tsdb.unavailable')) {
    const advice = error.retryable
      ? 'It is tried again by itself. Run the connection test to see which step fails.'
      : 'Correct the settings or the login; it is also tried again every ten minutes.';
    return { message: error.message, advice };
  }
  if (isAppError(error)) return { message: error.message, advice: null };
  return {
    message: `The driver of this source failed: ${error instanceof Error ? error.message : String(error)}`,
    advice: 'The log holds the details. Report it if it repeats.',
  };
}

export function unavailable(backend: string, message: string, cause?: unknown): AppError<'tsdb.unavailable'> {
  return new AppError('tsdb.unavailable', message, { details: { backend }, retryable: true, cause });
}

export function timedOut(backend: string, afterMs: number): AppError<'tsdb.timeout'> {
  const message = `The source did not answer within ${Math.round(afterMs / 100) / 10} s, and the query was given up. Shorten the range, ask for fewer series, or raise the source's longest query.`;
  return new AppError('tsdb.timeout', message, { details: { backend, afterMs } });
}
