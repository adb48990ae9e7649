import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIngestor, type IngestorOptions } from '#engine/tsdb/timescale/own-schema/ingestor.ts';
import { createSchemaManager } from '#engine/tsdb/timescale/own-schema/manager.ts';
import { isAppError } from '#shared/errors.ts';
import { createIngest, type Labels, type MetricSamples } from '#shared/model/graph/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { accessTo } from '#test/support/postgres-lease.ts';
import { never, SECOND, START } from '../contracts/store-samples.ts';

const editions = [
  ['none', needs('postgresql')],
  ['apache', needs('timescaledb')],
  ['community', false],
] as const;

const speed = { namespace: 'mill', name: 'speed', unit: 'm/min', type: 'gauge' } as const;
const samplesOf = (
  labels: Labels,
  time: readonly number[],
  value: readonly number[],
  quality?: readonly number[],
): MetricSamples => ({
  metric: speed,
  labels,
  time: Float64Array.from(time),
  value: Float64Array.from(value),
  quality: quality === undefined ? null : Uint16Array.from(quality),
});
/** One a second from `from` on. */
const run = (labels: Labels, from: number, values: readonly number[]): MetricSamples =>
  samplesOf(
    labels,
    values.map((_, at) => START + (from + at) * SECOND),
    values,
  );

