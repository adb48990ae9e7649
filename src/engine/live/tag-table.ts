import { createDecoder, type DecodeRecipe, type Decoder, type TimeKind, type ValueType } from '#shared/model/index.ts';

/** A tag as the running engine knows it: the project's tags, and the diagnostics that the engine makes itself. */
export interface NewRuntimeTag {
  /** The tag document's id, or a stable id of the engine's own (`diag.` ...). */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly kind: 'tag' | 'diagnostic';
  readonly connectionId: string;
  /** Empty for diagnostics of a whole connection. */
  readonly deviceId: string;
  /** Canonical address, and where it is on the wire in words. */
  readonly address: string;
  readonly wire: string;
  readonly unit: string | null;
  readonly decimals: number | null;
  readonly range: { readonly low: number; readonly high: number } | null;
  readonly periodMs: number;
  readonly timeKind: TimeKind;
  readonly demo: boolean;
  readonly enabled: boolean;
  readonly type: ValueType;
  readonly recipe: DecodeRecipe;
  /** Why the tag can't be read, in a sentence; null when it can. */
  readonly problem: string | null;
}
export interface RuntimeTag extends NewRuntimeTag {
  /** Column index of samples. Belongs to the id for the life of the engine, also while the tag is removed. */
  readonly index: number;
  readonly decoder: Decoder;
}

export interface TagTableChange {
  readonly added: readonly RuntimeTag[];
  readonly changed: readonly RuntimeTag[];
  readonly removed: readonly RuntimeTag[];
}

export interface TagTable {
  /**
   * Replaces the tags of one owner by this list; tags of other owners stay. An id that was known before gets its old
   * index back, and no index is ever given to another id, so samples under way can't end in a wrong tag.
   * Throws when two tags of the table would share an id.
   */
  update(tags: readonly NewRuntimeTag[], owner?: string): TagTableChange;
  byId(id: string): RuntimeTag | undefined;
  byIndex(index: number): RuntimeTag | undefined;
  all(): readonly RuntimeTag[];
  /** One more than the largest index given so far. */
  readonly size: number;
  /** Called after each update that changed something. */
  watch(listener: (change: TagTableChange) => void): Disposable;
}

export function createTagTable(): TagTable {
  const indexOf = new Map<string, number>();
  const slots: (RuntimeTag | undefined)[] = [];
  /** What each tag was made of: the same object again is the same tag without a look at it. */
  const sources: (NewRuntimeTag | undefined)[] = [];
  const ownerOf = new Map<string, string>();
  const listeners = new Set<(change: TagTableChange) => void>();
  let list: readonly RuntimeTag[] | null = null;

  const place = (tag: NewRuntimeTag, before: RuntimeTag | undefined): RuntimeTag => {
    let index = indexOf.get(tag.id);
    if (index === undefined) {
      index = slots.length;
      indexOf.set(tag.id, index);
    }
    const decoder =
      before !== undefined && sameRecipe(before.recipe, tag.recipe) ? before.decoder : createDecoder(tag.recipe);
    const placed: RuntimeTag = { ...tag, index, decoder };
    slots[index] = placed;
    sources[index] = tag;
    return placed;
  };

  return {
    update(tags, owner = 'acquisition') {
      const added: RuntimeTag[] = [];
      const changed: RuntimeTag[] = [];
      const removed: RuntimeTag[] = [];
      const kept = new Set<string>();
      for (const tag of tags) {
        const other = ownerOf.get(tag.id);
        if (kept.has(tag.id) || (other !== undefined && other !== owner)) {
          throw new Error(`The tag id ${tag.id} is used twice in the tag table.`);
        }
        kept.add(tag.id);
      }
      for (const [id, holder] of ownerOf) {
        if (holder !== owner || kept.has(id)) continue;
        const index = indexOf.get(id);
        const tag = index === undefined ? undefined : slots[index];
        if (tag === undefined || index === undefined) continue;
        slots[index] = undefined;
        ownerOf.delete(id);
        removed.push(tag);
      }
      for (const tag of tags) {
        const index = indexOf.get(tag.id);
        const before = index === undefined ? undefined : slots[index];
        if (before === undefined) {
          added.push(place(tag, before));
          ownerOf.set(tag.id, owner);
        } else if (sources[before.index] !== tag) {
          if (sameTag(before, tag)) sources[before.index] = tag;
          else changed.push(place(tag, before));
        }
      }
      if (added.length + changed.length + removed.length > 0) {
        list = null;
        const change = { added, changed, removed };
        for (const listener of [...listeners]) listener(change);
        return change;
      }
      return { added, changed, removed };
    },
    byId(id) {
      const index = indexOf.get(id);
      return index === undefined ? undefined : slots[index];
    },
    byIndex: (index) => slots[index],
    all() {
      list ??= slots.filter((tag) => tag !== undefined);
      return list;
    },
    get size() {
      return slots.length;
    },
    watch(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

export function sameRecipe(a: DecodeRecipe, b: DecodeRecipe): boolean {
  if (a === b) return true;
  return (
    a.version === b.version &&
    a.form === b.form &&
    a.type === b.type &&
    a.order === b.order &&
    a.bit === b.bit &&
    a.unit === b.unit &&
    sameScaling(a.scaling, b.scaling)
  );
}

function sameScaling(a: DecodeRecipe['scaling'], b: DecodeRecipe['scaling']): boolean {
  if (a === null || b === null) return a === b;
  if (a.kind === 'gain') return b.kind === 'gain' && a.gain === b.gain && a.offset === b.offset;
  return (
    b.kind === 'range' &&
    a.rawLow === b.rawLow &&
    a.rawHigh === b.rawHigh &&
    a.low === b.low &&
    a.high === b.high &&
    a.clamp === b.clamp
  );
}

function sameTag(a: RuntimeTag, b: NewRuntimeTag): boolean {
  return (
    a.name === b.name &&
    a.description === b.description &&
    a.kind === b.kind &&
    a.connectionId === b.connectionId &&
    a.deviceId === b.deviceId &&
    a.address === b.address &&
    a.wire === b.wire &&
    a.unit === b.unit &&
    a.decimals === b.decimals &&
    a.range?.low === b.range?.low &&
    a.range?.high === b.range?.high &&
    a.periodMs === b.periodMs &&
    a.timeKind === b.timeKind &&
    a.demo === b.demo &&
    a.enabled === b.enabled &&
    a.type === b.type &&
    a.problem === b.problem &&
    sameRecipe(a.recipe, b.recipe)
  );
}
