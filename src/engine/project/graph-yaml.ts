import { type GraphDefinition, graphDefinition, graphFaults, parseGraph } from '#shared/model/graph/index.ts';
import { formatYaml, isYamlDocument, type PlacedIssue, readYaml } from './yaml-document.ts';

/** A graph from a file of YAML or JSON, or every fault with its place. */
export function readGraph(
  file: string,
  text: string,
): { readonly graph: GraphDefinition } | { readonly issues: readonly PlacedIssue[] } {
  const document = readYaml(file, text);
  if (!isYamlDocument(document)) return { issues: document };
  const issues: PlacedIssue[] = [];
  const parsed = document.check(graphDefinition, [], (issue) => issues.push(issue));
  if (parsed === null) return { issues };
  const faults = graphFaults(parsed as GraphDefinition);
  if (faults.length > 0) return { issues: faults.map(({ path, message }) => document.issue(path.split('.'), message)) };
  return { graph: parseGraph(parsed) };
}

/** YAML that `readGraph` reads back to an equal graph. */
export const formatGraph = (graph: GraphDefinition): string => formatYaml(graph);
