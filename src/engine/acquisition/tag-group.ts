import { type RuntimeTag, sameRecipe } from '#engine/live/index.ts';
import type { PollPlan, TagBinding } from '#engine/protocols/protocol.ts';
import { isBad, QUALITY, type Quality, type UnixMicros } from '#shared/model/index.ts';
import type { BlockBuilder } from './block-builder.ts';
import type { Turn } from './scheduler.ts';
import { createRateGauge, type RateGauge } from './statistics.ts';

/** A tag that can be read, as the driver wants it. */
export interface BoundTag {
  readonly tag: RuntimeTag;
  readonly binding: TagBinding<unknown>;
}

/** Tags of one device that are read together. */
export interface GroupSpec {
  readonly deviceId: string;
  readonly periodMs: number;
  readonly tags: readonly BoundTag[];
}

/** An interval without data of some tags that has ended; while it lasts its tags hold a bad sample with the cause. */
export interface GapNotice {
  readonly tagIds: readonly string[];
  readonly from: UnixMicros;
  readonly to: UnixMicros;
  readonly reason: string;
  readonly quality: Quality;
}

interface OpenGap {
  readonly from: UnixMicros;
  readonly reason: string;
  readonly quality: Quality;
}

/**
 * The run-time side of a group: whether its data flow, since when not and why. While they don't, every tag holds one
 * bad sample with the cause, and the missing interval is told as a gap when it ends.
 */
export interface TagGroup {
  readonly deviceId: string;
  readonly periodMs: number;
  readonly tags: readonly BoundTag[];
  turn: Turn | null;
  plan: PollPlan | null;
  /** Why the group as a whole is bad; `good` while samples come, be they good or bad themselves. */
  readonly cause: Quality;
  /** Receive time of the last sample that was not bad. */
  readonly lastGood: UnixMicros | null;
  /** Receive time of the last sample, bad ones included. */
  readonly lastReceived: UnixMicros;
  /** Monotonic time up to which samples are known to have come. */
  heardMs: number;
  /** Samples have come since this was last set to false. */
  fresh: boolean;
  /** Bad samples since this was last set to 0. */
  badSamples: number;
  /** Tags whose last sample was bad by itself, by index. */
  readonly badTags: ReadonlyMap<number, Quality>;
  /** How often samples come, for links that are not polled. */
  readonly arrivals: RateGauge;
  /** Called for each sample before it goes into the block. */
  arrived(index: number, time: UnixMicros, received: UnixMicros, quality: Quality): void;
  /** Marks every tag bad, once per loss: the first cause stays until samples come again. */
  markBad(quality: Quality, reason: string, now: UnixMicros): void;
  /** Other tags, same device and period: those that flow already keep their state, others wait for their first value. */
  replaceTags(tags: readonly BoundTag[], flowing: ReadonlySet<string>, now: UnixMicros): void;
  /** The end: a last bad sample for every tag, and the gap that may be open ends. */
  close(quality: Quality | null, now: UnixMicros): void;
}

/** `flowing` are the ids of tags that had good data up to now: those are not marked as waiting. */
export function createTagGroup(
  spec: GroupSpec,
  flowing: ReadonlySet<string>,
  builder: BlockBuilder,
  onGap: (gap: GapNotice) => void,
  now: UnixMicros,
  nowMs: number,
): TagGroup {
  let tags: readonly BoundTag[] = [];
  let cause: Quality = QUALITY.good;
  let lastGood: UnixMicros | null = null;
  let gap: OpenGap | null = null;
  /** How far the tags' own clock is ahead of this computer's, and the newest of their times. */
  let aheadBy: number | null = null;
  let newest = Number.NEGATIVE_INFINITY;
  const badTags = new Map<number, Quality>();
  const arrivals = createRateGauge(32);
  let marked = 0;
  let lastReceived = now;

  /** Bad samples of tags with their own clock are dated on that clock, behind the last sample, so order is kept. */
  const pushBad = (tag: RuntimeTag, quality: Quality, at: UnixMicros): void => {
    const time = tag.timeKind === 'receive' ? at : Math.max(at + (aheadBy ?? 0), newest + 1);
    builder.push(tag.index, time, at, Number.NaN, quality);
  };
  const closeGap = (at: UnixMicros): void => {
    if (gap === null) return;
    const open = gap;
    gap = null;
    if (at <= open.from) return;
    onGap({
      tagIds: tags.map(({ tag }) => tag.id),
      from: open.from,
      to: at,
      reason: open.reason,
      quality: open.quality,
    });
  };

  const group: TagGroup = {
    deviceId: spec.deviceId,
    periodMs: spec.periodMs,
    get tags() {
      return tags;
    },
    turn: null,
    plan: null,
    get cause() {
      return cause;
    },
    get lastGood() {
      return lastGood;
    },
    get lastReceived() {
      return lastReceived;
    },
    heardMs: nowMs,
    fresh: false,
    badSamples: 0,
    badTags,
    arrivals,
    arrived(index, time, received, quality) {
      group.fresh = true;
      lastReceived = received;
      if (received - marked > 500) {
        marked = received;
        arrivals.mark(received / 1000);
      }
      if (cause !== QUALITY.good) {
        cause = QUALITY.good;
        closeGap(received);
      }
      if (isBad(quality)) {
        group.badSamples++;
        badTags.set(index, quality);
        return;
      }
      if (badTags.size > 0) badTags.delete(index);
      if (time !== received) {
        aheadBy = time - received;
        if (time > newest) newest = time;
      }
      lastGood = received;
    },
    markBad(quality, reason, at) {
      if (cause !== QUALITY.good && cause !== QUALITY.badWaitingForFirst) return;
      cause = quality;
      badTags.clear();
      for (const { tag } of tags) pushBad(tag, quality, at);
      builder.closeSoon();
      // The last good sample itself belongs to the time before the gap.
      gap = { from: lastGood === null ? now : lastGood + 1, reason, quality };
    },
    replaceTags(next, flows, at) {
      const known = new Set(tags.map(({ tag }) => tag.id));
      const added = next.filter(({ tag }) => !known.has(tag.id) && !flows.has(tag.id));
      if (added.length > 0 && added.length === next.length) cause = QUALITY.badWaitingForFirst;
      tags = next;
      const indexes = new Set(tags.map(({ tag }) => tag.index));
      for (const index of [...badTags.keys()]) if (!indexes.has(index)) badTags.delete(index);
      for (const { tag } of added) pushBad(tag, cause === QUALITY.good ? QUALITY.badWaitingForFirst : cause, at);
      builder.closeSoon();
    },
    close(quality, at) {
      if (quality !== null) for (const { tag } of tags) pushBad(tag, quality, at);
      closeGap(at);
    },
  };
  group.replaceTags(spec.tags, flowing, now);
  return group;
}

/** Whether two lists bind the same tags to the same places, so that a plan for one holds for the other. */
export function sameTags(a: readonly BoundTag[], b: readonly BoundTag[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ tag }, i) => {
      const other = b[i]?.tag;
      return (
        other !== undefined &&
        tag.index === other.index &&
        tag.address === other.address &&
        sameRecipe(tag.recipe, other.recipe)
      );
    })
  );
}
