import type { TagTable } from '#engine/live/index.ts';
import { QUALITY, type Quality, type UnixMicros } from '#shared/model/index.ts';
import type { ResolvedTag } from './bindings.ts';
import type { BlockBuilder } from './block-builder.ts';
import type { GapNotice } from './tag-group.ts';

/** Tags that are not read by intention or mistake: each holds one bad sample that says why, and leaves a gap. */
export interface IdleTags {
  /** Takes over which tags are idle now; gaps of those that are no longer, or for another cause, end. */
  mark(tags: readonly ResolvedTag[], now: UnixMicros): void;
  /** Ends all gaps. */
  close(now: UnixMicros): void;
}

interface Idle {
  readonly quality: Quality;
  readonly since: UnixMicros;
}

export function createIdleTags(table: TagTable, builder: BlockBuilder, onGap: (gap: GapNotice) => void): IdleTags {
  const idle = new Map<string, Idle>();

  /** What was switched off with one stroke is one gap. */
  const endGaps = (ended: readonly (readonly [string, Idle])[], to: UnixMicros): void => {
    const gaps = new Map<string, Idle & { readonly tagIds: string[] }>();
    for (const [id, state] of ended) {
      const key = `${state.since} ${state.quality}`;
      const gap = gaps.get(key);
      if (gap === undefined) gaps.set(key, { ...state, tagIds: [id] });
      else gap.tagIds.push(id);
    }
    for (const { tagIds, since: from, quality } of gaps.values()) {
      if (to <= from) continue;
      const reason = quality === QUALITY.badDisabled ? 'Switched off.' : 'Settings or address could not be used.';
      onGap({ tagIds, from, to, reason, quality });
    }
  };

  return {
    mark(tags, now) {
      const causes = new Map(tags.map((tag) => [tag.runtime.id, tag.idle]));
      const ended = [...idle].filter(([id, { quality }]) => causes.get(id) !== quality);
      for (const [id] of ended) idle.delete(id);
      endGaps(ended, now);
      for (const [id, quality] of causes) {
        if (quality === null || idle.has(id)) continue;
        idle.set(id, { quality, since: now });
        const index = table.byId(id)?.index;
        if (index !== undefined) builder.push(index, now, now, Number.NaN, quality);
      }
      builder.closeSoon();
    },
    close(now) {
      const ended = [...idle];
      idle.clear();
      endGaps(ended, now);
    },
  };
}
