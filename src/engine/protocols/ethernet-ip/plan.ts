import type { TagBinding } from '#engine/protocols/protocol.ts';
import { wireBytes } from '#shared/model/index.ts';
import { type EipAddress, formatAddress, pathText } from './address.ts';
import { PACK_REPLY_BYTES, PACK_REQUEST_BYTES, packRequests, readRequest } from './cip.ts';
import type { Controller, Limits } from './controller.ts';
import { STRING_BYTES } from './data-type.ts';
import { symbolPath } from './path.ts';

/** A tag of a plan. */
export interface PlannedTag {
  /** The engine's tag index. */
  readonly index: number;
  readonly address: EipAddress;
  readonly type: TagBinding<EipAddress>['recipe']['type'];
  /** Canonical text, for people. */
  readonly text: string;
  /** Of a text, what was read last: one that did not change costs no new string. */
  seen: { readonly bytes: Buffer; readonly text: string } | null;
}

/** What one service reads: a value, or elements that follow each other in one array. */
export interface Target {
  /** Same for all elements of an array: the path without its last index, in lower case. */
  readonly key: string;
  readonly path: Buffer;
  /** Last index of the first element; null where the path ends without one. */
  readonly first: number | null;
  readonly count: number;
  /** Bytes of an element and of the type before them, as far as they are known before the first answer. */
  readonly size: number;
  readonly typeBytes: number;
  readonly uses: readonly Use[];
}
/** A tag in a target. */
export interface Use {
  readonly tag: PlannedTag;
  /** From the target's first. */
  readonly element: number;
  /** Bit of an array of BOOL, where 32 of them are one element; null elsewhere. */
  readonly flag: number | null;
}

export interface Packet {
  readonly targets: readonly Target[];
  readonly message: Buffer;
  readonly replyBytes: number;
}

export interface ReadPlan {
  readonly controller: Controller;
  readonly packets: readonly Packet[];
  readonly bytes: number;
  readonly revision: string;
}

/** What answers have told about tags, as far as requests depend on it. */
export interface Learned {
  revision: number;
  /** Bytes of an element, and of the type before it, by key. */
  readonly sizes: Map<string, { readonly size: number; readonly typeBytes: number }>;
  /** Elements that were refused, by key and element: each is asked for by itself, so that it is alone in being bad. */
  readonly solo: Set<string>;
  /** Arrays of which the controller gives single elements only. */
  readonly single: Set<string>;
  /** Arrays of BOOL in which each has an element of its own. */
  readonly plainBools: Set<string>;
  /** Handles of structures, and whether they are texts. */
  readonly strings: Map<number, boolean>;
  /** What was said in the log. */
  readonly told: Set<string>;
}

export const createLearned = (): Learned => ({
  revision: 0,
  sizes: new Map(),
  solo: new Set(),
  single: new Set(),
  plainBools: new Set(),
  strings: new Map(),
  told: new Set(),
});

const MOST_ELEMENTS = 0xffff;
/** Of a packet of many, so that one refused packet does not hold too much. */
const MOST_TARGETS = 400;
const REPLY_HEAD_BYTES = 4;
const READ_BYTES = 4;

export const planTag = ({ index, address, recipe }: TagBinding<EipAddress>): PlannedTag => ({
  index,
  address,
  type: recipe.type,
  text: formatAddress(address),
  seen: null,
});

export const requestBytes = (target: Target): number => target.path.length + READ_BYTES;
export const replyBytes = (target: Target): number => REPLY_HEAD_BYTES + target.typeBytes + target.size * target.count;

/** Key, element and flag of a tag; which element holds a BOOL of an array depends on the kind of controller. */
export function placeOf(
  tag: PlannedTag,
  learned: Learned,
): { key: string; element: number | null; flag: number | null } {
  const { path, bit } = tag.address;
  const last = path.at(-1)!;
  const index = last.index.at(-1);
  const key = pathText([...path.slice(0, -1), { name: last.name, index: last.index.slice(0, -1) }]).toLowerCase();
  if (index === undefined) return { key, element: null, flag: null };
  if (tag.type === 'bit' && bit === null && !learned.plainBools.has(key)) {
    return { key, element: index >>> 5, flag: index & 31 };
  }
  return { key, element: index, flag: null };
}

function pathOf({ path }: EipAddress, element: number | null): Buffer {
  if (element === null) return symbolPath(path);
  const last = path.at(-1)!;
  return symbolPath([...path.slice(0, -1), { name: last.name, index: [...last.index.slice(0, -1), element] }]);
}

interface Wanted {
  readonly key: string;
  readonly element: number | null;
  readonly size: number;
  readonly typeBytes: number;
  readonly uses: { tag: PlannedTag; flag: number | null }[];
}

function sizeOf(
  tag: PlannedTag,
  key: string,
  flag: number | null,
  learned: Learned,
): { size: number; typeBytes: number } {
  const known = learned.sizes.get(key);
  if (known !== undefined) return known;
  if (tag.type === 'string') return { size: STRING_BYTES, typeBytes: 4 };
  if (flag !== null || tag.address.bit !== null) return { size: 4, typeBytes: 2 };
  return { size: tag.type === 'bit' ? 1 : wireBytes(tag.type), typeBytes: 2 };
}

