import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { expectNoNewHandles, type OpenHandles, openHandles } from '#test/support/leak-guard.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import type { RawDone, RawWork } from './timescale-raw-child.ts';

const never = new AbortController().signal;
const HEAP_MB = 48;

describe.skipIf(needs('postgresql'))("a statement of one's own", () => {
  let server: PostgresServer;
  let before: OpenHandles;
  beforeAll(async () => {
    before = openHandles();
    server = await startPostgres('none');
  });
  afterAll(async () => {
    await server.stop();
    await expectNoNewHandles(before);
  });

  const raw = async (text: string, limit: number) => {
    const settings = timescale.config.parse(settingsOf(server));
    const context = tsdbContext({ secrets: { password: server.password } });
    const connection = await timescale.connect(settings, context, never);
    try {
      return (await connection.raw!({ text, range: { from: 0, to: 1e15 }, limit }, never)).series;
    } finally {
      await connection.close();
    }
  };

  it('takes a million rows in the memory of their columns', { timeout: 60_000 }, async () => {
    const rows = 1_000_000;
    const workerData: RawWork = {
      settings: settingsOf(server),
      password: server.password,
      // Not in the order of time, which costs an order beside the columns.
      text: `SELECT to_timestamp(1700000000 + (g * 7919::int8) % ${rows}) AS time, 'Walzgerüst ' || g % 4 AS place, g AS n FROM generate_series(1, ${rows}) g`,
      rows,
    };
    // Rows as lists of cells would take some 200 MB of it.
    const worker = new Worker(new URL('timescale-raw-child.ts', import.meta.url), {
      workerData,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    const done = await new Promise<RawDone>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    expect(done).toMatchObject({ samples: rows, sum: (rows * (rows + 1)) / 2 });
    expect(done.mostBytes).toBeLessThan(64 * rows);
  });

  it('keeps the first of rows with one time, leaves out NULL, and tells labels apart', async () => {
    const series = await raw(
      `SELECT to_timestamp(t) AS time, a, b, n, m FROM (VALUES
        (3, 'x', NULL, 1::float8, 10), (1, 'x', NULL, 2, NULL), (3, 'x', NULL, 3, 30), (1, 'x', '', 4, 40), (2, 'x', NULL, 'NaN', 50)
      ) v (t, a, b, n, m)`,
      100,
    );
    expect(series.map(({ definition, labels, time, value }) => [definition, labels, [...time], [...value]])).toEqual([
      ['n', { a: 'x' }, [1e6, 2e6, 3e6], [2, Number.NaN, 1]],
      ['n', { a: 'x', b: '' }, [1e6], [4]],
      ['m', { a: 'x' }, [2e6, 3e6], [50, 10]],
      ['m', { a: 'x', b: '' }, [1e6], [40]],
    ]);
    expect(await raw('SELECT now() AS time, 1 AS n WHERE false', 100)).toEqual([]);
  });

  it('is refused above its limits, of rows and of labels, and leaves the connection in order', async () => {
    const refused = (text: string, limit: number) =>
      expect(raw(text, limit)).rejects.toMatchObject({ code: 'query.too-many-samples' });
    const text = "SELECT to_timestamp(g) AS time, 'a' || g AS a, g AS n FROM generate_series(1, 20000) g";
    await refused(text, 100);
    await refused(text, 19_999);
    await refused(text, 20_000);
    await refused(
      "SELECT to_timestamp(g) AS time, repeat('a', 1000000) || g AS a, 1 AS n FROM generate_series(1, 20) g",
      100,
    );
    await expect(raw('SELECT 1 AS n', 100)).rejects.toMatchObject({ code: 'config.invalid' });
    const [one] = await raw(text.replace('20000', '10000'), 10_000);
    expect(one!.time.length).toBe(1);
  });
});
