import { type DriverContext, type Waiting, waitForAnswer } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import { isSerial, type ModbusConfig } from './config.ts';
import { createLibraryClient, type ReadFunction } from './library-client.ts';
import { type Answer, endpointOf, type Link, type Request, STRIKES } from './link.ts';
import { openTcpPipe, type Pipe } from './pipe.ts';
import { CRC_BYTES, createRtuReader, withCrc } from './rtu-frame.ts';
import { openSerialPipe } from './serial-pipe.ts';

interface Pending extends Request, Waiting<Answer> {}

/** An answer that may still come, and until when nothing is asked of its unit. */
interface Owed {
  readonly readFunction: ReadFunction;
  readonly sinceMs: number;
  readonly untilMs: number;
  wake: (() => void) | null;
}

/** Bytes of one frame never lie farther apart, but for pauses of the network; adapters hold bytes back for 16 ms. */
const GAP_MS = 20;
/** Start, eight data, parity or a second stop bit, stop. */
const BITS_PER_BYTE = 11;

/**
 * RTU frames on a serial line or through a TCP socket. There are no numbers in them, so that an answer is known by unit,
 * function and length alone: after a time-out nothing is asked of the unit until the late answer has come, or as long
 * again has passed. Throws `protocol.connect-failed`, `protocol.timeout`, or the signal's reason.
 */
export async function openRtuLink(config: ModbusConfig, context: DriverContext, signal: AbortSignal): Promise<Link> {
  const pipe = await (isSerial(config) ? openSerialPipe : openTcpPipe)(config, context, signal);
  return createRtuLink(pipe, config, context);
}

