import { indexed, member, type Place, type Tag, type TagMemory, type Template } from './memory.ts';
import { parsePath, type Segment } from './path.ts';

// What a controller answers to message router requests: CIP volume 1 for the common services, Rockwell 1756-PM020 for
// reading tags and browsing them.

/** General status codes that this controller gives. */
export const STATUS = {
  ok: 0x00,
  connectionFailure: 0x01,
  pathSegment: 0x04,
  pathUnknown: 0x05,
  partial: 0x06,
  notSupported: 0x08,
  attributeList: 0x0a,
  replyTooLarge: 0x11,
  notEnoughData: 0x13,
  tooMuchData: 0x15,
  general: 0xff,
} as const;

export interface Identity {
  readonly vendor: number;
  readonly deviceType: number;
  readonly productCode: number;
  readonly major: number;
  readonly minor: number;
  readonly serial: number;
  readonly name: string;
}

/** What a controller can't do, and what it refuses. */
export interface ServiceFaults {
  /** Services that are answered with "not supported". */
  readonly lacks?: readonly number[];
  /** Tags whose reading is refused, by full name (`*`: all), with the general status and its extension. */
  readonly refused?: Readonly<Record<string, readonly [status: number, extended?: number]>>;
  /** The tag list and templates are not there (class not known). */
  readonly noTagList?: boolean;
  /** Identity object and ListIdentity are not there. */
  readonly noIdentity?: boolean;
  /** Seconds that the controller's clock is ahead of this computer's; negative: behind. */
  readonly clockAheadS?: number;
  /** The wall clock object is not there. */
  readonly noClock?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly extended?: number;
  readonly data?: Buffer;
}

const SERVICE = {
  getAll: 0x01,
  getList: 0x03,
  multiple: 0x0a,
  getSingle: 0x0e,
  read: 0x4c,
  readFragmented: 0x52,
  listInstances: 0x55,
} as const;

export interface Services {
  /** The whole answer to a message router request, at most `limit` bytes. `seen` is called for every service in it. */
  answer(request: Buffer, limit: number): Buffer;
}

