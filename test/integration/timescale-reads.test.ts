import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GraphSource, runGraph } from '#engine/analytics/index.ts';
import type { TsdbBackend, TsdbContext } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { isAppError } from '#shared/errors.ts';
import { createMetricRegistry, type GraphDefinition, parseGraph } from '#shared/model/graph/index.ts';
import { type TableMapping, tableMapping } from '#shared/model/index.ts';
import { makeOwnTables, settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { expectNoNewHandles, type OpenHandles, openHandles } from '#test/support/leak-guard.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

const never = new AbortController().signal;
const backend: TsdbBackend = timescale;
const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;

/** What people have called things, and what would do harm if any of it became part of a statement. */
const HOSTILE = [
  `'; DROP TABLE victim; --`,
  `"; DROP TABLE victim; --`,
  `x" OR "1"="1`,
  `$1`,
  `\\'; DROP TABLE victim; --`,
  `/* */ UNION SELECT 1`,
  `Ölmühle "Süd" 日本`,
  `a\nb;c`,
  '%s {{x}} #{x}',
];
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

describe.skipIf(needs('postgresql'))('reading from a PostgreSQL server', () => {
  let server: PostgresServer;
  let before: OpenHandles;
  beforeAll(async () => {
    before = openHandles();
    server = await startPostgres('none');
    await server.run('CREATE TABLE victim (a int)');
  });
  afterAll(async () => {
    expect(await server.run("SELECT count(*)::int AS n FROM pg_class WHERE relname = 'victim'")).toEqual([{ n: 1 }]);
    await server.stop();
    await expectNoNewHandles(before);
  });

  const contextOf = (change: Partial<TsdbContext> = {}): TsdbContext =>
    tsdbContext({ secrets: { password: server.password }, ...change });
  const using = async (
    work: (source: GraphSource) => Promise<void>,
    change: Partial<TsdbContext> = {},
    schema = 'parx',
  ): Promise<void> => {
    const connection = await backend.connect(settingsOf(server, schema), contextOf(change), never);
    try {
      await work({ backend, connection });
    } finally {
      await connection.close();
    }
  };
  const graphOf = (metric: string, series: object = {}, hours = 1): GraphDefinition =>
    parseGraph({
      version: 1,
      range: {
        from: new Date(START / 1_000).toISOString(),
        to: new Date(START / 1_000 + hours * 3_600_000).toISOString(),
      },
      resolution: { stepMs: 60_000 },
      series: [{ id: 'A', metric, aggregate: 'mean', ...series }],
    });
  const ask = async (source: GraphSource, graph: GraphDefinition) => {
    const registry = createMetricRegistry(await source.connection.metrics!(never));
    return runGraph(graph, { registry, source: () => source, now: START, zone: 'UTC' }, never);
  };
  const codeOf = async (run: () => Promise<unknown>): Promise<string> => {
    try {
      await run();
    } catch (error) {
      return isAppError(error) ? error.code : String(error);
    }
    return 'none';
  };

  it('takes no name of a schema, table, column, tag or label for an instruction', async () => {
    for (const [at, name] of HOSTILE.entries()) {
      const other = `${HOSTILE[(at + 1) % HOSTILE.length]!}2`;
      const table = `${quoted(name)}.${quoted(other)}`;
      await server.run(`CREATE SCHEMA ${quoted(name)}`);
      await server.run(
        `CREATE TABLE ${table} (${quoted(`${name}t`)} timestamptz, ${quoted(`${name}g`)} text, ${quoted(`${name}v`)} float8, ${quoted(`${name}l`)} text)`,
      );
      await server.run(
        `INSERT INTO ${table} VALUES ('2026-01-01T00:00:30Z', $1, $2, $1), ('2026-01-01T00:00:30Z', 'other', -1, $1)`,
        [name, at],
      );
      const mapping = tableMapping.parse({
        id: `hostile_${at}`,
        relation: { schema: name, name: other },
        time: { column: `${name}t`, kind: 'timestamptz' },
        tag: { kind: 'column', column: `${name}g` },
        values: [{ column: `${name}v` }],
        labels: [{ column: `${name}l`, name: 'place' }],
      });
      await using(
        async (source) => {
          const { tags } = await source.connection.tags!({ text: '', ids: null, offset: 0, limit: 10 }, never);
          expect(tags.map((tag) => tag.labels.tag).toSorted()).toEqual([name, 'other'].toSorted());
          const { series } = await ask(source, graphOf(`plant.hostile_${at}`, { match: { tag: name, place: name } }));
          expect(series.map(({ labels, value }) => [labels, value[0]])).toEqual([[{ tag: name, place: name }, at]]);
        },
        { mappings: [mapping] },
      );
    }
  });

  it('finds one of 100,000 series, and refuses all of them', { timeout: 120_000 }, async () => {
    await makeOwnTables(server, 'wide_open', []);
    await server.run(
      `INSERT INTO wide_open.series (metric, type, unit, labels) SELECT 'mill.speed', 'gauge', 'm/min', jsonb_build_object('stand', g::text) FROM generate_series(1, 100000) g`,
    );
    await server.run(
      `INSERT INTO wide_open.samples (time, series, value, quality) SELECT '2026-01-01T00:00:00Z'::timestamptz + n * interval '30 seconds', g, g + n, 0 FROM generate_series(1, 100000) g, generate_series(0, 1) n`,
    );
    await server.run('ANALYZE wide_open.series, wide_open.samples');
    await using(
      async (source) => {
        const begun = performance.now();
        const { series } = await ask(source, graphOf('mill.speed', { match: { stand: '77777' } }));
        expect(series.map(({ value }) => value[0])).toEqual([77_777.5]);
        expect(performance.now() - begun).toBeLessThan(10_000);
        expect(await codeOf(() => ask(source, graphOf('mill.speed')))).toBe('query.too-many-samples');
        const { tags, total } = await source.connection.tags!(
          { text: '77777', ids: null, offset: 0, limit: 10 },
          never,
        );
        expect([tags.length, total]).toEqual([1, 1]);
        expect(tags[0]).toMatchObject({ unit: 'm/min', labels: { stand: '77777' } });
        expect(await source.connection.metrics!(never)).toMatchObject([
          { key: 'mill.speed', labels: ['stand'], identifier: { unit: 'm/min', type: 'gauge' } },
        ]);
      },
      {},
      'wide_open',
    );
  });

  it('answers statements of people who know SQL, and lets none of them write', async () => {
    await using(async ({ connection }) => {
      const range = { from: START, to: START + 3_600_000_000 };
      const raw = (text: string, limit = 100) => connection.raw!({ text, range, limit }, never);
      const { series } = await raw(
        `SELECT $1::timestamptz + g * interval '1 minute' AS time, 'a' || g % 2 AS place, g AS n, g * 0.5 AS half FROM generate_series(0, 9) g WHERE $1::timestamptz < $2::timestamptz ORDER BY g DESC`,
      );
      expect(series.map(({ definition, labels, time, value }) => [definition, labels, time[0], [...value]])).toEqual([
        ['n', { place: 'a0' }, START, [0, 2, 4, 6, 8]],
        ['n', { place: 'a1' }, START + 60_000_000, [1, 3, 5, 7, 9]],
        ['half', { place: 'a0' }, START, [0, 1, 2, 3, 4]],
        ['half', { place: 'a1' }, START + 60_000_000, [0.5, 1.5, 2.5, 3.5, 4.5]],
      ]);
      expect(await codeOf(() => raw('SELECT now() AS time, generate_series(1, 100000000) AS n'))).toBe(
        'query.too-many-samples',
      );
      for (const text of [
        'DROP TABLE victim',
        'SELECT 1; DROP TABLE victim',
        'COMMIT; DROP TABLE victim',
        'WITH gone AS (DELETE FROM victim RETURNING 1) SELECT now(), 1.5 FROM gone',
        'SELECT now(, 1',
        'COPY (SELECT 1) TO STDOUT',
        'COPY victim TO STDOUT',
        '-- nothing',
      ]) {
        expect(await codeOf(() => raw(text)), text).toBe('tsdb.refused');
      }
      // Each is one transaction that is undone: nothing that it sets stays.
      await codeOf(() => raw('SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE'));
      await codeOf(() => raw('SET default_transaction_read_only = off'));
      await codeOf(() => raw('COMMIT'));
      expect(await codeOf(() => raw('DROP TABLE victim'))).toBe('tsdb.refused');
      const quoted = await raw(`SELECT $1::timestamptz AS t, '$2 $3' AS "$4", $$ $5 $$ AS x, 7 AS n -- $6\n;`);
      expect([...quoted.series[0]!.value]).toEqual([7]);
      expect(await codeOf(() => raw('SELECT 1 AS n'))).toBe('config.invalid');
      expect(await codeOf(() => raw("SELECT now() AS t, 'x' AS x"))).toBe('config.invalid');
      expect(await codeOf(() => raw('SELECT now() AS t, $3::int AS x'))).toBe('config.invalid');
    });
  });

  it('tells how the server goes about a compiled query', async () => {
    await makeOwnTables(server, 'planned', []);
    await using(
      async (source) => {
        const text = backend
          .compile(
            {
              range: { from: START, to: START + 60_000_000 },
              grid: { start: START, step: 1_000_000, length: 60 },
              envelope: true,
              series: [
                {
                  definition: 'A',
                  metric: { namespace: 'mill', name: 'speed', unit: null, type: 'gauge' },
                  override: null,
                  match: { stand: { in: ["a'b", 'c\nd;'] } },
                  aggregate: 'last',
                  groupBy: null,
                  limit: 10,
                  extension: {},
                },
              ],
            },
            source.connection.capabilities,
          )
          .explain();
        const plan = await source.connection.planOf!(text, never);
        expect(plan).toContain('Scan');
        expect(plan?.split('\n\n')).toHaveLength(2);
        expect(await source.connection.planOf!('SELECT * FROM victim', never)).toContain('victim');
        expect(await codeOf(() => source.connection.planOf!('SELECT 1; COMMIT; DROP TABLE victim', never))).toBe(
          'tsdb.refused',
        );
      },
      {},
      'planned',
    );
  });

  it('draws the other series of a graph when the table of one has gone, and says so', async () => {
    await server.run(
      "CREATE TABLE kept (ts timestamptz, v float8); INSERT INTO kept VALUES ('2026-01-01T00:00:10Z', 5)",
    );
    const of = (id: string): TableMapping =>
      tableMapping.parse({
        id,
        relation: { schema: 'public', name: id },
        time: { column: 'ts', kind: 'timestamptz' },
        tag: { kind: 'fixed', name: id },
        values: [{ column: 'v' }],
      });
    await using(
      async (source) => {
        const graph = parseGraph({
          ...graphOf('plant.kept'),
          series: [
            { id: 'A', metric: 'plant.gone', aggregate: 'mean' },
            { id: 'B', metric: 'plant.kept', aggregate: 'mean' },
          ],
        });
        const { series, warnings } = await ask(source, graph);
        expect(series.map(({ definition, value }) => [definition, value[0]])).toEqual([['B', 5]]);
        expect(warnings).toEqual([expect.stringContaining('A: The table "public"."gone" has changed')]);
      },
      { mappings: [of('gone'), of('kept')] },
    );
  });

  it('says which label is compared with a text where its column holds numbers, and does not take it for a change', async () => {
    await server.run(
      `CREATE TABLE numbered (ts timestamptz, tag_id int, line int2, v float8);
       INSERT INTO numbered VALUES ('2026-01-01T00:00:10Z', 17, 3, 5);
       CREATE TABLE numbered_tags (id int, name text, area numeric); INSERT INTO numbered_tags VALUES (17, 'speed', 4.5)`,
    );
    const relation = { schema: 'public', name: 'numbered' };
    const common = { relation, time: { column: 'ts', kind: 'timestamptz' }, values: [{ column: 'v' }] };
    const mappings = [
      { id: 'bare', tag: { kind: 'column', column: 'tag_id' }, labels: [{ column: 'line', name: 'line' }] },
      {
        id: 'named',
        tag: {
          kind: 'table',
          column: 'tag_id',
          relation: { schema: 'public', name: 'numbered_tags' },
          key: 'id',
          name: 'name',
        },
        labels: [{ column: 'area', name: 'area', of: 'tags' }],
      },
    ].map((one) => tableMapping.parse({ ...common, ...one }));
    await using(
      async (source) => {
        const warned = async (metric: string, match: object) => {
          const { series, warnings } = await ask(source, graphOf(metric, { match }));
          return series.length > 0 ? series[0]!.value[0] : warnings.join('\n');
        };
        expect(await warned('plant.bare', { tag: '17', line: '3' })).toBe(5);
        expect(await warned('plant.named', { tag: 'speed', area: '4.5' })).toBe(5);
        const tag = await warned('plant.bare', { tag: 'speed' });
        expect(tag).toContain('A: The label "tag" is compared with "speed"');
        expect(tag).toContain('"tag_id" of "public"."numbered" holds numbers (integer)');
        expect(tag).not.toContain('has changed');
        expect(await warned('plant.bare', { tag: { in: ['17', 'x'] } })).toContain('compared with "x"');
        expect(await warned('plant.bare', { tag: '17', line: '99999' })).toContain('"line" is compared with "99999"');
        expect(await warned('plant.named', { area: 'North' })).toContain('"area" of "public"."numbered_tags"');
        expect(await warned('plant.bare', { tag: { like: 'sp*' } })).toContain('there is no sample');
        const query = backend.compile(
          {
            range: { from: START, to: START + 60_000_000 },
            grid: null,
            envelope: false,
            series: [
              {
                definition: 'A',
                metric: { namespace: 'plant', name: 'bare', unit: null, type: 'gauge' },
                override: null,
                match: { tag: 'speed' },
                aggregate: 'last',
                groupBy: null,
                limit: 10,
                extension: {},
              },
            ],
          },
          source.connection.capabilities,
        );
        const streamed = async () => {
          for await (const _ of source.connection.client.stream(query, never)) throw new Error('Nothing matches.');
        };
        await expect(streamed()).rejects.toMatchObject({
          code: 'tsdb.refused',
          message: expect.stringContaining('holds numbers'),
        });
      },
      { mappings },
    );
  });

  it('has a connection test that ends at the first step that fails, with words that say what to do', async () => {
    const climb = async (change: object, context: Partial<TsdbContext> = {}) => {
      const steps = [];
      const config = timescale.config.parse({ ...settingsOf(server), ...change });
      for await (const step of backend.test!(config, contextOf(context), never)) steps.push(step);
      return steps;
    };
    const names = [
      'Name',
      'Own addresses',
      'Route',
      'Connection',
      'Encryption',
      'Login',
      'Database',
      'Version and edition',
      'Rights',
      'One read',
    ];
    const whole = await climb({});
    expect(whole.map(({ name }) => name)).toEqual(names);
    expect(whole.filter(({ ok }) => !ok)).toEqual([]);
    expect(whole[7]!.says).toContain('PostgreSQL 15');
    const broken: [object, string, string][] = [
      [{ port: 1 }, 'Connection', 'listen_addresses'],
      [{ tls: 'verify' }, 'Encryption', 'ssl = on'],
      [{ user: 'nobody' }, 'Login', 'Check user and password'],
      [{ database: 'Plant' }, 'Database', 'capitals count'],
    ];
    for (const [change, name, words] of broken) {
      const steps = await climb(change);
      const at = steps.findIndex(({ ok }) => !ok);
      expect(steps.map((step) => step.name)).toEqual(names);
      expect(steps[at], JSON.stringify(change)).toMatchObject({ name, skipped: false });
      expect(`${steps[at]!.says} ${steps[at]!.advice}`).toContain(words);
      expect(steps.slice(at + 1).every(({ skipped }) => skipped)).toBe(true);
      expect(JSON.stringify(steps)).not.toContain(server.password);
    }
    await server.run("CREATE ROLE poor LOGIN PASSWORD 'poor'");
    const poor = await climb({ user: 'poor', password: 'poor' });
    expect(poor.find(({ ok }) => !ok)).toMatchObject({
      name: 'Rights',
      advice: expect.stringContaining('GRANT SELECT'),
    });
  });
});
