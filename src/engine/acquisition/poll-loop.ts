import type { Clock } from '#engine/platform/index.ts';
import type { PollConnection, PollPlan, SampleSink } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import type { ClockRounds } from './clock-rounds.ts';
import type { Attempt, LinkSession } from './link-session.ts';
import type { LinkSchedule, Turn } from './scheduler.ts';
import type { TagGroup } from './tag-group.ts';

/** What the loop needs of the running driver around it. */
export interface PollHost {
  readonly clock: Clock;
  readonly schedule: LinkSchedule;
  groupOf(turn: Turn): TagGroup;
  /** Made without I/O; null when the driver can't plan these tags: reported, and taken off the schedule. */
  planOf(connection: PollConnection, group: TagGroup): PollPlan | null;
  /** Longest time the driver may spend on this plan, whatever happens on the wire. */
  limitMs(plan: PollPlan): number;
  /** False when the computer has just slept. Called before ticks are counted: those in between are nobody's overruns. */
  checkAwake(nowMs: number): boolean;
  /** Longest silence to put up with on this turn; Infinity leaves it to the driver's own time-outs. */
  patienceMs(group: TagGroup): number;
  /** `tookMs` is null where it measures something else. */
  onAnswer(group: TagGroup, plan: PollPlan, tookMs: number | null): void;
  /** Throws what ends the link; everything else is noted and the loop goes on. */
  onFailure(group: TagGroup, plan: PollPlan, tookMs: number, error: unknown): void;
  readonly clocks: ClockRounds;
  /** The read under way, for the watch over drivers that hang. */
  inFlight: { readonly untilMs: number } | null;
}

/** Shorter periods than this get the precise alarm. */
const PRECISE_BELOW_MS = 20;
/** Polls that were answered without any I/O, in a row, after which other work gets the processor. */
const BURST = 64;
const NO_IO_MS = 0.2;

/** Reads groups as the schedule says, one at a time, until the session is over. Throws why it ended. */
export async function pollLoop(
  session: LinkSession,
  connection: PollConnection,
  sink: SampleSink,
  host: PollHost,
): Promise<never> {
  const { clock, schedule } = host;
  let guestWasLast = false;
  let burst = 0;
  for (;;) {
    if (session.reason !== null) throw session.reason;
    const guest = guestWasLast ? undefined : session.nextGuest();
    if (guest !== undefined) {
      guestWasLast = true;
      await guest();
      continue;
    }
    guestWasLast = false;
    host.checkAwake(clock.monotonicMs());
    const turn = schedule.next(clock.monotonicMs());
    if (turn === null) {
      burst = 0;
      const nowMs = clock.monotonicMs();
      const read = host.clocks.next(nowMs, schedule.nextAt());
      if (read !== null) {
        host.inFlight = { untilMs: nowMs + read.limitMs };
        const attempt = await session.attempt(() => read.run(session.signal));
        host.inFlight = null;
        if (attempt.thrown) throw session.reason ?? attempt.error;
        continue;
      }
      const untilMs = Math.min(schedule.nextAt(), host.clocks.nextAt(nowMs));
      await session.idle(untilMs, schedule.shortestPeriodMs() < PRECISE_BELOW_MS);
      continue;
    }
    const group = host.groupOf(turn);
    const plan = host.planOf(connection, group);
    if (plan === null) continue;
    const began = clock.monotonicMs();
    schedule.begin(turn, began);
    host.inFlight = { untilMs: began + host.limitMs(plan) };
    const patienceMs = host.patienceMs(group);
    const attempt =
      patienceMs === Number.POSITIVE_INFINITY
        ? await session.attempt(() => connection.poll(plan, sink, session.signal))
        : await shortTurn(session, clock, patienceMs, (signal) => connection.poll(plan, sink, signal));
    host.inFlight = null;
    if (session.reason !== null) throw session.reason;
    const tookMs = clock.monotonicMs() - began;
    const awake = host.checkAwake(began + tookMs);
    schedule.end(turn, began + tookMs, !attempt.thrown);
    if (attempt.thrown) host.onFailure(group, plan, tookMs, attempt.error);
    else host.onAnswer(group, plan, awake ? tookMs : null);
    burst = tookMs < NO_IO_MS ? burst + 1 : 0;
    if (burst >= BURST) {
      burst = 0;
      await session.idle(clock.monotonicMs(), false);
    }
  }
}

/** A turn that is broken off early counts as silence: the link is wanted by devices that answer. */
async function shortTurn(
  session: LinkSession,
  clock: Clock,
  patienceMs: number,
  poll: (signal: AbortSignal) => Promise<void>,
): Promise<Attempt> {
  const controller = new AbortController();
  const early = new AppError('protocol.timeout', 'No answer in the time that the other devices leave.', {
    details: { afterMs: Math.round(patienceMs) },
    retryable: true,
  });
  const onEnd = (): void => controller.abort(session.signal.reason);
  session.signal.addEventListener('abort', onEnd, { once: true });
  const timer = clock.after(patienceMs, () => controller.abort(early));
  const attempt = await session.attempt(() => poll(controller.signal));
  timer[Symbol.dispose]();
  session.signal.removeEventListener('abort', onEnd);
  return attempt.thrown && controller.signal.reason === early ? { thrown: true, error: early } : attempt;
}

/** A driver that neither answers nor obeys its own time-outs. */
export function hungDriver(endpoint: string, afterMs: number): AppError<'protocol.timeout'> {
  return new AppError('protocol.timeout', `No answer from ${endpoint}.`, { details: { afterMs }, retryable: true });
}