export function createServices(
  memory: TagMemory,
  identity: Identity,
  faults: () => ServiceFaults,
  seen: (service: number, path: readonly Segment[]) => void,
): Services {
  function answer(request: Buffer, limit: number): Buffer {
    if (request.length < 2) return encode(0, { status: STATUS.notEnoughData });
    const service = request[0]!;
    const pathBytes = request[1]! * 2;
    if (2 + pathBytes > request.length) return encode(service, { status: STATUS.notEnoughData });
    let path: Segment[];
    try {
      path = parsePath(request.subarray(2, 2 + pathBytes));
    } catch {
      return encode(service, { status: STATUS.pathSegment, extended: 0 });
    }
    seen(service, path);
    if (faults().lacks?.includes(service) === true) return encode(service, { status: STATUS.notSupported });
    const data = request.subarray(2 + pathBytes);
    try {
      return encode(service, dispatch(service, path, data, limit - 4));
    } catch (error) {
      return encode(service, error instanceof Refusal ? error.answer : { status: STATUS.general, extended: 0x2105 });
    }
  }

  function dispatch(service: number, path: readonly Segment[], data: Buffer, limit: number): Answer {
    const [first, second] = path;
    if (service === SERVICE.multiple && isClass(first, 2)) return multiple(data, limit);
    const identityAsked = isClass(first, 1);
    if (identityAsked && faults().noIdentity !== true) return identityAnswer(service);
    if (isClass(first, 0x8b) && faults().noClock !== true) return clockAnswer(service, second, data);
    const program = first?.kind === 'symbol' && /^program:/i.test(first.name) ? first.name : null;
    const rest = program === null ? path : path.slice(1);
    if (isClass(rest[0], 0x6b)) {
      if (faults().noTagList === true) return { status: STATUS.pathUnknown };
      if (program !== null && !memory.programs.some((one) => one.toLowerCase() === program.toLowerCase())) {
        return { status: STATUS.pathUnknown };
      }
      if (service === SERVICE.listInstances) return listInstances(program, rest[1], data, limit);
      const tag = tagByInstance(program, rest[1]);
      if (tag !== undefined && (service === SERVICE.read || service === SERVICE.readFragmented)) {
        return read(service, walk(tag, rest.slice(2)), nameOf(tag), data, limit);
      }
    }
    if (isClass(rest[0], 0x6c)) {
      if (faults().noTagList === true) return { status: STATUS.pathUnknown };
      const template = second?.kind === 'instance' ? memory.template(second.value) : undefined;
      if (template === undefined) return { status: STATUS.pathUnknown };
      if (service === SERVICE.getList) return templateAttributes(template, data);
      if (service === SERVICE.read) return readTemplate(template, data, limit);
      return { status: STATUS.notSupported };
    }
    if (rest[0]?.kind === 'symbol' && (service === SERVICE.read || service === SERVICE.readFragmented)) {
      const tag = memory.find(programOf(program), rest[0].name);
      if (tag === undefined) return { status: STATUS.pathUnknown, extended: 0 };
      return read(service, walk(tag, rest.slice(1)), nameOf(tag), data, limit);
    }
    if (rest[0]?.kind === 'symbol') return { status: STATUS.notSupported };
    return { status: STATUS.pathUnknown };
  }

  const programOf = (name: string | null): string | null =>
    name === null ? null : (memory.programs.find((one) => one.toLowerCase() === name.toLowerCase()) ?? name);
  const nameOf = (tag: Tag): string => (tag.program === null ? tag.name : `${tag.program}.${tag.name}`);
  const tagByInstance = (program: string | null, segment: Segment | undefined): Tag | undefined =>
    segment?.kind === 'instance'
      ? memory.tags.find((tag) => tag.instance === segment.value && tag.program === programOf(program))
      : undefined;

  /** Follows members and indices from a tag on. */
  function walk(tag: Tag, path: readonly Segment[]): Place {
    let at: Place = { bytes: tag.bytes, offset: 0, type: tag.type, bit: null, elements: total(tag.dimensions) };
    let dimensions = tag.dimensions;
    let indices: number[] = [];
    const index = (): void => {
      try {
        at = indexed(at, indices, dimensions);
      } catch {
        throw new Refusal({ status: STATUS.general, extended: 0x2105 });
      }
      indices = [];
    };
    for (const segment of path) {
      if (segment.kind === 'element') indices.push(segment.value);
      else if (segment.kind === 'symbol') {
        index();
        try {
          at = member(at, segment.name);
        } catch {
          throw new Refusal({ status: STATUS.pathUnknown, extended: 0 });
        }
        dimensions = [at.elements];
      } else throw new Refusal({ status: STATUS.pathSegment, extended: 0 });
    }
    index();
    return at;
  }

  function read(service: number, at: Place, name: string, data: Buffer, limit: number): Answer {
    const refused = faults().refused;
    const refusal = refused?.[name] ?? refused?.['*'];
    if (refusal !== undefined) {
      return { status: refusal[0], ...(refusal[1] === undefined ? {} : { extended: refusal[1] }) };
    }
    const fragmented = service === SERVICE.readFragmented;
    if (data.length < (fragmented ? 6 : 2)) return { status: STATUS.notEnoughData };
    if (data.length > (fragmented ? 6 : 2)) return { status: STATUS.tooMuchData };
    const elements = data.readUInt16LE(0);
    const from = fragmented ? data.readUInt32LE(2) : 0;
    if (elements < 1 || elements > at.elements) return { status: STATUS.general, extended: 0x2105 };
    const type = Buffer.alloc(at.type.kind === 'structure' ? 4 : 2);
    type.writeUInt16LE(at.type.kind === 'structure' ? 0x02a0 : at.type.code, 0);
    if (at.type.kind === 'structure') type.writeUInt16LE(at.type.handle, 2);
    const all =
      at.bit === null
        ? at.bytes.subarray(at.offset, at.offset + elements * at.type.size)
        : Buffer.of((at.bytes[at.offset]! >>> at.bit) & 1);
    if (from > all.length) return { status: STATUS.general, extended: 0x2105 };
    const room = limit - type.length;
    const left = all.subarray(from);
    if (left.length <= room) return { status: STATUS.ok, data: Buffer.concat([type, left]) };
    // Whole elements where they are elementary, whole words of a structure.
    const grain = at.type.kind === 'structure' ? 4 : at.type.size;
    const part = Math.floor(room / grain) * grain;
    if (part <= 0) return { status: STATUS.replyTooLarge };
    return { status: STATUS.partial, data: Buffer.concat([type, left.subarray(0, part)]) };
  }

  function multiple(data: Buffer, limit: number): Answer {
    if (data.length < 2) return { status: STATUS.notEnoughData };
    const services = data.readUInt16LE(0);
    if (data.length < 2 + 2 * services) return { status: STATUS.notEnoughData };
    const answers: Buffer[] = [];
    let used = 2 + 2 * services;
    let failed = false;
    for (let i = 0; i < services; i++) {
      const from = data.readUInt16LE(2 + 2 * i);
      const to = i + 1 < services ? data.readUInt16LE(4 + 2 * i) : data.length;
      if (from > to || to > data.length) return { status: STATUS.notEnoughData };
      // Room that the answers still to come need at least, four bytes each.
      const room = limit - used - 4 * (services - i - 1);
      const one = answer(data.subarray(from, to), Math.max(4, room));
      failed ||= one[2] !== STATUS.ok;
      answers.push(one);
      used += one.length;
    }
    const head = Buffer.alloc(2 + 2 * services);
    head.writeUInt16LE(services, 0);
    let at = head.length;
    answers.forEach((one, i) => {
      head.writeUInt16LE(at, 2 + 2 * i);
      at += one.length;
    });
    // 0x1E: one of the embedded services has failed.
    return { status: failed ? 0x1e : STATUS.ok, data: Buffer.concat([head, ...answers]) };
  }

  function identityAnswer(service: number): Answer {
    if (service !== SERVICE.getAll) return { status: STATUS.notSupported };
    return { status: STATUS.ok, data: identityBytes(identity) };
  }

  /** By list alone, as controllers give it: 6 is UTC, 11 the time of the controller's zone, here an hour ahead. */
  function clockAnswer(service: number, instance: Segment | undefined, data: Buffer): Answer {
    if (service !== SERVICE.getList) return { status: STATUS.notSupported };
    if (instance?.kind !== 'instance' || instance.value !== 1) return { status: STATUS.pathUnknown };
    const micros = BigInt(Math.round((Date.now() + (faults().clockAheadS ?? 0) * 1_000) * 1_000));
    const hour = 3_600_000_000n;
    return attributeList(data, (attribute) =>
      attribute === 6 ? u64(micros) : attribute === 11 ? u64(micros + hour) : undefined,
    );
  }

  function listInstances(program: string | null, from: Segment | undefined, data: Buffer, limit: number): Answer {
    const start = from?.kind === 'instance' ? from.value : 0;
    const attributes = Array.from({ length: data.length >= 2 ? data.readUInt16LE(0) : 0 }, (_, i) =>
      data.readUInt16LE(2 + 2 * i),
    );
    const scope = programOf(program);
    const rows: Buffer[] = [];
    let used = 0;
    const own = memory.tags.filter((tag) => tag.program === scope && tag.instance >= start);
    // Programs are symbols of the controller, without data.
    const entries = [
      ...own.map((tag) => ({
        instance: tag.instance,
        name: tag.name,
        type: symbolType(tag),
        dimensions: tag.dimensions,
      })),
      ...(scope === null
        ? memory.programs.map((name, i) => ({ instance: 60_000 + i, name, type: 0x1068, dimensions: [] as number[] }))
        : []),
    ].filter(({ instance }) => instance >= start);
    for (const entry of entries) {
      const parts: Buffer[] = [u32(entry.instance)];
      for (const attribute of attributes) {
        if (attribute === 1) {
          const name = Buffer.from(entry.name, 'utf8');
          parts.push(u16(name.length), name);
        } else if (attribute === 2) parts.push(u16(entry.type));
        else if (attribute === 8) parts.push(...[0, 1, 2].map((i) => u32(entry.dimensions[i] ?? 0)));
        else return { status: 0x0a };
      }
      const row = Buffer.concat(parts);
      if (used + row.length > limit) return { status: STATUS.partial, data: Buffer.concat(rows) };
      rows.push(row);
      used += row.length;
    }
    return { status: STATUS.ok, data: Buffer.concat(rows) };
  }

  return { answer };
}

