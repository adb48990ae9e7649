import { type Clock, type Logger, systemNetwork } from '#engine/platform/index.ts';
import type { DriverContext, PollConnection, PollPlan, SharedLink } from '#engine/protocols/protocol.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { type ConnectionStatus, type GroupStatus, QUALITY, type Quality } from '#shared/model/index.ts';
import { type BackOffLimits, createBackOff } from './back-off.ts';
import type { BlockBuilder } from './block-builder.ts';
import { createClockRounds } from './clock-rounds.ts';
import type { ConnectionSpec } from './connection-spec.ts';
import { createDeviceCare } from './device-care.ts';
import { createDeviceState } from './device-state.ts';
import { abortable, createLinkSession, type LinkSession, linkLost } from './link-session.ts';
import { createLinkSink, type LinkSink, type Route } from './link-sink.ts';
import { connectionStatusOf, groupStatusOf, type LinkFacts, refreshStates } from './link-status.ts';
import { createLinkWaiters } from './link-waiters.ts';
import { type DeviceBinding, type ListenHost, listenLoop } from './listen-loop.ts';
import { hungDriver, type PollHost, pollLoop } from './poll-loop.ts';
import { createLinkSchedule, type Turn } from './scheduler.ts';
import { errorSentence } from './sentences.ts';
import { createTagGroup, type GapNotice, sameTags, type TagGroup } from './tag-group.ts';

export interface RunningDriverOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly builder: BlockBuilder;
  readonly intern: (text: string) => number;
  /** 0 up to but not including 1. */
  readonly random: () => number;
  readonly backOff: BackOffLimits;
  readonly trace: () => DriverContext['trace'];
  /** A state has changed. */
  readonly onChange: () => void;
  readonly onGap: (gap: GapNotice) => void;
  /** Milliseconds from now to the first tick of the next group, so that the groups of all links don't fire together. */
  readonly stagger: (periodMs: number) => number;
}

/** One connection at work: connects, reads or listens, retries, measures, and never throws. */
export interface RunningDriver {
  readonly spec: ConnectionSpec;
  /** Takes over tags, names and periods without a new connect. The new spec has the old one's key. */
  replan(spec: ConnectionSpec): void;
  status(): ConnectionStatus;
  groups(): readonly GroupStatus[];
  /** Tries again now what is waiting for its next attempt. */
  retry(): void;
  /** The time until now can't be relied on (sleep): the link is opened anew at once. */
  reopen(reason: string, quality: Quality): void;
  /** Adapters or addresses of this computer have come or gone. */
  networkChanged(): void;
  /** null while there is no link. */
  link(): SharedLink | null;
  /** Opens the link, or keeps it open, although there may be no tags on it, until disposed. */
  hold(): Disposable;
  /** The link as soon as there is one; rejects with what the next attempt to open it ends in. */
  linkSoon(signal: AbortSignal): Promise<SharedLink>;
  /** To be called every `MONITOR_MS`: finds data that have gone stale and drivers that hang. */
  monitor(): void;
  /** Every tag gets `quality`; resolves when the sockets are gone, at the latest after about a second and a half. */
  stop(quality: Quality): Promise<void>;
}

/** How often acquisition calls `monitor`. */
export const MONITOR_MS = 100;
/** A link that worked is opened again this soon; only when that fails the back-off begins. */
const FIRST_RETRY_MS = 100;
/** Longer than this between two calls of `monitor` and the program was not running: asleep or stopped. */
const ASLEEP_MS = 5_000;
/** A driver that hangs is not told from one that works in less than this per request. */
const SHORTEST_LIMIT_MS = 100;
/** A group that is not even asked is told as stale after its period and this many time-outs. */
const STALE_TIMEOUTS = 3;

