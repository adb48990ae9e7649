import type { AppClient } from '#renderer/client/index.ts';
import { traceKey } from '#renderer/viewer/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { DrawnSeries } from './graph-answer.ts';
import type { Graph } from './graph-model.ts';

const TAG = 'tag.';
/** Tags of one source that may be meant by the labels of a series. */
const MOST_LIKE = 100;

/**
 * The traces that a graph's series are, where they are tags: recorded ones by the metric that each of them is, those of
 * a source by the metric and the labels that mean one tag alone. Series that several tags became are none.
 */
export async function traceKeysOf(
  client: AppClient,
  graph: Graph,
  usual: string,
  drawn: readonly DrawnSeries[],
): Promise<string[]> {
  const keys = new Set<string>();
  for (const one of drawn) {
    const definition = graph.series.find(({ id }) => id === one.definition);
    if (definition === undefined || definition.groupBy !== null) continue;
    const source = definition.source ?? usual;
    const { shiftMs } = definition;
    const named = source === RUNNING_HISTORY ? null : source;
    if (one.metric.startsWith(TAG)) {
      keys.add(traceKey({ source: named, shiftMs, tagId: one.metric.slice(TAG.length) }));
      continue;
    }
    const text = (one.labels.tag ?? one.labels.name ?? Object.values(one.labels)[0] ?? '').slice(0, 200);
    const { tags } = await client.rpc.history.findTags({ source, text, ids: null, offset: 0, limit: MOST_LIKE });
    const mine = Object.entries(one.labels).map(([label, value]) => `${label}=${value}`);
    const tag = tags.find(({ device, address }) => {
      const parts = new Set(address.split(', '));
      return device === one.metric && mine.every((part) => parts.has(part));
    });
    if (tag !== undefined) keys.add(traceKey({ source: named, shiftMs, tagId: tag.id }));
  }
  return [...keys];
}
