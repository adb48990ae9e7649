import { QUALITY, type Quality, type UnixMicros } from '#shared/model/index.ts';
import type { LiveColumns } from '#shared/rpc/contract.ts';
import { createRing, type Ring, type RingView } from './ring.ts';
import type { Session } from './session.ts';

export interface LatestSample {
  readonly time: UnixMicros;
  /** Scaled; NaN where nothing is known. */
  readonly value: number;
  readonly quality: Quality;
  /** Time of the last good sample, NaN when there was none. */
  readonly lastGood: UnixMicros;
  /** Value and text of the newest good sample this screen has seen; what is shown grey while the tag is bad. */
  readonly goodValue: number;
  readonly goodText: string | null;
  /** The string of a text tag, all digits of a large integer; else null. */
  readonly text: string | null;
}

/** Newest values for whoever draws them. Nothing here is React state: a listener writes to the DOM or a canvas itself. */
export interface LiveTags {
  latest(tagId: string): LatestSample | undefined;
  /** The samples seen while the tag was watched; conflated to the display's rate. Valid until the next frame. */
  window(tagId: string, spanMs: number): RingView;
  /** Watches these tags until disposed; `listener` runs at most once per animation frame, after one of them changed. */
  onFrame(tagIds: readonly string[], listener: () => void): Disposable;
}

interface Slot {
  wanted: number;
  sample: LatestSample | undefined;
  readonly ring: Ring;
  /** Count of received items at the last change. */
  changed: number;
}

interface Listener {
  readonly slots: readonly Slot[];
  readonly listener: () => void;
  seen: number;
}

