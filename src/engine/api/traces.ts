import { type TracePacket, tracePacket } from '#engine/acquisition/index.ts';
import { conflate, createChanging, createTurns } from '#engine/platform/index.ts';
import type { ProtocolDriver } from '#engine/protocols/index.ts';
import { AppError } from '#shared/errors.ts';
import type { TraceLine } from '#shared/rpc/tracing.ts';
import { driverOf, type Services } from './services.ts';

const WAITING_LINES = 2_000;
/** Enough to read along; a fast link brings hundreds of frames a second. */
const TRACE_MS = 200;
const KEPT_MS = 1_000;

function driverAt(services: Services, id: string): ProtocolDriver {
  const connection = services.project.get('connection', id)?.document;
  if (connection !== undefined) return driverOf(services, connection.protocol);
  throw new AppError('store.not-found', 'This connection does not exist any more.', {
    details: { kind: 'connection', id },
  });
}

function lineOf(driver: ProtocolDriver, { time, direction, bytes, length }: TracePacket): TraceLine {
  const words = driver.explain?.(direction, bytes) ?? [];
  const cut = length > bytes.length ? [`The first ${bytes.length} of ${length} bytes.`] : [];
  const hex = Buffer.from(bytes).toString('hex');
  return { time, direction, hex: hex.replace(/..(?=.)/g, '$& '), words: [...cut, ...words] };
}

/** The protocol log of one connection, as long as somebody looks. */
export async function* traceStream(
  services: Services,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<{ lines: TraceLine[]; dropped: number }> {
  const driver = driverAt(services, id);
  let waiting: TracePacket[] = [];
  let dropped = 0;
  const changes = createChanging();
  const subscription = services.acquisition.traces.listen(id, (direction, bytes) => {
    waiting.push(tracePacket(services.clock.now(), direction, bytes));
    if (waiting.length > WAITING_LINES) {
      dropped += waiting.length - WAITING_LINES;
      waiting = waiting.slice(-WAITING_LINES);
    }
    changes.notify();
  });
  try {
    yield* conflate(
      () => {
        const item = { lines: waiting.map((packet) => lineOf(driver, packet)), dropped };
        waiting = [];
        dropped = 0;
        return item;
      },
      changes.watch,
      services.clock,
      signal,
      TRACE_MS,
    );
  } finally {
    subscription[Symbol.dispose]();
  }
}

export const keptTraces = ({ acquisition, clock }: Services, signal: AbortSignal) =>
  conflate(() => ({ traces: [...acquisition.traces.kept()] }), acquisition.watch, clock, signal, KEPT_MS);

export function keepTrace(services: Services, id: string, on: boolean): void {
  const { traces } = services.acquisition;
  if (!on) traces.forget(id);
  else {
    driverAt(services, id);
    traces.keep(id);
  }
}

export async function* readTrace(
  services: Services,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<{ lines: TraceLine[] }> {
  const driver = driverAt(services, id);
  const giveWay = createTurns(services.clock, signal);
  let lines: TraceLine[] = [];
  for (const packet of services.acquisition.traces.packets(id)) {
    const others = giveWay();
    if (others !== null) await others;
    lines.push(lineOf(driver, packet));
    if (lines.length < WAITING_LINES) continue;
    yield { lines };
    lines = [];
  }
  yield { lines };
}
