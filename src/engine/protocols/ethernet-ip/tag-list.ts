import { type Reply, request, SERVICE, STATUS, u16, u32 } from './cip.ts';
import type { Controller } from './controller.ts';
import { DINT, SINT, USINT } from './data-type.ts';
import { isName, isProgram, nameText, objectPath, symbolPath } from './path.ts';
import { statusText } from './status.ts';

// Symbols (class 0x6B) and templates (class 0x6C) of a controller: Rockwell 1756-PM020, chapter 2.

/** What stands behind a name: a type of data, or a template, in an array or not. */
export interface Found {
  readonly type: number;
  readonly template: number | null;
  /** From the first index to the last; of arrays of BOOL in elements of 32. */
  readonly dimensions: readonly number[];
}
export interface TagSymbol {
  readonly name: string;
  /** Null for a program. */
  readonly found: Found | null;
}
export interface Template {
  readonly name: string;
  readonly members: readonly { readonly name: string; readonly found: Found }[];
  /** LEN and DATA: it is read as a text. */
  readonly isText: boolean;
}
export type Symbols =
  | {
      readonly kind: 'symbols';
      readonly symbols: readonly TagSymbol[];
      /** By names in lower case. */
      readonly byName: ReadonlyMap<string, TagSymbol>;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Asked for once each; throws `protocol.timeout` and what links throw. */
export interface TagList {
  /** Of the controller, or of "Program:Main"; in order of names. Yields how many it has found after each answer. */
  symbols(program: string | null, signal: AbortSignal): AsyncGenerator<number, Symbols>;
  /** Null where the controller does not give it. */
  template(id: number, signal: AbortSignal): Promise<Template | null>;
  /** Requests so far. */
  readonly requests: number;
}

const SYMBOL = 0x6b;
const TEMPLATE = 0x6c;
const ATTRIBUTE = { name: 1, type: 2, dimensions: 8 } as const;
const STRUCTURE_BIT = 0x8000;
const SYSTEM_BIT = 0x1000;
/** More than a controller has; only a mad one goes on. */
const MOST_SYMBOLS = 200_000;
const MOST_TEMPLATE_BYTES = 1_000_000;
const PART_BYTES = 450;
/** A part of a definition that has less is its last one, whatever the length was said to be. */
const LEAST_PART = 16;
/** Between a definition's size in words and the bytes to read. */
const DEFINITION_REST = 23;

export function createTagList(controller: Controller): TagList {
  const scopes = new Map<string, Symbols>();
  const templates = new Map<number, Template | null>();
  let requests = 0;

  const ask = async (message: Buffer, signal: AbortSignal): Promise<Reply | string> => {
    requests++;
    const heard = await controller.ask(message, signal);
    if (heard.kind === 'reply') return heard.reply;
    return heard.kind === 'malformed' ? heard.reason : 'the request is too long';
  };

  async function* listSymbols(program: string | null, signal: AbortSignal): AsyncGenerator<number, Symbols> {
    const scope = program === null ? Buffer.alloc(0) : symbolPath([{ name: program, index: [] }]);
    const attributes = Buffer.concat([u16(3), u16(ATTRIBUTE.name), u16(ATTRIBUTE.type), u16(ATTRIBUTE.dimensions)]);
    const symbols: TagSymbol[] = [];
    for (let from = 0; ; ) {
      const path = Buffer.concat([scope, objectPath(SYMBOL, from, true)]);
      const reply = await ask(request(SERVICE.listInstances, path, attributes), signal);
      if (typeof reply === 'string') return { kind: 'refused', reason: reply };
      const { status, data } = reply;
      if (status !== STATUS.ok && status !== STATUS.partial) {
        return { kind: 'refused', reason: `the controller answers ${statusText(status, reply.extended)}` };
      }
      const last = parseSymbols(data, symbols);
      if (last === null) return { kind: 'refused', reason: 'a part of it makes no sense' };
      if (status === STATUS.ok) break;
      // Instances only go up; without that it would never end.
      if (last < from || symbols.length > MOST_SYMBOLS) {
        return { kind: 'refused', reason: 'the controller goes on without end' };
      }
      from = last + 1;
      yield symbols.length;
    }
    symbols.sort((a, b) => Number(a.found !== null) - Number(b.found !== null) || compare(a.name, b.name));
    return { kind: 'symbols', symbols, byName: new Map(symbols.map((one) => [one.name.toLowerCase(), one])) };
  }

  async function readTemplate(id: number, signal: AbortSignal): Promise<Template | null> {
    const path = objectPath(TEMPLATE, id, true);
    const attributes = Buffer.concat([u16(4), u16(4), u16(5), u16(2), u16(1)]);
    const head = await ask(request(SERVICE.getAttributeList, path, attributes), signal);
    if (typeof head === 'string' || head.status !== STATUS.ok) return null;
    const sizes = parseTemplateHead(head.data);
    if (sizes === null) return null;
    const { bytes, members } = sizes;
    const parts: Buffer[] = [];
    let length = 0;
    while (length < bytes) {
      const wanted = Math.min(bytes - length, controller.connectionBytes === null ? PART_BYTES : 0xffff);
      const reply = await ask(request(SERVICE.read, path, Buffer.concat([u32(length), u16(wanted)])), signal);
      if (typeof reply === 'string') return null;
      if (reply.status !== STATUS.ok && reply.status !== STATUS.partial) return null;
      parts.push(reply.data);
      length += reply.data.length;
      if (reply.data.length < LEAST_PART) break;
    }
    return parseTemplate(Buffer.concat(parts), members);
  }

  return {
    get requests() {
      return requests;
    },
    async *symbols(program, signal) {
      const key = (program ?? '').toLowerCase();
      const known = scopes.get(key) ?? (yield* listSymbols(program, signal));
      scopes.set(key, known);
      return known;
    },
    async template(id, signal) {
      const known = templates.get(id);
      if (known !== undefined) return known;
      const template = await readTemplate(id, signal);
      templates.set(id, template);
      return template;
    },
  };
}

const compare = (a: string, b: string): number => {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()];
  return x < y ? -1 : x > y ? 1 : 0;
};