/** Requests by which all tags are read: duplicates once, neighbours in an array together where that saves bytes. */
export function targetsOf(tags: readonly PlannedTag[], learned: Learned, limits: Limits): readonly Target[] {
  const wanted = new Map<string, Wanted>();
  for (const tag of tags) {
    const { key, element, flag } = placeOf(tag, learned);
    // Elements of different sizes can't be one array; one of the tags is mistaken, and the others must not suffer.
    const { size, typeBytes } = sizeOf(tag, key, flag, learned);
    const id = element === null ? key : `${key}[${element}]`;
    const entry = wanted.get(id);
    if (entry === undefined) wanted.set(id, { key, element, size, typeBytes, uses: [{ tag, flag }] });
    else entry.uses.push({ tag, flag });
  }
  const targets: Target[] = [];
  const arrays = new Map<string, Wanted[]>();
  for (const one of wanted.values()) {
    const text = one.uses.some(({ tag }) => tag.type === 'string');
    const id = `${one.key}[${one.element}]`;
    if (one.element === null || text || learned.single.has(one.key) || learned.solo.has(id)) {
      targets.push(targetOf([one]));
      continue;
    }
    const group = `${one.key} ${one.size}`;
    const members = arrays.get(group);
    if (members === undefined) arrays.set(group, [one]);
    else members.push(one);
  }
  for (const members of arrays.values()) {
    members.sort((a, b) => a.element! - b.element!);
    const { size, typeBytes } = members[0]!;
    const room = limits.reply - REPLY_HEAD_BYTES - typeBytes;
    const most = Math.max(1, Math.min(MOST_ELEMENTS, Math.floor(room / size)));
    let run: Wanted[] = [];
    for (const one of members) {
      const head = run[0];
      const before = run.at(-1);
      if (head !== undefined && before !== undefined) {
        // Both its own request and the head of its answer are saved, and the elements between are read for nothing.
        const own =
          pathOf(one.uses[0]!.tag.address, one.element).length + READ_BYTES + 4 + REPLY_HEAD_BYTES + typeBytes;
        const between = (one.element! - before.element! - 1) * size;
        if (between > own || one.element! - head.element! >= most) {
          targets.push(targetOf(run));
          run = [];
        }
      }
      run.push(one);
    }
    if (run.length > 0) targets.push(targetOf(run));
  }
  return targets;
}

function targetOf(run: readonly Wanted[]): Target {
  const head = run[0]!;
  const first = head.element;
  const last = run.at(-1)!.element;
  return {
    key: head.key,
    path: pathOf(head.uses[0]!.tag.address, first),
    first,
    count: first === null || last === null ? 1 : last - first + 1,
    size: head.size,
    typeBytes: head.typeBytes,
    uses: run.flatMap(({ element, uses }) =>
      uses.map(({ tag, flag }) => ({ tag, flag, element: (element ?? 0) - (first ?? 0) })),
    ),
  };
}

/** Each element of a target as one of its own. */
export function divide(target: Target): readonly Target[] {
  const byElement = new Map<number, Use[]>();
  for (const use of target.uses) {
    const uses = byElement.get(use.element);
    if (uses === undefined) byElement.set(use.element, [use]);
    else uses.push(use);
  }
  return [...byElement].map(([element, uses]) => {
    const first = target.first === null ? null : target.first + element;
    return {
      ...target,
      path: pathOf(uses[0]!.tag.address, first),
      first,
      count: 1,
      uses: uses.map((use) => ({ ...use, element: 0 })),
    };
  });
}

/** Targets of `count` elements at most, for controllers whose answers are shorter than they should be. */
export function shorten(target: Target, count: number): readonly Target[] {
  const parts: Target[] = [];
  for (const one of divide(target)) {
    const part = parts.at(-1);
    const offset = part === undefined ? 0 : one.first! - part.first!;
    if (part === undefined || offset >= count) parts.push(one);
    else {
      parts[parts.length - 1] = {
        ...part,
        count: offset + 1,
        uses: [...part.uses, ...one.uses.map((use) => ({ ...use, element: offset }))],
      };
    }
  }
  return parts;
}

const even = (bytes: number): number => bytes + (bytes % 2);

/** Packets of many targets, as full as requests and answers may be; single ones where the controller has no packets. */
export function packetsOf(targets: readonly Target[], controller: Controller): readonly Packet[] {
  const { limits, lacks } = controller;
  const packets: Packet[] = [];
  let open: Target[] = [];
  let requests = PACK_REQUEST_BYTES;
  let replies = PACK_REPLY_BYTES;
  const flush = (): void => {
    if (open.length > 0) packets.push(packetOf(open));
    open = [];
    requests = PACK_REQUEST_BYTES;
    replies = PACK_REPLY_BYTES;
  };
  for (const target of targets) {
    if (lacks.multiple) {
      packets.push(packetOf([target]));
      continue;
    }
    // Some controllers pad answers to whole words.
    const request = requestBytes(target) + 2;
    const reply = even(replyBytes(target)) + 2;
    const full = requests + request > limits.request || replies + reply > limits.reply;
    if (full || open.length >= MOST_TARGETS) flush();
    open.push(target);
    requests += request;
    replies += reply;
  }
  flush();
  return packets;
}

function packetOf(targets: readonly Target[]): Packet {
  const requests = targets.map((target) => readRequest(target.path, target.count));
  const replies = targets.map(replyBytes);
  if (requests.length === 1) return { targets, message: requests[0]!, replyBytes: replies[0]! };
  return {
    targets,
    message: packRequests(requests),
    replyBytes: PACK_REPLY_BYTES + replies.reduce((sum, bytes) => sum + bytes + 2, 0),
  };
}

export const planRevision = (controller: Controller, learned: Learned): string =>
  `${controller.revision} ${learned.revision}`;

export function createReadPlan(controller: Controller, learned: Learned, tags: readonly PlannedTag[]): ReadPlan {
  const { limits } = controller;
  const packets = packetsOf(targetsOf(tags, learned, limits), controller);
  return {
    controller,
    packets,
    bytes: packets.reduce((sum, packet) => {
      return sum + packet.message.length + packet.replyBytes + limits.around(packet.message.length);
    }, 0),
    revision: planRevision(controller, learned),
  };
}
