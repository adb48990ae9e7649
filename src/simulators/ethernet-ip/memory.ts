// The tag memory of a simulated Logix controller: symbols, user-defined types and their bytes, as the controller's own
// data access manual describes them (Rockwell 1756-PM020). Everything is little endian.

/** Elementary types by name, with the code that stands on the wire and their size in bytes. */
export const ATOMIC = {
  BOOL: { code: 0xc1, size: 1 },
  SINT: { code: 0xc2, size: 1 },
  INT: { code: 0xc3, size: 2 },
  DINT: { code: 0xc4, size: 4 },
  LINT: { code: 0xc5, size: 8 },
  USINT: { code: 0xc6, size: 1 },
  UINT: { code: 0xc7, size: 2 },
  UDINT: { code: 0xc8, size: 4 },
  ULINT: { code: 0xc9, size: 8 },
  REAL: { code: 0xca, size: 4 },
  LREAL: { code: 0xcb, size: 8 },
  /** What an array of BOOL is made of. */
  DWORD: { code: 0xd3, size: 4 },
} as const;
export type AtomicName = keyof typeof ATOMIC;

/** A member as it is declared: a type by name, with the length of an array. */
export interface MemberDeclaration {
  readonly name: string;
  readonly type: string;
  readonly length?: number;
}

export interface Member {
  readonly name: string;
  /** Null for a BOOL, which is one bit of a hidden host. */
  readonly type: DataType;
  readonly length: number;
  readonly offset: number;
  readonly bit: number | null;
  readonly hidden: boolean;
}

export interface Template {
  readonly kind: 'structure';
  readonly name: string;
  readonly id: number;
  /** Stands in answers in place of the type. */
  readonly handle: number;
  readonly size: number;
  readonly members: readonly Member[];
}
export interface Atomic {
  readonly kind: 'atomic';
  readonly name: AtomicName;
  readonly code: number;
  readonly size: number;
}
export type DataType = Atomic | Template;

export interface Tag {
  readonly name: string;
  /** "Program:Main" or null for the controller's scope. */
  readonly program: string | null;
  readonly instance: number;
  readonly type: DataType;
  /** Up to three; empty for a single value. For BOOL arrays in elements of DWORD. */
  readonly dimensions: readonly number[];
  readonly bytes: Buffer;
}

export interface TagMemory {
  readonly tags: readonly Tag[];
  readonly templates: ReadonlyMap<number, Template>;
  readonly programs: readonly string[];
  /** Members of a user-defined type in order; BOOLs are packed into hidden hosts as a controller does. */
  defineType(name: string, members: readonly MemberDeclaration[]): Template;
  /** `name` may begin with "Program:X."; `type` is an elementary type, STRING or a defined type. */
  define(name: string, type: string, dimensions?: readonly number[]): Tag;
  /** Takes a tag away, as a download to the controller does; what is not there is left alone. */
  remove(name: string): void;
  find(program: string | null, name: string): Tag | undefined;
  /** Where `path`, such as `Line.Reels[2].Speed`, lies. Throws for what does not exist. */
  place(path: string): Place;
  set(path: string, value: number | bigint | string | boolean): void;
  template(id: number): Template | undefined;
}

export interface Place {
  readonly bytes: Buffer;
  readonly offset: number;
  readonly type: DataType;
  readonly bit: number | null;
  /** Elements from here to the end of the array. */
  readonly elements: number;
}

const FIRST_TEMPLATE = 0x100;
const STRING_TEMPLATE = 0xfce;
/** The handle of STRING is the same in every controller. */
const STRING_HANDLE = 0x0fce;

