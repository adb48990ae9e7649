import { AppError, type ErrorCode } from '../errors.ts';
import { FRAME_VERSION } from './frame.ts';

/** First message of both sides. The screen and the engine are one product: they talk only when made together. */
export interface Hello {
  readonly kind: 'hello';
  readonly build: string;
  readonly frame: number;
}
export type ClientMessage =
  | Hello
  | { readonly kind: 'call'; readonly id: number; readonly procedure: string; readonly input?: unknown }
  | { readonly kind: 'cancel'; readonly id: number }
  /** Room for `credit` more items of a stream. */
  | { readonly kind: 'next'; readonly id: number; readonly credit: number };

/** Id 0 stands for the port itself: the other side closes it for this reason. */
export interface ErrorMessage {
  readonly kind: 'error';
  readonly id: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: unknown;
  readonly retryable: boolean;
}
export type ServerMessage =
  | Hello
  | ErrorMessage
  | { readonly kind: 'result'; readonly id: number; readonly value?: unknown }
  | { readonly kind: 'item'; readonly id: number; readonly value?: unknown }
  | { readonly kind: 'end'; readonly id: number };

/** Items of one stream that may be on their way or waiting at the receiver. A call of a stream grants this much. */
export const STREAM_WINDOW = 2;

declare const __PARX_BUILD__: string | undefined;
/** Set by the bundler; both sides of a run from source are `source`. */
export const BUILD_ID: string = typeof __PARX_BUILD__ === 'string' ? __PARX_BUILD__ : 'source';

export const hello = (build: string): Hello => ({ kind: 'hello', build, frame: FRAME_VERSION });

const describe = (build: string, frame: number): string => `${build} (frame ${frame})`;

/** The refusal when the other side is of another build, or null. `side` is the own one. */
export function versionMismatch(
  side: 'client' | 'server',
  build: string,
  other: { readonly build: string; readonly frame: number },
): AppError<'rpc.version-mismatch'> | null {
  if (other.build === build && other.frame === FRAME_VERSION) return null;
  const own = describe(build, FRAME_VERSION);
  const others = describe(other.build, other.frame);
  const [client, server] = side === 'client' ? [own, others] : [others, own];
  return new AppError(
    'rpc.version-mismatch',
    `The screen is version ${client}, the engine is version ${server}. Reload the page, or restart the program.`,
    { details: { client, server } },
  );
}

export function errorMessage(id: number, error: AppError): ErrorMessage {
  const { code, message, details, retryable } = error;
  return { kind: 'error', id, code, message, details, retryable };
}

/** The same error on the caller's side. The contract's own peer made it, so the details have the code's type. */
export function errorFrom(message: ErrorMessage): AppError {
  return new AppError(message.code, message.message, {
    details: message.details as never,
    retryable: message.retryable,
  });
}

const refused = (reason: string): AppError<'rpc.bad-frame'> =>
  new AppError('rpc.bad-frame', `A message could not be understood. ${reason}`, { details: { reason } });

/** Throws `rpc.bad-frame` for anything that is not one of the client's messages. */
export function readClientMessage(decoded: unknown): ClientMessage {
  const message = fields(decoded);
  switch (message.kind) {
    case 'hello':
      return readHello(message);
    case 'call':
      return { kind: 'call', id: readId(message, 1), procedure: text(message, 'procedure'), input: message.input };
    case 'cancel':
      return { kind: 'cancel', id: readId(message, 1) };
    case 'next': {
      const credit = message.credit;
      if (typeof credit !== 'number' || !Number.isInteger(credit) || credit < 1 || credit > STREAM_WINDOW) {
        throw refused(`"credit" is not 1 to ${STREAM_WINDOW}.`);
      }
      return { kind: 'next', id: readId(message, 1), credit };
    }
    default:
      throw refused('Its kind is unknown.');
  }
}

/** Throws `rpc.bad-frame` for anything that is not one of the server's messages. */
export function readServerMessage(decoded: unknown): ServerMessage {
  const message = fields(decoded);
  switch (message.kind) {
    case 'hello':
      return readHello(message);
    case 'result':
    case 'item':
      return { kind: message.kind, id: readId(message, 1), value: message.value };
    case 'end':
      return { kind: 'end', id: readId(message, 1) };
    case 'error':
      return {
        kind: 'error',
        id: readId(message, 0),
        code: text(message, 'code') as ErrorCode,
        message: text(message, 'message'),
        details: message.details ?? null,
        retryable: message.retryable === true,
      };
    default:
      throw refused('Its kind is unknown.');
  }
}

function fields(decoded: unknown): Record<string, unknown> {
  if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded)) throw refused('It is not an object.');
  return decoded as Record<string, unknown>;
}

function readHello(message: Record<string, unknown>): Hello {
  const frame = message.frame;
  if (typeof frame !== 'number' || !Number.isInteger(frame)) throw refused('"frame" is not a number.');
  return { kind: 'hello', build: text(message, 'build'), frame };
}

function text(message: Record<string, unknown>, key: string): string {
  const value = message[key];
  if (typeof value !== 'string') throw refused(`"${key}" is not a text.`);
  return value;
}

function readId(message: Record<string, unknown>, least: number): number {
  const id = message.id;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < least) throw refused('"id" is not a number from 1.');
  return id;
}
