import type { Clock } from '#engine/platform/index.ts';
import type { ClockReading, PollConnection } from '#engine/protocols/protocol.ts';
import { isAppError } from '#shared/errors.ts';
import type { DeviceState } from './device-state.ts';

/**
 * Reads the clocks of devices that are polled: soon after a device has answered on a link, and every minute from then on,
 * at moments that the polls leave free. Only devices that answer their polls are asked. One that gives no clock, or left
 * the request unanswered twice, is not asked again on this link.
 */
export interface ClockRounds {
  /** What was learned on the old link counts no more. */
  newLink(connection: Pick<PollConnection, 'readClock'>): void;
  /** The read that fits in before `untilMs`, when the next poll is due; null while there is none to make. Monotonic times. */
  next(nowMs: number, untilMs: number): ClockRead | null;
  /** When the next clock will have to be read; Infinity: not before another poll. */
  nextAt(nowMs: number): number;
}

export interface ClockRead {
  /** Longest time that the driver may take, whatever happens on the wire. */
  readonly limitMs: number;
  /** Rejects with what ended the link; all else is the clock's own affair. */
  run(signal: AbortSignal): Promise<void>;
}

const EVERY_MS = 60_000;
/** A poll is not to wait for a clock: this many times what the device's answers take at p99 has to be free. */
const ROOM = 2;
const MOST_SILENCES = 2;
/** Beyond the device's own time-outs, until the driver counts as hung. */
const SLACK_MS = 1_000;

export function createClockRounds(
  devices: ReadonlyMap<string, DeviceState>,
  clock: Clock,
  timeoutOf: (deviceId: string) => number,
  onBug: (text: string, error: unknown) => void,
): ClockRounds {
  let readClock: PollConnection['readClock'];
  const due = new Map<string, number>();
  const silences = new Map<string, number>();
  const asked = (device: DeviceState): boolean => device.enabled && device.answered && device.failure === null;
  const dueAt = (device: DeviceState): number => due.get(device.id) ?? Number.NEGATIVE_INFINITY;

  const take = (device: DeviceState, reading: ClockReading | null): void => {
    silences.delete(device.id);
    if (reading === null) due.set(device.id, Number.POSITIVE_INFINITY);
    else device.clock.note(reading.device, reading.here);
  };
  const failed = (device: DeviceState, error: unknown): void => {
    if (isAppError(error, 'protocol.link-lost')) throw error;
    const count = (silences.get(device.id) ?? 0) + 1;
    silences.set(device.id, count);
    if (!isAppError(error)) onBug(`Reading the clock of ${device.name} failed.`, error);
    if (count >= MOST_SILENCES || !isAppError(error)) due.set(device.id, Number.POSITIVE_INFINITY);
  };

  return {
    newLink(connection) {
      readClock = connection.readClock?.bind(connection);
      due.clear();
      silences.clear();
    },
    next(nowMs, untilMs) {
      const read = readClock;
      if (read === undefined) return null;
      for (const device of devices.values()) {
        if (!asked(device) || dueAt(device) > nowMs) continue;
        if (untilMs - nowMs < ROOM * (device.response.percentile(0.99) ?? 0)) continue;
        return {
          limitMs: SLACK_MS + 2 * timeoutOf(device.id),
          async run(signal) {
            due.set(device.id, clock.monotonicMs() + EVERY_MS);
            try {
              take(device, await read(device.id, signal));
            } catch (error) {
              failed(device, error);
            }
          },
        };
      }
      return null;
    },
    nextAt(nowMs) {
      let first = Number.POSITIVE_INFINITY;
      if (readClock === undefined) return first;
      for (const device of devices.values()) {
        const at = dueAt(device);
        if (asked(device) && at > nowMs) first = Math.min(first, at);
      }
      return first;
    },
  };
}
