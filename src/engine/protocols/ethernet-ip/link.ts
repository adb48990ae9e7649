import type net from 'node:net';
import { type DriverContext, type Waiting, waitForAnswer } from '#engine/protocols/protocol.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { u16, u32 } from './cip.ts';
import { dialTarget, type EipConfig, endpointOf } from './config.ts';
import {
  COMMAND,
  createFrameReader,
  encapsulationText,
  type Frame,
  frameBytes,
  INVALID_SESSION,
  ITEM,
  packItems,
  parseItems,
} from './frame.ts';

/** What a request came to. */
export type Answer =
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'silent'; readonly reason: string };

export type LinkTap = (direction: 'sent' | 'received', bytes: Uint8Array) => void;

/** A connection in the controller, over which requests go in larger packets than without. */
export interface Route {
  readonly toTarget: number;
  readonly toOriginator: number;
  /** Counts the requests on it; the answer carries the same. */
  sequence: number;
}

/**
 * One TCP connection with one session on it, and one request under way at most. All methods reject with
 * `protocol.link-lost`, or with the signal's reason at once when it aborts; the answer to a request that was given up is
 * discarded whenever it comes.
 */
export interface Link {
  readonly endpoint: string;
  /** A request is under way. */
  readonly busy: boolean;
  readonly lost: boolean;
  /** Sees all bytes while set; the connection test shows them. */
  tap: LinkTap | null;
  /** Begins the session that all but `identity` needs. Throws `protocol.bad-answer` where it is refused. */
  register(timeoutMs: number, signal: AbortSignal): Promise<Answer>;
  /** The identity item that the host itself gives, without a session. */
  identity(timeoutMs: number, signal: AbortSignal): Promise<Answer>;
  /** A message of CIP and its answer, without a connection. */
  unconnected(message: Buffer, timeoutMs: number, signal: AbortSignal): Promise<Answer>;
  connected(route: Route, message: Buffer, timeoutMs: number, signal: AbortSignal): Promise<Answer>;
  /** May be called twice; resolves when the socket is gone. */
  close(): Promise<void>;
}

/** Bytes around a message: with an address item and a sequence count, and without. */
export const CONNECTED_BYTES = 46;
export const UNCONNECTED_BYTES = 40;
/** Requests in a row without an answer, on a link that had answered, before it counts as dead. */
const STRIKES = 5;
const CLOSING_MS = 300;

interface Pending extends Waiting<Answer> {
  /** The answer if the frame is one to this request, else null. */
  match(frame: Frame): Answer | null;
}

/** Throws `protocol.connect-failed`, `protocol.timeout`, or the signal's reason. The session is not begun yet. */
export async function openLink(config: EipConfig, context: DriverContext, signal: AbortSignal): Promise<Link> {
  const socket = await context.network.dial(dialTarget(config), context.clock, signal);
  return createLink(socket, config, context);
}

/** The same with its session. */
export async function openSession(config: EipConfig, context: DriverContext, signal: AbortSignal): Promise<Link> {
  const link = await openLink(config, context, signal);
  try {
    const answer = await link.register(config.connectTimeoutMs, signal);
    if (answer.kind === 'silent') throw sessionTimeout(link.endpoint, config);
    return link;
  } catch (error) {
    await link.close();
    throw notConnected(error, link.endpoint);
  }
}

/** A link that is lost, or refused, before it could be used was never there. Other errors stay what they are. */
export function notConnected(error: unknown, endpoint: string): unknown {
  if (!isAppError(error, 'protocol.link-lost') && !isAppError(error, 'protocol.bad-answer')) return error;
  return new AppError('protocol.connect-failed', error.message, {
    details: { endpoint },
    retryable: true,
    cause: error,
  });
}

function sessionTimeout(endpoint: string, config: EipConfig): AppError {
  return new AppError(
    'protocol.timeout',
    `${endpoint} accepted the connection and did not begin an EtherNet/IP session within ${config.connectTimeoutMs} ms. Check that the port belongs to an EtherNet/IP device.`,
    { details: { afterMs: config.connectTimeoutMs }, retryable: true },
  );
}

