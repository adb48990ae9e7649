/**
 * Modbus RTU frames out of a byte stream:
 *
 *   0      1          2                 n      n + 2
 *   +------+----------+-----------------+------+
 *   | unit | function | data            | CRC  |
 *   | u8   | u8       | n - 2 bytes     | u16  |   CRC-16 of all before it, low byte first
 *   +------+----------+-----------------+------+
 *
 * The length is not in a header: an answer to functions 1 to 4 announces its data in byte 2, an exception has 5 bytes.
 */
export const CRC_BYTES = 2;
const EXCEPTION_BYTES = 5;
const MAX_DATA = 250;
export const REQUEST_BYTES = 8;
const PIECE = 256;

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/** CRC-16 of Modbus over bytes `from` up to but not including `to`. */
export function crc16(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffff;
  for (let index = from; index < to; index++) crc = (crc >>> 8) ^ crcTable[(crc ^ bytes[index]!) & 0xff]!;
  return crc;
}

/** The CRC of the `length` bytes from `from` on, which are the last two of them, is right. */
export function crcFits(bytes: Uint8Array, from: number, length: number): boolean {
  const end = from + length - CRC_BYTES;
  return crc16(bytes, from, end) === (bytes[end]! | (bytes[end + 1]! << 8));
}

/** Frame with its CRC. */
export function withCrc(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(body.length + CRC_BYTES);
  frame.set(body);
  const crc = crc16(body, 0, body.length);
  frame[body.length] = crc & 0xff;
  frame[body.length + 1] = crc >>> 8;
  return frame;
}

/**
 * Bytes of the answer that begins at `at`, its CRC included. 0 if none can begin there, undefined while the byte that
 * says it has not come.
 */
export function answerBytes(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (end - at < 2) return undefined;
  const code = bytes[at + 1]!;
  if (code >= 0x81 && code <= 0x84) return EXCEPTION_BYTES;
  if (code < 1 || code > 4) return 0;
  if (end - at < 3) return undefined;
  const count = bytes[at + 2]!;
  return count >= 1 && count <= MAX_DATA ? 3 + count + CRC_BYTES : 0;
}

export interface RtuEvents {
  /** A whole answer with a right CRC. The view is valid until the call returns. */
  frame(bytes: Uint8Array): void;
  /** What would be an answer if its CRC were right; its bytes come as noise as well. May be told more than once. */
  disturbed(bytes: Uint8Array): void;
  /** The request itself, as adapters of two-wire lines hear it. */
  echo(bytes: Uint8Array): void;
  /** Bytes that belong to no frame. */
  noise(bytes: Uint8Array): void;
}

export interface RtuReader {
  /** A request goes out: what is held from before is noise, and `request` may come back as its echo. */
  begin(request: Uint8Array): void;
  push(chunk: Uint8Array): void;
  /**
   * The line has been silent for longer than inside a frame. What looked like the start of a long frame may be noise
   * that hides a whole one behind it: that is looked for now. Beginnings are still kept, because networks pause too.
   */
  silence(): void;
}

/** Memory is two frames, whatever comes. */
export function createRtuReader(events: RtuEvents): RtuReader {
  const held = new Uint8Array(2 * PIECE);
  let length = 0;
  let echo: Uint8Array | null = null;

  /** How many bytes at `at` are those of the echo, up to the end of what is held. */
  const echoed = (at: number): number => {
    if (echo === null) return 0;
    let same = 0;
    while (same < echo.length && at + same < length && held[at + same] === echo[same]) same++;
    return same;
  };
  const noise = (from: number, to: number): void => {
    if (to > from) events.noise(held.subarray(from, to));
  };

  const scan = (beyond: boolean): void => {
    let at = 0;
    let used = 0;
    /** Where a frame may have begun that is not complete. */
    let open = -1;
    while (at < length) {
      const same = echoed(at);
      if (same === REQUEST_BYTES) {
        noise(used, at);
        echo = null;
        events.echo(held.subarray(at, at + same));
        at += same;
        used = at;
        open = -1;
        continue;
      }
      const bytes = answerBytes(held, at, length);
      const whole = bytes !== undefined && bytes > 0 && length - at >= bytes;
      const halfEcho = same > 0 && at + same === length;
      const waits = bytes === undefined || (bytes > 0 && !whole) || halfEcho;
      if (waits && !beyond) {
        open = at;
        break;
      }
      if (whole && crcFits(held, at, bytes)) {
        noise(used, at);
        events.frame(held.subarray(at, at + bytes));
        at += bytes;
        used = at;
        open = -1;
        continue;
      }
      if (whole) events.disturbed(held.subarray(at, at + bytes));
      if (waits && open < 0) open = at;
      at++;
    }
    const keep = open < 0 ? length : open;
    noise(used, keep);
    held.copyWithin(0, keep, length);
    length -= keep;
  };

  return {
    begin(request) {
      noise(0, length);
      length = 0;
      echo = request;
    },
    push(chunk) {
      for (let from = 0; from < chunk.length; from += PIECE) {
        const piece = chunk.subarray(from, from + PIECE);
        held.set(piece, length);
        length += piece.length;
        scan(false);
      }
    },
    silence() {
      if (length > 0) scan(true);
    },
  };
}
