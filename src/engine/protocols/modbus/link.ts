import net from 'node:net';
import type { DriverContext } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import type { ModbusConfig } from './config.ts';
import { createFrameReader, HEADER_BYTES } from './frame-reader.ts';
import { createLibraryClient, type LibraryResult, type ReadFunction } from './library-client.ts';
import { connectTrouble } from './link-words.ts';

/** What a request came to. `data` bytes are valid until the next request on the link. */
export type Answer = LibraryResult | { readonly kind: 'silent'; readonly reason: string };

export type LinkTap = (direction: 'sent' | 'received', bytes: Uint8Array) => void;

/** One TCP connection with one request under way at most. */
export interface Link {
  readonly endpoint: string;
  /** Sees all bytes while set; the connection test shows them. */
  tap: LinkTap | null;
  /**
   * Reads `count` places. Rejects with `protocol.link-lost`, or with the signal's reason at once when it aborts. The
   * answer to a request that was given up is discarded whenever it comes.
   */
  read(
    unit: number,
    readFunction: ReadFunction,
    offset: number,
    count: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer>;
  /** May be called twice; resolves when the socket is gone. */
  close(): Promise<void>;
}

interface Pending {
  readonly number: number;
  readonly unit: number;
  readonly readFunction: ReadFunction;
  readonly count: number;
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: unknown) => void;
}

/** Requests that a unit which had answered before leaves unanswered in a row, before the link counts as dead. */
const STRIKES = 3;
/** Answers that may still be on their way; beyond that the link is given up rather than a number used twice. */
const MAX_LATE = 4096;

export const endpointOf = (config: Pick<ModbusConfig, 'host' | 'port'>): string =>
  `${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;

/** Throws `protocol.connect-failed`, `protocol.timeout`, or the signal's reason. */
export function openLink(config: ModbusConfig, context: DriverContext, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const endpoint = endpointOf(config);
    const socket = net.connect({
      host: config.host,
      port: config.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 10_000,
      ...(config.localAddress === '' ? {} : { localAddress: config.localAddress }),
    });
    const done = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('connect', onConnect);
    };
    const giveUp = (error: unknown): void => {
      done();
      // A destroyed socket may still report an error, which would end the process without a listener.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => giveUp(signal.reason);
    const onError = (error: Error): void => {
      const { sentence, advice } = connectTrouble(error, endpoint, config.localAddress);
      giveUp(
        new AppError('protocol.connect-failed', `${sentence} ${advice}`, {
          details: { endpoint },
          retryable: true,
          cause: error,
        }),
      );
    };
    const onConnect = (): void => {
      done();
      resolve(createLink(socket, endpoint, context));
    };
    const timer = context.clock.after(config.connectTimeoutMs, () =>
      giveUp(
        new AppError(
          'protocol.timeout',
          `${endpoint} did not answer the connection request within ${config.connectTimeoutMs} ms. Check address and cable, and that no firewall in between drops the port.`,
          { details: { afterMs: config.connectTimeoutMs }, retryable: true },
        ),
      ),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', onConnect);
  });
}

function createLink(socket: net.Socket, endpoint: string, context: DriverContext): Link {
  let pending: Pending | null = null;
  let lost: AppError<'protocol.link-lost'> | null = null;
  // A gateway that mixes up its clients may answer a former link's request: begin where it did not.
  let lastNumber = Math.floor(Math.random() * 0x1_0000);
  let foreign = 0;
  let strikes = 0;
  let received = false;
  /** The last reason that was logged, so that a device with one bad habit does not fill the log. */
  let complaint: string | null = null;
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
    socket.destroy();
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
    socket.write(bytes);
  });

  const onFrame = (frame: Uint8Array): void => {
    const number = (frame[0]! << 8) | frame[1]!;
    strikes = 0;
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
  const reader = createFrameReader(onFrame, (reason) => {
    const text = `the peer sent bytes that are not Modbus TCP (${reason}). Check that the port belongs to a Modbus TCP server.`;
    lose(text, new AppError('protocol.bad-answer', `${endpoint}: ${text}`, { details: { reason } }));
  });

  socket.on('data', (chunk: Uint8Array) => {
    received = true;
    observe('received', chunk);
    reader.push(chunk);
  });
  socket.on('end', closedByPeer);
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') closedByPeer();
    else lose(`the network reported ${error.code ?? error.message}.`, error);
  });
  const gone = new Promise<void>((resolve) => {
    socket.on('close', () => {
      closedByPeer();
      resolve();
    });
  });

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

  const link: Link = {
    endpoint,
    tap: null,
    read(unit, readFunction, offset, count, timeoutMs, signal) {
      return new Promise<Answer>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (lost !== null) return reject(lost);
        if (pending !== null) return reject(new Error('A request is under way on this link already.'));
        const end = (): void => {
          pending = null;
          timer[Symbol.dispose]();
          signal.removeEventListener('abort', onAbort);
        };
        const request: Pending = {
          number: nextNumber(),
          unit,
          readFunction,
          count,
          settle(answer) {
            end();
            resolve(answer);
          },
          fail(error) {
            end();
            reject(error);
          },
        };
        const onAbort = (): void => {
          late.add(request.number);
          request.fail(signal.reason);
        };
        const timer = context.clock.after(timeoutMs, () => onSilence(request, timeoutMs));
        signal.addEventListener('abort', onAbort, { once: true });
        pending = request;
        library.request(unit, readFunction, offset, count);
      });
    },
    async close() {
      lose('it was closed here.');
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
