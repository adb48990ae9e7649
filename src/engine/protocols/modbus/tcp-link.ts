import type net from 'node:net';
import { type DriverContext, type Waiting, waitForAnswer } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import type { ModbusConfig } from './config.ts';
import { createFrameReader, HEADER_BYTES } from './frame-reader.ts';
import { createLibraryClient, type ReadFunction } from './library-client.ts';
import { type Answer, dialTarget, endpointOf, type Link, type Request, STRIKES } from './link.ts';

/** An answer of null: the connection was ended in order before it came. */
interface Pending extends Request, Waiting<Answer | null> {
  readonly number: number;
}

/** Answers that may still be on their way; beyond that the link is given up rather than a number used twice. */
const MAX_LATE = 4096;

/** From one connection to the next, where the device ends them. Weak controllers run out of sockets otherwise. */
const CONNECT_EVERY_MS = 50;

/**
 * One Modbus TCP connection. Some devices end the connection after each answer, or after a pause: one that was ended in
 * order, with nothing owed, is made anew for the next request, and nothing is lost by it.
 */
export async function openTcpLink(config: ModbusConfig, context: DriverContext, signal: AbortSignal): Promise<Link> {
  const socket = await context.network.dial(dialTarget(config), context.clock, signal);
  return createLink(socket, config, context);
}

