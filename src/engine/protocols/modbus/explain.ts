import { formatAddress } from './address.ts';
import { exceptionText } from './exceptions.ts';
import { HEADER_BYTES, MAX_LENGTH } from './frame-reader.ts';
import { answerBytes, crcFits, REQUEST_BYTES } from './rtu-frame.ts';
import { type Table, tableName, tables } from './table.ts';

/**
 * Bytes as they were sent or received, in words: one sentence for each frame. What is no whole frame is said to be so;
 * nothing is remembered from one call to the next, so that a trace can be read from anywhere.
 */
export function explain(direction: 'sent' | 'received', bytes: Uint8Array): readonly string[] {
  const rtu = explainRtu(direction, bytes);
  if (rtu !== null) return [rtu];
  const sentences: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const rest = bytes.length - at;
    const length = rest < HEADER_BYTES ? 0 : (bytes[at + 4]! << 8) | bytes[at + 5]!;
    const protocol = rest < HEADER_BYTES ? 0 : (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (rest >= HEADER_BYTES && (protocol !== 0 || length < 2 || length > MAX_LENGTH)) {
      return [...sentences, `${rest} bytes that are not Modbus TCP.`];
    }
    if (rest < HEADER_BYTES || rest < HEADER_BYTES + length) {
      return [...sentences, `${rest} bytes of a frame that goes on in the next packet.`];
    }
    const frame = bytes.subarray(at, at + HEADER_BYTES + length);
    sentences.push(direction === 'sent' ? explainRequest(frame) : explainAnswer(frame));
    at += frame.length;
  }
  return sentences;
}

/**
 * A link with RTU framing traces one frame at a time; null if the bytes are none. No frame of Modbus TCP is taken for
 * one: its requests have 12 bytes, and in its answers byte 2 is 0, which no RTU answer has there.
 */
function explainRtu(direction: 'sent' | 'received', bytes: Uint8Array): string | null {
  const echoed = direction === 'received';
  if (bytes.length === REQUEST_BYTES && bytes[1]! >= 1 && bytes[1]! <= 4 && crcFits(bytes, 0, REQUEST_BYTES)) {
    const what = explainRead(bytes.subarray(1, 6));
    return echoed ? `Echo of the request to unit ${bytes[0]}: ${what}.` : `Request to unit ${bytes[0]}: ${what}.`;
  }
  if (!echoed || bytes[2] === 0 || answerBytes(bytes, 0, bytes.length) !== bytes.length) return null;
  const sum = crcFits(bytes, 0, bytes.length) ? '' : ', the checksum is wrong';
  return `Answer from unit ${bytes[0]}: ${explainBody(bytes.subarray(1, bytes.length - 2))}${sum}.`;
}

const numberOf = (frame: Uint8Array): number => (frame[0]! << 8) | frame[1]!;
const tableOf = (code: number): Table | undefined =>
  tableName.options.find((table) => tables[table].readFunction === code);

function explainRequest(frame: Uint8Array): string {
  return `Request ${numberOf(frame)} to unit ${frame[6]}: ${explainRead(frame.subarray(7))}.`;
}

function explainAnswer(frame: Uint8Array): string {
  return `Answer ${numberOf(frame)} from unit ${frame[6]}: ${explainBody(frame.subarray(7))}.`;
}

/** Function, offset and count. */
function explainRead(body: Uint8Array): string {
  const code = body[0]!;
  const table = tableOf(code);
  if (table === undefined || body.length !== 5) return `function ${code}`;
  const offset = (body[1]! << 8) | body[2]!;
  const count = (body[3]! << 8) | body[4]!;
  const first = formatAddress({ table, offset, bit: null, length: null });
  const { words } = tables[table];
  const what = count === 1 ? `${words} ${first}` : `${count} ${words}s from ${first}`;
  return `read ${what} (function ${code}, offset ${offset})`;
}

/** Function, and exception code or byte count and data. */
function explainBody(body: Uint8Array): string {
  const code = body[0]!;
  if (code >= 0x80) return `${exceptionText(body[1] ?? 0)} (function ${code & 0x7f})`;
  const table = tableOf(code);
  if (table === undefined) return `function ${code}`;
  const announced = body[1] ?? 0;
  const came = Math.max(0, body.length - 2);
  const note = announced === came ? '' : `, ${announced} were announced`;
  return `${came} bytes of ${tables[table].words}s${note} (function ${code})`;
}
