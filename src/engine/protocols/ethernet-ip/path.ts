// Paths as the CIP Networks Library, volume 1, appendix C has them: where in a controller, and by which way to it.

/** A part of a tag's name with the indices behind it. */
export interface Step {
  readonly name: string;
  readonly index: readonly number[];
}

/** `20 02 24 01`, the message router; likewise for other objects. `wide` gives the instance two bytes at least. */
export function objectPath(classId: number, instance: number, wide = false): Buffer {
  if (instance > 0xffff) {
    const bytes = [instance & 0xff, (instance >>> 8) & 0xff, (instance >>> 16) & 0xff, instance >>> 24];
    return Buffer.of(0x20, classId, 0x26, 0, ...bytes);
  }
  return wide || instance > 0xff
    ? Buffer.of(0x20, classId, 0x25, 0, instance & 0xff, instance >>> 8)
    : Buffer.of(0x20, classId, 0x24, instance);
}

// What names consist of: Logix keeps to ASCII, Omron and others allow letters of all languages.
const NAME = /^[\p{L}_][\p{L}\p{M}\p{Nd}_]*(?::[\p{L}\p{M}\p{Nd}_]+)*$/u;
/** As many as a path can tell: Logix has 40 itself, Micro800 and Omron have more than a hundred. */
export const MOST_NAME_BYTES = 255;

/** A name of a tag, a member or a program; parts of one such as "Program:Main" are between colons. */
export const isName = (text: string): boolean => NAME.test(text);
export const isProgram = (text: string): boolean => /^program:[^:]+$/i.test(text) && isName(text);

/** The bytes of a name on the wire, where letters beyond ASCII stand as UTF-8. */
export const nameBytes = (name: string): Buffer => Buffer.from(name, 'utf8');
/** Bytes that are no UTF-8 become a sign that no name has. */
export const nameText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** Symbols with their elements, as the controller looks up a tag by name. */
export function symbolPath(steps: readonly Step[]): Buffer {
  const bytes: number[] = [];
  for (const { name, index } of steps) {
    const symbol = nameBytes(name);
    bytes.push(0x91, symbol.length, ...symbol);
    if (symbol.length % 2 === 1) bytes.push(0);
    for (const element of index) {
      if (element <= 0xff) bytes.push(0x28, element);
      else if (element <= 0xffff) bytes.push(0x29, 0, element & 0xff, element >>> 8);
      else {
        bytes.push(0x2a, 0, element & 0xff, (element >>> 8) & 0xff, (element >>> 16) & 0xff, element >>> 24);
      }
    }
  }
  return Buffer.from(bytes);
}

/** One link of a way: out of `port`, to the slot or address `link`. */
export interface Hop {
  readonly port: number;
  readonly link: number | string;
}

const MOST_HOPS = 8;

/**
 * Reads `1,0` or `1,4,2,192.168.1.5`: pairs of a port and the slot, node or address behind it. An empty text is no way
 * at all. A sentence says what is wrong.
 */
export function parseRoute(text: string): readonly Hop[] | string {
  const plain = text.trim();
  if (plain === '') return [];
  const parts = plain.split(/[,/\\]/).map((part) => part.trim());
  if (parts.length % 2 === 1) {
    return 'A path is pairs of port and slot or address, such as 1,0 or 1,4,2,192.168.1.5. Leave it empty for controllers without a backplane.';
  }
  if (parts.length / 2 > MOST_HOPS) return `A path has at most ${MOST_HOPS} pairs.`;
  const hops: Hop[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const [port, link] = [parts[at]!, parts[at + 1]!];
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_534) {
      return `"${port.slice(0, 20)}" is no port: write 1 for the backplane, 2 for the network port.`;
    }
    if (/^\d{1,3}$/.test(link) && Number(link) <= 255) hops.push({ port: Number(port), link: Number(link) });
    else if (/^[A-Za-z0-9][\w.:-]{0,62}$/.test(link) && /[.:A-Za-z]/.test(link)) {
      hops.push({ port: Number(port), link });
    } else return `"${link.slice(0, 20)}" is neither a slot (0 to 255) nor an address such as 192.168.1.5.`;
  }
  return hops;
}

/** The bytes of a way; its length is even. */
export function routePath(hops: readonly Hop[]): Buffer {
  const bytes: number[] = [];
  for (const { port, link } of hops) {
    const extended = port > 14;
    const low = extended ? 15 : port;
    const portBytes = extended ? [port & 0xff, port >>> 8] : [];
    if (typeof link === 'number') bytes.push(low, ...portBytes, link);
    else bytes.push(0x10 | low, link.length, ...portBytes, ...Buffer.from(link, 'latin1'));
    if (bytes.length % 2 === 1) bytes.push(0);
  }
  return Buffer.from(bytes);
}
