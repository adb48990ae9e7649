import type { DriverContext } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import {
  type ConnectionIds,
  FORGOTTEN_AFTER_MS,
  forwardClose,
  forwardOpen,
  openedConnection,
  parseReply,
  type Reply,
  SERVICE,
  STATUS,
  unconnectedSend,
  unconnectedSendBytes,
} from './cip.ts';
import type { EipDevice } from './config.ts';
import { type Answer, CONNECTED_BYTES, type Link, type Route, UNCONNECTED_BYTES } from './link.ts';
import { parseRoute, routePath } from './path.ts';
import { statusText } from './status.ts';

/** What a request to a controller came to. */
export type Heard =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'malformed'; readonly reason: string }
  /** It was not sent: since the plan was made, packets have become smaller than it. */
  | { readonly kind: 'outgrown' };

/** Bytes that a request, and its answer, may have. */
export interface Limits {
  readonly request: number;
  readonly reply: number;
  /** Bytes on the wire beside those of a request, and of its answer. */
  readonly around: (requestBytes: number) => number;
}

interface Opened extends Route {
  readonly ids: ConnectionIds;
  readonly size: number;
  usedAt: number;
  /** A request on it was answered. */
  answered: boolean;
}

/** A controller behind a link: its connection, if it gives one, and what it turned out to be unable to do. */
export interface Controller {
  readonly settings: EipDevice;
  /** Grows with everything that a plan depends on. */
  revision: number;
  readonly lacks: { multiple: boolean; fragments: boolean };
  readonly limits: Limits;
  /** Bytes of a packet on the connection; null without one. */
  readonly connectionBytes: number | null;
  /** Why there is no connection, for people; null when there is one or none is wanted. */
  readonly refusal: string | null;
  /** Opens the connection if it is time for that. Throws `protocol.timeout` when the controller is silent. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Throws `protocol.timeout`, `protocol.link-lost`, or the signal's reason. */
  ask(message: Buffer, signal: AbortSignal): Promise<Heard>;
  /** The same without the connection. */
  askUnconnected(message: Buffer, signal: AbortSignal): Promise<Heard>;
  /** Gives the connection back. Never throws. */
  close(): Promise<void>;
}

const LARGE = 4002;
const SMALL = 504;
/** Least that every controller takes in one message without a connection. */
const UNCONNECTED = 500;
/** Until a refused connection is asked for again. */
const OPEN_AGAIN_MS = 60_000;
const CLOSE_MS = 300;

const originator = Math.floor(Math.random() * 0x1_0000_0000);
let lastSerial = Math.floor(Math.random() * 0x1_0000);
let lastConnection = Math.floor(Math.random() * 0x1_0000_0000);

