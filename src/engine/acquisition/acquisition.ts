import type { TagTable } from '#engine/live/index.ts';
import { type Clock, createChanging, type Logger } from '#engine/platform/index.ts';
import type { ProtocolDriver, SharedLink } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import {
  type ConnectionStatus,
  type DeviceDocument,
  QUALITY,
  type Quality,
  type SampleBlock,
} from '#shared/model/index.ts';
import type { BackOffLimits } from './back-off.ts';
import {
  type AcquiredDocuments,
  createTagResolver,
  type Place,
  type ResolvedConnection,
  type ResolvedTag,
  resolveConnection,
} from './bindings.ts';
import { createBlockBuilder } from './block-builder.ts';
import { watchClock } from './clock-watch.ts';
import type { ConnectionSpec } from './connection-spec.ts';
import { DIAGNOSTICS_PERIOD_MS, diagnosticTags, sampleDiagnostics } from './diagnostics.ts';
import { createIdleTags } from './idle-tags.ts';
import { createRunningDriver, MONITOR_MS, type RunningDriver } from './running-driver.ts';
import type { BoundTag, GapNotice, GroupSpec } from './tag-group.ts';
import { createTraces, type Traces } from './traces.ts';
import { createVisits, type Visit } from './visits.ts';

export interface Acquisition {
  /**
   * Makes what runs equal to these documents. Connections whose settings and devices are the same go on without a
   * blip and only take over other tags and periods; others are opened anew. A document that can't be used gets a
   * sentence (`problems`, `status`) and stops nothing else. Does not wait for anything.
   */
  apply(documents: AcquiredDocuments): void;
  /** Why tags can't be read, by tag id. */
  problems(): ReadonlyMap<string, string>;
  /** All connections of the project, in its order; sentences hold durations and are true at this moment. */
  status(): readonly ConnectionStatus[];
  /** Called at most four times a second when states change, and once a second for the counters. */
  watch(listener: () => void): Disposable;
  /** Tries again at once what waits for its next attempt. Does nothing for an unknown id. */
  retry(connectionId: string): void;
  /** To be called when adapters or addresses of this computer have come or gone. */
  networkChanged(): void;
  /** The running link to take a turn at; null while there is none. */
  link(connectionId: string): SharedLink | null;
  /**
   * A link to browse, scan and look at bytes on: the running one, or while the connection is switched off one of its
   * own. Throws what connecting throws, `config.invalid` where the settings can't be used, and `store.not-found`.
   */
  visit(connectionId: string, signal: AbortSignal): Promise<Visit>;
  readonly traces: Traces;
  /** Every tag gets `badShutdown`; resolves within two seconds, when the sockets are gone. Safe to call twice. */
  stop(): Promise<void>;
}

export interface AcquisitionOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly protocols: readonly ProtocolDriver[];
  readonly table: TagTable;
  /** Index of a text in the recording's string table. */
  readonly intern: (text: string) => number;
  /** Takes the block over. */
  readonly deliver: (block: SampleBlock) => void;
  /** An interval without data of some tags has ended. */
  readonly onGap?: (gap: GapNotice) => void;
  /** Pauses between attempts; default 0.5 s, doubling, to 1.5 s at most. */
  readonly backOff?: BackOffLimits;
  readonly random?: () => number;
}

/** Short enough that values are good again two seconds after a device is back, however long it was away. */
const DEFAULT_BACK_OFF: BackOffLimits = { minMs: 500, maxMs: 1_500 };
const NOTIFY_MS = 250;
/** First ticks are spread over this much, or over the period if that is shorter. */
const STAGGER_MS = 1_000;
/** Fraction of the golden ratio: multiples of it, modulo 1, spread evenly however many there are. */
const GOLDEN = 0.618_033_988_75;

interface Running {
  readonly resolved: ResolvedConnection;
  readonly driver: RunningDriver;
}

