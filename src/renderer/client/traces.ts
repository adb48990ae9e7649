import type { UnixMicros } from '#shared/model/index.ts';
import type { LiveRows } from '#shared/rpc/contract.ts';
import type { FrameClock } from './live-cache.ts';
import { browserFrames } from './live-cache.ts';
import { createRing, type Ring, type RingView } from './ring.ts';
import type { Session } from './session.ts';

/** Every sample of a few tags as it arrives, for a trend that follows. */
export interface TraceFeed extends Disposable {
  /** Changes what is followed; tags that stay keep their samples. At most 200. */
  setTags(tagIds: readonly string[]): void;
  /** Samples with `time >= from` and the one before; all of them without `from`. Valid until the next frame. */
  read(tagId: string, from?: UnixMicros): RingView | undefined;
  /** From this time on every sample of the tag is here; older ones are the historian's. NaN while nothing came. */
  completeFrom(tagId: string): UnixMicros;
  /** Strings of a text tag, by the value that stands in the column. */
  texts(tagId: string): ReadonlyMap<number, string>;
  /** Rises with each received item. */
  readonly revision: number;
  /** Samples that were not fetched in time since the feed began. */
  readonly dropped: number;
  /** Runs at most once per animation frame, after new samples. */
  onFrame(listener: () => void): Disposable;
}

interface Trace {
  readonly ring: Ring;
  readonly texts: Map<number, string>;
  completeFrom: UnixMicros;
}

export const TRACE_POINTS = 200_000;
const HANDOVER_MS = 250;
const MAX_HZ = 30;

export function createTraceFeed(
  session: Pick<Session, 'follow'>,
  tagIds: readonly string[],
  options: { readonly maxPoints?: number; readonly frames?: FrameClock } = {},
): TraceFeed {
  const frames = options.frames ?? browserFrames;
  const maxPoints = options.maxPoints ?? TRACE_POINTS;
  const traces = new Map<string, Trace>();
  const listeners = new Set<() => void>();
  let followed: readonly string[] = [];
  let active: Disposable | null = null;
  let revision = 0;
  let dropped = 0;
  let frameAsked = false;
  let handover: unknown;
  let finishHandover: (() => void) | null = null;

  const runFrame = (): void => {
    frameAsked = false;
    for (const listener of [...listeners]) listener();
  };

  const take = (ids: readonly string[], item: LiveRows, begins: boolean): void => {
    const count = item.position.length;
    if (item.dropped > 0) dropped += item.dropped;
    // After a reconnect or a drop something is missing before the first row of this item.
    if (begins || item.dropped > 0) {
      const from =
        count > 0 ? item.time.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY) : Number.NaN;
      for (const id of ids) {
        const trace = traces.get(id);
        if (trace === undefined) continue;
        const known = begins && !item.dropped && !Number.isNaN(trace.completeFrom) && trace.ring.lastTime >= from;
        if (!known) trace.completeFrom = from;
      }
    }
    for (let i = 0; i < count; i++) {
      const position = item.position[i]!;
      const trace = traces.get(ids[position] ?? '');
      if (trace === undefined) continue;
      const value = item.value[i]!;
      trace.ring.append(item.time[i]!, value, item.quality[i]!);
      const text = item.texts[String(i)];
      if (text !== undefined) trace.texts.set(value, text);
    }
    revision++;
    if (!frameAsked) {
      frameAsked = true;
      frames.requestFrame(runFrame);
    }
  };

  const follow = (ids: readonly string[]): void => {
    finishHandover?.();
    const previous = active;
    followed = ids;
    for (const id of [...traces.keys()]) if (!ids.includes(id)) traces.delete(id);
    for (const id of ids) {
      if (!traces.has(id)) {
        traces.set(id, { ring: createRing(maxPoints), texts: new Map(), completeFrom: Number.NaN });
      }
    }
    if (ids.length === 0) {
      previous?.[Symbol.dispose]();
      active = null;
      return;
    }
    // Both streams run for a moment: what the old one still holds comes first, then the new one's items, of which the
    // rings refuse what they have already. So tags that stay lose nothing.
    let held: { item: LiveRows; begins: boolean }[] | null = previous === null ? null : [];
    let generationSeen = -1;
    active = session.follow(
      (rpc, signal) => rpc.live.rows({ tags: [...ids], maxHz: MAX_HZ }, { signal }),
      (item, generation) => {
        const begins = generation !== generationSeen;
        generationSeen = generation;
        if (held !== null) held.push({ item, begins });
        else take(ids, item, begins);
      },
    );
    if (previous !== null) {
      finishHandover = () => {
        finishHandover = null;
        frames.clearTimer(handover);
        previous[Symbol.dispose]();
        const queue = held ?? [];
        held = null;
        for (const entry of queue) take(ids, entry.item, entry.begins);
      };
      handover = frames.setTimer(() => finishHandover?.(), HANDOVER_MS);
    }
  };

  follow([...tagIds]);

  return {
    setTags(ids) {
      const same = ids.length === followed.length && ids.every((id, index) => id === followed[index]);
      if (!same) follow([...ids]);
    },
    read(id, from) {
      const ring = traces.get(id)?.ring;
      if (ring === undefined) return undefined;
      return from === undefined ? ring.all() : ring.since(from);
    },
    completeFrom(id) {
      const trace = traces.get(id);
      if (trace === undefined) return Number.NaN;
      // A full ring drops its oldest samples; before the first one it holds nothing is complete.
      return trace.ring.length === maxPoints ? Math.max(trace.completeFrom, trace.ring.firstTime) : trace.completeFrom;
    },
    texts: (id) => traces.get(id)?.texts ?? new Map(),
    get revision() {
      return revision;
    },
    get dropped() {
      return dropped;
    },
    onFrame(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    [Symbol.dispose]() {
      finishHandover?.();
      active?.[Symbol.dispose]();
      active = null;
      listeners.clear();
    },
  };
}