const total = (dimensions: readonly number[]): number => dimensions.reduce((product, size) => product * size, 1);
const isClass = (segment: Segment | undefined, value: number): boolean =>
  segment?.kind === 'class' && segment.value === value;

class Refusal extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super(`status ${answer.status}`);
    this.answer = answer;
  }
}

function symbolType(tag: Tag): number {
  const dimensions = tag.dimensions.length << 13;
  return tag.type.kind === 'structure' ? 0x8000 | dimensions | tag.type.id : dimensions | tag.type.code;
}

export function encode(service: number, { status, extended, data }: Answer): Buffer {
  const words = extended === undefined ? 0 : 1;
  const head = Buffer.from([(service | 0x80) & 0xff, 0, status, words]);
  return Buffer.concat([
    head,
    ...(extended === undefined ? [] : [u16(extended)]),
    ...(data === undefined ? [] : [data]),
  ]);
}

export function identityBytes(identity: Identity): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt16LE(identity.vendor, 0);
  head.writeUInt16LE(identity.deviceType, 2);
  head.writeUInt16LE(identity.productCode, 4);
  head[6] = identity.major;
  head[7] = identity.minor;
  head.writeUInt16LE(0x0060, 8);
  head.writeUInt32LE(identity.serial, 10);
  return Buffer.concat([head, Buffer.of(identity.name.length), Buffer.from(identity.name, 'latin1')]);
}

