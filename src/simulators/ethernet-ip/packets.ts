import { type Identity, identityBytes, u16, u32 } from './services.ts';

// Items of the common packet format (CIP volume 2, section 2-6).

export interface Item {
  readonly type: number;
  readonly data: Buffer;
}

/** Items of the common packet format behind interface handle and time-out; null for bytes that are none. */
export function itemsOf(data: Buffer): Item[] | null {
  if (data.length < 8) return null;
  const count = data.readUInt16LE(6);
  const items: Item[] = [];
  let at = 8;
  for (let i = 0; i < count; i++) {
    if (at + 4 > data.length) return null;
    const length = data.readUInt16LE(at + 2);
    if (at + 4 + length > data.length) return null;
    items.push({ type: data.readUInt16LE(at), data: data.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return items;
}

export function rrData(items: readonly Item[]): Buffer {
  return Buffer.concat([
    u32(0),
    u16(0),
    u16(items.length),
    ...items.flatMap(({ type, data }) => [u16(type), u16(data.length), data]),
  ]);
}

export function identityItem(identity: Identity, host: string, port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeInt16BE(2, 0);
  address.writeUInt16BE(port, 2);
  host.split('.').forEach((part, index) => {
    address[4 + index] = Number(part);
  });
  const data = Buffer.concat([u16(1), address, identityBytes(identity), Buffer.of(3)]);
  return Buffer.concat([u16(0x0c), u16(data.length), data]);
}

/** No encapsulation header by its command, and a length that fits nothing. */
export const garbage = (): Buffer => Buffer.from(Array.from({ length: 60 }, (_, index) => (index * 151 + 77) & 0xff));
