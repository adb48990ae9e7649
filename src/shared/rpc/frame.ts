import { AppError } from '../errors.ts';
import { type ColumnSource, ELEMENT_TYPES, type ElementType } from './procedure.ts';

/** The layout of these bytes is drawn in FRAME.md. */
export const FRAME_VERSION = 1;
const MAGIC = [0x50, 0x58, 0x46] as const;
const PREFIX_BYTES = 8;

/**
 * What both sides hold each other to. A sender refuses what its receiver would refuse, so that a limit shows up where
 * the value was made. All counts are inclusive.
 */
export const FRAME_LIMITS = {
  /** Whole frame, 64 MiB. */
  frameBytes: 67_108_864,
  /** Values in the JSON part: bounds the memory that a receiver can be made to spend on small objects to about 100 MB. */
  headerValues: 2_000_000,
  depth: 32,
  /** Elements of a JSON array, keys of a JSON object. */
  entries: 262_144,
  /** UTF-16 units of a string; an imported tag list is one string. */
  stringLength: 33_554_432,
  keyLength: 1_024,
  sections: 16_384,
} as const;

// Sections are little-endian and are viewed in place, which only works where the processor is too.
if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new Error('This program runs on little-endian processors only.');
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Version of the frame, or null where the bytes are no frame of any version. The first four bytes never change. */
export function frameVersion(frame: Uint8Array): number | null {
  if (frame.length < PREFIX_BYTES || MAGIC.some((byte, index) => frame[index] !== byte)) return null;
  return frame[3]!;
}

/**
 * Message to bytes. Typed arrays travel as sections with every bit kept; a view sends its own part of the buffer only.
 * All else must be plain JSON: NaN, infinities, -0, bigint, functions, class instances and `undefined` in an array are
 * refused with `rpc.bad-frame` and the path, since JSON would change them in silence. Properties that are `undefined`
 * are left out. Too much of anything is `rpc.limit`.
 */
export function encodeFrame(message: unknown): Uint8Array<ArrayBuffer> {
  const sections: ColumnSource[] = [];
  const table: (ElementType | number)[] = [];
  const toJson = jsonWriter((view, trail) => {
    const element = elementTypeOf(view, trail);
    limit('sections', sections.length + 1, FRAME_LIMITS.sections);
    const array = view as ColumnSource;
    table.push(element, array.length);
    return sections.push(array) - 1;
  });
  const json = toJson(message);
  const header = encoder.encode(JSON.stringify({ message: json, sections: table }));
  let size = PREFIX_BYTES + padded(header.length);
  for (const section of sections) size += padded(section.byteLength);
  limit('frame bytes', size, FRAME_LIMITS.frameBytes);

  const frame = new Uint8Array(size);
  frame.set(MAGIC);
  frame[3] = FRAME_VERSION;
  new DataView(frame.buffer).setUint32(4, header.length, true);
  frame.set(header, PREFIX_BYTES);
  let offset = PREFIX_BYTES + padded(header.length);
  for (const section of sections) {
    frame.set(new Uint8Array(section.buffer, section.byteOffset, section.byteLength), offset);
    offset += padded(section.byteLength);
  }
  return frame;
}

/**
 * Bytes to message. Typed arrays are views into `frame`, which belongs to the result from then on; only where the bytes
 * do not start at a multiple of eight is the frame copied, once. Anything unsound throws `rpc.bad-frame`, and nothing is
 * allocated on the word of a length: sizes are compared with the bytes that are there first.
 */
export function decodeFrame(bytes: Uint8Array): unknown {
  const version = frameVersion(bytes);
  if (version === null) throw bad('It does not start like a frame.');
  if (version !== FRAME_VERSION) throw bad(`Its version is ${version}, this program reads ${FRAME_VERSION}.`);
  if (bytes.length > FRAME_LIMITS.frameBytes) throw bad(`It is longer than ${FRAME_LIMITS.frameBytes} bytes.`);
  if (bytes.length % 8 !== 0) throw bad('Its length is not a multiple of eight.');
  const frame = aligned(bytes);

  const headerLength = new DataView(frame.buffer, frame.byteOffset).getUint32(4, true);
  const headerEnd = PREFIX_BYTES + headerLength;
  if (headerEnd > frame.length) throw bad('Its header is longer than the frame.');
  const header = frame.subarray(PREFIX_BYTES, headerEnd);
  checkStructure(header);
  const parsed = parseHeader(header);
  const bodyStart = PREFIX_BYTES + padded(headerLength);
  checkPadding(frame, headerEnd, bodyStart);

  const sections = viewSections(frame, bodyStart, parsed.sections);
  return readMessage(parsed.message, sections);
}

const bad = (reason: string): AppError<'rpc.bad-frame'> =>
  new AppError('rpc.bad-frame', `A message could not be read. ${reason}`, { details: { reason } });

/** Keys and indexes that lead from the message to a value; made into text only when something is wrong there. */
type Trail = (string | number)[];

