import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TsdbBackend, type TsdbConnection, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { type Gap, STATISTICS, type TimeRange, tableMapping } from '#shared/model/index.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

// Data by formulas, so that every hole is known: a database tells of none.

const never = new AbortController().signal;
const backend: TsdbBackend = timescale;
const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;
const SECOND = 1e6;
const at = (seconds: number): number => START + seconds * SECOND;
const HOURS_3 = { from: at(0), to: at(10_800) };

/** Seconds without samples of what comes each second. */
const CLOCK_HOLES = [
  [5_000, 5_030],
  [6_000, 7_200],
] as const;

const SETUP = `
CREATE TABLE logged (tag text, at timestamptz, value float8);
INSERT INTO logged SELECT 'clock', to_timestamp(${START / 1e6} + n), sin(n / 50.0) FROM generate_series(0, 10799) n
  WHERE NOT (n > 3600 AND n < 3608) AND NOT (n > 5000 AND n < 5030) AND NOT (n > 6000 AND n < 7200);
-- Written when it changes: distances of an exponential kind, 20 s in the mean, some of them ten times as long as others.
INSERT INTO logged SELECT 'change', to_timestamp(${START / 1e6} + sum(-20 * ln(0.5 + 0.4999999 * sin(n * 12.9898) )) OVER (ORDER BY n)), n FROM generate_series(1, 500) n;
-- Each second, then every ten minutes.
INSERT INTO logged SELECT 'slower', to_timestamp(${START / 1e6} + n), n FROM generate_series(0, 3600) n;
INSERT INTO logged SELECT 'slower', to_timestamp(${START / 1e6} + n), n FROM generate_series(4200, 90000, 600) n;
-- A few times a year.
INSERT INTO logged SELECT 'rare', to_timestamp(${START / 1e6} + n * 1300000), n FROM generate_series(-40, 40) n WHERE n <> 3;
CREATE INDEX ON logged (tag, at);
CREATE TABLE states (at timestamptz, running boolean);
INSERT INTO states SELECT to_timestamp(${START / 1e6} + n), n % 20 < 10 FROM generate_series(0, 3000) n;
INSERT INTO states SELECT to_timestamp(${START / 1e6} + n), n % 20 < 10 FROM generate_series(9000, 10799) n;
CREATE TABLE heap (tag text, at timestamptz, value float8);
INSERT INTO heap SELECT 'x', to_timestamp(${START / 1e6} + n), n FROM generate_series(1, 300000) n;
CREATE TABLE named (id int PRIMARY KEY, name text);
INSERT INTO named VALUES (7, 'Kraft "Süd"'), (8, 'never');
CREATE TABLE keyed (tag int, at bigint, value float8);
INSERT INTO keyed SELECT 7, ${START / 1e3} + n * 1000, n FROM generate_series(60, 120) n;
CREATE INDEX ON keyed (tag, at);
ANALYZE;`;

const relation = (name: string) => ({ schema: 'public', name });
const MAPPINGS = [
  { id: 'logged', relation: relation('logged'), tag: { kind: 'column', column: 'tag' } },
  {
    id: 'states',
    relation: relation('states'),
    tag: { kind: 'columns' },
    values: [{ column: 'running', type: 'boolean' }],
  },
  { id: 'heap', relation: relation('heap'), tag: { kind: 'column', column: 'tag' } },
  {
    id: 'keyed',
    relation: relation('keyed'),
    time: { column: 'at', kind: 'epoch', unit: 'ms' },
    tag: { kind: 'table', column: 'tag', relation: relation('named'), key: 'id', name: 'name' },
  },
].map((one) =>
  tableMapping.parse({ time: { column: 'at', kind: 'timestamptz' }, values: [{ column: 'value' }], ...one }),
);

