import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSchemaManager } from '#engine/tsdb/timescale/own-schema/manager.ts';
import { migrations } from '#engine/tsdb/timescale/own-schema/migrations.ts';
import { isAppError } from '#shared/errors.ts';
import type { SchemaManager, SchemaProgress, SchemaRequest } from '#shared/model/own-schema.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { accessTo } from '#test/support/postgres-lease.ts';
import { never } from '../contracts/store-samples.ts';

const editions = [
  ['none', needs('postgresql')],
  ['apache', needs('timescaledb')],
  ['community', false],
] as const;

const HOUR = 3_600e6;
const DAY = 24 * HOUR;
/** A Monday at midnight. */
const START = 1_767_571_200_000_000;

const install = (settings: object = {}): SchemaRequest => ({ action: 'install', settings: { ...settings } });

async function apply(manager: SchemaManager, request: SchemaRequest): Promise<SchemaProgress[]> {
  const { token } = await manager.plan(request, never);
  const reports: SchemaProgress[] = [];
  for await (const report of manager.apply(request, token, never)) reports.push(report);
  return reports;
}
const codeOf = async (run: () => Promise<unknown>): Promise<string> => {
  try {
    await run();
  } catch (error) {
    return isAppError(error) ? error.code : String(error);
  }
  return 'none';
};