export function createRunningDriver(first: ConnectionSpec, options: RunningDriverOptions): RunningDriver {
  const { clock, log, builder } = options;
  const { driver } = first;
  const schedule = createLinkSchedule();
  const backOff = createBackOff(options.backOff, options.random);
  const stopping = new AbortController();
  const started = clock.now();
  const facts: LinkFacts = {
    spec: first,
    devices: new Map(),
    groups: new Map(),
    up: false,
    notice: () => session?.connection.notice?.() ?? null,
    failure: null,
    attempts: 0,
    triedMs: clock.monotonicMs(),
    nextAttempt: null,
    startedAt: started,
    state: 'connecting',
    since: started,
  };
  const groupOfTurn = new Map<Turn, TagGroup>();
  let routes = new Map<number, Route>();
  let session: LinkSession | null = null;
  let sink: LinkSink | null = null;
  let endWait: (() => void) | null = null;
  /** Somebody has answered on the link as it is or last was. */
  let sound = false;
  let monitoredMs = clock.monotonicMs();
  let holds = 0;
  const waiters = createLinkWaiters();
  const isWanted = (): boolean => facts.groups.size > 0 || holds > 0;

  const bug = (text: string, error: unknown): void =>
    log.error(text, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  const isTold = (): boolean => session?.connection.mode === 'push';
  const timeoutOf = (deviceId: string): number =>
    facts.spec.devices.find((device) => device.id === deviceId)?.timeoutMs ?? 1_000;
  const changed = (): void => {
    if (refreshStates(facts, clock.now())) options.onChange();
  };
  /** Takes devices and groups of a spec over; what is unchanged keeps its state, its plan and its place in time. */
  const configure = (spec: ConnectionSpec): void => {
    facts.spec = spec;
    const now = clock.now();
    for (const device of spec.devices) {
      let state = facts.devices.get(device.id);
      if (state === undefined) {
        state = createDeviceState(device.id, device.name, now, options.backOff, options.random);
        facts.devices.set(device.id, state);
      }
      state.name = device.name;
      state.enabled = device.enabled;
      state.problem = device.problem;
    }
    const ids = new Set(spec.devices.map((device) => device.id));
    for (const id of facts.devices.keys()) if (!ids.has(id)) facts.devices.delete(id);

    const flowing = new Set<string>();
    for (const group of facts.groups.values()) {
      if (group.cause !== QUALITY.good) continue;
      for (const { tag } of group.tags) flowing.add(tag.id);
    }
    const wanted = new Map(spec.groups.map((group) => [`${group.deviceId} ${group.periodMs}`, group]));
    for (const [key, group] of facts.groups) {
      if (wanted.has(key)) continue;
      leave(group);
      group.close(null, now);
      facts.groups.delete(key);
    }
    for (const [key, want] of wanted) {
      const group = facts.groups.get(key);
      if (group === undefined) {
        const made = createTagGroup(want, flowing, builder, options.onGap, now, clock.monotonicMs());
        facts.groups.set(key, made);
        enter(made);
        if (facts.devices.get(want.deviceId)?.failure != null) {
          made.markBad(QUALITY.badTimeout, 'The device does not answer.', now);
        }
      } else if (!sameTags(group.tags, want.tags)) {
        group.replaceTags(want.tags, flowing, now);
        group.plan = null;
        if (group.turn === null) enter(group);
      } else group.replaceTags(want.tags, flowing, now);
    }
    routes = new Map();
    for (const group of facts.groups.values()) {
      for (const { tag, binding } of group.tags) {
        const device = facts.devices.get(group.deviceId);
        routes.set(binding.index, { group, receiveTime: tag.timeKind === 'receive', clock: device?.clock });
      }
    }
  };
  const enter = (group: TagGroup): void => {
    group.turn = schedule.add(group.deviceId, group.periodMs, clock.monotonicMs() + options.stagger(group.periodMs));
    groupOfTurn.set(group.turn, group);
  };
  const leave = (group: TagGroup): void => {
    if (group.turn === null) return;
    schedule.remove(group.turn);
    groupOfTurn.delete(group.turn);
    group.turn = null;
  };

  const care = createDeviceCare({
    facts,
    schedule,
    clock,
    log,
    backOff: options.backOff,
    onSound() {
      sound = true;
      backOff.reset();
    },
    onBug: bug,
  });
  const clocks = createClockRounds(facts.devices, clock, timeoutOf, bug);
  const host: PollHost = {
    clock,
    schedule,
    clocks,
    inFlight: null,
    groupOf(turn) {
      const group = groupOfTurn.get(turn);
      if (group === undefined) throw new Error('A turn without a group is on the schedule.');
      return group;
    },
    planOf(connection, group) {
      group.plan ??= makePlan(connection, group);
      return group.plan;
    },
    // A refused block is split and read again in parts, so a plan may cost more requests than it says; and a peer may
    // want a connection for each, which the time-out of an answer does not cover.
    limitMs: (plan) =>
      (4 * plan.requests + 20) * (Math.max(SHORTEST_LIMIT_MS, timeoutOf(plan.deviceId)) + (plan.spacingMs ?? 0)),
    checkAwake(nowMs) {
      const awake = nowMs - monitoredMs <= ASLEEP_MS;
      if (!awake) schedule.resync(nowMs);
      return awake;
    },
    patienceMs(group) {
      const device = facts.devices.get(group.deviceId);
      return device === undefined ? Number.POSITIVE_INFINITY : care.patienceMs(device);
    },
    onAnswer(group, plan, tookMs) {
      const device = facts.devices.get(group.deviceId);
      if (device === undefined) return;
      device.requests += plan.requests;
      if (tookMs !== null) device.response.add(tookMs / Math.max(1, plan.requests));
      group.heardMs = clock.monotonicMs();
      group.fresh = false;
      care.heard(device);
      care.note(device, group);
      builder.closeSoon();
      changed();
    },
    onFailure(group, plan, tookMs, error) {
      const device = facts.devices.get(group.deviceId);
      if (device === undefined) return;
      device.requests += plan.requests;
      builder.closeSoon();
      care.failed(device, group, tookMs, error);
      changed();
    },
  };
  const makePlan = (connection: PollConnection, group: TagGroup): PollPlan | null => {
    try {
      return connection.plan(
        group.deviceId,
        group.tags.map(({ binding }) => binding),
      );
    } catch (error) {
      if (!isAppError(error)) bug(`Planning the reads of ${facts.spec.name} failed.`, error);
      group.markBad(QUALITY.badConfiguration, errorSentence(error), clock.now());
      leave(group);
      const device = facts.devices.get(group.deviceId);
      if (device !== undefined) device.trouble = errorSentence(error);
      changed();
      return null;
    }
  };

  /** Told links have no polls to learn from: there this is where samples are noticed. */
  const watchGroup = (group: TagGroup, nowMs: number): void => {
    const device = facts.devices.get(group.deviceId);
    if (device === undefined) return;
    const told = isTold();
    if (group.fresh) {
      group.fresh = false;
      const agoMs = (clock.now() - group.lastReceived) / 1000;
      group.heardMs = nowMs - Math.min(MONITOR_MS, Math.max(0, agoMs));
      if (!told) return;
      care.heard(device);
      care.note(device, group);
      return;
    }
    const limitMs = group.periodMs + (told ? 1 : STALE_TIMEOUTS) * timeoutOf(device.id);
    // Where nothing is asked for, a first value that does not come is missed in no other place.
    const expected = group.cause === QUALITY.good || (told && group.cause === QUALITY.badWaitingForFirst);
    if (!expected || nowMs - group.heardMs <= limitMs) return;
    group.markBad(QUALITY.badStale, `No new data from ${device.name} at ${facts.spec.endpoint}.`, clock.now());
    if (told) renew();
  };

  const renew = (): void => {
    try {
      session?.connection.renew?.();
    } catch (error) {
      bug(`The driver of ${facts.spec.name} could not set up its link anew.`, error);
    }
  };

  const listenHost: ListenHost = {
    clock,
    endpoint: first.endpoint,
    rebind: false,
    bindings: () =>
      [...facts.groups.values()].flatMap((group) =>
        group.tags.map(({ binding }): DeviceBinding => ({ ...binding, deviceId: group.deviceId })),
      ),
  };

  const open = async (): Promise<LinkSession> => {
    const { endpoint, devices, config, connectTimeoutMs } = facts.spec;
    const controller = new AbortController();
    const abort = (): void => controller.abort(stopping.signal.reason);
    stopping.signal.addEventListener('abort', abort, { once: true });
    const limit = clock.after(connectTimeoutMs, () => controller.abort(hungDriver(endpoint, connectTimeoutMs)));
    const context: DriverContext = {
      log,
      clock,
      network: systemNetwork,
      get trace() {
        return options.trace();
      },
    };
    const usable = new Map(
      devices.filter((device) => device.problem === null).map(({ id, settings }) => [id, settings]),
    );
    try {
      const connection = await abortable(
        driver.connect(config, usable, context, controller.signal),
        controller.signal,
        clock,
        (late) => {
          late.close().catch((error: unknown) => bug(`Closing a late link to ${endpoint} failed.`, error));
        },
      );
      return createLinkSession(connection, endpoint, clock, bug);
    } finally {
      limit[Symbol.dispose]();
      stopping.signal.removeEventListener('abort', abort);
    }
  };

  const live = async (opened: LinkSession): Promise<never> => {
    const { connection } = opened;
    session = opened;
    sink = createLinkSink(clock, builder, options.intern, (index) => routes.get(index), connection.mode === 'push');
    facts.up = true;
    care.newLink();
    for (const group of facts.groups.values()) {
      group.plan = null;
      group.heardMs = clock.monotonicMs();
      if (group.turn === null) enter(group);
    }
    schedule.resync(clock.monotonicMs());
    schedule.hurry();
    changed();
    waiters.here(opened.shared);
    if (connection.mode === 'poll') clocks.newLink(connection);
    if (connection.mode === 'poll') return pollLoop(opened, connection, sink, host);
    return listenLoop(opened, connection, sink, listenHost);
  };

  const lost = (error: unknown): number => {
    const shortestMs = Math.min(FIRST_RETRY_MS, options.backOff.minMs);
    const next = sound ? { nominalMs: options.backOff.minMs, pauseMs: shortestMs } : backOff.next();
    // The pause runs from one try to the next: a connect that was waited for, or a device that was left alone for a
    // while before the link was found to be lost, have had theirs.
    const pauseMs = Math.max(shortestMs, next.pauseMs - (clock.monotonicMs() - facts.triedMs));
    sound = false;
    const now = clock.now();
    if (!isAppError(error)) bug(`The link to ${facts.spec.endpoint} failed.`, error);
    else if (facts.failure === null)
      log.warn(errorSentence(error), { endpoint: facts.spec.endpoint, code: error.code });
    facts.failure = { error, retryMs: next.nominalMs };
    facts.nextAttempt = now + Math.round(pauseMs * 1000);
    const quality = isAppError(error, 'protocol.timeout') ? QUALITY.badTimeout : QUALITY.badNotConnected;
    for (const group of facts.groups.values()) group.markBad(quality, errorSentence(error), now);
    return pauseMs;
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (stopping.signal.aborted) return resolve();
      const timer = clock.after(ms, () => endWait?.());
      endWait = () => {
        timer[Symbol.dispose]();
        endWait = null;
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (!isWanted()) {
        Object.assign(facts, { failure: null, attempts: 0, nextAttempt: null });
        changed();
        await pause(3_600_000);
        continue;
      }
      let error: unknown;
      facts.attempts++;
      facts.triedMs = clock.monotonicMs();
      facts.nextAttempt = null;
      try {
        await live(await open());
      } catch (caught) {
        error = caught;
      }
      sink?.close();
      facts.up = false;
      const closed = session;
      session = null;
      sink = null;
      host.inFlight = null;
      if (closed !== null) await closed.close();
      // Who came when the link had ended waits for the next one.
      else waiters.failed(error);
      if (stopping.signal.aborted) break;
      if (!isWanted()) continue;
      const pauseMs = lost(error);
      changed();
      await pause(pauseMs);
    }
  };

  const groupStatuses = (): GroupStatus[] => groupStatusOf(facts, isTold(), clock.monotonicMs(), clock.now());

  configure(first);
  changed();
  const running = run().catch((error: unknown) => bug(`The running driver of ${facts.spec.name} failed.`, error));

  return {
    get spec() {
      return facts.spec;
    },
    replan(spec) {
      const idle = facts.groups.size === 0;
      configure(spec);
      listenHost.rebind = true;
      if (!isWanted()) session?.end(linkLost(spec.endpoint));
      else if (idle) endWait?.();
      session?.wake();
      changed();
    },
    status: () => connectionStatusOf(facts, groupStatuses(), clock.now()),
    groups: groupStatuses,
    retry() {
      backOff.reset();
      for (const device of facts.devices.values()) {
        device.backOff.reset();
        if (device.failure !== null) {
          schedule.hold(device.id, 0);
          schedule.hurry(device.id);
        }
      }
      endWait?.();
      session?.wake();
    },
    reopen(reason, quality) {
      for (const group of facts.groups.values()) group.markBad(quality, reason, clock.now());
      backOff.reset();
      endWait?.();
      session?.end(
        new AppError('protocol.link-lost', reason, { details: { endpoint: facts.spec.endpoint }, retryable: true }),
      );
    },
    networkChanged() {
      renew();
      // What waits for its next attempt may have waited for this.
      endWait?.();
    },
    link: () => session?.shared ?? null,
    hold() {
      holds++;
      if (session === null) endWait?.();
      let held = true;
      return {
        [Symbol.dispose]() {
          if (!held) return;
          held = false;
          holds--;
          if (!isWanted()) session?.end(linkLost(facts.spec.endpoint));
        },
      };
    },
    linkSoon(signal) {
      if (session !== null && session.reason === null) return Promise.resolve(session.shared);
      return stopping.signal.aborted ? Promise.reject(stopping.signal.reason) : waiters.wait(signal);
    },
    monitor() {
      const nowMs = clock.monotonicMs();
      const { endpoint } = facts.spec;
      host.checkAwake(nowMs);
      monitoredMs = nowMs;
      const flight = host.inFlight;
      if (flight !== null && nowMs > flight.untilMs) {
        bug(`The driver of ${facts.spec.name} did not return from a read in time.`, null);
        session?.end(hungDriver(endpoint, Math.round(nowMs - flight.untilMs)));
      }
      if (facts.up) {
        for (const group of facts.groups.values()) watchGroup(group, nowMs);
      }
      changed();
    },
    async stop(quality) {
      stopping.abort(linkLost(facts.spec.endpoint));
      waiters.failed(stopping.signal.reason);
      session?.end(linkLost(facts.spec.endpoint));
      endWait?.();
      await running;
      const now = clock.now();
      for (const group of facts.groups.values()) group.close(quality, now);
      builder.flush();
    },
  };
}