/** Adds what is for people; the last instance seen, or null for bytes that are no list. */
function parseSymbols(data: Buffer, into: TagSymbol[]): number | null {
  let last = -1;
  for (let at = 0; at < data.length; ) {
    if (at + 6 > data.length) return null;
    last = data.readUInt32LE(at);
    const length = data.readUInt16LE(at + 4);
    const end = at + 6 + length + 2 + 12;
    if (end > data.length) return null;
    const name = nameText(data.subarray(at + 6, at + 6 + length));
    const type = data.readUInt16LE(end - 14);
    if (isProgram(name)) into.push({ name: name.replace(/^program:/i, 'Program:'), found: null });
    else if (isForPeople(name, type)) {
      const dimensions = [0, 1, 2].map((index) => data.readUInt32LE(end - 12 + 4 * index));
      into.push({ name, found: foundOf(type, dimensions.slice(0, (type >>> 13) & 3)) });
    }
    at = end;
  }
  return last;
}

/** Not what the controller keeps for itself: system symbols, routines and tasks, and names with two underscores. */
function isForPeople(name: string, type: number): boolean {
  if ((type & SYSTEM_BIT) !== 0 || name.startsWith('__')) return false;
  return isName(name) && !/^(?:map|task|cxn|routine|udi):/i.test(name);
}

/** Of elementary types the code stands in eight bits; a BOOL has its bit above. */
const foundOf = (type: number, dimensions: readonly number[]): Found => ({
  type: (type & STRUCTURE_BIT) === 0 ? type & 0xff : 0,
  template: (type & STRUCTURE_BIT) === 0 ? null : type & 0x0fff,
  dimensions,
});

/** Attributes 4 (words of the definition) and 2 (members), in the order that they were answered. */
function parseTemplateHead(data: Buffer): { readonly bytes: number; readonly members: number } | null {
  if (data.length < 2) return null;
  const count = data.readUInt16LE(0);
  const found = new Map<number, number>();
  let at = 2;
  for (let index = 0; index < count; index++) {
    if (at + 4 > data.length) return null;
    const attribute = data.readUInt16LE(at);
    if (data.readUInt16LE(at + 2) !== 0) return null;
    const bytes = attribute === 4 || attribute === 5 ? 4 : 2;
    at += 4;
    if (at + bytes > data.length) return null;
    found.set(attribute, data.readUIntLE(at, bytes));
    at += bytes;
  }
  const words = found.get(4);
  const members = found.get(2);
  if (words === undefined || members === undefined) return null;
  const bytes = words * 4 - DEFINITION_REST;
  return bytes < members * 8 || bytes > MOST_TEMPLATE_BYTES ? null : { bytes, members };
}

/** Eight bytes for each member, then the type's name and theirs, each ended by a zero. */
function parseTemplate(data: Buffer, count: number): Template | null {
  if (data.length < count * 8) return null;
  const texts = nameText(data.subarray(count * 8)).split('\0');
  const name = (texts[0] ?? '').split(';')[0] ?? '';
  const members: { name: string; found: Found }[] = [];
  for (let index = 0; index < count; index++) {
    const text = texts[1 + index] ?? '';
    // Hosts of BOOLs and other hidden members.
    if (!isName(text) || text.includes(':') || /^(?:ZZZZZZZZZZ|__)/.test(text)) continue;
    const length = data.readUInt16LE(index * 8);
    const type = data.readUInt16LE(index * 8 + 2);
    members.push({ name: text, found: foundOf(type, (type & 0x2000) === 0 ? [] : [length]) });
  }
  const [length, characters] = members;
  const isText =
    members.length === 2 &&
    length?.name.toUpperCase() === 'LEN' &&
    length.found.type === DINT &&
    characters?.name.toUpperCase() === 'DATA' &&
    characters.found.dimensions.length === 1 &&
    (characters.found.type === SINT || characters.found.type === USINT);
  return { name: isName(name) ? name : 'structure', members, isText };
}