/** `packBools`: an array of BOOL is one of DWORD, as in Logix; otherwise each has a byte of its own, as in Micro800. */
export function createTagMemory({ packBools = true }: { readonly packBools?: boolean } = {}): TagMemory {
  const tags: Tag[] = [];
  const templates = new Map<number, Template>();
  const byName = new Map<string, DataType>();
  const programs: string[] = [];
  let nextTemplate = FIRST_TEMPLATE;
  let nextInstance = 1;
  for (const [name, { code, size }] of Object.entries(ATOMIC)) {
    byName.set(name, { kind: 'atomic', name: name as AtomicName, code, size });
  }
  const atomic = (name: AtomicName): Atomic => byName.get(name) as Atomic;

  function build(name: string, id: number, declared: readonly MemberDeclaration[]): Template {
    const members: Member[] = [];
    let offset = 0;
    let alignment = 4;
    let host: { readonly offset: number; bits: number } | null = null;
    let hosts = 0;
    for (const declaration of declared) {
      if (declaration.type === 'BOOL' && declaration.length === undefined) {
        if (host === null || host.bits === 8) {
          host = { offset, bits: 0 };
          members.push({
            name: `ZZZZZZZZZZ${name.slice(0, 20)}${hosts++}`,
            type: atomic('SINT'),
            length: 0,
            offset,
            bit: null,
            hidden: true,
          });
          offset += 1;
        }
        members.push({
          name: declaration.name,
          type: atomic('BOOL'),
          length: 0,
          offset: host.offset,
          bit: host.bits++,
          hidden: false,
        });
        continue;
      }
      host = null;
      const bools = declaration.type === 'BOOL';
      const type = byName.get(bools ? 'DWORD' : declaration.type);
      if (type === undefined) throw new Error(`The type ${declaration.type} is not defined.`);
      const align = type.kind === 'atomic' ? type.size : 4;
      const length =
        declaration.length === undefined ? 0 : bools ? Math.ceil(declaration.length / 32) : declaration.length;
      const by = length > 0 ? Math.max(align, 4) : align;
      alignment = Math.max(alignment, align);
      offset = Math.ceil(offset / by) * by;
      members.push({ name: declaration.name, type, length, offset, bit: null, hidden: false });
      offset += type.size * Math.max(1, length);
    }
    const size = Math.ceil(offset / alignment) * alignment;
    const handle = id === STRING_TEMPLATE ? STRING_HANDLE : (0x1000 + id * 0x2f + declared.length) & 0xffff;
    const template: Template = { kind: 'structure', name, id, handle, size, members };
    templates.set(id, template);
    byName.set(name, template);
    return template;
  }
  build('STRING', STRING_TEMPLATE, [
    { name: 'LEN', type: 'DINT' },
    { name: 'DATA', type: 'SINT', length: 82 },
  ]);

  /** By program and name, for controllers with thousands of tags. */
  const found = new Map<string, Tag>();
  const keyOf = (program: string | null, name: string): string => `${program ?? ''}\0${name.toLowerCase()}`;
  const find = (program: string | null, name: string): Tag | undefined => found.get(keyOf(program, name));

  function place(path: string): Place {
    const scoped = /^(Program:[^.]+)\.(.*)$/.exec(path);
    const parts = (scoped?.[2] ?? path).split('.');
    const [base, indices] = split(parts[0]!);
    const tag = find(scoped?.[1] ?? null, base);
    if (tag === undefined) throw new Error(`There is no tag ${path}.`);
    let at: Place = { bytes: tag.bytes, offset: 0, type: tag.type, bit: null, elements: count(tag.dimensions) };
    at = indexed(at, indices, tag.dimensions);
    for (const part of parts.slice(1)) {
      const [name, index] = split(part);
      at = member(at, name);
      if (index.length > 0) at = indexed(at, index, [at.elements]);
    }
    return at;
  }

  return {
    tags,
    templates,
    programs,
    find,
    remove(name) {
      const scoped = /^(Program:[^.]+)\.(.*)$/.exec(name);
      const key = keyOf(scoped?.[1] ?? null, scoped?.[2] ?? name);
      const tag = found.get(key);
      if (tag === undefined) return;
      found.delete(key);
      tags.splice(tags.indexOf(tag), 1);
    },
    place,
    template: (id) => templates.get(id),
    defineType: (name, members) => build(name, nextTemplate++, members),
    define(name, typeName, dimensions = []) {
      const scoped = /^(Program:[^.]+)\.(.*)$/.exec(name);
      const program = scoped?.[1] ?? null;
      if (program !== null && !programs.includes(program)) programs.push(program);
      const bools = packBools && typeName === 'BOOL' && dimensions.length > 0;
      const type = byName.get(bools ? 'DWORD' : typeName);
      if (type === undefined) throw new Error(`The type ${typeName} is not defined.`);
      const sizes = bools ? [Math.ceil(dimensions[0]! / 32)] : dimensions;
      const tag: Tag = {
        name: scoped?.[2] ?? name,
        program,
        instance: nextInstance++,
        type,
        dimensions: sizes,
        bytes: Buffer.alloc(type.size * count(sizes)),
      };
      tags.push(tag);
      found.set(keyOf(program, tag.name), tag);
      return tag;
    },
    set(path, value) {
      // The last part may be a bit of a number, or an element of an array of BOOL.
      const bit = /^(.*)\.(\d+)$/.exec(path);
      const element = /^(.*)\[(\d+)\]$/.exec(path);
      if (bit !== null) {
        setBit(place(bit[1]!), Number(bit[2]), Boolean(value));
        return;
      }
      if (element !== null) {
        const array = place(element[1]!);
        if (array.type.name === 'DWORD') {
          setBit(array, Number(element[2]), Boolean(value));
          return;
        }
      }
      write(place(path), value);
    },
  };
}

