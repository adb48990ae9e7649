import { identityText, parseIdentity, parseReply, SERVICE, unpackReplies } from './cip.ts';
import { BOOL, dataType, typeName } from './data-type.ts';
import { COMMAND, encapsulationText, HEADER_BYTES, ITEM, notAFrame, parseFrame, parseItems } from './frame.ts';
import { nameText } from './path.ts';
import { statusText } from './status.ts';

/**
 * Bytes as they were sent or received, in words: one sentence for each frame. What is no whole frame is said to be so;
 * nothing is remembered from one call to the next, so that a trace can be read from anywhere.
 */
export function explain(direction: 'sent' | 'received', bytes: Uint8Array): readonly string[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const sentences: string[] = [];
  for (let at = 0; at < all.length; ) {
    const rest = all.subarray(at);
    const reason = notAFrame(rest);
    if (reason !== null) return [...sentences, `${rest.length} bytes that are not EtherNet/IP: ${reason}.`];
    const length = rest.length < HEADER_BYTES ? 0 : HEADER_BYTES + rest.readUInt16LE(2);
    if (rest.length < HEADER_BYTES || rest.length < length) {
      return [...sentences, `${rest.length} bytes of a frame that goes on in the next packet.`];
    }
    sentences.push(`${sentence(direction, rest.subarray(0, length))}.`);
    at += length;
  }
  return sentences;
}

const commandNames: Readonly<Record<number, string>> = {
  [COMMAND.nop]: 'no operation',
  [COMMAND.listServices]: 'list services',
  [COMMAND.listIdentity]: 'list identity',
  [COMMAND.listInterfaces]: 'list interfaces',
  [COMMAND.registerSession]: 'register session',
  [COMMAND.unregisterSession]: 'end session',
  [COMMAND.indicateStatus]: 'indicate status',
  [COMMAND.cancel]: 'cancel',
};

function sentence(direction: 'sent' | 'received', bytes: Buffer): string {
  const frame = parseFrame(bytes);
  const from = direction === 'sent' ? 'Request' : 'Answer';
  const name = commandNames[frame.command];
  if (frame.status !== 0) return `${from}: refused with ${encapsulationText(frame.status)}`;
  if (name !== undefined) {
    if (direction === 'received' && frame.command === COMMAND.registerSession) {
      return `Answer: session ${frame.session} is begun`;
    }
    const item = parseItems(frame.data, 0)?.find(({ type }) => type === ITEM.identity);
    const identity = item === undefined ? null : parseIdentity(item.data.subarray(18));
    return `${from}: ${name}${identity === null ? '' : `, ${identityText(identity)}`}`;
  }
  const items = parseItems(frame.data) ?? [];
  const unconnected = items.find(({ type }) => type === ITEM.unconnected)?.data;
  const connected = items.find(({ type }) => type === ITEM.connected)?.data;
  const message = unconnected ?? connected?.subarray(2);
  if (message === undefined) return `${from}: ${frame.data.length} bytes without a message`;
  const how =
    connected === undefined || connected.length < 2
      ? `${from} ${frame.context}`
      : `${from} ${connected.readUInt16LE(0)} on the connection`;
  return `${how}: ${direction === 'sent' ? requestText(message) : replyText(message)}`;
}

const serviceNames: Readonly<Record<number, string>> = {
  [SERVICE.getAttributesAll]: 'get all attributes',
  [SERVICE.getAttributeList]: 'get attributes',
  [SERVICE.multiple]: 'packet of several requests',
  [SERVICE.read]: 'read tag',
  [SERVICE.forwardClose]: 'close connection',
  [SERVICE.readFragmented]: 'read tag in parts',
  [SERVICE.forwardOpen]: 'open connection',
  [SERVICE.listInstances]: 'list tags',
  [SERVICE.largeForwardOpen]: 'open large connection',
};
const serviceName = (service: number): string =>
  serviceNames[service] ?? `service 0x${service.toString(16).toUpperCase().padStart(2, '0')}`;
const MOST_PARTS = 6;