function createLink(first: net.Socket, config: ModbusConfig, context: DriverContext): Link {
  const { clock } = context;
  const endpoint = endpointOf(config);
  /** Null while the device has ended the connection in order and the next request has not come. */
  let socket: net.Socket | null = null;
  let gone = Promise.resolve();
  let openedMs = 0;
  /** On this connection. */
  let received = false;
  let answers = 0;
  /** Connections in a row that the device ended after one answer. */
  let ended = 0;
  let opening: { readonly done: Promise<unknown>; abort(): void } | null = null;
  let busy = false;
  let pending: Pending | null = null;
  let lost: AppError<'protocol.link-lost'> | null = null;
  // A gateway that mixes up its clients may answer a former link's request: begin where it did not.
  let lastNumber = Math.floor(Math.random() * 0x1_0000);
  let foreign = 0;
  let strikes = 0;
  /** The last reason that was logged, so that a device with one bad habit does not fill the log. */
  let complaint: string | null = null;
  let restless = false;
  const late = new Set<number>();
  const unitsHeard = new Set<number>();

  const lose = (what: string, cause?: unknown): void => {
    if (lost === null) {
      lost = new AppError('protocol.link-lost', `The link to ${endpoint} is gone: ${what}`, {
        details: { endpoint },
        retryable: true,
        ...(cause === undefined ? {} : { cause }),
      });
    }
    socket?.destroy();
    opening?.abort();
    pending?.fail(lost);
  };
  const closedByPeer = (): void =>
    lose(
      received
        ? 'the device closed it.'
        : 'the device closed it before it answered anything. Many controllers allow few connections: close other programs that are connected to it.',
    );

  const observe = (direction: 'sent' | 'received', bytes: Uint8Array): void => {
    context.trace?.(direction, bytes);
    link.tap?.(direction, bytes);
  };

  const library = createLibraryClient((frame) => {
    const bytes = Buffer.allocUnsafe(HEADER_BYTES + frame.length);
    bytes.writeUInt16BE(lastNumber, 0);
    bytes.writeUInt16BE(0, 2);
    bytes.writeUInt16BE(frame.length, 4);
    bytes.set(frame, HEADER_BYTES);
    observe('sent', bytes);
    socket?.write(bytes);
  });

  const onFrame = (frame: Uint8Array): void => {
    const number = (frame[0]! << 8) | frame[1]!;
    strikes = 0;
    answers++;
    if (answers > 1) ended = 0;
    if (pending === null || number !== pending.number) {
      if (!late.delete(number)) foreign++;
      return;
    }
    unitsHeard.add(pending.unit);
    const problem = mismatch(frame, pending);
    const body = frame.subarray(HEADER_BYTES);
    if (problem !== null && problem !== complaint) {
      complaint = problem;
      context.log.warn(`An answer from ${endpoint} can't be used: ${problem}.`, {
        hex: Buffer.from(frame).toString('hex'),
      });
    }
    pending.settle(problem === null ? library.answer(body) : { kind: 'malformed', reason: problem });
  };
  const onBroken = (reason: string): void => {
    const text = `the peer sent bytes that are not Modbus TCP (${reason}). Check that the port belongs to a Modbus TCP server.`;
    lose(text, new AppError('protocol.bad-answer', `${endpoint}: ${text}`, { details: { reason } }));
  };

  const adopt = (fresh: net.Socket): void => {
    const reader = createFrameReader(onFrame, onBroken);
    socket = fresh;
    openedMs = clock.monotonicMs();
    received = false;
    answers = 0;
    late.clear();
    fresh.on('data', (chunk: Uint8Array) => {
      received = true;
      observe('received', chunk);
      reader.push(chunk);
    });
    fresh.on('end', () => {
      if (lost === null && answers > 0 && reader.empty) endInOrder(fresh);
      else closedByPeer();
    });
    fresh.on('error', (error: NodeJS.ErrnoException) => {
      if (socket !== fresh) return;
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') closedByPeer();
      else lose(`the network reported ${error.code ?? error.message}.`, error);
    });
    gone = new Promise<void>((resolve) => {
      fresh.on('close', () => {
        if (socket === fresh) closedByPeer();
        resolve();
      });
    });
  };
  const endInOrder = (old: net.Socket): void => {
    socket = null;
    old.destroy();
    ended = answers === 1 ? ended + 1 : 0;
    if (!restless) {
      restless = true;
      context.log.info(`${endpoint} ended the connection after its answer; the next request makes a new one.`);
    }
    pending?.settle(null);
  };
  adopt(first);

  /** Waits for the next connection at most as long as for an answer, since nobody waits longer for this read. */
  const reopen = async (timeoutMs: number, signal: AbortSignal): Promise<void> => {
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const connectTimeoutMs = Math.min(config.connectTimeoutMs, timeoutMs);
    const work = async (): Promise<void> => {
      await gone;
      const rest = openedMs + CONNECT_EVERY_MS - clock.monotonicMs();
      if (rest > 0) await clock.sleep(rest, controller.signal);
      const fresh = await context.network.dial({ ...dialTarget(config), connectTimeoutMs }, clock, controller.signal);
      if (lost === null) adopt(fresh);
      else fresh.destroy();
    };
    const done = work();
    opening = { done, abort: () => controller.abort(lost) };
    try {
      await done;
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      lose(`the device closed it, and no new one could be made. ${why}`, error);
    } finally {
      opening = null;
      signal.removeEventListener('abort', onAbort);
    }
    if (lost !== null) throw lost;
  };

  /** The next number, 0 to 65535, that no late answer can carry. */
  const nextNumber = (): number => {
    do lastNumber = (lastNumber + 1) & 0xffff;
    while (late.has(lastNumber));
    return lastNumber;
  };

  const onSilence = (request: Pending, timeoutMs: number): void => {
    late.add(request.number);
    if (unitsHeard.has(request.unit)) strikes++;
    if (strikes >= STRIKES) {
      lose(`unit ${request.unit} answered before and left ${strikes} requests in a row unanswered.`);
    } else if (late.size > MAX_LATE) {
      lose(`${late.size} requests are unanswered.`);
    } else {
      const others =
        foreign === 0 ? '' : ` ${foreign} unrelated ${foreign === 1 ? 'answer' : 'answers'} came on this link.`;
      request.settle({
        kind: 'silent',
        reason: `No answer from unit ${request.unit} within ${timeoutMs} ms.${others}`,
      });
    }
  };

  /**
   * A device with this habit is about to end the connection: a request that crosses that would be sent twice, and might
   * be answered with a reset. Costs nothing, since the next connection may not be made sooner.
   */
  const awaitEnd = async (signal: AbortSignal): Promise<void> => {
    const restMs = openedMs + CONNECT_EVERY_MS - clock.monotonicMs();
    if (restMs <= 0) return;
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    signal.addEventListener('abort', stop, { once: true });
    await Promise.race([gone, clock.sleep(restMs, controller.signal).catch(() => {})]);
    signal.removeEventListener('abort', stop);
    stop();
    signal.throwIfAborted();
    if (lost !== null) throw lost;
  };

  const ask = (
    unit: number,
    readFunction: ReadFunction,
    offset: number,
    count: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer | null> => {
    const number = nextNumber();
    const waiting = waitForAnswer<Answer | null>(clock, timeoutMs, signal, {
      over: () => {
        pending = null;
      },
      silent: () => onSilence(request, timeoutMs),
      givenUp: () => void late.add(number),
    });
    const request: Pending = { ...waiting, number, unit, readFunction, count };
    pending = request;
    library.request(unit, readFunction, offset, count);
    return waiting.answer;
  };

  const link: Link = {
    endpoint,
    tap: null,
    async read(unit, readFunction, offset, count, timeoutMs, signal) {
      signal.throwIfAborted();
      if (lost !== null) throw lost;
      if (busy) throw new Error('A request is under way on this link already.');
      busy = true;
      try {
        // Ends: a connection earns the next one with an answer, so the second time round the link is lost at worst.
        for (;;) {
          if (ended > 0 && answers > 0) await awaitEnd(signal);
          if (socket === null) await reopen(timeoutMs, signal);
          const restMs = openedMs + config.pauseAfterConnectMs - clock.monotonicMs();
          if (answers === 0 && restMs > 0) {
            await clock.sleep(restMs, signal);
            // What happened to the connection in the pause is seen here.
            if (lost !== null) throw lost;
          }
          const answer = await ask(unit, readFunction, offset, count, timeoutMs, signal);
          if (answer !== null) return answer;
        }
      } finally {
        busy = false;
      }
    },
    notice: (times) =>
      ended < times
        ? null
        : `The device ends the connection after each answer, so every request needs a new one; ParX makes at most ${1000 / CONNECT_EVERY_MS} a second. If the device has a setting that keeps connections open, reading gets faster with it.`,
    async close() {
      lose('it was closed here.');
      await opening?.done.catch(() => {});
      await gone;
    },
  };
  return link;
}

/** Why a frame with the right number is no answer to the request; null if it is one. */
function mismatch(frame: Uint8Array, request: Pending): string | null {
  const unit = frame[HEADER_BYTES]!;
  const answered = frame[HEADER_BYTES + 1]!;
  if (unit !== request.unit) return `unit ${unit} answered instead of unit ${request.unit}`;
  if (answered === (request.readFunction | 0x80)) {
    return frame.length === HEADER_BYTES + 3 ? null : `an exception has 3 bytes, ${frame.length - HEADER_BYTES} came`;
  }
  if (answered !== request.readFunction) return `function ${answered} was answered to function ${request.readFunction}`;
  const wanted = request.readFunction <= 2 ? Math.ceil(request.count / 8) : request.count * 2;
  const announced = frame[HEADER_BYTES + 2];
  const came = frame.length - HEADER_BYTES - 3;
  if (announced === wanted && came === wanted) return null;
  return `${wanted} data bytes were due, ${announced ?? 0} were announced and ${Math.max(came, 0)} came`;
}