function createRtuLink(pipe: Pipe, config: ModbusConfig, context: DriverContext): Link {
  const { clock } = context;
  const endpoint = endpointOf(config);
  const openedMs = clock.monotonicMs();
  // Silence that ends a frame on the line: 3.5 bytes, and 1.75 ms from 19,200 Bd on. Device servers see to it themselves.
  const restMs = isSerial(config) ? Math.max(1.75, (3.5 * BITS_PER_BYTE * 1000) / config.baudRate) : 0;
  const gapMs = Math.max(GAP_MS, restMs);
  let lost: AppError<'protocol.link-lost'> | null = null;
  let busy = false;
  let asked = false;
  let pending: Pending | null = null;
  let heardMs = Number.NEGATIVE_INFINITY;
  let gap: Disposable | null = null;
  let strikes = 0;
  /** Since the request under way: what came besides its answer. */
  let strangers = 0;
  let stranger = '';
  let noiseBytes = 0;
  let disturbed = false;
  let lateLogged = false;
  const owed = new Map<number, Owed>();
  const unitsHeard = new Set<number>();

  const lose = (what: string, cause?: unknown): void => {
    lost ??= new AppError('protocol.link-lost', `The link to ${endpoint} is gone: ${what}`, {
      details: { endpoint },
      retryable: true,
      ...(cause === undefined ? {} : { cause }),
    });
    gap?.[Symbol.dispose]();
    for (const one of owed.values()) one.wake?.();
    void pipe.close();
    pending?.fail(lost);
  };
  const observe = (direction: 'sent' | 'received', bytes: Uint8Array): void => {
    context.trace?.(direction, bytes);
    link.tap?.(direction, bytes);
  };

  const onLate = (unit: number, one: Owed): void => {
    owed.delete(unit);
    one.wake?.();
    if (lateLogged) return;
    lateLogged = true;
    const ms = Math.round(clock.monotonicMs() - one.sinceMs);
    context.log.warn(
      `Unit ${unit} at ${endpoint} answered ${ms} ms after the request, when it was no longer waited for. Raise the response time-out.`,
    );
  };

  const reader = createRtuReader({
    frame(frame) {
      observe('received', frame);
      noiseBytes -= frame.length;
      strikes = 0;
      const unit = frame[0]!;
      const late = owed.get(unit);
      if (late !== undefined && (frame[1]! & 0x7f) === late.readFunction) return onLate(unit, late);
      if (pending === null) return;
      const problem = mismatch(frame, pending);
      if (problem !== null) {
        strangers++;
        stranger = problem;
        return;
      }
      unitsHeard.add(unit);
      pending.settle(library.answer(frame.subarray(0, frame.length - CRC_BYTES)));
    },
    disturbed(frame) {
      if (pending !== null && mismatch(frame, pending) === null) disturbed = true;
    },
    echo(bytes) {
      noiseBytes -= bytes.length;
      observe('received', bytes);
    },
    noise: (bytes) => observe('received', bytes),
  });
  const onGap = (): void => {
    gap = null;
    reader.silence();
    if (disturbed) pending?.settle({ kind: 'disturbed', reason: 'the checksum of the answer is wrong' });
  };

  const library = createLibraryClient((body) => {
    const bytes = withCrc(body);
    reader.begin(bytes);
    strangers = 0;
    noiseBytes = 0;
    disturbed = false;
    observe('sent', bytes);
    pipe.write(bytes);
  });

  const owe = (request: Pending, sinceMs: number, timeoutMs: number): void => {
    const untilMs = clock.monotonicMs() + timeoutMs;
    owed.set(request.unit, { readFunction: request.readFunction, sinceMs, untilMs, wake: null });
  };

  /** Until the late answer of the unit has come, or is no longer to be expected. */
  const drain = async (unit: number, signal: AbortSignal): Promise<void> => {
    const one = owed.get(unit);
    if (one === undefined) return;
    const waitMs = one.untilMs - clock.monotonicMs();
    if (waitMs > 0) {
      const controller = new AbortController();
      one.wake = () => controller.abort();
      signal.addEventListener('abort', one.wake, { once: true });
      await clock.sleep(waitMs, controller.signal).catch(() => {});
      signal.removeEventListener('abort', one.wake);
      one.wake = null;
      signal.throwIfAborted();
      if (lost !== null) throw lost;
    }
    owed.delete(unit);
  };

  const onSilence = (request: Pending, sinceMs: number, timeoutMs: number): void => {
    owe(request, sinceMs, timeoutMs);
    if (unitsHeard.has(request.unit)) strikes++;
    if (strikes >= STRIKES) {
      lose(`unit ${request.unit} answered before and left ${strikes} requests in a row unanswered.`);
      return;
    }
    const others = strangers === 0 ? '' : ` Something else came instead: ${stranger}.`;
    const noise =
      noiseBytes === 0
        ? ''
        : ` ${noiseBytes} ${noiseBytes === 1 ? 'byte' : 'bytes'} came that are no Modbus RTU answer: check framing${isSerial(config) ? ', baud rate, parity' : ''} and wiring.`;
    request.settle({
      kind: 'silent',
      reason: `No answer from unit ${request.unit} within ${timeoutMs} ms.${others}${noise}`,
    });
  };

  const ask = (
    unit: number,
    readFunction: ReadFunction,
    offset: number,
    count: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const sinceMs = clock.monotonicMs();
    const waiting = waitForAnswer<Answer>(clock, timeoutMs, signal, {
      over: () => {
        pending = null;
      },
      silent: () => onSilence(request, sinceMs, timeoutMs),
      givenUp: () => owe(request, sinceMs, timeoutMs),
    });
    const request: Pending = { ...waiting, unit, readFunction, count };
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
        await drain(unit, signal);
        const readyMs = Math.max(heardMs + restMs, asked ? 0 : openedMs + config.pauseAfterConnectMs);
        const waitMs = readyMs - clock.monotonicMs();
        if (waitMs > 0) await clock.sleep(waitMs, signal);
        if (lost !== null) throw lost;
        asked = true;
        return await ask(unit, readFunction, offset, count, timeoutMs, signal);
      } finally {
        busy = false;
      }
    },
    notice: () => null,
    async close() {
      lose('it was closed here.');
      await pipe.close();
    },
  };
  pipe.start(
    (chunk) => {
      if (lost !== null) return;
      heardMs = clock.monotonicMs();
      noiseBytes += chunk.length;
      reader.push(chunk);
      gap?.[Symbol.dispose]();
      gap = clock.after(gapMs, onGap);
    },
    (what, cause) => lose(what, cause),
  );
  return link;
}

/** Why a sound frame is no answer to the request; null if it may be one. */
function mismatch(frame: Uint8Array, request: Pending): string | null {
  const unit = frame[0]!;
  const answered = frame[1]!;
  if (unit !== request.unit) return `unit ${unit} answered instead of unit ${request.unit}`;
  if (answered === (request.readFunction | 0x80)) return null;
  if (answered !== request.readFunction) return `function ${answered} was answered to function ${request.readFunction}`;
  const wanted = request.readFunction <= 2 ? Math.ceil(request.count / 8) : request.count * 2;
  return frame[2] === wanted ? null : `${wanted} data bytes were due and ${frame[2]} came`;
}