export function createAcquisition(options: AcquisitionOptions): Acquisition {
  const { clock, log, table } = options;
  const random = options.random ?? Math.random;
  const builder = createBlockBuilder(clock, options.deliver);
  const resolver = createTagResolver();
  const changes = createChanging();
  const running = new Map<string, Running>();
  /** Links that are closing: a controller with few sockets wants the old one gone before the new one comes. */
  const closing = new Map<string, Promise<void>>();
  const idle = createIdleTags(table, builder, (gap) => options.onGap?.(gap));
  const visits = createVisits(clock, log.module('visit'));
  const timers = new Set<Disposable>();
  let connections: readonly ResolvedConnection[] = [];
  let groupsOf = new Map<string, readonly GroupSpec[]>();
  let problems = new Map<string, string>();
  let started = 0;
  let stopped: Promise<void> | null = null;
  let notify: Disposable | null = null;

  const notifySoon = (): void => {
    notify ??= clock.after(NOTIFY_MS, () => {
      notify = null;
      changes.notify();
    });
  };
  const traces = createTraces(clock, notifySoon);
  const stagger = (periodMs: number): number => ((started++ * GOLDEN) % 1) * Math.min(periodMs, STAGGER_MS);
  const specOf = (resolved: ResolvedConnection, driver: ProtocolDriver): ConnectionSpec => ({
    id: resolved.document.id,
    name: resolved.document.name,
    key: resolved.key,
    driver,
    config: resolved.config,
    endpoint: resolved.endpoint,
    connectTimeoutMs: resolved.connectTimeoutMs,
    devices: resolved.devices,
    groups: groupsOf.get(resolved.document.id) ?? [],
  });
  const start = (resolved: ResolvedConnection, driver: ProtocolDriver): void => {
    const { id, name } = resolved.document;
    const made = createRunningDriver(specOf(resolved, driver), {
      clock,
      log: log.module(`acquisition ${name}`),
      builder,
      intern: options.intern,
      random,
      backOff: options.backOff ?? DEFAULT_BACK_OFF,
      trace: () => traces.listenerOf(id),
      onChange: notifySoon,
      onGap: (gap) => options.onGap?.(gap),
      stagger,
    });
    running.set(id, { resolved, driver: made });
  };
  const end = (id: string, quality: Quality): Promise<void> => {
    const found = running.get(id);
    if (found === undefined) return Promise.resolve();
    running.delete(id);
    return closes(id, found.driver.stop(quality));
  };
  const closes = (id: string, closed: Promise<void>): Promise<void> => {
    const gone = closed.finally(() => {
      if (closing.get(id) === gone) closing.delete(id);
    });
    closing.set(id, gone);
    return gone;
  };

  /** Starts, replans and stops until what runs is what `connections` says. */
  const reconcile = (): void => {
    const wanted = new Map(connections.map((resolved) => [resolved.document.id, resolved]));
    for (const [id, { resolved }] of running) {
      const want = wanted.get(id);
      if (want !== undefined && runs(want) && want.key === resolved.key) continue;
      const quality = want !== undefined && !want.document.enabled ? QUALITY.badDisabled : QUALITY.badNotConnected;
      end(id, quality).catch((error: unknown) => log.error('A link did not stop cleanly.', { error: String(error) }));
    }
    for (const [id, want] of wanted) {
      if (!runs(want)) continue;
      const now = running.get(id);
      if (now !== undefined) {
        now.driver.replan(specOf(want, want.driver));
        running.set(id, { resolved: want, driver: now.driver });
        continue;
      }
      const visited = visits.end(id);
      const before = visited === null ? closing.get(id) : closes(id, visited);
      if (before === undefined) start(want, want.driver);
      else before.then(reconcileUnlessStopped, reconcileUnlessStopped);
    }
  };
  const reconcileUnlessStopped = (): void => {
    if (stopped === null) reconcile();
  };

  const status = (): ConnectionStatus[] =>
    connections.map((resolved) => {
      const live = running.get(resolved.document.id);
      return live === undefined ? restingStatus(resolved, clock.now()) : live.driver.status();
    });

  const every = (ms: number, act: () => void): void => {
    let timer: Disposable;
    const tick = (): void => {
      timers.delete(timer);
      if (stopped !== null) return;
      act();
      timer = clock.after(ms, tick);
      timers.add(timer);
    };
    timer = clock.after(ms, tick);
    timers.add(timer);
  };
  every(MONITOR_MS, () => {
    for (const { driver } of running.values()) driver.monitor();
  });
  every(DIAGNOSTICS_PERIOD_MS, () => {
    sampleDiagnostics(status(), table, builder, clock.now());
    if (running.size > 0) notifySoon();
  });
  const sleepWatch = watchClock({
    clock,
    onSleep() {
      for (const { driver } of running.values()) driver.reopen('This computer was asleep.', QUALITY.badAsleep);
    },
    // Polls follow monotonic time; the step itself is noted by whoever keeps the history.
    onClockStep() {},
  });
  return {
    apply(documents) {
      if (stopped !== null) return;
      const devices = new Map<string, DeviceDocument[]>();
      for (const device of documents.devices) {
        const list = devices.get(device.connectionId);
        if (list === undefined) devices.set(device.connectionId, [device]);
        else list.push(device);
      }
      connections = documents.connections.map((document) =>
        resolveConnection(document, devices.get(document.id) ?? [], options.protocols),
      );
      const places = new Map<string, Place>();
      for (const connection of connections) {
        for (const device of connection.devices) places.set(device.id, { connection, device });
      }
      const tags = resolver.resolve(documents.tags, (deviceId) => places.get(deviceId));
      const periods = new Map<string, Set<number>>(connections.map(({ document }) => [document.id, new Set()]));
      const ownClocks = new Set(
        connections.flatMap(({ driver, devices: own }) =>
          driver?.ownTimes === undefined ? [] : own.map(({ id }) => id),
        ),
      );
      for (const { idle: unread, runtime } of tags) {
        if (unread === null) periods.get(runtime.connectionId)?.add(runtime.periodMs);
      }
      const diagnostics = connections.flatMap((connection) => {
        const own = [...(periods.get(connection.document.id) ?? [])];
        return diagnosticTags(
          connection,
          own.sort((one, other) => one - other),
          ownClocks,
        );
      });
      table.update([...tags.map((tag) => tag.runtime), ...diagnostics]);
      traces.retain(new Set(connections.map(({ document }) => document.id)));
      problems = new Map(
        tags.flatMap(({ runtime }) => (runtime.problem === null ? [] : [[runtime.id, runtime.problem] as const])),
      );
      groupsOf = groupTags(tags, table);
      reconcile();
      idle.mark(tags, clock.now());
      notifySoon();
    },
    problems: () => problems,
    status,
    watch: changes.watch,
    retry(connectionId) {
      running.get(connectionId)?.driver.retry();
    },
    networkChanged() {
      for (const { driver } of running.values()) driver.networkChanged();
    },
    link: (connectionId) => running.get(connectionId)?.driver.link() ?? null,
    async visit(connectionId, signal) {
      const resolved = connections.find(({ document }) => document.id === connectionId);
      if (resolved === undefined || stopped !== null) {
        throw new AppError('store.not-found', 'This connection does not exist any more.', {
          details: { kind: 'connection', id: connectionId },
        });
      }
      return visits.visit(resolved, running.get(connectionId)?.driver ?? null, signal);
    },
    traces,
    stop() {
      stopped ??= (async () => {
        for (const timer of timers) timer[Symbol.dispose]();
        timers.clear();
        sleepWatch[Symbol.dispose]();
        await visits.stop();
        await Promise.all([...running.keys()].map((id) => end(id, QUALITY.badShutdown)));
        await Promise.all(closing.values());
        idle.close(clock.now());
        notify?.[Symbol.dispose]();
        builder.flush();
      })();
      return stopped;
    },
  };
}

