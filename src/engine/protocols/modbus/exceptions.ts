/** Exception codes of the Modbus application protocol 1.1b3, section 7; 7 is from the serial line's earlier text. */
export const EXCEPTION = {
  illegalFunction: 1,
  illegalAddress: 2,
  illegalValue: 3,
  deviceFailure: 4,
  acknowledge: 5,
  busy: 6,
  negativeAcknowledge: 7,
  parityError: 8,
  gatewayPath: 10,
  gatewayTarget: 11,
} as const;

const names: Readonly<Record<number, string>> = {
  1: 'illegal function',
  2: 'illegal data address',
  3: 'illegal data value',
  4: 'device failure',
  5: 'acknowledge, not ready yet',
  6: 'device busy',
  7: 'negative acknowledge',
  8: 'memory parity error',
  10: 'gateway path unavailable',
  11: 'gateway target did not respond',
};

export function exceptionName(code: number): string | undefined {
  const known = names[code];
  return known === undefined ? undefined : `exception ${code}, ${known}`;
}

export const exceptionText = (code: number): string => exceptionName(code) ?? `exception ${code}, not in the standard`;

const advice: Readonly<Record<number, string>> = {
  1: 'The device does not have this table. Try the other register table (function 3 or 4).',
  2: 'The device has nothing at this address. Check the number, and whether its manual counts from 0 or from 1.',
  3: 'The device refuses this many places in one request. Lower "Registers per request".',
  4: 'The device reports a fault of its own. Look at its display or diagnostics.',
  5: 'The device needs longer. Poll it less often.',
  6: 'The device is occupied. Poll it less often, or raise "Busy wait".',
  10: 'The gateway does not know this unit. Check the unit id and the routing table of the gateway.',
  11: 'The unit behind the gateway does not answer. Check its power, wiring and unit id.',
};
export const exceptionAdvice = (code: number): string =>
  advice[code] ?? 'The manual of the device tells what this code means.';