const count = (dimensions: readonly number[]): number => dimensions.reduce((product, size) => product * size, 1);

/** `Reels[1,2]` as its name and its indices. */
function split(part: string): [name: string, indices: readonly number[]] {
  const parts = /^([^[]+)(?:\[([\d,]+)\])?$/.exec(part);
  if (parts === null) throw new Error(`${part} is no name.`);
  return [parts[1]!, parts[2] === undefined ? [] : parts[2].split(',').map(Number)];
}

/** The element of an array; throws where an index is outside. */
export function indexed(at: Place, indices: readonly number[], dimensions: readonly number[]): Place {
  if (indices.length === 0) return at;
  if (indices.length > dimensions.length) throw new RangeError('more indices than dimensions');
  let element = 0;
  for (const [level, size] of dimensions.entries()) {
    const index = indices[level] ?? 0;
    if (index >= size) throw new RangeError('an index is outside of the array');
    element = element * size + index;
  }
  return { ...at, offset: at.offset + element * at.type.size, elements: count(dimensions) - element };
}

export function member(at: Place, name: string): Place {
  if (at.type.kind !== 'structure') throw new Error(`${at.type.name} has no members.`);
  const wanted = name.toLowerCase();
  const found = at.type.members.find((one) => one.name.toLowerCase() === wanted);
  if (found === undefined) throw new Error(`${at.type.name} has no member ${name}.`);
  return {
    bytes: at.bytes,
    offset: at.offset + found.offset,
    type: found.type,
    bit: found.bit,
    elements: Math.max(1, found.length),
  };
}

function setBit(at: Place, bit: number, value: boolean): void {
  const byte = at.offset + (bit >>> 3);
  const mask = 1 << (bit & 7);
  at.bytes[byte] = value ? at.bytes[byte]! | mask : at.bytes[byte]! & ~mask;
}

function write({ bytes, offset, type, bit }: Place, value: number | bigint | string | boolean): void {
  if (bit !== null) {
    setBit({ bytes, offset, type, bit, elements: 1 }, bit, Boolean(value));
    return;
  }
  if (type.kind === 'structure') {
    if (typeof value !== 'string') throw new TypeError(`${type.name} takes a text.`);
    const [length, data] = type.members;
    if (length?.name !== 'LEN' || data === undefined) throw new TypeError(`${type.name} is no string.`);
    const text = Buffer.from(value, 'latin1').subarray(0, data.length);
    bytes.fill(0, offset, offset + type.size);
    bytes.writeInt32LE(text.length, offset + length.offset);
    text.copy(bytes, offset + data.offset);
    return;
  }
  const number = Number(value);
  switch (type.name) {
    case 'BOOL':
      bytes[offset] = number !== 0 ? 0xff : 0;
      return;
    case 'SINT':
      bytes.writeInt8(number, offset);
      return;
    case 'USINT':
      bytes.writeUInt8(number, offset);
      return;
    case 'INT':
      bytes.writeInt16LE(number, offset);
      return;
    case 'UINT':
      bytes.writeUInt16LE(number, offset);
      return;
    case 'DINT':
      bytes.writeInt32LE(number, offset);
      return;
    case 'UDINT':
    case 'DWORD':
      bytes.writeUInt32LE(number >>> 0, offset);
      return;
    case 'LINT':
      bytes.writeBigInt64LE(BigInt(value), offset);
      return;
    case 'ULINT':
      bytes.writeBigUInt64LE(BigInt(value), offset);
      return;
    case 'REAL':
      bytes.writeFloatLE(number, offset);
      return;
    case 'LREAL':
      bytes.writeDoubleLE(number, offset);
      return;
  }
}
