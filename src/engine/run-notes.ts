import { rmSync, writeFileSync } from 'node:fs';
import { watchClock } from '#engine/acquisition/index.ts';
import type { RecoveryReport, SampleStore } from '#engine/historian/index.ts';
import { type Clock, type Logger, readDurable, watchNetwork, writeDurable } from '#engine/platform/index.ts';
import type { ChangedDocument, ProjectStore } from '#engine/project/index.ts';
import { QUALITY, type UnixMicros } from '#shared/model/index.ts';

// What the engine itself writes into the history: how the last run ended, sleep, clock steps, configuration changes.

export interface LastRun {
  /** Null for the first start or after an orderly stop. */
  readonly crashed: string | null;
}

/**
 * The mark of a running engine, a file: one that is still there at a start means that the run before had no time to take
 * it away. Not a preference, which screens write as they like and which is written later.
 */
export interface RunMark {
  readonly lastRun: LastRun;
  /** From here on this run is the one that is marked; what was known of the last one must have been noted before. */
  set(since: UnixMicros): void;
  /** The cause, in the last moments of a crash; synchronous. */
  crashed(reason: string): void;
  /** After an orderly stop. A run that was never marked leaves the mark of the one before. */
  clear(): void;
}

export function openRunMark(path: string, log: Logger): RunMark {
  let since: UnixMicros | null = null;
  return {
    lastRun: readLastRun(path, log),
    set(now) {
      try {
        writeDurable(path, JSON.stringify({ since: now }));
        since = now;
      } catch (error) {
        // On a full disk the recording must start all the same, and what is noted of the last run is told once.
        rmSync(path, { force: true });
        log.warn('The start could not be marked; should this run end by a crash, its gap gets the general reason.', {
          error: String(error),
        });
      }
    },
    crashed: (reason) => writeFileSync(path, JSON.stringify({ since, reason })),
    clear() {
      if (since !== null) rmSync(path, { force: true });
    },
  };
}

function readLastRun(path: string, log: Logger): LastRun {
  let text: string | null = null;
  try {
    text = readDurable(path);
  } catch (error) {
    log.warn('How the last run ended could not be read.', { error: String(error) });
  }
  if (text === null) return { crashed: null };
  let reason: unknown;
  try {
    reason = (JSON.parse(text) as { readonly reason?: unknown }).reason;
  } catch {
    // Cut off while the crash was noted: that it was one is certain all the same.
  }
  return {
    crashed:
      typeof reason === 'string'
        ? reason
        : 'The program ended without being stopped: power cut, end of the process or a crash.',
  };
}

/** The time between the last stored sample and this start has a reason in the gap ledger. */
export function noteAbsence(
  store: SampleStore,
  lastRun: LastRun,
  { lastSample, lastStored }: Pick<RecoveryReport, 'lastSample' | 'lastStored'>,
  now: UnixMicros,
  log: Logger,
): void {
  if (lastSample === null) return;
  // A device's clock may have run ahead of this computer's.
  const from = Math.min(lastSample + 1, lastStored ?? Number.POSITIVE_INFINITY);
  if (from >= now) return;
  const reason = lastRun.crashed ?? 'ParX was not running.';
  if (lastRun.crashed !== null) log.warn(reason);
  const failed = (error: unknown): void =>
    log.warn('The gap since the last run could not be stored.', { error: String(error) });
  store.addGap({ from, to: now }, reason, QUALITY.badShutdown, []).catch(failed);
  store
    .addEvent({
      kind: 'engine',
      from: now,
      to: null,
      text: `ParX started. ${reason}`,
      tagIds: [],
      author: null,
      labels: {},
    })
    .catch(failed);
}

const NAMES_IN_EVENT = 3;

/** Changes of what is measured belong to the recording: one event per commit, with counts and the first names. */
export function noteConfiguration(
  store: Pick<SampleStore, 'addEvent'>,
  changes: readonly ChangedDocument[],
  project: Pick<ProjectStore, 'get'>,
  clock: Pick<Clock, 'now'>,
  log: Logger,
): void {
  const parts: string[] = [];
  for (const kind of ['connection', 'device', 'tag'] as const) {
    const found = changes
      .filter((change) => change.kind === kind)
      .map(({ id }) => project.get(kind, id)?.document.name);
    const names = found.filter((name) => name !== undefined);
    if (names.length > 0) parts.push(listed(names, kind));
    const removed = found.length - names.length;
    if (removed > 0) parts.push(`${counted(removed, kind)} removed`);
  }
  if (parts.length === 0) return;
  const tagIds = changes.filter(({ kind }) => kind === 'tag').map(({ id }) => id);
  store
    .addEvent({
      kind: 'configuration',
      from: clock.now(),
      to: null,
      text: `Configuration changed: ${parts.join(', ')}.`,
      tagIds: tagIds.slice(0, 1_000),
      author: null,
      labels: {},
    })
    .catch((error: unknown) => log.warn('A configuration event could not be stored.', { error: String(error) }));
}

const counted = (count: number, kind: string): string => `${count} ${kind}${count === 1 ? '' : 's'}`;

function listed(names: readonly string[], kind: string): string {
  if (names.length === 1) return `${kind} "${names[0]}"`;
  const shown = names.slice(0, NAMES_IN_EVENT).map((name) => `"${name}"`);
  const more = names.length > shown.length ? [`${names.length - shown.length} more`] : [];
  const all = [...shown, ...more];
  return `${counted(names.length, kind)} (${all.slice(0, -1).join(', ')} and ${all.at(-1)})`;
}

/** Sleep, clock steps and network changes become events; sleep and what a step passed over are gaps as well. */
export function watchComputer(clock: Clock, store: SampleStore, log: Logger, onNetworkChange: () => void): Disposable {
  const failed = (error: unknown): void => log.warn('An event could not be stored.', { error: String(error) });
  const ofNetwork = watchNetwork({
    clock,
    onChange({ gone, came }) {
      const parts = [...gone.map((address) => `${address} is gone`), ...came.map((address) => `${address} came`)];
      const text = `The network of this computer changed: ${parts.join(', ')}.`;
      store
        .addEvent({ kind: 'network', from: clock.now(), to: null, text, tagIds: [], author: null, labels: {} })
        .catch(failed);
      log.warn(text);
      onNetworkChange();
    },
  });
  const ofClock = watchClock({
    clock,
    onSleep({ from, to }) {
      const text = 'This computer was asleep.';
      store.addGap({ from, to }, text, QUALITY.badAsleep, []).catch(failed);
      store.addEvent({ kind: 'sleep', from, to, text, tagIds: [], author: null, labels: {} }).catch(failed);
      log.warn(text, { seconds: Math.round((to - from) / 1e6) });
    },
    onClockStep({ at, by, skipped }) {
      const seconds = (by / 1e6).toFixed(3);
      const text = `The computer's clock was set ${by > 0 ? 'forward' : 'back'} by ${seconds.replace('-', '')} s.`;
      if (skipped !== null) store.addGap(skipped, text, QUALITY.badNoData, []).catch(failed);
      store.addEvent({ kind: 'clock', from: at, to: null, text, tagIds: [], author: null, labels: {} }).catch(failed);
      log.warn(text);
    },
  });
  return {
    [Symbol.dispose]() {
      ofNetwork[Symbol.dispose]();
      ofClock[Symbol.dispose]();
    },
  };
}