/** Members, then their names: what a client reads as the template's definition. */
function definition(template: Template): Buffer {
  const members = template.members.map((one) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16LE(one.bit ?? one.length, 0);
    const type = one.type.kind === 'structure' ? 0x8000 | one.type.id : one.type.code;
    bytes.writeUInt16LE(one.length > 0 ? type | 0x2000 : type, 2);
    bytes.writeUInt32LE(one.offset, 4);
    return bytes;
  });
  const names = [`${template.name};n${template.handle.toString(16)}`, ...template.members.map(({ name }) => name)];
  return Buffer.concat([...members, ...names.map((name) => Buffer.from(`${name}\0`, 'utf8'))]);
}

/** As the attribute counts it: words, of which a client takes four bytes each and then 23 off. */
const definitionWords = (template: Template): number => Math.ceil((definition(template).length + 23) / 4);

/** The answer to a request for some attributes: number, status and value of each. */
function attributeList(data: Buffer, bytesOf: (attribute: number) => Buffer | undefined): Answer {
  const count = data.length >= 2 ? data.readUInt16LE(0) : 0;
  if (data.length < 2 + 2 * count) return { status: STATUS.notEnoughData };
  const parts: Buffer[] = [u16(count)];
  let lacking = false;
  for (let i = 0; i < count; i++) {
    const attribute = data.readUInt16LE(2 + 2 * i);
    const value = bytesOf(attribute);
    lacking ||= value === undefined;
    parts.push(u16(attribute), u16(value === undefined ? 0x14 : 0), ...(value === undefined ? [] : [value]));
  }
  return { status: lacking ? STATUS.attributeList : STATUS.ok, data: Buffer.concat(parts) };
}

function templateAttributes(template: Template, data: Buffer): Answer {
  const values: Readonly<Record<number, Buffer>> = {
    1: u16(template.handle),
    2: u16(template.members.length),
    4: u32(definitionWords(template)),
    5: u32(template.size),
  };
  return attributeList(data, (attribute) => values[attribute]);
}

function readTemplate(template: Template, data: Buffer, limit: number): Answer {
  if (data.length < 6) return { status: STATUS.notEnoughData };
  const from = data.readUInt32LE(0);
  const wanted = data.readUInt16LE(4);
  const all = Buffer.alloc(definitionWords(template) * 4 - 20);
  definition(template).copy(all);
  const part = all.subarray(from, from + Math.min(wanted, limit));
  return { status: part.length < wanted && from + part.length < all.length ? STATUS.partial : STATUS.ok, data: part };
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value & 0xffff);
  return bytes;
}
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}
