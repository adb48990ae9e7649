import type { DriverContext, SampleSink } from '#engine/protocols/protocol.ts';
import type { AppError } from '#shared/errors.ts';
import { deviceStatusQuality, QUALITY, type Quality } from '#shared/model/index.ts';
import { askUnit, badAnswer, isBusy, isGateway, silentUnit } from './ask.ts';
import { type BlockDecoder, createBlockDecoder, pushBad } from './decode.ts';
import { EXCEPTION } from './exceptions.ts';
import { findingText, recoveryText } from './finding-text.ts';
import type { Link, PlainAnswer } from './link.ts';
import type { ReadPlan } from './plan.ts';
import { type Block, type Cut, cutBlock } from './planner.ts';
import type { Finding, Refusal } from './refusals.ts';
import type { Table } from './table.ts';

/**
 * What one poll may spend, beyond its plan, on finding out what a unit refuses: so many requests, and on fast links as
 * many as fit into the time. What is left over is bad in this poll and found out by the next.
 */
const EXTRA_REQUESTS = 64;
const EXTRA_MS = 2000;
const LOG_LINES = 20;
/** Polls in a row in which a block fails until it is searched for the tag at fault. */
const FAILING_POLLS = 3;
/** Unusable answers after which a unit that gave no sound one is not asked on. */
const MAX_MALFORMED = 8;

/**
 * Reads a plan once. Rejects with `protocol.timeout` when the unit is silent, `protocol.bad-answer` when none of its
 * answers could be used, `protocol.link-lost`, or the signal's reason; all else becomes samples.
 */
