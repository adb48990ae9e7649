import type { Clock } from '#engine/platform/index.ts';
import { BLOCK_SAMPLES, decodeChunk } from './chunk-codec.ts';
import type { StringRow } from './messages.ts';
import { recoveryReport, replayLog } from './recovery.ts';
import type { Registry } from './registry.ts';
import { emptyRun, type Run, wordsOf } from './run.ts';
import type { Meta } from './schema.ts';
import type { Sealing } from './sealing.ts';
import type { RecoveryReport } from './store.ts';
import { fullChunk, pushSample, pushSamples, type TagState } from './tag-state.ts';

export interface Restored {
  /** Segments that were read and are needed until they are folded in. */
  readonly segments: readonly number[];
  /** Number of the segment to be written to. Never below what the file asks for: it would be taken for one that it holds. */
  readonly next: number;
  /** Time of the last sample of all tags; null where there is none. */
  readonly lastSample: number | null;
  /** Strings that are not rows of the file yet. */
  readonly strings: readonly StringRow[];
  readonly report: RecoveryReport;
}

/** Puts what a killed program left in the log back into the tags, and its strings behind `strings`. */
export async function restoreLog(
  path: string,
  owner: Uint8Array,
  chunkSamples: number,
  {
    clock,
    meta,
    registry,
    sealing,
  }: {
    readonly clock: Clock;
    readonly meta: Meta;
    readonly registry: Registry;
    readonly sealing: Sealing;
  },
  strings: StringRow[],
): Promise<Restored> {
  const wasClosed = meta.get('closed') !== 0;
  const from = Number(meta.get('log_from') ?? 1);
  const known = new Set(strings.map((row) => row.number));
  const added: StringRow[] = [];
  let unknown = 0;
  let lastStored = Number(meta.get('stored_until') ?? Number.NEGATIVE_INFINITY);
  const replay = await replayLog(path, owner, from, {
    samples(logged) {
      const words = wordsOf(logged.value);
      for (let i = 0; i < logged.length; i++) {
        lastStored = Math.max(lastStored, (logged.received ?? logged.time)[i]!);
        const state = registry.states.get(logged.number[i]!);
        if (state === undefined) {
          unknown++;
          continue;
        }
        const received = logged.received === null ? null : logged.received[i]!;
        pushSample(state, logged.time[i]!, words[2 * i]!, words[2 * i + 1]!, logged.quality[i]!, received);
        if (state.open.length >= state.limit) sealing.advance(state);
      }
    },
    form(number, version) {
      const state = registry.states.get(number);
      if (state === undefined || state.form === version) return;
      sealing.close(state);
      state.form = version;
    },
    chunk(number, data) {
      const run = decodeChunk(data, emptyRun(BLOCK_SAMPLES));
      const state = registry.states.get(number);
      if (state === undefined) unknown += run.length;
      else restore(sealing, chunkSamples, state, run, data);
      for (let i = 0; i < run.length; i++) lastStored = Math.max(lastStored, (run.received ?? run.time)[i]!);
      return run.length;
    },
    string(number, text) {
      if (known.has(number)) return;
      known.add(number);
      strings.push({ number, text });
      added.push({ number, text });
    },
  });
  let last = Number.NEGATIVE_INFINITY;
  for (const state of registry.states.values()) {
    const newest = state.recipes.at(-1)?.version ?? state.form;
    if (state.form !== newest) sealing.close(state);
    state.form = newest;
    last = Math.max(last, state.lastTime);
  }
  const lastSample = Number.isFinite(last) ? last : null;
  lastStored = Math.min(lastStored, clock.now());
  return {
    segments: replay.segments,
    next: Math.max(replay.highest + 1, from),
    lastSample,
    strings: added,
    report: recoveryReport(replay, { unknown, wasClosed, lastSample, lastStored }),
  };
}

/** A chunk that was logged as such, which may be in the file by now. */
function restore(
  sealing: Sealing,
  chunkSamples: number,
  state: TagState,
  run: Run,
  data: Uint8Array<ArrayBuffer>,
): void {
  if (run.length >= fullChunk(data.length / run.length, chunkSamples) && run.time[0]! > state.lastTime) {
    sealing.take(state, run, data);
    return;
  }
  for (let at = 0; at < run.length; ) {
    at += pushSamples(state, run, at, run.length);
    if (state.open.length >= state.limit) sealing.advance(state);
  }
}
