/**
 * One EGD production is one datagram: a header of 32 bytes, then the data. All numbers are little endian but the
 * producer's id, which is an IPv4 address in network order. There is no acknowledgement and no connection.
 */
export const EGD_PORT = 18_246;
export const HEADER_BYTES = 32;
/** Data bytes of one production at most. */
export const MAX_DATA_BYTES = 1_400;

const DATA_PDU = 0x0d;
const VERSION = 0x01;

export interface Header {
  /** Counts the productions of an exchange, modulo 2^16. */
  readonly requestId: number;
  /** IPv4 address as an unsigned number, first byte most significant. */
  readonly producer: number;
  readonly exchange: number;
  /** Production time in microseconds UTC since 1970; null where the producer gives none. */
  readonly produced: number | null;
  readonly status: number;
  readonly signature: number;
}

export type ParsedHeader =
  | { readonly kind: 'data'; readonly header: Header }
  /** Type and version have changed places, as some simulators send them; the rest is as it should be. */
  | { readonly kind: 'swapped'; readonly header: Header }
  | { readonly kind: 'other'; readonly reason: string };

export function parseHeader(datagram: Uint8Array): ParsedHeader {
  if (datagram.length < HEADER_BYTES) {
    return { kind: 'other', reason: `${datagram.length} bytes are less than the header of ${HEADER_BYTES}` };
  }
  if (datagram.length > HEADER_BYTES + MAX_DATA_BYTES) {
    return {
      kind: 'other',
      reason: `${datagram.length - HEADER_BYTES} bytes of data are more than a production has (${MAX_DATA_BYTES})`,
    };
  }
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const type = view.getUint8(0);
  const version = view.getUint8(1);
  const swapped = type === VERSION && version === DATA_PDU;
  if (!swapped && type !== DATA_PDU) return { kind: 'other', reason: `PDU type ${type} is no production (13)` };
  if (!swapped && version !== VERSION) return { kind: 'other', reason: `version ${version} is not known (1 is)` };
  const seconds = view.getUint32(12, true);
  const nanoseconds = view.getUint32(16, true);
  const header: Header = {
    requestId: view.getUint16(2, true),
    producer: view.getUint32(4, false),
    exchange: view.getUint32(8, true),
    produced:
      seconds === 0 || nanoseconds >= 1_000_000_000 ? null : seconds * 1_000_000 + Math.floor(nanoseconds / 1_000),
    status: view.getUint32(20, true),
    signature: view.getUint32(24, true),
  };
  return { kind: swapped ? 'swapped' : 'data', header };
}

/** "192.168.0.10" as an unsigned number; null for what is no IPv4 address. */
export function producerNumber(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (parts === null) return null;
  let number = 0;
  for (const part of parts.slice(1)) {
    if (Number(part) > 255) return null;
    number = number * 256 + Number(part);
  }
  return number;
}

export const producerText = (number: number): string =>
  [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join('.');

/** Signatures are written as their makers do: a major and a minor byte, 1.0 is 0x0100; larger ones in hex. */
export const signatureText = (signature: number): string =>
  signature > 0xffff ? `0x${signature.toString(16)}` : `${signature >>> 8}.${signature & 255}`;