export async function runPoll(
  plan: ReadPlan,
  link: Link,
  context: DriverContext,
  sink: SampleSink,
  signal: AbortSignal,
): Promise<void> {
  const { unit } = plan;
  const { settings } = unit;
  const { clock, log } = context;
  const began = clock.monotonicMs();
  let extra = EXTRA_REQUESTS;
  let malformed = 0;
  /** The last place that was answered for in this poll; null while the unit gave no sound answer. */
  let sound: { table: Table; offset: number } | null = null;
  let problem: AppError | null = null;
  /** Why nothing more is asked of the unit in this poll. */
  let stopped: Quality | null = null;
  const stoppedTables = new Map<Table, Quality>();
  const staged: Finding[] = [];

  const ask = (table: Table, offset: number, count: number): Promise<PlainAnswer> =>
    askUnit(unit, link, clock, { table, offset, count }, signal, (answer) => {
      if (answer.kind === 'data' || (answer.kind === 'exception' && !isGateway(answer.code))) sound = { table, offset };
    });

  const bad = (block: Block, quality: Quality): void => {
    const time = clock.now();
    for (const span of block.spans) pushBad(plan.tags[span.item]!, time, quality, sink);
  };

  /** A device may refuse thousands of places at once; the log names the first. */
  let lines = 0;
  const say = (text: string): void => {
    lines++;
    if (lines <= LOG_LINES) log.info(`Unit ${settings.unitId} at ${link.endpoint} ${text}.`);
    else if (lines === LOG_LINES + 1) log.info(`Unit ${settings.unitId} at ${link.endpoint}: and more of the same.`);
  };
  const keepFinding = (found: Finding): void => {
    if (!unit.refusals.learn(found, clock.monotonicMs())) return;
    say(`${findingText(found)}; it is left out of the polls and asked for again later`);
  };
  /** What follows from silence or from unusable answers counts only once the unit has proved that it answers. */
  const learn = (found: Finding): void => {
    if (sound === null) staged.push(found);
    else keepFinding(found);
  };

  const timeout = (reason: string): AppError => {
    unit.suspect = true;
    return silentUnit(link, settings, reason);
  };

  /** Asks for a block and pushes a sample for each of its tags. True if not all of them could be read. */
  const serve = async (table: Table, block: Block, decode: BlockDecoder, dividing = false): Promise<boolean> => {
    const stop = stopped ?? stoppedTables.get(table) ?? null;
    if (stop !== null) {
      bad(block, stop);
      return true;
    }
    const answer = await ask(table, block.offset, block.count);
    switch (answer.kind) {
      case 'data':
        if (unit.failing.size > 0) unit.failing.delete(failingKey(table, block));
        decode(answer.bytes, clock.now(), sink);
        return false;
      case 'exception':
        await onException(table, block, answer.code, dividing);
        return true;
      case 'malformed':
        malformed++;
        problem ??= badAnswer(link, settings.unitId, answer.reason);
        if (sound === null && malformed >= MAX_MALFORMED) throw problem;
        await divide(table, block, QUALITY.badCommunication);
        return true;
      case 'silent':
        await onSilence(table, block, answer.reason);
        return true;
    }
  };

  const onException = async (table: Table, block: Block, code: number, dividing: boolean): Promise<void> => {
    const quality = code < 0x80 ? deviceStatusQuality(code) : QUALITY.badDeviceFailure;
    if (code === EXCEPTION.illegalAddress || code === EXCEPTION.illegalValue) {
      await divide(table, block, quality);
      return;
    }
    if (isGateway(code)) {
      stopped = quality;
    } else if (code === EXCEPTION.illegalFunction) {
      stoppedTables.set(table, quality);
      learn({ table, first: block.offset, last: block.offset, quality, kind: 'table' });
    } else if (!isBusy(code) && (dividing || (block.spans.length > 1 && keepsFailing(table, block)))) {
      await divide(table, block, quality);
      return;
    }
    bad(block, quality);
  };

  /** Device failures pass; some devices, however, answer so for good to what they do not have. */
  const keepsFailing = (table: Table, block: Block): boolean => {
    const key = failingKey(table, block);
    const times = (unit.failing.get(key) ?? 0) + 1;
    unit.failing.set(key, times);
    return times >= FAILING_POLLS;
  };

  /** Finds out by halving what of a refused block can be read, reads that, and remembers the rest. */
  const divide = async (table: Table, block: Block, quality: Quality): Promise<void> => {
    const last = block.offset + block.count - 1;
    const part = async (half: Block): Promise<boolean> => {
      extra--;
      if (extra < 0 && clock.monotonicMs() > began + EXTRA_MS) {
        bad(half, quality);
        return true;
      }
      return serve(table, half, createBlockDecoder(half, plan.tags), true);
    };
    const cut = cutBlock(block);
    if (cut !== null) {
      const left = await part(cut.left);
      const right = await part(cut.right);
      if (!left && !right) await explain(table, block, cut, quality);
      return;
    }
    // A disturbed answer is not yet a habit: what is sound the second time is taken.
    if (quality === QUALITY.badCommunication) {
      const second = await ask(table, block.offset, block.count);
      if (second.kind === 'data') {
        createBlockDecoder(block, plan.tags)(second.bytes, clock.now(), sink);
        return;
      }
    }
    const groups = groupByRange(block);
    let found = false;
    for (const group of groups) {
      if (group.offset === block.offset && group.count === block.count) {
        found = true;
        learn({ table, first: block.offset, last, quality, kind: 'run' });
        bad(group, quality);
      } else if (await part(group)) {
        found = true;
      }
    }
    if (!found) learn({ table, first: block.offset, last, quality, kind: 'gap' });
  };

  /** Both parts of a refused block can be read: what lies between is at fault, or the length is, or it has passed. */
  const explain = async (table: Table, block: Block, cut: Cut, quality: Quality): Promise<void> => {
    const second = await ask(table, block.offset, block.count);
    if (second.kind === 'data' || second.kind === 'silent') return;
    const across = cut.right.offset + 1 - block.offset;
    const gap = { first: cut.left.offset + cut.left.count - 1, last: cut.right.offset };
    let readable = across;
    let refused = block.count;
    if (across >= refused || (await ask(table, block.offset, across)).kind !== 'data') {
      learn({ table, ...gap, quality, kind: 'gap' });
      return;
    }
    while (refused - readable > 1) {
      const middle = (readable + refused) >> 1;
      if ((await ask(table, block.offset, middle)).kind === 'data') readable = middle;
      else refused = middle;
    }
    learn({ table, first: block.offset, last: block.offset + refused - 1, quality, kind: 'length' });
  };

  /**
   * Some devices leave requests for what they do not have unanswered. If the unit still answers something that it
   * answered before, the block is at fault, and is tried in halves by the polls to come; otherwise the unit is.
   */
  const onSilence = async (table: Table, block: Block, reason: string): Promise<void> => {
    if (sound === null) throw timeout(reason);
    const proof = await ask(sound.table, sound.offset, 1);
    if (proof.kind === 'silent') throw timeout(proof.reason);
    bad(block, QUALITY.badTimeout);
    const cut = cutBlock(block);
    const run =
      cut === null
        ? { first: block.offset, last: block.offset + block.count - 1, kind: 'run' as const }
        : { first: cut.left.offset + cut.left.count - 1, last: cut.right.offset, kind: 'gap' as const };
    learn({ table, ...run, quality: QUALITY.badTimeout });
  };

  /** One question to a unit that was silent, before a poll that may cost many time-outs. */
  const question = async (): Promise<void> => {
    const turn = unit.questions++;
    const request = plan.requests[turn % plan.requests.length];
    if (request === undefined) return;
    const { spans } = request.block;
    const span = spans[Math.floor(turn / plan.requests.length) % spans.length]!;
    const answer = await ask(request.table, span.offset, span.count);
    if (answer.kind === 'silent') throw timeout(answer.reason);
    unit.suspect = false;
  };

  /** True if it can be read now. */
  const askAgain = async (refusal: Refusal): Promise<boolean> => {
    const answer = await ask(refusal.table, refusal.first, refusal.last - refusal.first + 1);
    if (answer.kind === 'silent' && sound === null) throw timeout(answer.reason);
    const readable = answer.kind === 'data';
    if (readable) {
      say(recoveryText(refusal));
      unit.refusals.forget(refusal, clock.monotonicMs());
    } else unit.refusals.keep(refusal, clock.monotonicMs());
    return readable;
  };
  /** One refusal a poll, and as long as they turn out to be over, so that a changed device is whole again at once. */
  const askForRefused = async (): Promise<void> => {
    let count = 0;
    let readable = true;
    while (readable && count++ < EXTRA_REQUESTS && stopped === null) {
      const due = unit.refusals.due(clock.monotonicMs());
      // A unit that refuses everything is still asked for something, so that its loss is noticed.
      const next = due ?? (plan.requests.length === 0 && count === 1 ? plan.refused[0]?.refusal : undefined);
      if (next === undefined) return;
      readable = await askAgain(next);
    }
  };

  const time = clock.now();
  for (const tag of plan.unreadable) pushBad(tag, time, QUALITY.badConfiguration, sink);
  for (const { tag, refusal } of plan.refused) pushBad(tag, time, refusal.quality, sink);
  if (unit.suspect) await question();
  for (const { table, block, decode } of plan.requests) await serve(table, block, decode);
  await askForRefused();
  if (sound !== null) staged.forEach(keepFinding);
  else if (problem !== null) throw problem;
}

const failingKey = (table: Table, block: Block): string => `${table} ${block.offset} ${block.count}`;

function groupByRange(block: Block): Block[] {
  const groups = new Map<string, Block>();
  for (const span of block.spans) {
    const key = `${span.offset} ${span.count}`;
    const group = groups.get(key);
    groups.set(key, { offset: span.offset, count: span.count, spans: [...(group?.spans ?? []), span] });
  }
  return [...groups.values()];
}
