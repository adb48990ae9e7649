/**
 * Every refusal the product can answer with, by code. The code is part of the interface: screens map it to texts,
 * the command line to exit codes, and docs/errors.md lists each with cause and remedy.
 */
export interface ErrorCatalogue {
  'config.invalid': { readonly issues: readonly { readonly path: string; readonly message: string }[] };
  'protocol.connect-failed': { readonly endpoint: string };
  'protocol.timeout': { readonly afterMs: number };
  'protocol.link-lost': { readonly endpoint: string };
  'protocol.device-exception': { readonly code: number };
  'protocol.bad-answer': { readonly reason: string };
  'protocol.unknown': { readonly protocol: string };
  'tsdb.unsupported-feature': { readonly backend: string; readonly feature: string };
  'tsdb.unavailable': { readonly backend: string };
  'tsdb.timeout': { readonly backend: string; readonly afterMs: number };
  'tsdb.refused': { readonly backend: string; readonly reason: string };
  'store.conflict': { readonly kind: string; readonly id: string; readonly revision: number };
  'store.not-found': { readonly kind: string; readonly id: string };
  'store.disk-full': { readonly path: string };
  'store.read-only': { readonly path: string };
  'store.locked': { readonly path: string };
  'store.too-new': { readonly path: string; readonly found: number; readonly supported: number };
  'store.damaged': { readonly path: string; readonly reason: string };
  'query.too-many-samples': { readonly limit: number };
  'formula.syntax': { readonly offset: number };
  'access.denied': { readonly required: string };
  'rpc.cancelled': null;
  'rpc.disconnected': null;
  'rpc.version-mismatch': { readonly client: string; readonly server: string };
  'rpc.bad-frame': { readonly reason: string };
  'rpc.limit': { readonly what: string; readonly limit: number };
  'internal.bug': { readonly reference: string };
}
export type ErrorCode = keyof ErrorCatalogue;

/** An expected refusal. Anything else that is thrown is a bug and reaches users as `internal.bug`. */
export class AppError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly details: ErrorCatalogue[C];
  /** The same request may succeed later without a change. */
  readonly retryable: boolean;

  constructor(
    code: C,
    message: string,
    options: { readonly details: ErrorCatalogue[C]; readonly retryable?: boolean; readonly cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
    this.retryable = options.retryable ?? false;
  }
}

export function isAppError<C extends ErrorCode>(error: unknown, code?: C): error is AppError<C> {
  return error instanceof AppError && (code === undefined || error.code === code);
}

/** Refuses an input; `sentence` says what would be right. Throws `config.invalid`. */
export function refuse(path: string, sentence: string): never {
  throw new AppError('config.invalid', sentence, { details: { issues: [{ path, message: sentence }] } });
}

/** What was typed, at most 60 characters of it, so that a pasted page does not fill the message. */
export function quote(text: string): string {
  const plain = text.slice(0, 1_000).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  const letters = [...plain];
  return `"${letters.length > 60 ? `${letters.slice(0, 60).join('')}…` : plain}"`;
}
