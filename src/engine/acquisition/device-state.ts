import type { LinkState, UnixMicros } from '#shared/model/index.ts';
import { type BackOff, type BackOffLimits, createBackOff } from './back-off.ts';
import { createDeviceClock, type DeviceClock } from './device-clock.ts';
import { createMeasurements, type Measurements } from './statistics.ts';

/** Why a device is given up for now. */
export interface Failure {
  readonly error: unknown;
  /** Pause before it is asked again, as told to people. */
  readonly retryMs: number;
}

/** What the running driver knows of one device behind its link. */
export interface DeviceState {
  readonly id: string;
  name: string;
  enabled: boolean;
  /** Sentence about settings that can't be used; such a device is not asked. */
  problem: string | null;
  /** Has answered on the link as it is now. */
  answered: boolean;
  failure: Failure | null;
  /** A first look was in vain: becomes the failure when somebody else's answer, or silence, shows that it means something. */
  suspicion: Failure | null;
  /** Has been given all the time it may take since it last answered on this link, in vain. */
  waited: boolean;
  /** Turns in a row without an answer. */
  silences: number;
  /** Turns cut short since the last one that had the whole time-out. */
  shortLooks: number;
  /** Tags that were bad in the last read of each group, in a sentence; null while all are good. */
  trouble: string | null;
  lastGood: UnixMicros | null;
  requests: number;
  errors: number;
  timeouts: number;
  /** Milliseconds per request. */
  readonly response: Measurements;
  readonly backOff: BackOff;
  /** Measured where the device dates its samples, or has a clock to read. */
  readonly clock: DeviceClock;
  state: LinkState;
  since: UnixMicros;
}

export function createDeviceState(
  id: string,
  name: string,
  now: UnixMicros,
  limits: BackOffLimits,
  random: () => number,
): DeviceState {
  return {
    id,
    name,
    enabled: true,
    problem: null,
    answered: false,
    failure: null,
    suspicion: null,
    waited: false,
    silences: 0,
    shortLooks: 0,
    trouble: null,
    lastGood: null,
    requests: 0,
    errors: 0,
    timeouts: 0,
    response: createMeasurements(512),
    backOff: createBackOff(limits, random),
    clock: createDeviceClock(),
    state: 'connecting',
    since: now,
  };
}