describe.skipIf(needs('postgresql'))('holes and ends of what lies in a database', () => {
  let server: PostgresServer;
  let connection: TsdbConnection;
  let viewer: ViewerSource;
  let ids: ReadonlyMap<string, string>;
  const asked: string[] = [];

  beforeAll(async () => {
    server = await startPostgres('none');
    await server.run(SETUP);
    const context = tsdbContext({ secrets: { password: server.password }, mappings: MAPPINGS });
    connection = await backend.connect(settingsOf(server), context, never);
    const { client } = connection;
    const counting: TsdbConnection = {
      ...connection,
      client: {
        ...client,
        stream(query, signal) {
          asked.push(query.explain());
          return client.stream(query, signal);
        },
      },
    };
    viewer = viewerOf(backend, counting);
    const { tags } = await viewer.findTags({ text: '', ids: null, offset: 0, limit: 100 }, never);
    ids = new Map(tags.map(({ id, name }) => [name, id]));
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  /** What a trend that is looked at in tiles draws as missing, joined. */
  const missing = async (name: string, whole: TimeRange, tiles: number, pixels = 512): Promise<[number, number][]> => {
    const found: Gap[] = [];
    const span = (whole.to - whole.from) / tiles;
    for (let tile = 0; tile < tiles; tile++) {
      const range = { from: whole.from + tile * span, to: whole.from + (tile + 1) * span };
      for (const { gaps } of await viewer.view([ids.get(name)!], range, pixels, never)) {
        for (const gap of gaps) {
          const from = Math.max(gap.range.from, range.from);
          const to = Math.min(gap.range.to, range.to);
          if (to > from) found.push({ ...gap, range: { from, to } });
        }
      }
    }
    const joined: [number, number][] = [];
    for (const { range } of found.sort((a, b) => a.range.from - b.range.from)) {
      const [from, to] = [(range.from - START) / SECOND, (range.to - START) / SECOND];
      const last = joined.at(-1);
      if (last !== undefined && from <= last[1] + 1e-6) last[1] = Math.max(last[1], to);
      else joined.push([from, to]);
    }
    return joined;
  };

  it('a hole is ten times the usual distance and longer, from where the next sample was due to the next one', async () => {
    // Every sample, in tiles that lie within a hole, over its ends and beside it.
    expect(await missing('clock', HOURS_3, 27)).toEqual([
      [5_001, 5_030],
      [6_001, 7_200],
    ]);
    const [one] = await viewer.view([ids.get('clock')!], { from: at(4_900), to: at(5_100) }, 512, never);
    expect(one!.gaps.map(({ reason }) => reason)).toEqual(['No sample for 30 s; around it one comes every 1 s.']);
    expect(one!.envelope).toBeNull();
  });

  it.each([1, 3, 5])('where samples are merged, in %i tiles, it is the same one to a step', async (tiles) => {
    const pixels = Math.min(512, Math.floor(10_800 / tiles / 2.5));
    const [piece] = await viewer.view([ids.get('clock')!], { from: at(0), to: at(10_800 / tiles) }, pixels, never);
    expect(piece!.envelope).not.toBeNull();
    const step = (piece!.time[2]! - piece!.time[1]!) / SECOND;
    const found = await missing('clock', HOURS_3, tiles, pixels);
    const long = CLOCK_HOLES.filter(([from, to]) => to - from >= 2 * step);
    expect(found).toHaveLength(long.length);
    for (const [n, [from, to]] of long.entries()) {
      expect(Math.abs(found[n]![0] - from)).toBeLessThanOrEqual(step + 1);
      expect(Math.abs(found[n]![1] - to)).toBeLessThanOrEqual(step + 1);
    }
  });

  it('what is written when it changes has none, however it is looked at, and neither has a state', async () => {
    for (const name of ['change', 'running']) {
      for (const tiles of [1, 20]) expect(await missing(name, HOURS_3, tiles), `${name} ${tiles}`).toEqual([]);
      expect(await missing(name, HOURS_3, 1, 40), name).toEqual([]);
    }
  });

  it('a tag that is written more slowly from some time on has none there', async () => {
    for (const tiles of [1, 4, 24]) {
      expect(await missing('slower', { from: at(0), to: at(90_000) }, tiles), `${tiles}`).toEqual([]);
    }
  });

  it('the habit of a tag that comes twice a month is found, at the price of some reads that are not repeated', async () => {
    asked.length = 0;
    const range = { from: at(2_700_000), to: at(2_800_000) };
    expect(await missing('rare', range, 1)).toEqual([]);
    const first = asked.length;
    expect(first).toBeLessThanOrEqual(20);
    asked.length = 0;
    expect(await missing('rare', range, 1)).toEqual([]);
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it('over a hole a value does not hold in the numbers either', async () => {
    const known = STATISTICS.indexOf('known');
    const of = async (range: TimeRange): Promise<number> => {
      for await (const [one] of viewer.statistics([ids.get('clock')!], range, never))
        return one!.values[known]! / SECOND;
      return Number.NaN;
    };
    expect(await of({ from: at(5_500), to: at(7_500) })).toBeCloseTo(501 + 300, 6);
    expect(await of({ from: at(6_500), to: at(6_600) })).toBe(0);
    expect(await of({ from: at(3_500), to: at(3_700) })).toBeCloseTo(200, 6);
  });

  it('each tag has its ends where an index leads to them, and says nothing where that would cost too much', async () => {
    const names = ['clock', 'rare', 'x', 'running', 'Kraft "Süd"', 'never'];
    const ends = await viewer.ends([...names.map((name) => ids.get(name)!), 'plant.none{tag="y"}'], never);
    expect(ends).toEqual([
      { from: at(0), to: at(10_799) + 1 },
      { from: at(-40 * 1_300_000), to: at(40 * 1_300_000) + 1 },
      null,
      { from: at(0), to: at(10_799) + 1 },
      { from: at(60), to: at(120) + 1 },
      null,
      null,
    ]);
  });
});