for (const [edition, missing] of editions) {
  describe.skipIf(missing)(`writing into tables of our own, edition ${edition}`, () => {
    let server: PostgresServer;
    const ingestor = (change: Partial<IngestorOptions> = {}) =>
      createIngestor({
        ...accessTo(server),
        conflict: 'newer',
        copy: edition !== 'community',
        ...change,
      });
    /** Everything that is stored, as text: time in microseconds, value, quality, labels. */
    const stored = async (): Promise<string[]> => {
      const rows = await server.run(
        `SELECT (extract(epoch FROM time) * 1000000)::bigint || ' ' || value || ' ' || quality || ' ' || labels AS row FROM parx.samples s JOIN parx.series ON id = series ORDER BY labels::text, time`,
      );
      return rows.map(({ row }) => row as string);
    };
    const values = async (): Promise<number[]> => (await stored()).map((row) => Number(row.split(' ')[1]));
    beforeAll(async () => {
      server = await startPostgres(edition);
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      await server.run('DROP SCHEMA IF EXISTS parx CASCADE');
      const manager = createSchemaManager(accessTo(server));
      const request = { action: 'install', settings: { rollups: [] } } as const;
      const { token } = await manager.plan(request, never);
      for await (const _ of manager.apply(request, token, never));
    });

    it('keeps every time, value and quality to the last bit', async () => {
      const time = fc.oneof(
        fc.integer({ min: START, max: START + 90 * 86_400 * SECOND }),
        // The far ends of what whole numbers of microseconds reach, where two halves have to be put together.
        ...(edition === 'none' ? [fc.integer({ min: -9_000_000_000_000_000, max: 9_000_000_000_000_000 })] : []),
        fc.constantFrom(0, -1, 946_684_800_000_000, 946_684_799_999_999, 946_684_800_000_001, 2 ** 32, 2 ** 32 - 1),
      );
      const value = fc.oneof(
        fc.double(),
        fc.constantFrom(Number.NaN, -0, Number.POSITIVE_INFINITY, 5e-324, 1.7976931348623157e308),
      );
      const row = fc.tuple(time, value, fc.integer({ min: 0, max: 0xffff }));
      const { write } = ingestor();
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(row, { selector: ([at]) => at, minLength: 1, maxLength: 60 }), async (all) => {
          const sorted = all.toSorted((a, b) => a[0] - b[0]);
          const labels = { round: String(round++).padStart(4, '0') };
          const { rejected } = await write(
            [
              samplesOf(
                labels,
                sorted.map(([at]) => at),
                sorted.map(([, number]) => number),
                sorted.map(([, , word]) => word),
              ),
            ],
            never,
          );
          expect(rejected).toEqual([]);
          const rows = await server.run(
            `SELECT (extract(epoch FROM time) * 1000000)::bigint::text AS time, value::text, quality FROM parx.samples WHERE series = (SELECT id FROM parx.series WHERE labels = $1) ORDER BY samples.time`,
            [JSON.stringify(labels)],
          );
          expect(rows.map(({ time }) => Number(time))).toEqual(sorted.map(([at]) => at));
          expect(rows.map(({ value }) => Number(value))).toEqual(sorted.map(([, number]) => number));
          expect(rows.map(({ quality }) => quality)).toEqual(sorted.map(([, , word]) => word));
        }),
        { numRuns: edition === 'none' ? 60 : 15 },
      );
    });

    it('lets the newer sample of a time win, or keeps the first, as it is told', async () => {
      await ingestor().write([run({}, 0, [1, 2, 3])], never);
      await ingestor().write([run({}, 1, [20, 30, 40])], never);
      expect(await values()).toEqual([1, 20, 30, 40]);
      await ingestor({ conflict: 'first' }).write([run({}, 2, [300, 400, 500])], never);
      expect(await values()).toEqual([1, 20, 30, 40, 500]);
    });

    it('does so within one call too, where a series comes several times', async () => {
      const all = [
        run({ stand: '1' }, 0, [1, 2, 3]),
        run({ stand: '2' }, 0, [7]),
        run({ stand: '1' }, 1, [20, 30, 40]),
        run({ stand: '1' }, 4, [50]),
        run({ stand: '1' }, 0, [100]),
        samplesOf({ stand: '1' }, [], []),
      ];
      for (const rows of [2, 100]) {
        await ingestor({ rows, conflict: 'first' }).write(all, never);
        expect(await values()).toEqual([1, 2, 3, 40, 50, 7]);
      }
      for (const rows of [2, 100]) {
        await ingestor({ rows }).write(all, never);
        expect(await values()).toEqual([100, 20, 30, 40, 50, 7]);
      }
    });

    it('stores the same when it comes again, in one call, in another, and in chunks of any size', async () => {
      const all = [run({ stand: '1' }, 0, [1, 2, 3, 4, 5]), run({ stand: '2' }, 2, [6, 7, 8])];
      for (const rows of [1, 2, 3, 7, 100]) await ingestor({ rows }).write(all, never);
      await ingestor({ bytes: 90 }).write(all, never);
      const one = ingestor();
      for (let times = 0; times < 3; times++) await one.write(all, never);
      expect(await values()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    it('takes labels of any characters as what they are, and names those that no database keeps', async () => {
      const texts = [
        '"',
        "'; DROP TABLE parx.samples; --",
        'Ölmühle',
        '\\',
        '{}',
        '{"a":1}',
        '%',
        'a\nb',
        '日本',
        '😀',
        '$1',
        '',
        'NULL',
        'x'.repeat(1_000),
      ];
      const many = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`l${at}`, 'y'.repeat(1_000)]));
      const { rejected } = await ingestor().write(
        [
          ...texts.map((stand, at) => run({ stand }, at, [at])),
          run(many, 0, [99]),
          run({ stand: 'a\0b' }, 0, [1]),
          run({ stand: '\ud800' }, 0, [1]),
        ],
        never,
      );
      expect(rejected.map(({ series, row }) => [series, row])).toEqual([
        [texts.length + 1, null],
        [texts.length + 2, null],
      ]);
      const rows = await server.run(
        "SELECT labels->>'stand' AS stand, value FROM parx.samples JOIN parx.series ON id = series WHERE labels ? 'stand' ORDER BY value",
      );
      expect(rows).toEqual(texts.map((stand, value) => ({ stand, value })));
      expect(await server.run("SELECT labels FROM parx.series WHERE labels ? 'l0'")).toEqual([{ labels: many }]);
    });

    it('names rows that the database refuses, and stores all others', async () => {
      await server.run('ALTER TABLE parx.samples ADD CONSTRAINT plausible CHECK (value < 1000)');
      const odd = Array.from({ length: 300 }, (_, at) => (at === 17 || at === 230 ? 5_000 : at));
      const { rejected } = await ingestor({ rows: 128 }).write(
        [run({ stand: '1' }, 0, odd), run({ stand: '2' }, 0, [1, 2_000, 3])],
        never,
      );
      expect(rejected.map(({ series, row }) => [series, row]).toSorted()).toEqual([
        [0, 17],
        [0, 230],
        [1, 1],
      ]);
      expect(rejected[0]!.reason).toMatch(/plausible.*Correct the value/s);
      expect(await values()).toHaveLength(300 - 2 + 2);
    });

    it('names a series whose unit or type is stored otherwise', async () => {
      await ingestor().write([run({ stand: '1' }, 0, [1])], never);
      const { rejected } = await ingestor().write(
        [
          { ...run({ stand: '1' }, 1, [2]), metric: { ...speed, unit: 'm/s' } },
          { ...run({ stand: '1' }, 1, [2]), metric: { ...speed, type: 'counter' } },
          run({ stand: '2' }, 0, [3]),
        ],
        never,
      );
      expect(rejected.map(({ series, row, reason }) => [series, row, reason.slice(0, 22)])).toEqual([
        [0, null, 'It is stored in m/min,'],
        [1, null, 'It is stored as a gaug'],
      ]);
      expect(await values()).toEqual([1, 3]);
    });

    it('knows tables that were removed and made anew, and says where there are none', async () => {
      const one = ingestor();
      await one.write([run({ stand: '1' }, 0, [1]), run({ stand: '2' }, 0, [2])], never);
      const manager = createSchemaManager(accessTo(server));
      for (const request of [{ action: 'remove' }, { action: 'install', settings: { rollups: [] } }] as const) {
        if (request.action === 'install') {
          const refused = await one.write([run({ stand: '2' }, 1, [3])], never).catch((error: unknown) => error);
          expect(isAppError(refused, 'config.invalid') && refused.message).toContain('Make them first');
        }
        const { token } = await manager.plan(request, never);
        for await (const _ of manager.apply(request, token, never));
      }
      await one.write([run({ stand: '2' }, 0, [7])], never);
      expect((await stored()).map((row) => row.slice(row.indexOf(' ')))).toEqual([' 7 0 {"stand": "2"}']);
    });

    it('takes what the ingestion has normalised, bad samples too', async () => {
      const { samples } = createIngest(() => undefined).accept([
        samplesOf(
          { ' stand ': ' 1 ' },
          [START + SECOND, START, START],
          [2, 0, 1],
          [QUALITY.badTimeout, 0, QUALITY.uncertain],
        ),
      ]);
      await ingestor().write(samples, never);
      expect(await stored()).toEqual([
        `${START} 1 ${QUALITY.uncertain} {"stand": "1"}`,
        `${START + SECOND} 2 ${QUALITY.badTimeout} {"stand": "1"}`,
      ]);
    });

    // One connection at a time is all that the third server has.
    if (edition === 'community') return;

    it('needs few rights, and says which are missing', async () => {
      await server.run("DROP ROLE IF EXISTS scribe; CREATE ROLE scribe LOGIN PASSWORD 'scribe'");
      const scribe = ingestor(accessTo({ ...server, user: 'scribe', password: 'scribe' }));
      const refused = await scribe.write([run({}, 0, [1])], never).catch((error: unknown) => error);
      expect(isAppError(refused, 'tsdb.refused') && refused.message).toContain('GRANT USAGE ON SCHEMA "parx"');
      await server.run(
        'GRANT USAGE ON SCHEMA parx TO scribe; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA parx TO scribe',
      );
      for (const values of [
        [1, 2],
        [3, 4, 5],
      ])
        await scribe.write([run({}, 0, values)], never);
      expect(await values()).toEqual([3, 4, 5]);
      await server.run('DROP OWNED BY scribe');
    });

    it('lets two write the same rows at once, in any order', async () => {
      const rounds = Array.from({ length: 30 }, (_, at) =>
        run(
          { stand: String(at) },
          0,
          Array.from({ length: 50 }, (_, n) => n),
        ),
      );
      const writers = [rounds, rounds.toReversed(), rounds, rounds.toReversed()];
      await Promise.all(writers.map((all) => ingestor({ rows: 400 }).write(all, never)));
      expect(await values()).toHaveLength(30 * 50);
    });

    it('stops at the server too when it is cancelled, and stores all of it when it is sent again', async () => {
      const all = [
        run(
          {},
          0,
          Array.from({ length: 20_000 }, (_, at) => at),
        ),
      ];
      await server.run(`CREATE FUNCTION parx.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON parx.samples FOR EACH ROW EXECUTE FUNCTION parx.slow()`);
      const cancelled = new AbortController();
      setTimeout(() => cancelled.abort(new Error('enough')), 300);
      await expect(ingestor().write(all, cancelled.signal)).rejects.toThrow('enough');
      await expect
        .poll(() => server.run("SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'"), {
          timeout: 5_000,
        })
        .toEqual([]);
      await server.run('DROP TRIGGER slow ON parx.samples');
      await ingestor().write(all, never);
      expect(await values()).toHaveLength(20_000);
    });
  });
}
