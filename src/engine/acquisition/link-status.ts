import {
  type ConnectionStatus,
  type DeviceStatus,
  type GroupStatus,
  type LinkState,
  QUALITY,
  type UnixMicros,
} from '#shared/model/index.ts';
import type { ConnectionSpec } from './connection-spec.ts';
import { clockTrouble } from './device-clock.ts';
import type { DeviceState, Failure } from './device-state.ts';
import { deviceLossText, linkLossText, namesText, silenceText } from './sentences.ts';
import type { TagGroup } from './tag-group.ts';

/** What a running driver knows of its link: the ground for state, sentences and diagnostics. */
export interface LinkFacts {
  spec: ConnectionSpec;
  readonly devices: Map<string, DeviceState>;
  readonly groups: Map<string, TagGroup>;
  /** The driver has a connection; says nothing about data. */
  up: boolean;
  /** What the driver tells of a peer whose data flow. */
  notice: () => string | null;
  /** Why the link is down, or nobody answers on it; null when nothing failed since somebody answered last. */
  failure: Failure | null;
  attempts: number;
  /** When the link was last begun to be opened, or was given back by a device that left a request unanswered; monotonic. */
  triedMs: number;
  nextAttempt: UnixMicros | null;
  readonly startedAt: UnixMicros;
  state: LinkState;
  since: UnixMicros;
}

/**
 * Derives all states from the data that flow, never from the socket alone. Gives whether any state has changed.
 * A device is running when all its groups get samples and none of its tags is bad.
 */
export function refreshStates(facts: LinkFacts, now: UnixMicros): boolean {
  const groups = new Map<string, TagGroup[]>();
  for (const group of facts.groups.values()) {
    const list = groups.get(group.deviceId);
    if (list === undefined) groups.set(group.deviceId, [group]);
    else list.push(group);
  }
  let changed = false;
  const asked: LinkState[] = [];
  for (const device of facts.devices.values()) {
    const state = deviceState(facts, device, groups.get(device.id) ?? []);
    if (state !== 'disabled') asked.push(state);
    if (state === device.state) continue;
    device.state = state;
    device.since = now;
    changed = true;
  }
  const state = linkState(facts, asked);
  if (state !== facts.state) {
    facts.state = state;
    facts.since = now;
    changed = true;
  }
  return changed;
}

function deviceState(facts: LinkFacts, device: DeviceState, groups: readonly TagGroup[]): LinkState {
  if (!device.enabled) return 'disabled';
  if (device.problem !== null) return 'lost';
  if (groups.length === 0) return 'disabled';
  if (device.failure !== null) return 'lost';
  let flowing = 0;
  let waiting = 0;
  for (const group of groups) {
    if (group.cause === QUALITY.good) flowing++;
    else if (group.cause === QUALITY.badWaitingForFirst) waiting++;
  }
  if (!facts.up) return facts.failure === null ? 'connecting' : 'lost';
  if (flowing === 0 && device.trouble === null) return waiting > 0 ? 'connecting' : 'lost';
  if (device.trouble !== null || flowing + waiting < groups.length) return 'degraded';
  return flowing > 0 ? 'running' : 'connecting';
}

function linkState(facts: LinkFacts, devices: readonly LinkState[]): LinkState {
  if (facts.groups.size === 0) return devices.includes('lost') ? 'lost' : 'disabled';
  if (!facts.up) return facts.failure === null ? 'connecting' : 'lost';
  if (devices.every((state) => state === 'lost')) return 'lost';
  if (devices.includes('lost') || devices.includes('degraded')) return 'degraded';
  return devices.includes('running') ? 'running' : 'connecting';
}

export function connectionStatusOf(facts: LinkFacts, groups: GroupStatus[], now: UnixMicros): ConnectionStatus {
  return {
    connectionId: facts.spec.id,
    state: facts.state,
    since: facts.since,
    message: linkMessage(facts, now),
    endpoint: facts.spec.endpoint,
    attempts: facts.attempts,
    nextAttempt: facts.nextAttempt,
    devices: [...facts.devices.values()].map((device) => deviceStatus(facts, device, now)),
    groups,
  };
}

/** What the driver tells comes first: where data do not flow, it says why better than their absence does. */
function linkMessage(facts: LinkFacts, now: UnixMicros): string | null {
  const notice = facts.up ? facts.notice() : null;
  const trouble = linkTrouble(facts, now);
  return notice === null || trouble === null ? (notice ?? trouble) : `${notice} ${trouble}`;
}

