import { objectPath } from './path.ts';

// Requests to and answers of message routers: CIP volume 1, chapters 2 and 3; reading tags, Rockwell 1756-PM020.

export const SERVICE = {
  getAttributesAll: 0x01,
  getAttributeList: 0x03,
  multiple: 0x0a,
  read: 0x4c,
  forwardClose: 0x4e,
  /** At a tag: read tag fragmented. At the connection manager: unconnected send. */
  readFragmented: 0x52,
  unconnectedSend: 0x52,
  forwardOpen: 0x54,
  listInstances: 0x55,
  largeForwardOpen: 0x5b,
} as const;

export const STATUS = {
  ok: 0x00,
  connectionFailure: 0x01,
  pathSegment: 0x04,
  pathUnknown: 0x05,
  partial: 0x06,
  notSupported: 0x08,
  replyTooLarge: 0x11,
  attribute: 0x14,
  noObject: 0x16,
  embedded: 0x1e,
} as const;

export interface Reply {
  readonly service: number;
  readonly status: number;
  /** Words of the extended status. */
  readonly extended: readonly number[];
  readonly data: Buffer;
}

const ANSWER = 0x80;
const MANAGER = objectPath(0x06, 1);
const ROUTER = objectPath(0x02, 1);

export function request(service: number, path: Buffer, data: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.of(service, path.length >> 1), path, data]);
}

export const readRequest = (path: Buffer, elements: number): Buffer => request(SERVICE.read, path, u16(elements));

export function fragmentRequest(path: Buffer, elements: number, offset: number): Buffer {
  return request(SERVICE.readFragmented, path, Buffer.concat([u16(elements), u32(offset)]));
}

const NO_WORDS: readonly number[] = [];

/** Null for bytes that are no answer, between these two places. */
export function parseReply(bytes: Buffer, from = 0, to = bytes.length): Reply | null {
  if (to - from < 4 || (bytes[from]! & ANSWER) === 0) return null;
  const words = bytes[from + 3]!;
  const data = from + 4 + 2 * words;
  if (data > to) return null;
  return {
    service: bytes[from]! & 0x7f,
    status: bytes[from + 2]!,
    extended:
      words === 0 ? NO_WORDS : Array.from({ length: words }, (_, index) => bytes.readUInt16LE(from + 4 + 2 * index)),
    data: bytes.subarray(data, to),
  };
}

/** Bytes that a packet of many costs beside its parts: itself, and two for each. */
export const PACK_REQUEST_BYTES = 8;
export const PACK_REPLY_BYTES = 6;

export function packRequests(requests: readonly Buffer[]): Buffer {
  return request(SERVICE.multiple, ROUTER, withOffsets(requests));
}

function withOffsets(parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(2 + 2 * parts.length);
  head.writeUInt16LE(parts.length, 0);
  let at = head.length;
  parts.forEach((part, index) => {
    head.writeUInt16LE(at, 2 + 2 * index);
    at += part.length;
  });
  return Buffer.concat([head, ...parts]);
}

/** The answers in a packet of many, in the order of their requests; null where the packet makes no sense. */
export function unpackReplies(data: Buffer, count: number): readonly (Reply | null)[] | null {
  if (data.length < 2 + 2 * count || data.readUInt16LE(0) !== count) return null;
  const replies: (Reply | null)[] = [];
  for (let index = 0; index < count; index++) {
    const from = data.readUInt16LE(2 + 2 * index);
    const to = index + 1 < count ? data.readUInt16LE(4 + 2 * index) : data.length;
    if (from < 2 + 2 * count || to < from || to > data.length) return null;
    replies.push(parseReply(data, from, to));
  }
  return replies;
}

/** Time that a router in between may take, as tick (two to the power of it in ms) and number of ticks. */
function ticks(timeoutMs: number): Buffer {
  for (let tick = 3; ; tick++) {
    const count = Math.max(1, Math.floor(timeoutMs / 2 ** tick));
    if (count <= 255 || tick === 15) return Buffer.of(tick, Math.min(count, 255));
  }
}

