import type { Clock } from '#engine/platform/index.ts';
import type { RawBytes, RawPlaced, RawValue } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import type { ValueType } from '#shared/model/index.ts';
import { formatAddress, type ModbusAddress, registersOf } from './address.ts';
import { askUnit, badAnswer, silentUnit } from './ask.ts';
import { EXCEPTION, exceptionAdvice, exceptionText } from './exceptions.ts';
import type { Link } from './link.ts';
import type { Unit } from './plan.ts';
import { valueTypes } from './recipe.ts';
import { isBitTable, TABLE_SIZE } from './table.ts';

/**
 * Bytes from an address on, as many of `count` as the unit gives in one request; a coil is a byte of 0 or 1. Throws as
 * `peek` of the boundary does, and `config.invalid` where the device's settings forbid the place.
 */
export async function peekUnit(
  unit: Unit,
  link: Link,
  clock: Clock,
  address: ModbusAddress,
  count: number,
  signal: AbortSignal,
): Promise<RawBytes> {
  const { settings } = unit;
  const { table, offset } = address;
  const bits = isBitTable(table);
  const places = Math.min(
    Math.max(1, bits ? count : Math.ceil(count / 2)),
    bits ? settings.maxBits : settings.maxRegisters,
    TABLE_SIZE - offset,
  );
  const allowed = unit.forbidden[table].reduce(
    (most, range) => (range.last < offset ? most : Math.min(most, range.first - offset)),
    places,
  );
  if (allowed < 1) {
    const sentence = `${formatAddress(address)} is in a range that the device's settings never read. Change "Never read" first.`;
    throw new AppError('config.invalid', sentence, { details: { issues: [{ path: 'address', message: sentence }] } });
  }
  const read = async (length: number): Promise<Uint8Array | number> => {
    const answer = await askUnit(unit, link, clock, { table, offset, count: length }, signal);
    switch (answer.kind) {
      case 'data':
        return bits ? unpacked(answer.bytes, length) : Uint8Array.from(answer.bytes);
      case 'exception':
        return answer.code;
      case 'malformed':
        throw badAnswer(link, settings.unitId, answer.reason);
      case 'silent':
        throw silentUnit(link, settings, answer.reason);
    }
  };

  const whole = await read(allowed);
  if (typeof whole !== 'number') return { time: clock.now(), bytes: whole };
  let code = whole;
  let best: Uint8Array | null = null;
  let readable = 0;
  let refused = allowed;
  // Only these two may be about the length; for the rest fewer places change nothing.
  while (refused - readable > 1 && (code === EXCEPTION.illegalAddress || code === EXCEPTION.illegalValue)) {
    const middle = (readable + refused) >> 1;
    const found = await read(middle);
    if (typeof found === 'number') {
      code = found;
      refused = middle;
    } else {
      best = found;
      readable = middle;
    }
  }
  if (best !== null) return { time: clock.now(), bytes: best };
  throw new AppError(
    'protocol.device-exception',
    `${formatAddress(address)}: the device answers ${exceptionText(code)}. ${exceptionAdvice(code)}`,
    { details: { code } },
  );
}

function unpacked(bytes: Uint8Array, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (bytes[index >> 3]! >> (index & 7)) & 1);
}

/** Registers have two bytes; each coil and discrete input counts as one. */
export function addressAt(from: ModbusAddress, bytes: number, value: RawValue): ModbusAddress | null {
  const { table } = from;
  const bits = isBitTable(table);
  if (!bits && bytes % 2 !== 0) return null;
  const offset = from.offset + (bits ? bytes : bytes / 2);
  if (bits !== (value.type === 'bit' && value.bit === null) || !valueTypes.includes(value.type)) return null;
  if (value.type === 'bit' && value.bit !== null && (value.bit < 0 || value.bit > 15)) return null;
  if ((value.type === 'string') !== (value.length !== null) || (value.length ?? 1) > 250) return null;
  const address: ModbusAddress = { table, offset, bit: value.bit, length: value.length };
  return offset < 0 || offset + registersOf(value.type, address) > TABLE_SIZE ? null : address;
}

export function placeOf(from: ModbusAddress, address: ModbusAddress, type: ValueType): RawPlaced | null {
  if (from.table !== address.table) return null;
  const unit = isBitTable(from.table) ? 1 : 2;
  const bytes = address.length ?? registersOf(type, address) * unit;
  return { offset: (address.offset - from.offset) * unit, bytes, bit: address.bit };
}
