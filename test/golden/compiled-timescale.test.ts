import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PlannedSeries, QueryPlan } from '#engine/tsdb/index.ts';
import { capabilitiesOf, FOUND_NOTHING, type TimescaleCapabilities } from '#engine/tsdb/timescale/capabilities.ts';
import { ownMapping } from '#engine/tsdb/timescale/found.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { type TableMapping, tableMapping } from '#shared/model/index.ts';

// What is asked of the server, as text: one file for each case and edition. PARX_WRITE_SQL=1 writes them anew; look at
// the difference before it is kept.

const START = Date.parse('2026-03-29T00:00:00Z') * 1_000;
const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;

const editions: Readonly<Record<string, Partial<TimescaleCapabilities['timescale']>>> = {
  'postgresql-13': { steps: 'epoch' },
  none: { steps: 'date_bin' },
  apache: { edition: 'apache', steps: 'time_bucket', ends: true },
  community: { edition: 'community', steps: 'time_bucket', ends: true, functions: 'ext' },
};

const mapping = (change: object): TableMapping =>
  tableMapping.parse({
    id: 'line',
    relation: { schema: 'plc', name: 'Messwerte "1"' },
    time: { column: 'ts', kind: 'timestamptz' },
    tag: { kind: 'column', column: 'Tag' },
    values: [{ column: 'value' }],
    ...change,
  });
const mappings: Readonly<Record<string, TableMapping>> = {
  narrow: mapping({ quality: { column: 'q', rule: 'opc' }, labels: [{ column: 'area', name: 'area' }] }),
  typed: mapping({
    values: [{ column: 'value_int' }, { column: 'value_float' }, { column: 'value_text', type: 'text' }],
    quality: { column: 'state', rule: 'values', good: ['OK'], uncertain: ['?'] },
  }),
  json: mapping({ tag: { kind: 'fixed', name: 'rpm' }, values: [{ column: 'data', jsonPath: ['motor', 'rpm'] }] }),
  wide: mapping({ tag: { kind: 'columns' }, values: [{ column: 'speed' }, { column: 'Öl "°C"', name: 'oil' }] }),
  tagTable: mapping({
    tag: {
      kind: 'table',
      column: 'tag_id',
      relation: { schema: 'plc', name: 'tags' },
      key: 'id',
      name: 'name',
      unit: 'unit',
    },
    time: { column: 't', kind: 'epoch', unit: 'ms' },
    quality: { column: 'status', rule: 'status-code' },
    labels: [{ column: 'area', name: 'area', of: 'tags' }],
  }),
  repeating: mapping({
    timesRepeat: true,
    quality: { column: 'q', rule: 'opc' },
    labels: [{ column: 'area', name: 'area' }],
    rollups: [
      {
        relation: { schema: 'plc', name: 'minutes' },
        stepMs: 60_000,
        time: 't',
        tag: 'Tag',
        columns: { count: 'n', sum: 's' },
      },
    ],
  }),
  refreshed: mapping({
    rollups: [
      {
        relation: { schema: 'plc', name: 'minutes' },
        stepMs: 60_000,
        time: 't',
        tag: 'Tag',
        live: false,
        columns: { count: 'n', sum: 's' },
      },
    ],
  }),
  wideRepeating: mapping({
    timesRepeat: true,
    tag: { kind: 'columns' },
    values: [{ column: 'speed' }, { column: 'oil' }],
  }),
  wall: mapping({ time: { column: 'ts', kind: 'timestamp', zone: 'Europe/Berlin' } }),
};

const plan = (series: Partial<PlannedSeries>, change: Partial<QueryPlan> = {}): QueryPlan => ({
  range: { from: START, to: START + HOUR },
  grid: { start: START, step: 60 * SECOND, length: 60 },
  envelope: false,
  series: [
    {
      definition: 'A',
      metric: { namespace: 'plant', name: 'line', unit: null, type: 'gauge' },
      override: null,
      match: {},
      aggregate: 'mean',
      groupBy: null,
      limit: 100,
      extension: {},
      ...series,
    },
  ],
  ...change,
});
const of = (name: string) => ({ override: { options: { mapping: mappings[name] } } });
const own = { metric: { namespace: 'mill', name: 'speed', unit: 'm/min', type: 'gauge' } } as const;

const cases: Readonly<Record<string, QueryPlan>> = {
  'own-mean-with-label': plan({ ...own, match: { stand: '1"; DROP' } }),
  'own-samples': plan({ ...own }, { grid: null }),
  'own-ends-in-parts-of-steps': plan(
    { ...own, aggregate: 'last', match: { stand: { like: 'a*_?' } } },
    {
      range: { from: START + 17 * SECOND, to: START + 5 * HOUR + 17 * SECOND },
      grid: { start: START, step: HOUR, length: 6 },
      envelope: true,
    },
  ),
  'narrow-first': plan({
    ...of('narrow'),
    aggregate: 'first',
    match: { tag: { in: ['a', "b'"] }, area: { not: 'hall 2' } },
  }),
  'typed-max': plan({ ...of('typed'), aggregate: 'max' }),
  'json-count': plan({ ...of('json'), aggregate: 'count' }),
  'wide-min': plan({ ...of('wide'), aggregate: 'min', match: { tag: 'oil' } }, { envelope: true }),
  'wide-samples': plan(of('wide'), { grid: null }),
  'tag-table-epoch-sum': plan({ ...of('tagTable'), aggregate: 'sum', match: { tag: 'x', area: { unlike: 'y*' } } }),
  'tag-table-samples': plan(of('tagTable'), { grid: null, range: { from: START + 1, to: START + HOUR } }),
  'rollup-up-to-its-last-step': plan(of('refreshed'), { range: { from: START + 17 * SECOND, to: START + HOUR } }),
  'times-repeat-mean': plan(of('repeating')),
  'times-repeat-samples': plan(of('repeating'), { grid: null }),
  'times-repeat-wide-last': plan({ ...of('wideRepeating'), aggregate: 'last' }),
  'wall-clock-night-of-change': plan(of('wall')),
  'nothing-known': plan({ metric: { namespace: 'plant', name: 'absent', unit: null, type: 'gauge' } }),
};

describe('compiled SQL', () => {
  it('is not made of more columns than the limit of a series', () => {
    const compile = (limit: number) =>
      timescale.compile(plan({ ...of('wide'), limit }), capabilitiesOf(FOUND_NOTHING, false));
    expect(() => compile(1)).toThrow('more than 1 stored series');
    expect(compile(2).explain()).toContain('"speed"');
  });

  for (const [edition, found] of Object.entries(editions)) {
    const rollups = edition === 'community' ? ['samples_1m', 'samples_1h'] : [];
    const capabilities = capabilitiesOf(
      { ...FOUND_NOTHING, ...found, own: ownMapping('parx', ['series', 'samples', ...rollups]) },
      false,
    );
    for (const [name, one] of Object.entries(cases)) {
      it(`${name} on ${edition}`, () => {
        const file = new URL(`./compiled/timescale/${name}.${edition}.sql`, import.meta.url);
        const text = timescale.compile(one, capabilities).explain();
        if (process.env.PARX_WRITE_SQL === '1') writeFileSync(file, text);
        expect(existsSync(file), 'PARX_WRITE_SQL=1 writes it').toBe(true);
        expect(text).toBe(readFileSync(file, 'utf8'));
      });
    }
  }
});
