import type { Clock } from '#engine/platform/index.ts';
import type { TimeRange, UnixMicros } from '#shared/model/index.ts';

/** What the rolling history keeps; absent: no limit of that kind. */
export interface RetentionLimits {
  readonly maxAgeMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** Bytes that stay free on the disk of the history; the newest day of it stays whatever the disk is like. */
  readonly minFreeBytes?: number | undefined;
}

export interface RetentionDeps {
  readonly clock: Clock;
  readonly bounds: () => Promise<TimeRange | null>;
  /** Where pins begin: nothing from there on is removed. Infinity where there are none. */
  readonly pinned: () => UnixMicros;
  /** Bytes that are free on the disk; null where that is not known. */
  readonly freeBytes: () => Promise<number | null>;
  /** The time to prune before so that the file holds at most so many bytes and `spare` less than now; null: none. */
  readonly surplusBefore: (maxBytes: number | null, spare: number) => Promise<UnixMicros | null>;
  readonly prune: (before: UnixMicros) => Promise<unknown>;
  /** Gives free pages of the file back to the disk; the bytes that it gave. */
  readonly giveBack: () => Promise<number>;
  /** Called before samples of the range are removed, which they are not where it fails. */
  readonly archive: ((range: TimeRange, signal: AbortSignal) => Promise<void>) | null;
  /** Why nothing is removed, in a sentence; null when that is over. */
  readonly onTrouble: (sentence: string | null) => void;
}

const ROUND_MS = 60_000;
const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;

/** Removes the oldest samples once a minute as the limits say, until it is disposed of. */
export function startRetention(limits: RetentionLimits, deps: RetentionDeps): Disposable {
  const { clock } = deps;
  const { maxAgeMs, maxBytes, minFreeBytes } = limits;
  const stop = new AbortController();
  let timer: Disposable | null = null;
  const later = (): void => {
    timer = clock.after(ROUND_MS, () => {
      retain(limits, deps, stop.signal)
        .then(
          () => deps.onTrouble(null),
          (error: unknown) => {
            if (stop.signal.aborted) return;
            const reason = error instanceof Error ? error.message : String(error);
            deps.onTrouble(`The history forgets nothing at present: ${reason}`);
          },
        )
        .finally(() => {
          if (!stop.signal.aborted) later();
        });
    });
  };
  if (maxAgeMs !== undefined || maxBytes !== undefined || minFreeBytes !== undefined) later();
  return {
    [Symbol.dispose]() {
      stop.abort();
      timer?.[Symbol.dispose]();
    },
  };
}

async function retain(limits: RetentionLimits, deps: RetentionDeps, signal: AbortSignal): Promise<void> {
  const held = await deps.bounds();
  if (held === null) return;
  const { maxAgeMs, maxBytes, minFreeBytes } = limits;
  let before = maxAgeMs === undefined ? Number.NEGATIVE_INFINITY : deps.clock.now() - maxAgeMs * 1_000;
  // An archive is written in whole hours, so that it does not become a file a minute; a full disk does not wait.
  if (deps.archive !== null) before = Math.floor(before / HOUR) * HOUR;
  const surplus = maxBytes === undefined ? null : await deps.surplusBefore(maxBytes, 0);
  if (surplus !== null) before = Math.max(before, surplus);
  const free = minFreeBytes === undefined ? null : await deps.freeBytes();
  if (minFreeBytes !== undefined && free !== null && free < minFreeBytes && (await deps.giveBack()) === 0) {
    const spare = await deps.surplusBefore(null, minFreeBytes - free);
    if (spare !== null) before = Math.max(before, Math.min(spare, held.to - DAY));
  }
  before = Math.min(before, deps.pinned());
  if (!(before > held.from)) return;
  await deps.archive?.({ from: held.from, to: before }, signal);
  signal.throwIfAborted();
  // What was pinned meanwhile is not removed.
  await deps.prune(Math.min(before, deps.pinned()));
}