/** Bytes that an unconnected send adds to a message of even length. */
export const unconnectedSendBytes = (route: Buffer): number => 12 + route.length;

export function unconnectedSend(message: Buffer, route: Buffer, timeoutMs: number): Buffer {
  const pad = Buffer.alloc(message.length % 2);
  return request(
    SERVICE.unconnectedSend,
    MANAGER,
    Buffer.concat([ticks(timeoutMs), u16(message.length), message, pad, Buffer.of(route.length >> 1, 0), route]),
  );
}

export interface ConnectionIds {
  readonly serial: number;
  readonly originator: number;
  readonly toOriginator: number;
}
/** No vendor of devices: the number only tells connections of different programs apart. */
const VENDOR = 0x5058;
const SECONDS_BETWEEN = 2_000_000;
/** The controller forgets a connection after 4 x 2^3 intervals without a request. */
export const FORGOTTEN_AFTER_MS = (SECONDS_BETWEEN / 1000) * 32;

/** `size` in bytes, both directions, with the two of the sequence count. */
export function forwardOpen(
  ids: ConnectionIds,
  size: number,
  large: boolean,
  route: Buffer,
  timeoutMs: number,
): Buffer {
  // Point to point, low priority, variable length.
  const parameters = large ? u32((0x4200 << 16) | size) : u16(0x4200 | size);
  const path = Buffer.concat([route, ROUTER]);
  return request(
    large ? SERVICE.largeForwardOpen : SERVICE.forwardOpen,
    MANAGER,
    Buffer.concat([
      ticks(timeoutMs),
      u32(0),
      u32(ids.toOriginator),
      u16(ids.serial),
      u16(VENDOR),
      u32(ids.originator),
      Buffer.of(3, 0, 0, 0),
      u32(SECONDS_BETWEEN),
      parameters,
      u32(SECONDS_BETWEEN),
      parameters,
      // Class 3, triggered by the application, the controller is server.
      Buffer.of(0xa3, path.length >> 1),
      path,
    ]),
  );
}

export function forwardClose(ids: ConnectionIds, route: Buffer, timeoutMs: number): Buffer {
  const path = Buffer.concat([route, ROUTER]);
  return request(
    SERVICE.forwardClose,
    MANAGER,
    Buffer.concat([
      ticks(timeoutMs),
      u16(ids.serial),
      u16(VENDOR),
      u32(ids.originator),
      Buffer.of(path.length >> 1, 0),
      path,
    ]),
  );
}

/** The number under which the controller takes requests on a connection; null where the answer does not fit. */
export function openedConnection(reply: Reply, ids: ConnectionIds): number | null {
  const { data } = reply;
  if (data.length < 26 || data.readUInt32LE(4) !== ids.toOriginator || data.readUInt16LE(8) !== ids.serial) return null;
  return data.readUInt32LE(0);
}

export interface Identity {
  readonly vendor: number;
  readonly deviceType: number;
  readonly productCode: number;
  readonly revision: string;
  readonly serial: number;
  readonly name: string;
}

/** All attributes of the identity object; null for bytes that are none. */
export function parseIdentity(data: Buffer): Identity | null {
  if (data.length < 15 || data.length < 15 + data[14]!) return null;
  return {
    vendor: data.readUInt16LE(0),
    deviceType: data.readUInt16LE(2),
    productCode: data.readUInt16LE(4),
    revision: `${data[6]}.${data[7]}`,
    serial: data.readUInt32LE(10),
    name: data
      .toString('latin1', 15, 15 + data[14]!)
      .replace(/[^\x20-\x7e\xa0-\xff]/g, '?')
      .trim(),
  };
}

export function identityText(identity: Identity): string {
  const serial = identity.serial.toString(16).toUpperCase().padStart(8, '0');
  const name = identity.name === '' ? `product ${identity.vendor}/${identity.productCode}` : identity.name;
  return `${name}, revision ${identity.revision}, serial number ${serial}`;
}

export function u16(value: number): Buffer {
  return Buffer.of(value & 0xff, (value >>> 8) & 0xff);
}
export function u32(value: number): Buffer {
  return Buffer.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff);
}
