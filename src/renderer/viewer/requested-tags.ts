import type { AppClient } from '#renderer/client/index.ts';
import { traceParts } from './trace-key.ts';
import type { TraceTag } from './trend-model.ts';

/** Traces that another page asks for, by their keys; those that their source does not have are left out. */
export async function requestedTags(
  client: AppClient,
  known: ReadonlyMap<string, TraceTag>,
  keys: readonly string[],
): Promise<TraceTag[]> {
  const bySource = new Map<string, string[]>();
  for (const { source, tagId } of keys.map(traceParts)) {
    if (source !== null) bySource.set(source, [...(bySource.get(source) ?? []), tagId]);
  }
  const found = new Map<string, TraceTag>();
  for (const [source, ids] of bySource) {
    const { tags } = await client.rpc.history.findTags({ source, text: '', ids, offset: 0, limit: 1_000 });
    for (const tag of tags) found.set(`${source}\n${tag.id}`, tag);
  }
  return keys.flatMap((key) => {
    const { source, tagId } = traceParts(key);
    const tag = source === null ? known.get(tagId) : found.get(`${source}\n${tagId}`);
    return tag === undefined ? [] : [{ ...tag, id: key }];
  });
}
