import { expect, it } from 'vitest';
import { AppError } from '#shared/errors.ts';
import {
  createMetricRegistry,
  type GraphDefinition,
  metricDeclaration,
  parseGraph,
  registeredMetric,
} from '#shared/model/graph/index.ts';
import { FAKE_START } from '#test/support/fake-clock.ts';
import { createFaultyServer } from '#test/support/faulty-backend.ts';
import { type GraphSource, runGraph } from './graph-service.ts';

const never = new AbortController().signal;
const declared = metricDeclaration.parse({ type: 'gauge', labels: ['tag'] });
const registry = createMetricRegistry([registeredMetric('plant.x', declared).metric]);
const graphOf = (...series: object[]): GraphDefinition =>
  parseGraph({
    version: 1,
    range: { from: '2026-01-05T05:00:00Z', to: '2026-01-05T06:00:00Z' },
    resolution: { stepMs: 60_000 },
    series: series.map((one, at) => ({ id: `S${at}`, metric: 'plant.x', aggregate: 'mean', ...one })),
  });
const setUp = async () => {
  const server = createFaultyServer(async () => undefined);
  const open = async (): Promise<GraphSource> => ({
    backend: server.backend,
    connection: await server.backend.connect({}, {} as never, never),
  });
  const sources: Record<string, GraphSource> = { one: await open(), two: await open() };
  const run = (graph: GraphDefinition) =>
    runGraph(graph, { registry, source: (id) => sources[id ?? 'one']!, now: FAKE_START, zone: 'UTC' }, never);
  return { server, run };
};

it('what a source refuses for one series leaves the others of the same question', async () => {
  const { server, run } = await setUp();
  const graph = graphOf({ match: { tag: 'a' } }, { match: { tag: 'b' } }, { match: { tag: 'c' } });
  // All three at once, then one by one.
  server.faults.push('permanent', { waitMs: 0 }, 'permanent');
  const result = await run(graph);
  expect(result.series.map(({ definition }) => definition)).toEqual(['S0', 'S2']);
  expect(result.warnings).toEqual(['S1: There is no such table.']);
});

it('a source that does not answer takes its own series away and no other, and all of them are a refusal', async () => {
  const { server, run } = await setUp();
  const graph = graphOf({ source: 'one', match: { tag: 'a' } }, { source: 'two', match: { tag: 'b' } });
  server.faults.push('lost');
  const result = await run(graph);
  expect(result.series.map(({ definition }) => definition)).toEqual(['S1']);
  expect(result.warnings).toEqual(['S0: The server ended the link.']);
  server.faults.push('lost', 'lost');
  await expect(run(graph)).rejects.toThrow(AppError);
  server.faults.push('bug');
  await expect(run(graph)).rejects.toThrow(TypeError);
});

it('a series that would be too much is told, and the others are drawn', async () => {
  const { server, run } = await setUp();
  const graph = graphOf({ match: { tag: 'a' } }, { match: { tag: 'b' } }, { match: { tag: 'c' } });
  server.faults.push('too-many', { waitMs: 0 }, { waitMs: 0 }, 'too-many');
  const result = await run(graph);
  expect(result.series.map(({ definition }) => definition)).toEqual(['S0', 'S1']);
  expect(result.warnings).toEqual(['S2: This would read about 2 billion rows. Ask for a shorter range.']);
  // Where each of them is too much nothing is left to draw, and the graph says why.
  server.faults.push('too-many', 'too-many', 'too-many', 'too-many');
  await expect(run(graph)).rejects.toMatchObject({ code: 'query.too-many-samples' });
});

it('what fits alone and not together is drawn as far as it fits', async () => {
  const { server, run } = await setUp();
  const series = Array.from({ length: 12 }, (_, at) => ({ match: { tag: 'abcdefghijkl'[at] } }));
  const graph = graphOf(...series);
  server.faults.push('too-many');
  const result = await run({ ...graph, resolution: { ...graph.resolution, stepMs: 36, maxPoints: 100_000 } });
  expect(result.series).toHaveLength(10);
  const told = ['S10', 'S11'].map((id) => expect.stringMatching(`^${id}: Together with the series before it`));
  expect(result.warnings).toEqual(told);
});
