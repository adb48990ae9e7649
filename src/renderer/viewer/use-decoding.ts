import { useEffect, useRef, useState } from 'react';
import { useStores } from '#renderer/client/index.ts';

/**
 * Rises when one of these tags is decoded otherwise than when it was drawn first: its range, unit, type or order was
 * mended. What was read of it before is then wrong on the whole picture, the live part of it too.
 */
export function useDecoding(tagIds: readonly string[]): number {
  const byId = useStores('tags', (state) => state.byId);
  const seen = useRef(new Map<string, string>());
  const [revision, setRevision] = useState(0);
  const key = tagIds.join(' ');
  useEffect(() => {
    let changed = false;
    for (const id of key.split(' ')) {
      const tag = byId.get(id);
      if (tag === undefined) continue;
      const recipe = JSON.stringify(tag.recipe);
      const before = seen.current.get(id);
      if (before !== undefined && before !== recipe) changed = true;
      seen.current.set(id, recipe);
    }
    if (changed) setRevision((now) => now + 1);
  }, [byId, key]);
  return revision;
}
