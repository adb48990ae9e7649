import type { DriverContext, SampleSink } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import { QUALITY, type Quality, type UnixMicros } from '#shared/model/index.ts';
import { fragmentRequest, type Reply, readRequest, STATUS, unpackReplies } from './cip.ts';
import { BOOL, DINT, SINT, STRING_HANDLE, STRUCTURE, USINT } from './data-type.ts';
import { type Mistake, parseValue, pushBad, pushValue, type Value, valueTypeBytes } from './decode.ts';
import { symbolPath } from './path.ts';
import {
  divide,
  type Learned,
  type Packet,
  type PlannedTag,
  packetsOf,
  type ReadPlan,
  shorten,
  type Target,
  targetsOf,
} from './plan.ts';
import { statusQuality, statusText } from './status.ts';

/** Lines in the log about tags that can't be read, for each link. */
const MOST_TOLD = 50;
/** Of one value; the longest of a controller are far below. */
const MOST_VALUE_BYTES = 2_000_000;

/**
 * Reads a plan once. Rejects with `protocol.timeout` when the controller is silent, `protocol.bad-answer` when none of
 * its answers could be used, `protocol.link-lost`, or the signal's reason; all else becomes samples.
 */
export async function runPoll(
  plan: ReadPlan,
  learned: Learned,
  endpoint: string,
  context: DriverContext,
  sink: SampleSink,
  signal: AbortSignal,
): Promise<void> {
  const { controller } = plan;
  const { clock, log } = context;
  let sound = false;
  let problem: string | null = null;

  const say = (key: string, text: string): void => {
    if (learned.told.has(key)) return;
    learned.told.add(key);
    if (learned.told.size <= MOST_TOLD) log.warn(text);
    else if (learned.told.size === MOST_TOLD + 1) log.warn(`${endpoint}: more tags can't be read.`);
  };
  const badTag = (tag: PlannedTag, mistake: Mistake): void => {
    say(`${tag.text} ${mistake.sentence}`, `${tag.text} of ${endpoint} can't be read: ${mistake.sentence}.`);
    pushBad(tag, clock.now(), mistake.quality, sink);
  };
  const bad = (target: Target, quality: Quality, sentence: string): void => {
    for (const { tag } of target.uses) badTag(tag, { quality, sentence });
  };
  const unusable = (targets: readonly Target[], reason: string): void => {
    problem ??= reason;
    for (const target of targets) bad(target, QUALITY.badCommunication, `the answer can't be used, ${reason}`);
  };

  const serveAll = async (targets: readonly Target[]): Promise<void> => {
    for (const packet of packetsOf(targets, controller)) await serve(packet);
  };

  const serve = async (packet: Packet): Promise<void> => {
    const { targets } = packet;
    const heard = await controller.ask(packet.message, signal);
    if (heard.kind === 'malformed') {
      unusable(targets, heard.reason);
      return;
    }
    if (heard.kind === 'outgrown') {
      await outgrown(packet);
      return;
    }
    const { reply } = heard;
    const time = clock.now();
    sound = true;
    if (targets.length === 1) {
      await onReply(targets[0]!, reply, true, time);
      return;
    }
    if (isLacking(reply.status)) {
      controller.lacks.multiple = true;
      controller.revision++;
      log.info(
        `${endpoint} takes no packets of many requests (${statusText(reply.status, reply.extended)}); tags are asked for one by one.`,
      );
      await serveAll(targets);
    } else if (reply.status === STATUS.replyTooLarge) {
      await inHalves(targets);
    } else if (reply.status === STATUS.ok || reply.status === STATUS.embedded) {
      await onReplies(targets, reply.data, time);
    } else if (reply.data.length > 2 && reply.status === STATUS.partial) {
      await onReplies(targets, reply.data, time);
    } else {
      for (const target of targets) refuse(target, reply);
    }
  };

  const onReplies = async (targets: readonly Target[], data: Buffer, time: UnixMicros): Promise<void> => {
    const replies = unpackReplies(data, targets.length);
    if (replies === null) {
      unusable(targets, 'the packet does not hold as many answers as were asked for');
      return;
    }
    for (const [at, target] of targets.entries()) {
      const reply = replies[at];
      if (reply === null || reply === undefined) unusable([target], 'one of the answers in the packet is too short');
      else {
        const asking = onReply(target, reply, false, time);
        if (asking !== null) await asking;
      }
    }
  };

  const inHalves = async (targets: readonly Target[]): Promise<void> => {
    const middle = targets.length >> 1;
    await serveAll(targets.slice(0, middle));
    await serveAll(targets.slice(middle));
  };

  /** The connection went while the poll was under way, and packets are smaller now. */
  const outgrown = async ({ targets }: Packet): Promise<void> => {
    const tags = targets.flatMap(({ uses }) => uses.map(({ tag }) => tag));
    const smaller = packetsOf(targetsOf(tags, learned, controller.limits), controller);
    for (const packet of smaller) {
      if (packet.message.length <= controller.limits.request) await serve(packet);
      else if (packet.targets.length > 1) await inHalves(packet.targets);
      else bad(packet.targets[0]!, QUALITY.badOutOfRange, 'its name is too long for a packet');
    }
  };

  /** `alone`: it was not in a packet with others. Null where there was nothing to ask for: most values just come. */
  const onReply = (target: Target, reply: Reply, alone: boolean, time: UnixMicros): Promise<void> | null => {
    if (reply.status !== STATUS.ok) return onLack(target, reply, alone);
    const value = parseValue(reply.data, target.count);
    if (value !== null) return onValue(target, value, time);
    unusable([target], 'it has no type in it');
    return null;
  };

  const onLack = async (target: Target, reply: Reply, alone: boolean): Promise<void> => {
    if (reply.status === STATUS.partial && reply.data.length > 2) {
      await complete(target, reply.data);
    } else if (reply.status === STATUS.partial || reply.status === STATUS.replyTooLarge) {
      if (!alone) await serve(packetsOf([target], controller)[0]!);
      else if (target.count > 1) await serveAll(shorten(target, target.count >> 1));
      else refused(target, reply);
    } else if (target.count > 1) {
      await oneByOne(target, reply);
    } else refused(target, reply);
  };

  const refuse = (target: Target, { status, extended }: Reply): void =>
    bad(target, statusQuality(status, extended), `the controller answers ${statusText(status, extended)}`);
  const refused = (target: Target, reply: Reply): void => {
    refuse(target, reply);
    if (target.first === null) return;
    const id = `${target.key}[${target.first}]`;
    if (learned.solo.has(id)) return;
    learned.solo.add(id);
    learned.revision++;
  };

  /** A run that is refused as a whole: each element by itself, so that the one at fault is bad alone. */
  const oneByOne = async (target: Target, reply: Reply): Promise<void> => {
    const before = learned.solo.size;
    await serveAll(divide(target));
    if (learned.solo.size > before || learned.single.has(target.key)) return;
    learned.single.add(target.key);
    learned.revision++;
    log.info(`${endpoint} gives ${target.key} by single elements only (${statusText(reply.status, reply.extended)}).`);
  };

  /** The rest of a value that is longer than an answer. */
  const complete = async (target: Target, begun: Buffer): Promise<void> => {
    const head = parseValue(begun, target.count);
    if (head === null) {
      unusable([target], 'it has no type in it');
      return;
    }
    const parts: Buffer[] = [head.bytes];
    let length = head.bytes.length;
    for (let more = true; more && !controller.lacks.fragments; ) {
      const heard = await controller.ask(fragmentRequest(target.path, target.count, length), signal);
      if (heard.kind === 'outgrown') {
        bad(target, QUALITY.badOutOfRange, 'its name is too long for a packet');
        return;
      }
      if (heard.kind === 'malformed') {
        unusable([target], heard.reason);
        return;
      }
      const { reply } = heard;
      if (isLacking(reply.status)) {
        controller.lacks.fragments = true;
        log.info(`${endpoint} gives no long values in parts (${statusText(reply.status, reply.extended)}).`);
        break;
      }
      if (reply.status !== STATUS.ok && reply.status !== STATUS.partial) {
        refused(target, reply);
        return;
      }
      const part = parseValue(reply.data, target.count);
      const empty = part === null || (part.bytes.length === 0 && reply.status === STATUS.partial);
      if (empty || part.type !== head.type || part.handle !== head.handle || length > MOST_VALUE_BYTES) {
        unusable([target], 'a part of a long value does not fit the others');
        return;
      }
      parts.push(part.bytes);
      length += part.bytes.length;
      more = reply.status === STATUS.partial;
      if (!more) {
        const whole = Buffer.concat(parts);
        const size = part.type === STRUCTURE ? Math.floor(whole.length / target.count) : part.size;
        await onValue(target, { ...part, bytes: whole, size }, clock.now());
        return;
      }
    }
    // What has come may be enough: a text ends where its length says, and an array can be read in pieces.
    const [text] = target.uses;
    if (target.count === 1 && text?.tag.type === 'string') {
      await onValue(target, { ...head, size: head.bytes.length }, clock.now());
    } else if (target.count > 1) {
      await serveAll(
        shorten(target, Math.max(1, Math.min(target.count - 1, Math.floor(head.bytes.length / head.size)))),
      );
    } else bad(target, statusQuality(STATUS.partial, []), 'it is longer than an answer of the controller');
  };

  /** Null where nothing more had to be asked for. */
  const onValue = (target: Target, value: Value, time: UnixMicros): Promise<void> | null => {
    const { key } = target;
    const { handle } = value;
    if (value.type === BOOL && target.uses.some(({ flag }) => flag !== null) && !learned.plainBools.has(key)) {
      // This controller keeps each BOOL of an array by itself: what was read are others than were meant.
      learned.plainBools.add(key);
      learned.sizes.delete(key);
      learned.revision++;
      const tags = target.uses.map(({ tag }) => tag);
      return serveAll(targetsOf(tags, learned, controller.limits));
    }
    const known = learned.sizes.get(key);
    if (value.size > 0 && (known?.size ?? target.size) !== value.size) {
      learned.sizes.set(key, { size: value.size, typeBytes: valueTypeBytes(value) });
      learned.revision++;
    }
    if (handle !== null && !learned.strings.has(handle) && target.uses.some(({ tag }) => tag.type === 'string')) {
      return findOutString(target.uses[0]!.tag, handle).then((text) => {
        if (text !== null) learned.strings.set(handle, text);
        give(target, value, time);
      });
    }
    give(target, value, time);
    return null;
  };
  const give = ({ uses }: Target, value: Value, time: UnixMicros): void => {
    for (const use of uses) {
      const mistake = pushValue(use, value, isText, time, sink);
      if (mistake !== null) badTag(use.tag, mistake);
    }
  };
  const isText = (handle: number): boolean => handle === STRING_HANDLE || learned.strings.get(handle) === true;

  /** Texts have LEN and DATA; no other structure may be taken for one. Null when it could not be found out. */
  const findOutString = async (tag: PlannedTag, handle: number): Promise<boolean | null> => {
    if (handle === STRING_HANDLE) return true;
    for (const [name, index, wanted] of [
      ['LEN', [], [DINT]],
      ['DATA', [0], [SINT, USINT]],
    ] as const) {
      const path = symbolPath([...tag.address.path, { name, index }]);
      const heard = await controller.ask(readRequest(path, 1), signal);
      if (heard.kind !== 'reply') return null;
      const value = heard.reply.status === STATUS.ok ? parseValue(heard.reply.data, 1) : null;
      if (value === null || !(wanted as readonly number[]).includes(value.type)) return false;
    }
    return true;
  };

  for (const packet of plan.packets) {
    signal.throwIfAborted();
    await serve(packet);
  }
  if (!sound && problem !== null) {
    throw new AppError('protocol.bad-answer', `${endpoint} answers in a way that can't be used: ${problem}.`, {
      details: { reason: problem },
      retryable: true,
    });
  }
}

/** "I have no such service", in the words of different makers. */
const isLacking = (status: number): boolean =>
  status === STATUS.notSupported ||
  status === STATUS.pathUnknown ||
  status === STATUS.noObject ||
  status === STATUS.pathSegment ||
  status === STATUS.attribute;
