import type { BrowseNode, ProtocolConnection } from '#engine/protocols/index.ts';

/** All nodes under one, the pages put together. */
export async function childrenOf(
  connection: Pick<ProtocolConnection, 'browse'>,
  parent: string | null,
  signal = new AbortController().signal,
): Promise<readonly BrowseNode[]> {
  const nodes: BrowseNode[] = [];
  for await (const page of connection.browse?.(parent, signal) ?? []) nodes.push(...page.nodes);
  return nodes;
}