export interface FrameClock {
  requestFrame(callback: () => void): void;
  setTimer(callback: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export const browserFrames: FrameClock = {
  requestFrame: (callback) => void requestAnimationFrame(callback),
  setTimer: (callback, ms) => setTimeout(callback, ms),
  clearTimer: (timer) => clearTimeout(timer as number),
};

/** Reads the last minute of tags from the historian, so that a line does not begin empty; in parts as they come. */
export type Backfill = (tagIds: readonly string[]) => AsyncIterable<readonly BackfillSeries[]>;
export interface BackfillSeries {
  readonly tag: string;
  readonly time: Float64Array;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
}

/** Points kept per watched tag for sparklines: a minute at the display's rate. */
const WINDOW_POINTS = 600;
const MAX_HZ = 10;
const SETTLE_MS = 60;
const SHRINK_AFTER_MS = 5000;

/**
 * One `live.values` stream for the whole page. It covers what is on the screen now; while a table scrolls, new rows are
 * gathered for a moment, the next stream is opened, and the old one ends when the new one has delivered, so that no
 * cell goes blank in between. Rows that scrolled away stay covered until a few seconds pass without scrolling.
 */
export function createLiveTags(
  session: Pick<Session, 'follow'>,
  options: { readonly frames?: FrameClock; readonly backfill?: Backfill } = {},
): LiveTags {
  const frames = options.frames ?? browserFrames;
  const slots = new Map<string, Slot>();
  const listeners = new Set<Listener>();
  let received = 0;
  let frameAsked = false;
  let settling: unknown;
  let shrinking: unknown;
  let covered = new Set<string>();
  let active: Disposable | null = null;

  const slotOf = (id: string): Slot => {
    let slot = slots.get(id);
    if (slot === undefined) {
      slot = { wanted: 0, sample: undefined, ring: createRing(WINDOW_POINTS), changed: 0 };
      slots.set(id, slot);
    }
    return slot;
  };

  const runFrame = (): void => {
    frameAsked = false;
    for (const entry of [...listeners]) {
      if (!entry.slots.some((slot) => slot.changed > entry.seen)) continue;
      entry.seen = received;
      entry.listener();
    }
  };
  const askFrame = (): void => {
    if (frameAsked) return;
    frameAsked = true;
    frames.requestFrame(runFrame);
  };

  const take = (targets: readonly Slot[], item: LiveColumns): void => {
    received++;
    for (let i = 0; i < item.position.length; i++) {
      const position = item.position[i]!;
      const slot = targets[position];
      if (slot === undefined) continue;
      const time = item.time[i]!;
      const value = item.value[i]!;
      const quality = item.quality[i]!;
      const text = item.texts[String(position)] ?? null;
      const good = quality < 0x8000;
      slot.sample = {
        time,
        value,
        quality,
        lastGood: item.lastGood[i]!,
        text,
        goodValue: good ? value : (slot.sample?.goodValue ?? Number.NaN),
        goodText: good ? text : (slot.sample?.goodText ?? null),
      };
      slot.ring.append(time, value, quality);
      slot.changed = received;
    }
    askFrame();
  };

  /** Puts older samples in front of what has come live meanwhile. */
  const prepend = (series: BackfillSeries): void => {
    const slot = slots.get(series.tag);
    if (slot === undefined) return;
    const known = slot.ring.all();
    const live = { time: known.time.slice(), value: known.value.slice(), quality: known.quality.slice() };
    slot.ring.clear();
    const until = live.time[0] ?? Number.POSITIVE_INFINITY;
    for (let i = 0; i < series.time.length && series.time[i]! < until; i++) {
      slot.ring.append(series.time[i]!, series.value[i]!, series.quality[i]!);
    }
    for (let i = 0; i < live.time.length; i++) slot.ring.append(live.time[i]!, live.value[i]!, live.quality[i]!);
    slot.changed = received;
  };
  const fill = async (ids: readonly string[]): Promise<void> => {
    if (options.backfill === undefined) return;
    for await (const part of options.backfill(ids)) {
      received++;
      part.forEach(prepend);
      askFrame();
    }
  };

  /** Between the last sample before a loss and the first after it nothing is known here. */
  const breakLine = (slot: Slot): void => {
    if (slot.ring.length > 0) slot.ring.append(slot.ring.lastTime + 1, Number.NaN, QUALITY.badNoData);
  };

  const cover = (ids: readonly string[]): void => {
    const previous = active;
    const fresh = ids.filter((id) => !covered.has(id) && slotOf(id).ring.length === 0);
    covered = new Set(ids);
    // A line without its past is no fault worth telling: the values themselves come by the stream.
    if (fresh.length > 0) fill(fresh).catch(() => undefined);
    if (ids.length === 0) {
      active = null;
      previous?.[Symbol.dispose]();
      return;
    }
    const targets = ids.map(slotOf);
    let old: Disposable | null = previous;
    let generationSeen: number | null = null;
    active = session.follow(
      (rpc, signal) => rpc.live.values({ tags: [...ids], maxHz: MAX_HZ }, { signal }),
      (item, generation) => {
        old?.[Symbol.dispose]();
        old = null;
        if (generationSeen !== null && generation !== generationSeen) targets.forEach(breakLine);
        generationSeen = generation;
        take(targets, item);
      },
    );
  };

  const wantedIds = (): string[] => {
    const ids: string[] = [];
    for (const [id, slot] of slots) if (slot.wanted > 0) ids.push(id);
    return ids;
  };

  const settle = (): void => {
    settling = undefined;
    const ids = wantedIds();
    if (ids.some((id) => !covered.has(id))) {
      // What scrolled away a moment ago is likely to come back: keep it, within reason.
      const kept = ids.length > 2000 ? [] : [...covered].filter((id) => slots.has(id)).slice(0, 500);
      cover([...new Set([...ids, ...kept])]);
    }
    frames.clearTimer(shrinking);
    shrinking = frames.setTimer(() => {
      const now = wantedIds();
      if (now.length < covered.size) cover(now);
      for (const [id, slot] of slots) if (slot.wanted === 0 && !covered.has(id)) slots.delete(id);
    }, SHRINK_AFTER_MS);
  };
  const changed = (): void => {
    if (settling === undefined) settling = frames.setTimer(settle, covered.size === 0 ? 0 : SETTLE_MS);
  };

  return {
    latest: (id) => slots.get(id)?.sample,
    window(id, spanMs) {
      const slot = slotOf(id);
      return Number.isNaN(slot.ring.lastTime) ? slot.ring.all() : slot.ring.since(slot.ring.lastTime - spanMs * 1000);
    },
    onFrame(tagIds, listener) {
      const watched = tagIds.map(slotOf);
      for (const slot of watched) slot.wanted++;
      const entry: Listener = { slots: watched, listener, seen: received };
      listeners.add(entry);
      changed();
      // What is known already is drawn at once.
      if (watched.some((slot) => slot.sample !== undefined)) {
        entry.seen = -1;
        askFrame();
      }
      let disposed = false;
      return {
        [Symbol.dispose]() {
          if (disposed) return;
          disposed = true;
          listeners.delete(entry);
          for (const slot of watched) slot.wanted--;
          changed();
        },
      };
    },
  };
}