function runs(resolved: ResolvedConnection): resolved is ResolvedConnection & { readonly driver: ProtocolDriver } {
  return resolved.driver !== null && resolved.document.enabled;
}

/** Readable tags by connection, then by device and period. */
function groupTags(tags: readonly ResolvedTag[], table: TagTable): Map<string, readonly GroupSpec[]> {
  const groups = new Map<string, Map<string, { deviceId: string; periodMs: number; tags: BoundTag[] }>>();
  for (const { runtime, address, idle } of tags) {
    const tag = idle === null ? table.byId(runtime.id) : undefined;
    if (tag === undefined) continue;
    let ofConnection = groups.get(tag.connectionId);
    if (ofConnection === undefined) {
      ofConnection = new Map();
      groups.set(tag.connectionId, ofConnection);
    }
    const key = `${tag.deviceId} ${tag.periodMs}`;
    let group = ofConnection.get(key);
    if (group === undefined) {
      group = { deviceId: tag.deviceId, periodMs: tag.periodMs, tags: [] };
      ofConnection.set(key, group);
    }
    group.tags.push({ tag, binding: { index: tag.index, address, recipe: tag.recipe } });
  }
  return new Map([...groups].map(([id, ofConnection]) => [id, [...ofConnection.values()]]));
}

/** Status of a connection that nothing runs for: switched off, unusable, or about to be opened anew. */
function restingStatus(resolved: ResolvedConnection, now: number): ConnectionStatus {
  const { document, problem, endpoint, devices } = resolved;
  const state = !document.enabled ? 'disabled' : problem !== null ? 'lost' : 'connecting';
  return {
    connectionId: document.id,
    state,
    since: now,
    message: document.enabled ? problem : null,
    endpoint,
    attempts: 0,
    nextAttempt: null,
    devices: devices.map((device) => ({
      deviceId: device.id,
      state: device.enabled ? state : 'disabled',
      since: now,
      message: document.enabled && device.enabled ? device.problem : null,
      lastGood: null,
      responseMs: null,
      responseP99Ms: null,
      requests: 0,
      errors: 0,
      timeouts: 0,
      clockAheadMs: null,
      clockGainPerDayMs: null,
    })),
    groups: [],
  };
}
