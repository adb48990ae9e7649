import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGraph } from '#engine/analytics/index.ts';
import { type GraphSeries, resolveRange } from '#shared/model/graph/index.ts';
import { type BackendServer, nameOf } from '#test/contracts/tsdb.ts';
import { fixtures } from '#test/contracts/tsdb-fixtures.ts';
import { keptFixture } from '#test/contracts/tsdb-kept.ts';
import { expectNoNewHandles, type OpenHandles, openHandles } from '#test/support/leak-guard.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { formatExpected, headOf, type PlainSeries, readCase } from './graph-case.ts';
import { naiveGraph } from './naive-graph.ts';

// Every case on every backend. What must come out stands in the file; it was worked out by `naiveGraph`, which must
// still agree. PARX_WRITE_GRAPHS=1 writes it anew, for a new case: look at the difference before it is kept.

const folder = new URL('./graphs/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const never = new AbortController().signal;

const plainOf = (series: GraphSeries): PlainSeries => ({
  head: headOf(series.definition, series.labels, series.unit),
  points: [...series.time].map((time, at) => {
    const { envelope } = series;
    const ends = envelope === null ? {} : { min: envelope.min[at]!, max: envelope.max[at]! };
    return { time, value: series.value[at]!, quality: series.quality[at]!, ...ends };
  }),
});

/** Equal to nine digits of the larger number. */
function expectEqual(found: readonly PlainSeries[], expected: readonly PlainSeries[], whose: string): void {
  expect(
    found.map(({ head }) => head),
    whose,
  ).toEqual(expected.map(({ head }) => head));
  for (const [at, { head, points }] of expected.entries()) {
    const name = `${whose}, ${head}`;
    expect(
      found[at]!.points.map(({ time, quality }) => [new Date(time / 1e3).toISOString(), quality]),
      name,
    ).toEqual(points.map(({ time, quality }) => [new Date(time / 1e3).toISOString(), quality]));
    for (const [i, point] of points.entries()) {
      const other = found[at]!.points[i]!;
      for (const part of ['value', 'min', 'max'] as const) {
        const a = other[part] ?? Number.NaN;
        const b = point[part] ?? Number.NaN;
        const close = Number.isNaN(b)
          ? Number.isNaN(a)
          : Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
        expect(close, `${name}, point ${i}, ${part}: ${a} instead of ${b}`).toBe(true);
      }
    }
  }
}

describe('golden graphs', () => {
  it('are at least thirty', () => expect(files.length).toBeGreaterThanOrEqual(30));

  for (const name of files) {
    it(`${name}: the file says what the plain way gives`, () => {
      const file = new URL(name, folder);
      const text = readFileSync(file, 'utf8');
      const one = readCase(text);
      const naive = naiveGraph(one, resolveRange(one.graph.range, one.now, 'UTC'));
      if (process.env.PARX_WRITE_GRAPHS !== '1') return expectEqual(naive, one.expected, 'plain');
      const head = text.replace(/^expected: \|\n(?: {2}.*\n|\n)*/m, '').trimEnd();
      writeFileSync(file, `${head}\nexpected: |\n${formatExpected(naive).replace(/^/gm, '  ')}\n`);
    });
  }
});

for (const fixture of [...fixtures, keptFixture]) {
  describe.skipIf(fixture.missing?.() ?? false)(`golden graphs on ${nameOf(fixture)}`, () => {
    const directory = suiteDirectory();
    let server: BackendServer;
    let before: OpenHandles;
    beforeAll(async () => {
      before = openHandles();
      server = await fixture.start(directory.path);
    });
    afterAll(async () => {
      await server.stop();
      await expectNoNewHandles(before);
    });

    for (const name of files) {
      const one = readCase(readFileSync(new URL(name, folder), 'utf8'));
      it(`${name}: ${one.why}`, async () => {
        const { source, registry } = await server.open(one.metrics, one.samples);
        const context = { registry, source: () => source, now: one.now, zone: 'UTC' };
        // What is kept of an answer gives the same when it is asked for again.
        for (const whose of fixture === keptFixture ? ['asked', 'kept'] : [fixture.backend.id]) {
          const result = await runGraph(one.graph, context, never);
          expectEqual(result.series.map(plainOf), one.expected, whose);
          expect(result.warnings).toHaveLength(one.warnings.length);
          for (const [at, warning] of one.warnings.entries()) expect(result.warnings[at]).toContain(warning);
        }
        await source.connection.close();
      });
    }
  });
}
