import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueryPlan, TsdbBackend } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { isAppError } from '#shared/errors.ts';
import { DEFAULT_LIMITS, type SourceLimits, tableMapping } from '#shared/model/index.ts';
import { figures } from '#test/support/figures.ts';
import { heldMegabytes } from '#test/support/held-memory.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import { never } from './store-samples.ts';
import { settingsOf } from './tsdb-timescale.ts';

const backend: TsdbBackend = timescale;
const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;
/** What is held from the first quarter of the rows to the end, whatever their number: the rest kept as columns is 2.6 MB. */
const HELD_KB = 1_000;

/** So many rows of a table of others, streamed to somebody who keeps none: in memory that their number does not change. */
export function describeStream(rows: number): void {
  describe.skipIf(needs('postgresql'))(`stream of ${rows} rows`, () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres('none');
      const statements = [
        'CREATE UNLOGGED TABLE many (ts timestamptz, tag int, value float8)',
        `INSERT INTO many SELECT '2026-01-01'::timestamptz + g * interval '1 millisecond', g % 10, g FROM generate_series(0, ${rows - 1}) g`,
        'CREATE INDEX ON many (ts)',
        'ANALYZE many',
      ];
      for (const statement of statements) await server.run(statement);
    }, 300_000);
    afterAll(() => server.stop());

    const mapping = tableMapping.parse({
      id: 'many',
      relation: { schema: 'public', name: 'many' },
      time: { column: 'ts', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value' }],
    });
    const plan: QueryPlan = {
      range: { from: START, to: START + rows * 1_000 },
      grid: null,
      envelope: false,
      series: [
        {
          definition: 'A',
          metric: { namespace: 'plant', name: 'many', unit: null, type: 'gauge' },
          override: null,
          match: {},
          aggregate: 'last',
          groupBy: null,
          limit: 100,
          extension: {},
        },
      ],
    };
    const using = async (
      limits: SourceLimits,
      work: (
        stream: (signal: AbortSignal) => AsyncIterable<readonly { readonly value: Float64Array }[]>,
      ) => Promise<void>,
    ): Promise<void> => {
      const context = tsdbContext({ secrets: { password: server.password }, mappings: [mapping], limits });
      const connection = await backend.connect(settingsOf(server), context, never);
      try {
        const query = backend.compile(plan, connection.capabilities);
        await work((signal) => connection.client.stream(query, signal));
      } finally {
        await connection.close();
      }
    };

    it('brings every row, some thousand at a time, in bounded memory', { timeout: 300_000 }, async () => {
      await using({ ...DEFAULT_LIMITS, statementTimeoutMs: 120_000 }, async (stream) => {
        const begun = performance.now();
        let early: number | null = null;
        let count = 0;
        let sum = 0;
        let largest = 0;
        for await (const block of stream(never)) {
          const here = block.reduce((all, { value }) => all + value.length, 0);
          largest = Math.max(largest, here);
          count += here;
          for (const { value } of block) for (const one of value) sum += one;
          if (count >= rows / 4) early ??= heldMegabytes();
        }
        const kilobytes = Math.round((heldMegabytes() - early!) * 1_024);
        const residentMegabytes = Math.round(process.resourceUsage().maxRSS / 1_024);
        figures({
          rows: count,
          kilobytes,
          residentMegabytes,
          seconds: Math.round((performance.now() - begun) / 1_000),
        });
        expect(count).toBe(rows);
        expect(sum).toBe((rows * (rows - 1)) / 2);
        expect(largest).toBeLessThanOrEqual(5_000);
        expect(kilobytes).toBeLessThan(HELD_KB);
      });
    });

    it('stops at once, and the server with it', async () => {
      await using(DEFAULT_LIMITS, async (stream) => {
        const stop = new AbortController();
        let blocks = 0;
        const read = async (): Promise<void> => {
          for await (const _ of stream(stop.signal)) if (++blocks === 2) stop.abort(new Error('enough'));
        };
        await expect(read()).rejects.toThrow('enough');
        expect(blocks).toBe(2);
        const active =
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%parx_rows%' AND pid <> pg_backend_pid()";
        await expect.poll(() => server.run(active), { timeout: 1_000 }).toEqual([{ n: 0 }]);
      });
    });

    it('says that the server went while it was read', async () => {
      await using(DEFAULT_LIMITS, async (stream) => {
        const read = async (): Promise<unknown> => {
          let blocks = 0;
          try {
            for await (const _ of stream(never)) {
              if (++blocks === 2) {
                const others =
                  "pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ParX Workstation'";
                await server.run(`SELECT ${others}`);
              }
            }
          } catch (error) {
            return isAppError(error) ? [error.code, error.retryable] : error;
          }
          return blocks;
        };
        expect(await read()).toEqual(['tsdb.unavailable', true]);
      });
    });

    it('is refused before it begins where the limit of rows is lower', async () => {
      await using({ ...DEFAULT_LIMITS, rows: 1_000 }, async (stream) => {
        const read = async (): Promise<unknown> => {
          try {
            for await (const _ of stream(never)) return 'read';
          } catch (error) {
            return isAppError(error) ? error.code : error;
          }
          return 'nothing';
        };
        expect(await read()).toBe('query.too-many-samples');
      });
    });
  });
}
