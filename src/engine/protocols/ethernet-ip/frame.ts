// Encapsulation: CIP volume 2, chapter 2.
//
//   0 command  2 length of the data  4 session  8 status  12 sender context (8 bytes)  20 options  24 data

export const HEADER_BYTES = 24;
/** The longest answer that anything asked for here can have, with room. */
export const MAX_DATA_BYTES = 16_384;

export const COMMAND = {
  nop: 0x0000,
  listServices: 0x0004,
  listIdentity: 0x0063,
  listInterfaces: 0x0064,
  registerSession: 0x0065,
  unregisterSession: 0x0066,
  sendRRData: 0x006f,
  sendUnitData: 0x0070,
  indicateStatus: 0x0072,
  cancel: 0x0073,
} as const;
const commands: ReadonlySet<number> = new Set(Object.values(COMMAND));

export interface Frame {
  readonly command: number;
  readonly session: number;
  readonly status: number;
  /** The low four bytes of the sender context; the others are zero in what is sent here. */
  readonly context: number;
  readonly contextHigh: number;
  readonly data: Buffer;
}

export function frameBytes(command: number, session: number, context: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + data.length);
  bytes.writeUInt16LE(command, 0);
  bytes.writeUInt16LE(data.length, 2);
  bytes.writeUInt32LE(session, 4);
  bytes.writeUInt32LE(context, 12);
  data.copy(bytes, HEADER_BYTES);
  return bytes;
}

export function parseFrame(bytes: Buffer): Frame {
  return {
    command: bytes.readUInt16LE(0),
    session: bytes.readUInt32LE(4),
    status: bytes.readUInt32LE(8),
    context: bytes.readUInt32LE(12),
    contextHigh: bytes.readUInt32LE(16),
    data: bytes.subarray(HEADER_BYTES),
  };
}

/** Why these bytes can't begin a frame; null while they can. */
export function notAFrame(bytes: Buffer): string | null {
  if (bytes.length >= 2) {
    const command = bytes.readUInt16LE(0);
    if (!commands.has(command)) return `command 0x${command.toString(16).padStart(4, '0')} is not known`;
  }
  if (bytes.length >= 4) {
    const length = bytes.readUInt16LE(2);
    if (length > MAX_DATA_BYTES) return `a length of ${length} bytes can't be`;
  }
  return null;
}

export interface FrameReader {
  push(chunk: Buffer): void;
  /** Nothing of a frame waits for its rest. */
  readonly empty: boolean;
}

/** Frames out of a stream, however TCP cuts it. After `onBroken` nothing more is read. */
export function createFrameReader(onFrame: (frame: Frame) => void, onBroken: (reason: string) => void): FrameReader {
  let waiting: Buffer = Buffer.alloc(0);
  let broken = false;
  return {
    get empty() {
      return waiting.length === 0;
    },
    push(chunk) {
      if (broken) return;
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      for (;;) {
        const reason = notAFrame(waiting);
        if (reason !== null) {
          broken = true;
          waiting = Buffer.alloc(0);
          onBroken(reason);
          return;
        }
        if (waiting.length < HEADER_BYTES) return;
        const end = HEADER_BYTES + waiting.readUInt16LE(2);
        if (waiting.length < end) return;
        const frame = parseFrame(waiting.subarray(0, end));
        waiting = waiting.subarray(end);
        onFrame(frame);
      }
    },
  };
}

export interface Item {
  readonly type: number;
  readonly data: Buffer;
}
export const ITEM = { none: 0x00, identity: 0x0c, connection: 0xa1, connected: 0xb1, unconnected: 0xb2 } as const;

/** The common packet format behind interface handle and time-out. */
export function packItems(items: readonly Item[]): Buffer {
  const parts: Buffer[] = [];
  const head = Buffer.alloc(8);
  head.writeUInt16LE(items.length, 6);
  for (const { type, data } of items) {
    const item = Buffer.alloc(4);
    item.writeUInt16LE(type, 0);
    item.writeUInt16LE(data.length, 2);
    parts.push(item, data);
  }
  return Buffer.concat([head, ...parts]);
}

/** Items from `at` on, where their number stands; null for bytes that are none. */
export function parseItems(data: Buffer, at = 6): readonly Item[] | null {
  if (data.length < at + 2) return null;
  const count = data.readUInt16LE(at);
  const items: Item[] = [];
  let from = at + 2;
  for (let index = 0; index < count; index++) {
    if (from + 4 > data.length) return null;
    const to = from + 4 + data.readUInt16LE(from + 2);
    if (to > data.length) return null;
    items.push({ type: data.readUInt16LE(from), data: data.subarray(from + 4, to) });
    from = to;
  }
  return items;
}

const encapsulation: Readonly<Record<number, string>> = {
  1: 'unsupported command',
  2: 'not enough memory',
  3: 'incorrect data',
  100: 'invalid session',
  101: 'invalid length',
  105: 'unsupported version of the protocol',
};
export const INVALID_SESSION = 0x64;
export const encapsulationText = (status: number): string =>
  `encapsulation status 0x${status.toString(16).padStart(2, '0')}, ${encapsulation[status] ?? 'not in the standard'}`;
