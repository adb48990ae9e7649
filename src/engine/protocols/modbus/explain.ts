import { formatAddress } from './address.ts';
import { exceptionText } from './exceptions.ts';
import { HEADER_BYTES, MAX_LENGTH } from './frame-reader.ts';
import { type Table, tableName, tables } from './table.ts';

/**
 * Bytes as they were sent or received, in words: one sentence for each frame. What is no whole frame is said to be so;
 * nothing is remembered from one call to the next, so that a trace can be read from anywhere.
 */
export function explain(direction: 'sent' | 'received', bytes: Uint8Array): readonly string[] {
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

const numberOf = (frame: Uint8Array): number => (frame[0]! << 8) | frame[1]!;
const tableOf = (code: number): Table | undefined =>
  tableName.options.find((table) => tables[table].readFunction === code);

function explainRequest(frame: Uint8Array): string {
  const from = `Request ${numberOf(frame)} to unit ${frame[6]}`;
  const table = tableOf(frame[7]!);
  if (table === undefined || frame.length !== HEADER_BYTES + 6) return `${from}: function ${frame[7]}.`;
  const offset = (frame[8]! << 8) | frame[9]!;
  const count = (frame[10]! << 8) | frame[11]!;
  const first = formatAddress({ table, offset, bit: null, length: null });
  const { words } = tables[table];
  const what = count === 1 ? `${words} ${first}` : `${count} ${words}s from ${first}`;
  return `${from}: read ${what} (function ${frame[7]}, offset ${offset}).`;
}

function explainAnswer(frame: Uint8Array): string {
  const from = `Answer ${numberOf(frame)} from unit ${frame[6]}`;
  const code = frame[7]!;
  if (code >= 0x80) return `${from}: ${exceptionText(frame[8] ?? 0)} (function ${code & 0x7f}).`;
  const table = tableOf(code);
  if (table === undefined) return `${from}: function ${code}.`;
  const announced = frame[8] ?? 0;
  const came = Math.max(0, frame.length - HEADER_BYTES - 3);
  const note = announced === came ? '' : `, ${announced} were announced`;
  return `${from}: ${came} bytes of ${tables[table].words}s${note} (function ${code}).`;
}
