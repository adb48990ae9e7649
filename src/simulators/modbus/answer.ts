import type { ExceptionRule, Misbehaviour } from './misbehaviour.ts';
import type { ModbusTable, RegisterImage } from './register-image.ts';

export const EXCEPTION = {
  illegalFunction: 1,
  illegalDataAddress: 2,
  illegalDataValue: 3,
  busy: 6,
  gatewayTargetFailed: 11,
} as const;

/** Header of Modbus TCP: transaction, protocol 0, length of what follows, unit. */
export const HEADER_BYTES = 7;
const tableOf: Readonly<Record<number, ModbusTable>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' };

export interface ModbusRequest {
  readonly unit: number;
  readonly function: number;
  /** Wire offset and count; 0 for functions that have none. */
  readonly offset: number;
  readonly count: number;
}

export function parseRequest(frame: Uint8Array): ModbusRequest {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const hasRange = frame.length >= 12;
  return {
    unit: view.getUint8(6),
    function: frame.length > 7 ? view.getUint8(7) : 0,
    offset: hasRange ? view.getUint16(8) : 0,
    count: hasRange ? view.getUint16(10) : 0,
  };
}

/** The frame a well-behaved device gives, apart from exceptions and limits that are switched on. */
export function answerTo(
  frame: Uint8Array,
  request: ModbusRequest,
  image: RegisterImage | undefined,
  faults: Misbehaviour,
  hits: Map<ExceptionRule, number>,
): Uint8Array {
  const exception = (code: number): Uint8Array => withHeader(frame, [request.function | 0x80, code]);
  for (const rule of faults.exceptions) {
    if (!matches(rule, request)) continue;
    const hit = hits.get(rule) ?? 0;
    if (rule.times !== undefined && hit >= rule.times) continue;
    hits.set(rule, hit + 1);
    return exception(rule.code);
  }
  if (image === undefined) return exception(EXCEPTION.gatewayTargetFailed);
  const table = tableOf[request.function];
  // Writing is refused whatever it says: nothing that connects to the demo may steer it.
  if (table === undefined) return exception(EXCEPTION.illegalFunction);
  if (frame.length !== 12) return exception(EXCEPTION.illegalDataValue);
  const bits = table === 'coil' || table === 'discrete';
  const limit = Math.min(bits ? 2000 : 125, (bits ? faults.maxBits : faults.maxRegisters) ?? 2000);
  if (request.count < 1 || request.count > limit) return exception(EXCEPTION.illegalDataValue);
  const last = request.offset + request.count - 1;
  const forbidden = faults.forbidden.some(
    (range) =>
      range.table === table &&
      (range.unit === null || range.unit === request.unit) &&
      range.from <= last &&
      range.to >= request.offset,
  );
  if (forbidden || !image.exists(table, request.offset, request.count)) return exception(EXCEPTION.illegalDataAddress);

  const bytes = bits ? Math.ceil(request.count / 8) : request.count * 2;
  const body = new Uint8Array(2 + bytes);
  body[0] = request.function;
  body[1] = bytes;
  for (let i = 0; i < request.count; i++) {
    if (bits) {
      if (image.getBit(table, request.offset + i)) body[2 + (i >> 3)]! |= 1 << (i & 7);
    } else {
      const word = image.getRegister(table, request.offset + i);
      body[2 + 2 * i] = word >>> 8;
      body[3 + 2 * i] = word & 0xff;
    }
  }
  return withHeader(frame, body);
}

function matches(rule: ExceptionRule, request: ModbusRequest): boolean {
  if (rule.unit !== undefined && rule.unit !== null && rule.unit !== request.unit) return false;
  if (rule.function !== undefined && rule.function !== null && rule.function !== request.function) return false;
  const last = request.offset + Math.max(1, request.count) - 1;
  return (rule.from ?? 0) <= last && (rule.to ?? 65_535) >= request.offset;
}

function withHeader(request: Uint8Array, body: ArrayLike<number>): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  frame[0] = request[0]!;
  frame[1] = request[1]!;
  frame[4] = (body.length + 1) >>> 8;
  frame[5] = (body.length + 1) & 0xff;
  frame[6] = request[6]!;
  frame.set(body, HEADER_BYTES);
  return frame;
}
