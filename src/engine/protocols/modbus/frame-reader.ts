/**
 * Modbus TCP frames out of a byte stream:
 *
 *   0        2          4        6      7          8
 *   +--------+----------+--------+------+----------+------------------+
 *   | number | protocol | length | unit | function | data             |
 *   | u16    | u16 = 0  | u16    | u8   | u8       | length - 2 bytes |
 *   +--------+----------+--------+------+----------+------------------+
 *
 * `length` counts from the unit on: 2 to 254. TCP may cut and join frames anywhere. Memory is one frame, whatever comes.
 */
export const HEADER_BYTES = 6;
const MIN_LENGTH = 2;
export const MAX_LENGTH = 254;

export interface FrameReader {
  /** No frame has begun that is not complete. */
  readonly empty: boolean;
  push(chunk: Uint8Array): void;
}

/**
 * `onFrame` gets a view that is valid until it returns. After bytes that can't be a frame `onBroken` is called once and
 * nothing else is read: there is no mark in the stream from which to start again.
 */
export function createFrameReader(
  onFrame: (frame: Uint8Array) => void,
  onBroken: (reason: string) => void,
): FrameReader {
  const held = new Uint8Array(HEADER_BYTES + MAX_LENGTH);
  let length = 0;
  let broken = false;

  /** Bytes of the frame whose header stands at `at`; 0 if it is none. */
  const frameBytes = (bytes: Uint8Array, at: number): number => {
    const protocol = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const count = (bytes[at + 4]! << 8) | bytes[at + 5]!;
    if (protocol === 0 && count >= MIN_LENGTH && count <= MAX_LENGTH) return HEADER_BYTES + count;
    broken = true;
    onBroken(
      protocol === 0
        ? `a frame of ${count} bytes was announced, ${MIN_LENGTH} to ${MAX_LENGTH} are possible`
        : `a frame begins with protocol ${protocol}, Modbus TCP is protocol 0`,
    );
    return 0;
  };

  return {
    get empty() {
      return length === 0;
    },
    push(chunk) {
      let at = 0;
      while (at < chunk.length && !broken) {
        if (length === 0 && chunk.length - at >= HEADER_BYTES) {
          const bytes = frameBytes(chunk, at);
          if (bytes === 0) return;
          if (chunk.length - at >= bytes) {
            onFrame(chunk.subarray(at, at + bytes));
            at += bytes;
            continue;
          }
        }
        const wanted = length < HEADER_BYTES ? HEADER_BYTES : frameBytes(held, 0);
        if (wanted === 0) return;
        const taken = Math.min(wanted - length, chunk.length - at);
        held.set(chunk.subarray(at, at + taken), length);
        length += taken;
        at += taken;
        if (length < HEADER_BYTES) continue;
        const bytes = frameBytes(held, 0);
        if (bytes === 0) return;
        if (length === bytes) {
          length = 0;
          onFrame(held.subarray(0, bytes));
        }
      }
    },
  };
}
