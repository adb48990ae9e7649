import { AppError, type ErrorCatalogue, type ErrorCode, isAppError } from '#shared/errors.ts';
import type { ColumnSpec, TableChunk } from './exporter.ts';

/** What the exporting worker is told; each is answered once, in order. */
export type ToWorker =
  | {
      readonly kind: 'open';
      readonly exporter: string;
      readonly path: string;
      readonly columns: readonly ColumnSpec[];
      readonly options: unknown;
    }
  | { readonly kind: 'write'; readonly chunk: TableChunk }
  | { readonly kind: 'finish' };

export type FromWorker = { readonly ok: true } | { readonly ok: false; readonly error: PlainError };

/** An error as data: classes do not survive the way between threads. */
export interface PlainError {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly details: ErrorCatalogue[ErrorCode];
  readonly retryable: boolean;
}

export function toPlain(error: unknown): PlainError {
  if (isAppError(error)) {
    return { code: error.code, message: error.message, details: error.details, retryable: error.retryable };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: null, message, details: null, retryable: false };
}

export function fromPlain({ code, message, details, retryable }: PlainError): Error {
  return code === null ? new Error(message) : new AppError(code, message, { details, retryable });
}