const unframeable = (trail: Trail, what: string): AppError<'rpc.bad-frame'> => {
  const reason = `${trail.length === 0 ? 'The message' : `"${trail.join('.')}"`} is ${what}, which a message cannot carry.`;
  return new AppError('rpc.bad-frame', reason, { details: { reason } });
};

function limit(what: string, count: number, max: number): void {
  if (count <= max) return;
  throw new AppError('rpc.limit', `The message has ${count} ${what}; at most ${max} are allowed.`, {
    details: { what, limit: max },
  });
}

const padded = (length: number): number => (length + 7) & ~7;

function elementTypeOf(view: ArrayBufferView, trail: Trail): ElementType {
  for (const [element, array] of Object.entries(ELEMENT_TYPES)) {
    if (view instanceof array) return element as ElementType;
  }
  throw unframeable(trail, `a ${Object.prototype.toString.call(view).slice(8, -1)}`);
}

/** Plain objects of any realm: their prototype is null or a prototype that has none itself. */
function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * A tree as JSON may hold it. A typed array becomes `{"$": n}`; keys of the message that start with "$" get a second
 * one, so that no data can look like a section. Parts without either are taken over as they are, not copied.
 */
function jsonWriter(addSection: (array: ArrayBufferView, trail: Trail) => number): (message: unknown) => unknown {
  const trail: Trail = [];
  let values = 0;

  function object(source: Record<string, unknown>): unknown {
    const keys = Object.keys(source);
    limit('keys in one object', keys.length, FRAME_LIMITS.entries);
    let copy: Record<string, unknown> | null = null;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      if (key === '__proto__') throw unframeable(trail, 'an object with a "__proto__" key');
      // Longest with the second "$" that it may get.
      limit('characters in one key', key.length + 1, FRAME_LIMITS.keyLength);
      const entry = source[key];
      const written = entry === undefined ? undefined : at(key, entry);
      const escaped = key.startsWith('$');
      if (copy === null && (written !== entry || escaped)) {
        copy = {};
        for (const earlier of keys.slice(0, index)) copy[earlier] = source[earlier];
      }
      if (copy !== null) copy[escaped ? `$${key}` : key] = written;
    }
    return copy ?? source;
  }

  function list(source: readonly unknown[]): unknown {
    limit('entries in one list', source.length, FRAME_LIMITS.entries);
    let copy: unknown[] | null = null;
    for (let index = 0; index < source.length; index++) {
      const entry = source[index];
      const written = at(index, entry);
      if (copy === null && written !== entry) copy = source.slice(0, index);
      copy?.push(written);
    }
    return copy ?? source;
  }

  function at(key: string | number, entry: unknown): unknown {
    trail.push(key);
    const written = value(entry);
    trail.pop();
    return written;
  }

  function value(source: unknown): unknown {
    limit('values', ++values, FRAME_LIMITS.headerValues);
    switch (typeof source) {
      case 'string':
        limit('characters in one text', source.length, FRAME_LIMITS.stringLength);
        return source;
      case 'boolean':
        return source;
      case 'number':
        if (Object.is(source, -0)) throw unframeable(trail, '-0');
        if (!Number.isFinite(source)) throw unframeable(trail, String(source));
        return source;
      case 'object':
        if (source === null) return source;
        if (ArrayBuffer.isView(source)) return { $: addSection(source, trail) };
        limit('levels', trail.length + 1, FRAME_LIMITS.depth);
        if (Array.isArray(source)) return list(source);
        if (isPlain(source)) return object(source);
        throw unframeable(trail, `a ${Object.prototype.toString.call(source).slice(8, -1)} or an instance of a class`);
      default:
        throw unframeable(trail, typeof source);
    }
  }

  return value;
}

const BRACES = { quote: 0x22, backslash: 0x5c, comma: 0x2c, open: [0x5b, 0x7b], close: [0x5d, 0x7d] } as const;

/**
 * Counts levels and values before the JSON parser sees the text: it would happily build millions of nested arrays out of
 * a few megabytes. Two levels are the header's own.
 */
function checkStructure(header: Uint8Array): void {
  if (header[0] !== 0x7b) throw bad('Its header is not a JSON object.');
  let depth = 0;
  let values = 1;
  let quoted = false;
  for (let index = 0; index < header.length; index++) {
    const byte = header[index]!;
    if (quoted) {
      if (byte === BRACES.backslash) index++;
      else if (byte === BRACES.quote) quoted = false;
    } else if (byte === BRACES.quote) quoted = true;
    else if (byte === BRACES.open[0] || byte === BRACES.open[1]) {
      if (++depth > FRAME_LIMITS.depth + 2) throw bad(`It is nested deeper than ${FRAME_LIMITS.depth} levels.`);
      values++;
    } else if (byte === BRACES.close[0] || byte === BRACES.close[1]) depth--;
    else if (byte === BRACES.comma) values++;
  }
  // Brackets and commas count each container at most twice, and the section table has two numbers per section.
  if (values > 2 * FRAME_LIMITS.headerValues + 2 * FRAME_LIMITS.sections) throw bad('It has too many values.');
}