for (const [edition, missing] of editions) {
  describe.skipIf(missing)(`tables of our own, edition ${edition}`, () => {
    let server: PostgresServer;
    let manager: SchemaManager;
    const isCommunity = edition === 'community';
    beforeAll(async () => {
      server = await startPostgres(edition);
      manager = createSchemaManager(accessTo(server));
    });
    afterAll(() => server.stop());
    beforeEach(() => server.run('DROP SCHEMA IF EXISTS parx CASCADE'));

    /** One sample a minute of two series over four days. */
    const fill = () =>
      server.run(`
        INSERT INTO parx.series (metric, type, unit, labels) VALUES ('mill.speed', 'gauge', 'm/min', '{"stand": "1"}'), ('mill.speed', 'gauge', 'm/min', '{"stand": "2"}');
        INSERT INTO parx.samples (time, value, series, quality)
        SELECT to_timestamp(${START / 1e6}) + n * INTERVAL '1 minute', CASE WHEN n % 100 = 0 THEN 'NaN' ELSE n::float8 END, s.id, CASE WHEN n % 50 = 7 THEN 32778 ELSE 0 END
        FROM generate_series(0, 4 * 1440 - 1) AS n, parx.series AS s`);

    it('makes nothing until a plan is consented to, and then what the plan said', async () => {
      const before = await manager.state(never);
      expect(before).toMatchObject({ standing: 'absent', version: null, objects: [], problems: [] });
      const plan = await manager.plan(install(), never);
      expect(plan.steps.map(({ sql }) => sql).join('\n')).toContain('CREATE TABLE "parx"."samples"');
      expect(plan.warnings.length > 0).toBe(!isCommunity);
      expect((await manager.state(never)).standing).toBe('absent');
      expect(await codeOf(() => consume(manager.apply(install(), 'another', never)))).toBe('store.conflict');
      expect((await manager.state(never)).standing).toBe('absent');
      const reports = await apply(manager, install());
      expect(reports.map(({ says }) => says)).toEqual(plan.steps.map(({ says }) => says));
      expect(reports.at(-1)).toMatchObject({ done: plan.steps.length, total: plan.steps.length });
      const after = await manager.state(never);
      expect(after).toMatchObject({ standing: 'current', version: migrations.length, problems: [] });
      expect(after.settings).toMatchObject({ schema: 'parx', chunkHours: 24 });
      expect(after.rollups.map(({ name }) => name)).toEqual(isCommunity ? ['samples_1h', 'samples_1m'] : []);
      expect(after.policies.map(({ kind }) => kind).sort()).toEqual(
        isCommunity ? ['compression', 'rollup', 'rollup'] : [],
      );
      expect((await manager.plan(install(), never)).steps).toEqual([]);
    });

    it('brings older tables up to date, and mends what was taken away', async () => {
      await apply(manager, install());
      await server.run(
        'DROP INDEX parx.series_labels, parx.series_metric; DELETE FROM parx.schema_version WHERE version = 2',
      );
      expect(await manager.state(never)).toMatchObject({ standing: 'outdated', version: 1 });
      const plan = await manager.plan(install(), never);
      expect(plan.steps.map(({ sql }) => sql.split(' ON ')[0])).toEqual([
        'CREATE INDEX series_labels',
        'CREATE INDEX series_metric',
        expect.stringContaining('VALUES (2'),
      ]);
      await apply(manager, install());
      await server.run('DROP INDEX parx.samples_series_time');
      expect((await manager.state(never)).problems).toEqual([expect.stringContaining('One sample for each time')]);
      await apply(manager, install());
      expect((await manager.state(never)).problems).toEqual([]);
      await server.run('ALTER TABLE parx.series ALTER COLUMN unit TYPE varchar(40)');
      expect((await manager.state(never)).problems).toEqual([
        expect.stringContaining('parx.series.unit is character varying(40)'),
      ]);
    });

    it('leaves tables alone that it has not made, and those of a later version', async () => {
      await server.run('CREATE SCHEMA parx; CREATE TABLE parx.samples (a int)');
      expect((await manager.state(never)).standing).toBe('foreign');
      expect(await codeOf(() => manager.plan(install(), never))).toBe('config.invalid');
      await server.run('DROP TABLE parx.samples; CREATE TABLE parx.notes (a int)');
      expect((await manager.plan(install(), never)).warnings.join()).toContain('other tables');
      await apply(manager, install());
      await server.run("INSERT INTO parx.schema_version (version, name, settings) VALUES (99, 'later', '{}')");
      expect((await manager.state(never)).standing).toBe('newer');
      expect(await codeOf(() => manager.plan(install(), never))).toBe('config.invalid');
      await server.run('DELETE FROM parx.schema_version WHERE version = 99');
      await apply(manager, { action: 'remove' });
      expect(
        await server.run(
          "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'parx'",
        ),
      ).toEqual([{ relname: 'notes' }]);
    });

    it('leaves nothing of a change that fails half way', async () => {
      await server.run(`CREATE SCHEMA parx; CREATE FUNCTION parx.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no index today'; END $$;
        CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION parx.refuse()`);
      try {
        expect(await codeOf(() => apply(manager, install()))).toContain('no index today');
      } finally {
        await server.run('DROP EVENT TRIGGER refuse');
      }
      expect(await manager.state(never)).toMatchObject({ standing: 'absent', objects: [] });
    });

    it('says how much lies there, and what each series came to', async () => {
      await apply(manager, install());
      await fill();
      const rows = 2 * 4 * 1_440;
      const all = await manager.statistics({ exact: true }, never);
      expect(all).toMatchObject({ series: 2, rows, exact: true, first: START, last: START + 4 * DAY - 60e6 });
      expect(all.bytes).toBeGreaterThan(rows * 40);
      const estimate = await manager.statistics({ exact: false }, never);
      expect(estimate.exact).toBe(false);
      expect(estimate.rows / rows).toBeGreaterThan(0.5);
      expect(estimate.rows / rows).toBeLessThan(2);
      expect(all.chunks).toBe(edition === 'none' ? 0 : 4);
      const range = { from: START, to: START + DAY };
      const [one, two] = await manager.seriesStatistics({ range, metric: 'mill.speed', limit: 10 }, never);
      expect(two?.labels).toEqual({ stand: '2' });
      expect(one).toEqual({
        metric: 'mill.speed',
        labels: { stand: '1' },
        unit: 'm/min',
        rows: 1_440,
        bad: 29,
        min: 1,
        max: 1_439,
        first: { time: START + 60e6, value: 1 },
        last: { time: START + 1_439 * 60e6, value: 1_439 },
        delta: 1_438,
      });
      expect(await manager.seriesStatistics({ range, metric: 'none', limit: 10 }, never)).toEqual([]);
    });

    it('removes old samples when it is told to, and only then', async () => {
      await apply(manager, install());
      await fill();
      const prune: SchemaRequest = { action: 'prune', before: START + 2 * DAY };
      const { steps, warnings } = await manager.plan(prune, never);
      expect(steps).toEqual([expect.objectContaining({ destructive: true })]);
      // Two series of two whole days, and of a hypertable the two chunks that they fill.
      expect(steps[0]?.says).toMatch(
        edition === 'none' ? /^5,760 samples before / : /^5,760 samples: 2 chunks that lie/,
      );
      expect(warnings).toHaveLength(edition === 'none' ? 0 : 1);
      await apply(manager, prune);
      expect((await manager.plan(prune, never)).steps).toEqual([]);
      expect(await manager.statistics({ exact: true }, never)).toMatchObject({
        rows: 2 * 2 * 1_440,
        first: START + 2 * DAY,
      });
      await apply(manager, { action: 'remove' });
      expect((await manager.state(never)).standing).toBe('absent');
    });

    it('says of names and settings that do not fit which and why', async () => {
      expect(await codeOf(() => manager.plan({ action: 'prune', before: START }, never))).toBe('config.invalid');
      expect(await codeOf(() => manager.plan(install({ chunkHours: -1 }), never))).toBe('config.invalid');
      expect(await codeOf(() => manager.plan(install({ schema: 'other' }), never))).toBe('config.invalid');
      expect(await codeOf(() => manager.plan(install({ keepDays: 1, rollups: ['1d'] }), never))).toBe('config.invalid');
      await apply(manager, install());
      const hostile = 'samples"; DROP TABLE parx.samples; --';
      expect(await codeOf(() => manager.plan({ action: 'drop', rollup: hostile }, never))).toBe('config.invalid');
    });

    it('takes a schema of any name as what it is', async () => {
      const name = 'My "plant"; DROP SCHEMA parx';
      const odd = createSchemaManager({ ...accessTo(server), schema: name });
      expect(await odd.state(never)).toMatchObject({ standing: 'absent', objects: [] });
      expect(await codeOf(() => odd.plan(install(), never))).toBe('config.invalid');
    });

    // One connection at a time is all that the third server has.
    if (!isCommunity) {
      it('says who has to grant what where a login may not, and changes nothing', async () => {
        await server.run("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'guest'");
        const guest = createSchemaManager(accessTo({ ...server, user: 'guest', password: 'guest' }));
        expect((await guest.plan(install(), never)).warnings.join()).toContain('GRANT CREATE ON DATABASE');
        expect(await codeOf(() => apply(guest, install()))).toBe('access.denied');
        expect((await manager.state(never)).standing).toBe('absent');
      });

      it('lets one of two change the tables, and tells the other that they are others now', async () => {
        const { token } = await manager.plan(install(), never);
        const both = [1, 2].map(() => codeOf(() => consume(manager.apply(install(), token, never))));
        expect((await Promise.all(both)).toSorted()).toEqual(['none', 'store.conflict']);
        expect(await manager.state(never)).toMatchObject({ standing: 'current', problems: [] });
      });

      it('stops at the server too when it is given up, and leaves nothing', async () => {
        await server.run(`CREATE FUNCTION public.dawdle() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); END $$;
          CREATE EVENT TRIGGER dawdle ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.dawdle()`);
        const { token } = await manager.plan(install(), never);
        const given = new AbortController();
        setTimeout(() => given.abort(new Error('given up')), 300);
        const began = performance.now();
        expect(await codeOf(() => consume(manager.apply(install(), token, given.signal)))).toBe('Error: given up');
        expect(performance.now() - began).toBeLessThan(2_000);
        const busy = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE%' AND state = 'active'";
        await expect.poll(() => server.run(busy), { timeout: 5_000 }).toEqual([]);
        await server.run('DROP EVENT TRIGGER dawdle');
        expect((await manager.state(never)).standing).toBe('absent');
      });
    }
    if (!isCommunity) return;

    it('changes policies and rollups to other settings, and shows what is lost by it', async () => {
      await apply(manager, install());
      const wanted = install({
        chunkHours: 12,
        compressAfterDays: 3,
        keepDays: 30,
        rollups: ['1m 366d', '1d'],
      });
      const { steps, warnings } = await manager.plan(wanted, never);
      expect(steps.filter(({ destructive }) => destructive).map(({ sql }) => sql)).toEqual([
        `SELECT add_retention_policy('"parx"."samples"', INTERVAL '30 days')`,
        `SELECT add_retention_policy('"parx"."samples_1m"', INTERVAL '366 days')`,
      ]);
      expect(warnings).toEqual([expect.stringContaining('samples_1h')]);
      await apply(manager, wanted);
      const state = await manager.state(never);
      expect(state.problems).toEqual([]);
      expect(state.policies.map(({ kind, on, says }) => [kind, on, says]).sort()).toEqual([
        ['compression', 'samples', 'Compresses chunks older than 3 d.'],
        ['retention', 'samples', 'Removes chunks older than 30 d.'],
        ['retention', 'samples_1m', 'Removes chunks older than 366 d.'],
        ['rollup', 'samples_1d', 'Brings the last 30 d of the rollup up to date.'],
        ['rollup', 'samples_1h', 'Brings the rollup up to date.'],
        ['rollup', 'samples_1m', 'Brings the last 30 d of the rollup up to date.'],
      ]);
      await apply(manager, { action: 'drop', rollup: 'samples_1h' });
      await server.run("SELECT remove_compression_policy('parx.samples')");
      expect((await manager.state(never)).problems).toEqual([expect.stringContaining('Compresses chunks')]);
    });

    it('fills rollups from what was there before, and counts what is bad beside', async () => {
      await apply(manager, install({ rollups: [] }));
      await fill();
      await apply(manager, install());
      expect((await manager.state(never)).rollups.map(({ filled }) => filled)).toEqual([null, null]);
      const reports = await apply(manager, { action: 'refresh', rollup: 'samples_1h', from: null, to: null });
      expect(reports.length).toBeGreaterThan(1);
      const rollup = (await manager.state(never)).rollups.find(({ name }) => name === 'samples_1h');
      expect(rollup).toMatchObject({ filled: { from: START, to: START + 4 * DAY }, step: 3_600_000, policy: true });
      const [row] = await server.run('SELECT * FROM parx.samples_1h WHERE series = 1 ORDER BY time LIMIT 1');
      expect(row).toMatchObject({
        usable: '57',
        other: '3',
        worst: 32778,
        min: 1,
        max: 59,
        first: Number.NaN,
        last: 59,
      });
      await server.run("SELECT compress_chunk(c) FROM show_chunks('parx.samples') c");
      const { compression, rows } = await manager.statistics({ exact: false }, never);
      expect(rows).toBeGreaterThan(1_000);
      expect(compression!.chunks).toBe(4);
      expect(compression!.ratio).toBeGreaterThan(2);
    });
  });
}

async function consume(all: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of all);
}