function createLink(socket: net.Socket, config: EipConfig, context: DriverContext): Link {
  const { clock } = context;
  const endpoint = endpointOf(config);
  let session = 0;
  let pending: Pending | null = null;
  let lost: AppError<'protocol.link-lost'> | null = null;
  let answered = false;
  let strikes = 0;
  let foreign = 0;
  let closing: Promise<void> | null = null;
  // A host that mixes up its clients may answer a former link's request: begin where that did not.
  let lastContext = Math.floor(Math.random() * 0x1_0000_0000);

  const lose = (what: string, cause?: unknown): void => {
    lost ??= new AppError('protocol.link-lost', `The link to ${endpoint} is gone: ${what}`, {
      details: { endpoint },
      retryable: true,
      ...(cause === undefined ? {} : { cause }),
    });
    socket.destroy();
    pending?.fail(lost);
  };
  const closedByPeer = (): void =>
    lose(
      answered
        ? 'the controller closed it.'
        : 'the controller closed it before it answered anything. Many controllers allow few connections: close other programs that are connected to it.',
    );
  const observe = (direction: 'sent' | 'received', bytes: Uint8Array): void => {
    context.trace?.(direction, bytes);
    link.tap?.(direction, bytes);
  };
  const gone = new Promise<void>((resolve) => {
    socket.on('close', () => {
      closedByPeer();
      resolve();
    });
  });

  const onFrame = (frame: Frame): void => {
    const answer = pending?.match(frame) ?? null;
    if (answer === null) {
      foreign++;
      return;
    }
    answered = true;
    strikes = 0;
    if (frame.status === INVALID_SESSION && session !== 0) {
      lose('the controller no longer knows the session.');
      return;
    }
    pending?.settle(
      frame.status === 0
        ? answer
        : { kind: 'malformed', reason: `it was refused with ${encapsulationText(frame.status)}` },
    );
  };
  const reader = createFrameReader(onFrame, (reason) => {
    const text = `the peer sent bytes that are not EtherNet/IP (${reason}). Check that the port belongs to an EtherNet/IP device.`;
    lose(text, new AppError('protocol.bad-answer', `${endpoint}: ${text}`, { details: { reason } }));
  });
  socket.on('data', (chunk: Buffer) => {
    observe('received', chunk);
    reader.push(chunk);
  });
  socket.on('end', closedByPeer);
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') closedByPeer();
    else lose(`the network reported ${error.code ?? error.message}.`, error);
  });

  const ask = async (
    command: number,
    data: Buffer,
    match: (frame: Frame, context: number) => Answer | null,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer> => {
    signal.throwIfAborted();
    if (lost !== null) throw lost;
    if (pending !== null) throw new Error('A request is under way on this link already.');
    lastContext = (lastContext + 1) >>> 0;
    const number = lastContext;
    const waiting = waitForAnswer<Answer>(clock, timeoutMs, signal, {
      over: () => {
        pending = null;
      },
      silent: () => {
        if (answered && ++strikes >= STRIKES) {
          lose(`the controller answered before and left ${strikes} requests in a row unanswered.`);
          return;
        }
        const others =
          foreign === 0 ? '' : ` ${foreign} unrelated ${foreign === 1 ? 'answer' : 'answers'} came on this link.`;
        waiting.settle({ kind: 'silent', reason: `No answer within ${timeoutMs} ms.${others}` });
      },
    });
    pending = { ...waiting, match: (frame) => (frame.command === command ? match(frame, number) : null) };
    const bytes = frameBytes(command, session, number, data);
    observe('sent', bytes);
    socket.write(bytes);
    return waiting.answer;
  };

  /** Frames of the session whose context is the request's. */
  const own = (frame: Frame, number: number): boolean =>
    frame.context === number && frame.contextHigh === 0 && (frame.session === session || frame.status !== 0);
  const itemOf = (frame: Frame, type: number, what: string): Answer => {
    const item = parseItems(frame.data)?.find((one) => one.type === type);
    if (item === undefined) return { kind: 'malformed', reason: `the answer has no ${what} in it` };
    return { kind: 'data', bytes: item.data };
  };

  const link: Link = {
    endpoint,
    tap: null,
    get busy() {
      return pending !== null;
    },
    get lost() {
      return lost !== null;
    },
    async register(timeoutMs, signal) {
      const match = (frame: Frame, number: number): Answer | null => {
        if (frame.context !== number) return null;
        if (frame.status === 0) session = frame.session;
        return { kind: 'data', bytes: frame.data };
      };
      const answer = await ask(COMMAND.registerSession, Buffer.concat([u16(1), u16(0)]), match, timeoutMs, signal);
      const reason =
        answer.kind === 'malformed'
          ? answer.reason
          : answer.kind === 'data' && session === 0
            ? 'the session has the number 0'
            : null;
      if (reason === null) return answer;
      throw new AppError('protocol.bad-answer', `${endpoint} did not begin an EtherNet/IP session: ${reason}.`, {
        details: { reason },
        retryable: true,
      });
    },
    identity: (timeoutMs, signal) =>
      ask(
        COMMAND.listIdentity,
        Buffer.alloc(0),
        (frame, number) => {
          if (frame.context !== number) return null;
          const item =
            frame.status === 0 ? parseItems(frame.data, 0)?.find(({ type }) => type === ITEM.identity) : null;
          if (item === undefined) return { kind: 'malformed', reason: 'the answer has no identity in it' };
          // Version of the protocol and socket address stand before the identity.
          return { kind: 'data', bytes: item?.data.subarray(18) ?? Buffer.alloc(0) };
        },
        timeoutMs,
        signal,
      ),
    unconnected: (message, timeoutMs, signal) =>
      ask(
        COMMAND.sendRRData,
        packItems([
          { type: ITEM.none, data: Buffer.alloc(0) },
          { type: ITEM.unconnected, data: message },
        ]),
        (frame, number) => (own(frame, number) ? itemOf(frame, ITEM.unconnected, 'unconnected message') : null),
        timeoutMs,
        signal,
      ),
    connected(route, message, timeoutMs, signal) {
      route.sequence = (route.sequence + 1) & 0xffff;
      const { sequence } = route;
      return ask(
        COMMAND.sendUnitData,
        packItems([
          { type: ITEM.connection, data: u32(route.toTarget) },
          { type: ITEM.connected, data: Buffer.concat([u16(sequence), message]) },
        ]),
        (frame, number) => {
          // What belongs to the request is told by connection and count; the standard leaves the context open here.
          if (frame.status !== 0) return own(frame, number) ? { kind: 'data', bytes: Buffer.alloc(0) } : null;
          if (frame.session !== session) return null;
          const items = parseItems(frame.data);
          const address = items?.find(({ type }) => type === ITEM.connection)?.data;
          const data = items?.find(({ type }) => type === ITEM.connected)?.data;
          if (address?.length !== 4 || address.readUInt32LE(0) !== route.toOriginator) return null;
          if (data === undefined || data.length < 2 || data.readUInt16LE(0) !== sequence) return null;
          return { kind: 'data', bytes: data.subarray(2) };
        },
        timeoutMs,
        signal,
      );
    },
    close() {
      closing ??= (async () => {
        if (lost === null && session !== 0) {
          const bytes = frameBytes(COMMAND.unregisterSession, session, 0, Buffer.alloc(0));
          observe('sent', bytes);
          // The controller ends the connection upon it.
          socket.end(bytes);
          const timer = clock.after(CLOSING_MS, () => socket.destroy());
          lost = new AppError('protocol.link-lost', `The link to ${endpoint} is gone: it was closed here.`, {
            details: { endpoint },
            retryable: true,
          });
          pending?.fail(lost);
          await gone;
          timer[Symbol.dispose]();
          return;
        }
        lose('it was closed here.');
        await gone;
      })();
      return closing;
    },
  };
  return link;
}