function parseHeader(header: Uint8Array): { readonly message: unknown; readonly sections: readonly unknown[] } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(decoder.decode(header));
  } catch {
    throw bad('Its header is not UTF-8 JSON.');
  }
  if (!isRecord(parsed) || Object.keys(parsed).length !== 2 || !Array.isArray(parsed.sections)) {
    throw bad('Its header does not consist of "message" and "sections".');
  }
  if (!Object.hasOwn(parsed, 'message')) throw bad('Its header has no message.');
  return { message: parsed.message, sections: parsed.sections };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function checkPadding(frame: Uint8Array, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    if (frame[index] !== 0) throw bad('Its padding is not zero.');
  }
}

function aligned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.byteOffset % 8 === 0 && bytes.buffer instanceof ArrayBuffer) return bytes as Uint8Array<ArrayBuffer>;
  return new Uint8Array(bytes);
}

function viewSections(
  frame: Uint8Array<ArrayBuffer>,
  start: number,
  table: readonly unknown[],
): readonly ArrayBufferView[] {
  if (table.length % 2 !== 0) throw bad('Its section table is incomplete.');
  if (table.length / 2 > FRAME_LIMITS.sections) throw bad(`It has more than ${FRAME_LIMITS.sections} sections.`);
  const views: ArrayBufferView[] = [];
  let offset = start;
  for (let entry = 0; entry < table.length; entry += 2) {
    const element = table[entry];
    const length = table[entry + 1];
    if (typeof element !== 'string' || !Object.hasOwn(ELEMENT_TYPES, element))
      throw bad('A section has no known type.');
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || Object.is(length, -0)) {
      throw bad('A section has no sound length.');
    }
    const array = ELEMENT_TYPES[element as ElementType];
    if (length > (frame.length - offset) / array.BYTES_PER_ELEMENT) throw bad('A section is longer than the frame.');
    const bytes = length * array.BYTES_PER_ELEMENT;
    views.push(new array(frame.buffer, frame.byteOffset + offset, length));
    checkPadding(frame, offset + bytes, offset + padded(bytes));
    offset += padded(bytes);
  }
  if (offset !== frame.length) throw bad('Bytes follow its last section.');
  return views;
}

/** Puts the sections back into the parsed tree, in place, and checks what `JSON.parse` lets through. */
function readMessage(message: unknown, sections: readonly ArrayBufferView[]): unknown {
  const used = new Uint8Array(sections.length);
  let usedCount = 0;
  let values = 0;

  function section(reference: unknown): ArrayBufferView {
    const view = typeof reference === 'number' ? sections[reference] : undefined;
    if (view === undefined) throw bad('It names a section that is not there.');
    if (used[reference as number] !== 0) throw bad('It names a section twice.');
    used[reference as number] = 1;
    usedCount++;
    return view;
  }

  function object(source: Record<string, unknown>, depth: number): unknown {
    const keys = Object.keys(source);
    if (keys.length > FRAME_LIMITS.entries) throw bad(`An object has more than ${FRAME_LIMITS.entries} keys.`);
    if (keys.length === 1 && keys[0] === '$') return section(source.$);
    const escaped = keys.some((key) => key.startsWith('$'));
    const target: Record<string, unknown> = escaped ? {} : source;
    for (const key of keys) {
      if (key === '__proto__' || key.length > FRAME_LIMITS.keyLength) throw bad('An object has a forbidden key.');
      if (key.startsWith('$') && !key.startsWith('$$')) throw bad('An object has a forbidden key.');
      target[key.startsWith('$') ? key.slice(1) : key] = value(source[key], depth);
    }
    return target;
  }

  function value(source: unknown, depth: number): unknown {
    if (++values > FRAME_LIMITS.headerValues) throw bad('It has too many values.');
    if (typeof source === 'string') {
      if (source.length > FRAME_LIMITS.stringLength) throw bad('A text is too long.');
      return source;
    }
    if (typeof source === 'number') {
      if (!Number.isFinite(source) || Object.is(source, -0)) throw bad('A number is out of range.');
      return source;
    }
    if (typeof source !== 'object' || source === null) return source;
    if (depth >= FRAME_LIMITS.depth && !(isRecord(source) && Object.hasOwn(source, '$'))) {
      throw bad(`It is nested deeper than ${FRAME_LIMITS.depth} levels.`);
    }
    if (isRecord(source)) return object(source, depth + 1);
    const list = source as unknown[];
    if (list.length > FRAME_LIMITS.entries) throw bad(`A list has more than ${FRAME_LIMITS.entries} entries.`);
    for (let index = 0; index < list.length; index++) list[index] = value(list[index], depth + 1);
    return list;
  }

  const read = value(message, 0);
  if (usedCount !== sections.length) throw bad('It has a section that nothing names.');
  return read;
}