function linkTrouble(facts: LinkFacts, now: UnixMicros): string | null {
  const devices = [...facts.devices.values()];
  const { endpoint } = facts.spec;
  switch (facts.state) {
    case 'disabled':
      return 'Nothing to read: no enabled tags. The link is closed until there are some.';
    case 'connecting':
    case 'running':
      return null;
    case 'degraded': {
      const lost = devices.filter((device) => device.state === 'lost');
      const verb = lost.length === 1 ? 'does' : 'do';
      const silent =
        lost.length === 0
          ? ''
          : `${lost.length} of ${devices.length} devices ${verb} not answer: ${namesText(lost.map(({ name }) => name))}. `;
      const trouble = devices.find((device) => device.state === 'degraded');
      const stale = `Some groups of ${trouble?.name ?? ''} get no data.`;
      return `${silent}${trouble === undefined ? '' : (trouble.trouble ?? stale)}`.trim();
    }
    case 'lost': {
      const broken = devices.find((device) => device.problem !== null);
      if (facts.groups.size === 0 && broken !== undefined) return `${broken.name}: ${broken.problem}`;
      const failure = facts.failure ?? devices.find((device) => device.failure !== null)?.failure ?? null;
      if (failure === null) return silenceText(endpoint, lostMs(facts, null, now));
      return linkLossText({
        endpoint,
        error: failure.error,
        lostMs: lostMs(facts, null, now),
        retryMs: failure.retryMs,
      });
    }
  }
}

function deviceStatus(facts: LinkFacts, device: DeviceState, now: UnixMicros): DeviceStatus {
  return {
    deviceId: device.id,
    state: device.state,
    since: device.since,
    message: deviceMessage(facts, device, now),
    lastGood: device.lastGood,
    responseMs: device.response.mean(),
    responseP99Ms: device.response.percentile(0.99),
    requests: device.requests,
    errors: device.errors,
    timeouts: device.timeouts,
    clockAheadMs: device.clock.aheadMs(),
    clockGainPerDayMs: device.clock.gainPerDayMs(),
  };
}

function deviceMessage(facts: LinkFacts, device: DeviceState, now: UnixMicros): string | null {
  const { endpoint } = facts.spec;
  if (device.problem !== null) return device.problem;
  switch (device.state) {
    case 'disabled':
      return device.enabled ? 'Nothing to read: no enabled tags.' : null;
    case 'connecting':
      return null;
    case 'running':
      // No tag depends on a clock that only is read beside its values.
      if (facts.spec.driver.ownTimes === undefined) return null;
      return clockTrouble(device.name, device.clock.aheadMs(), device.clock.gainPerDayMs());
    case 'degraded':
      return device.trouble ?? `Some groups of ${device.name} get no data.`;
    case 'lost': {
      const since = lostMs(facts, device, now);
      if (facts.up && device.failure !== null) {
        const { error, retryMs } = device.failure;
        return deviceLossText(device.name, { endpoint, error, lostMs: since, retryMs });
      }
      const failure = facts.failure;
      if (failure === null) return silenceText(`${device.name} at ${endpoint}`, since);
      return linkLossText({ endpoint, error: failure.error, lostMs: since, retryMs: failure.retryMs });
    }
  }
}

/** Since the last good data; where there never were any, since the connection was started. */
function lostMs(facts: LinkFacts, device: DeviceState | null, now: UnixMicros): number {
  let last = facts.startedAt;
  for (const candidate of device === null ? facts.devices.values() : [device]) {
    if (candidate.lastGood !== null && candidate.lastGood > last) last = candidate.lastGood;
  }
  return (now - last) / 1000;
}

/** One line per period, over all devices of the link. */
export function groupStatusOf(facts: LinkFacts, told: boolean, nowMs: number, now: UnixMicros): GroupStatus[] {
  const periods = [...new Set([...facts.groups.values()].map((group) => group.periodMs))].sort((a, b) => a - b);
  return periods.map((periodMs) => {
    const groups = [...facts.groups.values()].filter((group) => group.periodMs === periodMs);
    const rates = groups.map((group) =>
      told ? group.arrivals.perSecond(now / 1000) : (group.turn?.actualHz(nowMs) ?? null),
    );
    const known = rates.filter((rate) => rate !== null);
    return {
      periodMs,
      tags: groups.reduce((sum, group) => sum + group.tags.length, 0),
      requestsPerPoll: groups.reduce((sum, group) => sum + (group.plan?.requests ?? 0), 0),
      predictedMs: told ? null : predicted(facts, groups),
      actualHz: known.length === 0 ? null : known.reduce((sum, rate) => sum + rate, 0) / known.length,
      jitterP99Ms: largest(groups.map((group) => group.turn?.jitterP99Ms() ?? null)),
      overruns: groups.reduce((sum, group) => sum + (group.turn?.overruns ?? 0), 0),
    };
  });
}

/** What one read of these groups takes on this link, from requests and measured response times; null before measuring. */
function predicted(facts: LinkFacts, groups: readonly TagGroup[]): number | null {
  let sum = 0;
  for (const group of groups) {
    const response = facts.devices.get(group.deviceId)?.response.mean() ?? null;
    if (group.plan === null || response === null) return null;
    sum += group.plan.requests * response;
  }
  return sum;
}

function largest(values: readonly (number | null)[]): number | null {
  return values.reduce((max, value) => (value === null ? max : max === null ? value : Math.max(max, value)), null);
}