export function createController(settings: EipDevice, link: Link, context: DriverContext): Controller {
  const { clock, log } = context;
  const hops = parseRoute(settings.route);
  const route = routePath(typeof hops === 'string' ? [] : hops);
  const where = settings.route === '' ? link.endpoint : `${link.endpoint} path ${settings.route}`;
  let opened: Opened | null = null;
  let refusal: string | null = null;
  let openAt = settings.connection === 'none' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;

  const timeout = (reason: string): AppError =>
    new AppError(
      'protocol.timeout',
      `${where}: ${reason} Check that the controller is on, and raise the response time-out where the way is long.`,
      { details: { afterMs: settings.responseTimeoutMs }, retryable: true },
    );

  const heard = (answer: Exclude<Answer, { kind: 'silent' }>, service: number): Heard => {
    if (answer.kind === 'malformed') return answer;
    const reply = parseReply(answer.bytes);
    if (reply === null) return { kind: 'malformed', reason: `${answer.bytes.length} bytes came that are no answer` };
    // What a router on the way refuses, it refuses as the service that goes through it.
    if (reply.service === service || (reply.service === SERVICE.unconnectedSend && reply.status !== STATUS.ok)) {
      return { kind: 'reply', reply };
    }
    const hex = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(2, '0')}`;
    return { kind: 'malformed', reason: `service ${hex(reply.service)} was answered to service ${hex(service)}` };
  };
  const direct = async (
    message: Buffer,
    signal: AbortSignal,
    timeoutMs = settings.responseTimeoutMs,
  ): Promise<Heard> => {
    const answer = await link.unconnected(message, timeoutMs, signal);
    if (answer.kind === 'silent') throw timeout(answer.reason);
    return heard(answer, message[0]!);
  };
  const askUnconnected = async (message: Buffer, signal: AbortSignal): Promise<Heard> => {
    if (route.length === 0) return direct(message, signal);
    const wrapped = unconnectedSend(message, route, settings.responseTimeoutMs);
    const answer = await link.unconnected(wrapped, settings.responseTimeoutMs, signal);
    if (answer.kind === 'silent') throw timeout(answer.reason);
    return heard(answer, message[0]!);
  };

  /** Null when it is open; otherwise why not. */
  const openOne = async (large: boolean, signal: AbortSignal): Promise<string | null> => {
    const size = large ? LARGE : SMALL;
    lastSerial = (lastSerial + 1) & 0xffff;
    lastConnection = (lastConnection + 1) >>> 0;
    const ids: ConnectionIds = { serial: lastSerial, originator, toOriginator: lastConnection };
    const answer = await direct(forwardOpen(ids, size, large, route, settings.responseTimeoutMs), signal);
    if (answer.kind !== 'reply') return answer.kind === 'malformed' ? answer.reason : 'it was not asked for';
    const { reply } = answer;
    if (reply.status !== STATUS.ok) return statusText(reply.status, reply.extended);
    const toTarget = openedConnection(reply, ids);
    if (toTarget === null) return 'the answer does not fit what was asked for';
    opened = {
      ids,
      size,
      toTarget,
      toOriginator: ids.toOriginator,
      sequence: Math.floor(Math.random() * 0x1_0000),
      usedAt: clock.monotonicMs(),
      answered: false,
    };
    return null;
  };
  const open = async (signal: AbortSignal): Promise<void> => {
    const wanted = settings.connection;
    let why = wanted === 'small' ? '' : await openOne(true, signal);
    if (why !== null && wanted !== 'large') why = await openOne(false, signal);
    controller.revision++;
    if (why === null) {
      refusal = null;
      return;
    }
    openAt = clock.monotonicMs() + OPEN_AGAIN_MS;
    if (refusal !== why) log.info(`${where} gives no connection (${why}); it is read without one.`);
    refusal = why;
  };
  const drop = (): void => {
    opened = null;
    controller.revision++;
  };

  const controller: Controller = {
    settings,
    revision: 0,
    lacks: { multiple: !settings.multiple, fragments: false },
    get limits() {
      if (opened !== null) {
        // The sequence count is part of the size.
        const most = opened.size - 2;
        return { request: most, reply: most, around: () => 2 * CONNECTED_BYTES };
      }
      const wrap = route.length === 0 ? 0 : unconnectedSendBytes(route);
      return {
        request: UNCONNECTED - wrap,
        reply: UNCONNECTED,
        around: (bytes: number) => 2 * UNCONNECTED_BYTES + wrap + (wrap === 0 ? 0 : bytes % 2),
      };
    },
    get connectionBytes() {
      return opened?.size ?? null;
    },
    get refusal() {
      return refusal;
    },
    async prepare(signal) {
      const now = clock.monotonicMs();
      if (opened !== null && now - opened.usedAt > FORGOTTEN_AFTER_MS * 0.9) drop();
      if (opened === null && now >= openAt) await open(signal);
    },
    async ask(message, signal) {
      if (message.length > controller.limits.request) return { kind: 'outgrown' };
      if (opened === null) return askUnconnected(message, signal);
      const used: Opened = opened;
      used.usedAt = clock.monotonicMs();
      const answer = await link.connected(used, message, settings.responseTimeoutMs, signal);
      if (answer.kind !== 'silent') {
        used.answered = true;
        return heard(answer, message[0]!);
      }
      drop();
      // Told at once: whether the controller or its connection has gone, the next poll finds out.
      if (used.answered) log.info(`${where} did not answer on its connection; a new one is opened with the next poll.`);
      else {
        refusal = 'it does not answer on connections that it has opened';
        openAt = clock.monotonicMs() + OPEN_AGAIN_MS;
        log.info(`${where} does not answer on connections that it has opened; it is read without one.`);
      }
      throw timeout(answer.reason);
    },
    askUnconnected,
    async close() {
      if (opened === null || link.lost || link.busy) return;
      const { ids } = opened as Opened;
      opened = null;
      const signal = new AbortController().signal;
      const timeoutMs = Math.min(CLOSE_MS, settings.responseTimeoutMs);
      // A controller that does not answer forgets the connection by itself.
      await link.unconnected(forwardClose(ids, route, timeoutMs), timeoutMs, signal).catch(() => {});
    },
  };
  return controller;
}
