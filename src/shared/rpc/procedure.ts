import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';

/** Each role may do what the roles before it may. */
export const ROLES = ['viewer', 'operator', 'engineer', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export function roleAllows(held: Role, required: Role): boolean {
  return ROLES.indexOf(held) >= ROLES.indexOf(required);
}

/** One question, one answer. An answer over 1 MiB belongs into a stream, so that it cannot pile up in a slow socket. */
export interface Call<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly kind: 'call';
  /** The least role that may call. */
  readonly role: Role;
  /** Each use leaves a line in the audit log. */
  readonly audit?: boolean;
  readonly input: I;
  readonly output: O;
  /** Codes that the screen has texts for at the place of the call; others go to the general error surface. */
  readonly errors?: readonly ErrorCode[];
}

/** A sequence that the receiver pulls: the handler is asked for the next item only when there is room for it. */
export interface Stream<I extends z.ZodType = z.ZodType, T extends z.ZodType = z.ZodType> {
  readonly kind: 'stream';
  readonly role: Role;
  readonly audit?: boolean;
  readonly input: I;
  readonly item: T;
  readonly errors?: readonly ErrorCode[];
}

export type Contract = Readonly<Record<string, Readonly<Record<string, Call | Stream>>>>;

export function call<I extends z.ZodType, O extends z.ZodType>(definition: Omit<Call<I, O>, 'kind'>): Call<I, O> {
  return { kind: 'call', ...definition };
}

export function stream<I extends z.ZodType, T extends z.ZodType>(definition: Omit<Stream<I, T>, 'kind'>): Stream<I, T> {
  return { kind: 'stream', ...definition };
}

export interface CallOptions {
  /** Aborting rejects at once with `rpc.cancelled` and stops the handler. */
  readonly signal?: AbortSignal;
}

/** Who is at the other end of a port; decided by the host when it attaches the port, never by the peer. */
export interface Session {
  readonly user: string;
  readonly role: Role;
}

export interface CallContext {
  readonly session: Session;
  /** Aborts when the caller cancels and when the port closes. */
  readonly signal: AbortSignal;
}

export type ClientOf<C extends Contract> = {
  readonly [N in keyof C]: {
    readonly [P in keyof C[N]]: C[N][P] extends Call<infer I, infer O>
      ? (input: z.input<I>, options?: CallOptions) => Promise<z.output<O>>
      : C[N][P] extends Stream<infer I, infer T>
        ? (input: z.input<I>, options?: CallOptions) => AsyncIterable<z.output<T>>
        : never;
  };
};

export type HandlersOf<C extends Contract> = {
  readonly [N in keyof C]: {
    readonly [P in keyof C[N]]: C[N][P] extends Call<infer I, infer O>
      ? (input: z.output<I>, context: CallContext) => Promise<z.input<O>>
      : C[N][P] extends Stream<infer I, infer T>
        ? (input: z.output<I>, context: CallContext) => AsyncIterable<z.input<T>>
        : never;
  };
};

/** Typed arrays that travel as binary sections; anything else in a message travels as JSON. */
export const ELEMENT_TYPES = {
  f64: Float64Array,
  f32: Float32Array,
  i64: BigInt64Array,
  u32: Uint32Array,
  i32: Int32Array,
  u16: Uint16Array,
  u8: Uint8Array,
} as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

interface ColumnTypes<B extends ArrayBufferLike> {
  f64: Float64Array<B>;
  f32: Float32Array<B>;
  i64: BigInt64Array<B>;
  u32: Uint32Array<B>;
  i32: Int32Array<B>;
  u16: Uint16Array<B>;
  u8: Uint8Array<B>;
}
/** What is received: a view into the frame that brought it, owned by the receiver. */
export type Column<E extends ElementType = ElementType> = ColumnTypes<ArrayBuffer>[E];
/** What may be sent: any view, also part of a larger buffer, of which only the view's own bytes travel. */
export type ColumnSource<E extends ElementType = ElementType> = ColumnTypes<ArrayBufferLike>[E];

/** Elements of one column; 128 MiB of doubles, above the frame limit, so that the frame limit is what decides. */
const MAX_COLUMN_LENGTH = 16_777_216;

/**
 * Schema of a typed array of at most `max` elements, NaN and infinities included. JSON Schema has no such type: convert
 * with `unrepresentable: 'any'`, and the metadata says what it is.
 */
export function column<E extends ElementType>(
  element: E,
  max = MAX_COLUMN_LENGTH,
): z.ZodType<Column<E>, ColumnSource<E>> {
  const array = ELEMENT_TYPES[element];
  const schema = z.custom<Column<E>>(
    (value) => value instanceof array && value.length <= max,
    `A ${element} column of at most ${max} elements is needed.`,
  );
  return schema.meta({ column: element, maxLength: max }) as unknown as z.ZodType<Column<E>, ColumnSource<E>>;
}

/** For procedures without input or output: `client.catalogue.get()`. */
export const nothing = z.void();