function requestText(message: Buffer): string {
  const service = message[0] ?? 0;
  const pathEnd = 2 + (message[1] ?? 0) * 2;
  if (pathEnd > message.length) return `${serviceName(service)}, cut off`;
  const path = message.subarray(2, pathEnd);
  const data = message.subarray(pathEnd);
  const manager = path.length === 4 && path[0] === 0x20 && path[1] === 0x06;
  if (manager && service === SERVICE.unconnectedSend && data.length >= 4) {
    const inner = data.subarray(4, 4 + data.readUInt16LE(2));
    return `by the path ${routeText(data.subarray(4 + inner.length + (inner.length % 2) + 2))}, ${requestText(inner)}`;
  }
  if (service === SERVICE.multiple && data.length >= 2) {
    const count = data.readUInt16LE(0);
    const parts: string[] = [];
    for (let index = 0; index < Math.min(count, MOST_PARTS) && 4 + 2 * index <= data.length; index++) {
      const at = data.readUInt16LE(2 + 2 * index);
      if (at + 2 <= data.length && at >= 2 + 2 * count) parts.push(requestText(data.subarray(at)));
    }
    return `${count} requests in one packet: ${parts.join('; ')}${count > MOST_PARTS ? '; and more' : ''}`;
  }
  const count =
    (service === SERVICE.read || service === SERVICE.readFragmented) && path[0] === 0x91 && data.length >= 2
      ? data.readUInt16LE(0)
      : 1;
  return `${serviceName(service)} ${pathWords(path)}${count > 1 ? `, ${count} elements` : ''}`.trim();
}

function routeText(route: Buffer): string {
  return route.length === 0 ? 'without hops' : route.toString('hex').replace(/..(?=.)/g, '$& ');
}

/** A path as a tag's name, or as object and instance. */
function pathWords(path: Buffer): string {
  let text = '';
  let open = false;
  const put = (word: string, element: boolean): void => {
    if (element) {
      text = open ? `${text.slice(0, -1)},${word}]` : `${text}[${word}]`;
      open = true;
    } else {
      text += text === '' ? word : `.${word}`;
      open = false;
    }
  };
  for (let at = 0; at < path.length; ) {
    const head = path[at]!;
    if (head === 0x91) {
      const length = path[at + 1] ?? 0;
      put(nameText(path.subarray(at + 2, at + 2 + length)).replace(/[\p{C}\ufffd]/gu, '?'), false);
      at += 2 + length + (length % 2);
      continue;
    }
    const width = head & 3;
    const kind = head & 0xfc;
    const from = at + (width === 0 ? 1 : 2);
    const bytes = [1, 2, 4][width];
    if (bytes === undefined || from + bytes > path.length) return `${text} and a path that is not known`.trim();
    const value = path.readUIntLE(from, bytes);
    if (kind === 0x28) put(String(value), true);
    else if (kind === 0x20) put(`class 0x${value.toString(16).toUpperCase()}`, false);
    else if (kind === 0x24) put(`instance ${value}`, false);
    else if (kind === 0x30) put(`attribute ${value}`, false);
    else return `${text} and a path that is not known`.trim();
    at = from + bytes;
  }
  return text;
}

function replyText(message: Buffer): string {
  const reply = parseReply(message);
  if (reply === null) return `${message.length} bytes that are no answer`;
  const { service, status, extended, data } = reply;
  const name = serviceName(service);
  if (service === SERVICE.multiple && data.length >= 2) {
    const count = data.readUInt16LE(0);
    const replies = unpackReplies(data, count);
    if (replies !== null) {
      const texts = replies.slice(0, MOST_PARTS).map((one) => (one === null ? 'too short' : oneReply(one)));
      return `${count} answers in one packet: ${texts.join('; ')}${count > MOST_PARTS ? '; and more' : ''}`;
    }
  }
  if (status !== 0 && status !== 6) return `${name} refused, ${statusText(status, extended)}`;
  return oneReply(reply);
}

function oneReply({ service, status, extended, data }: NonNullable<ReturnType<typeof parseReply>>): string {
  const name = serviceName(service);
  if (status !== 0 && status !== 6) return `${name} refused, ${statusText(status, extended)}`;
  const more = status === 6 ? ', more to come' : '';
  if ((service === SERVICE.read || service === SERVICE.readFragmented) && data.length >= 2) {
    const type = data.readUInt16LE(0);
    const known = dataType(type);
    const value = known === undefined ? null : valueText(type, data.subarray(2));
    return `${typeName(type)}${value === null ? `, ${data.length - 2} bytes` : ` ${value}`}${more}`;
  }
  return `${name} done, ${data.length} bytes${more}`;
}

/** One number of an elementary type; null for several and for what is none. */
function valueText(type: number, bytes: Buffer): string | null {
  const known = dataType(type);
  if (known === undefined || known.size === 0 || bytes.length !== known.size) return null;
  if (type === BOOL) return bytes[0] === 0 ? '0' : '1';
  switch (known.as[0]) {
    case 'float32':
      return String(bytes.readFloatLE(0));
    case 'float64':
      return String(bytes.readDoubleLE(0));
    case 'int64':
      return String(bytes.readBigInt64LE(0));
    case 'uint64':
      return String(bytes.readBigUInt64LE(0));
    default:
      return String(
        known.as[0]?.startsWith('u') === true ? bytes.readUIntLE(0, known.size) : bytes.readIntLE(0, known.size),
      );
  }
}
