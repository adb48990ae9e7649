/** What a reader remembers of what it has decoded, up to a number of bytes; the longest unused goes first. */
export interface DecodedCache {
  get(key: number): unknown;
  /** Takes the place of what was there. What alone is larger than the limit is not kept. */
  set(key: number, value: unknown, bytes: number): void;
  /** Forgets `value` where it is still what the key has. */
  drop(key: number, value: unknown): void;
  readonly counts: CacheCounts;
}

export interface CacheCounts {
  readonly bytes: number;
  readonly limit: number;
  readonly hits: number;
  readonly misses: number;
}

/** Bytes that an entry takes beside its columns. */
const ENTRY_BYTES = 400;

/** `limit` 0 keeps nothing. */
export function createDecodedCache(limit: number): DecodedCache {
  /** Longest unused first. */
  const kept = new Map<number, { readonly value: unknown; readonly bytes: number }>();
  const counts = { bytes: 0, limit, hits: 0, misses: 0 };
  const drop = (key: number, value: unknown): void => {
    const found = kept.get(key);
    if (found === undefined || found.value !== value) return;
    counts.bytes -= found.bytes;
    kept.delete(key);
  };
  return {
    counts,
    drop,
    get(key) {
      const found = kept.get(key);
      if (found === undefined) {
        counts.misses++;
        return undefined;
      }
      counts.hits++;
      kept.delete(key);
      kept.set(key, found);
      return found.value;
    },
    set(key, value, bytes) {
      drop(key, kept.get(key)?.value);
      if (bytes + ENTRY_BYTES > limit) return;
      kept.set(key, { value, bytes: bytes + ENTRY_BYTES });
      counts.bytes += bytes + ENTRY_BYTES;
      for (const [oldest, entry] of kept) {
        if (counts.bytes <= limit) break;
        counts.bytes -= entry.bytes;
        kept.delete(oldest);
      }
    },
  };
}
