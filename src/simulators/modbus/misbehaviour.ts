import type { ModbusTable } from './register-image.ts';

/** Cells from `from` to `to`, both included; `unit` null means any unit. */
export interface CellRange {
  readonly unit: number | null;
  readonly table: ModbusTable;
  readonly from: number;
  readonly to: number;
}

/** An exception instead of the answer, for requests that match and touch the range. */
export interface ExceptionRule {
  readonly code: number;
  readonly unit?: number | null;
  /** null or left out: every function */
  readonly function?: number | null;
  readonly from?: number;
  readonly to?: number;
  /** How many requests it hits before it is over; left out: all. */
  readonly times?: number;
}

/** Everything the simulated device can do wrong. All may be combined; `HONEST` is none of it. */
export interface Misbehaviour {
  /** Every answer comes this much later, plus a repeatable 0 to `jitterMs`. Answers keep their order. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** 1: no answer ever, n: every nth answer is missing, 0: none. */
  readonly dropEvery: number;
  /** Units behind this address that never answer. */
  readonly deadUnits: readonly number[];
  readonly exceptions: readonly ExceptionRule[];
  readonly wrongTransaction: boolean;
  readonly wrongUnit: boolean;
  readonly wrongFunction: boolean;
  /** So many bytes missing at the end of each answer, while its header promises them. */
  readonly truncateBytes: number;
  /** So many more data bytes than asked for, in a frame that is consistent in itself. */
  readonly extraBytes: number;
  /** Byte count field that disagrees with the frame's length. */
  readonly wrongByteCount: boolean;
  /** Each byte in a packet of its own. */
  readonly splitBytes: boolean;
  /** Answers wait until so many can leave in one packet, 150 ms at most; 0 or 1: no waiting. */
  readonly mergeAnswers: number;
  /** Random bytes instead of an answer. */
  readonly garbage: boolean;
  readonly closeAfterAnswer: boolean;
  /** Half of the answer, then the connection is gone. */
  readonly cutMidAnswer: boolean;
  /** Accepts and reads, but neither answers nor closes, not even when the client does. */
  readonly halfOpen: boolean;
  /** Largest request; more is exception 3, as small controllers answer. */
  readonly maxRegisters: number | null;
  readonly maxBits: number | null;
  /** Cells that answer exception 2 although they exist. */
  readonly forbidden: readonly CellRange[];
  /** Connections beyond are closed at once; null takes the server's own limit. */
  readonly maxConnections: number | null;
}

export const HONEST: Misbehaviour = {
  delayMs: 0,
  jitterMs: 0,
  dropEvery: 0,
  deadUnits: [],
  exceptions: [],
  wrongTransaction: false,
  wrongUnit: false,
  wrongFunction: false,
  truncateBytes: 0,
  extraBytes: 0,
  wrongByteCount: false,
  splitBytes: false,
  mergeAnswers: 0,
  garbage: false,
  closeAfterAnswer: false,
  cutMidAnswer: false,
  halfOpen: false,
  maxRegisters: null,
  maxBits: null,
  forbidden: [],
  maxConnections: null,
};

/** Checks a fault that came from outside (a control line): known names, and values of the kind `HONEST` has. */
export function parseMisbehaviour(value: unknown): Partial<Misbehaviour> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('A fault is an object.');
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(HONEST, name)) {
      throw new TypeError(`Unknown fault "${name}". Known: ${Object.keys(HONEST).join(', ')}.`);
    }
    const model: unknown = HONEST[name as keyof Misbehaviour];
    const fits =
      model === null
        ? given === null || typeof given === 'number'
        : Array.isArray(model)
          ? Array.isArray(given)
          : typeof given === typeof model;
    if (!fits) throw new TypeError(`Fault "${name}" takes ${model === null ? 'a number or null' : describe(model)}.`);
  }
  return value as Partial<Misbehaviour>;
}

const describe = (model: unknown): string =>
  Array.isArray(model) ? 'a list' : typeof model === 'boolean' ? 'true or false' : 'a number';

/** Bends an honest answer; returns the bytes to send, possibly none. `frame` starts with the 7-byte header. */
export function bend(frame: Uint8Array, faults: Misbehaviour, chance: () => number): Uint8Array {
  if (faults.garbage)
    return Uint8Array.from({ length: 5 + Math.floor(chance() * 40) }, () => Math.floor(chance() * 256));
  let bent = Uint8Array.from(frame);
  if (faults.extraBytes > 0) {
    const longer = new Uint8Array(bent.length + faults.extraBytes);
    longer.set(bent);
    const length = longer.length - 6;
    longer[4] = length >>> 8;
    longer[5] = length & 0xff;
    if (longer[7]! < 0x80) longer[8] = (longer[8]! + faults.extraBytes) & 0xff;
    bent = longer;
  }
  if (faults.wrongByteCount && bent[7]! < 0x80) bent[8] = (bent[8]! + 1) & 0xff;
  if (faults.wrongTransaction) bent[1] = (bent[1]! + 1) & 0xff;
  if (faults.wrongUnit) bent[6] = (bent[6]! + 1) & 0xff;
  if (faults.wrongFunction) bent[7] = bent[7]! ^ 0x01;
  if (faults.truncateBytes > 0) bent = bent.slice(0, Math.max(0, bent.length - faults.truncateBytes));
  return bent;
}
