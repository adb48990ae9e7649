import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecording, openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRangeFetcher } from '#engine/recording/index.ts';
import { type TsdbBackend, type TsdbConnection, viewerOf } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { DEFAULT_LIMITS, tableMapping } from '#shared/model/index.ts';
import { never } from '#test/contracts/store-samples.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { heldMegabytes } from '#test/support/held-memory.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

const ROWS = LONG ? 5_000_000 : 300_000;
const TAGS = 4;
const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;
const RANGE = { from: START, to: START + (ROWS / TAGS) * 100_000 };
/** What is held from the first quarter of the rows to the last, whatever their number; kept as columns they are 4 MB. */
const HELD_KB = 2_000;
const backend: TsdbBackend = timescale;

describe.skipIf(needs('postgresql'))(`a fetch of ${ROWS} rows`, () => {
  const folder = suiteDirectory();
  const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
  let server: PostgresServer;
  let connection: TsdbConnection;
  beforeAll(async () => {
    server = await startPostgres('none');
    const statements = [
      'CREATE UNLOGGED TABLE many (ts timestamptz, tag text, value float8)',
      `INSERT INTO many SELECT '2026-01-01'::timestamptz + g * interval '100 milliseconds', 'T' || t, g FROM generate_series(0, ${ROWS / TAGS - 1}) g, generate_series(1, ${TAGS}) t`,
      'CREATE INDEX ON many (tag, ts)',
      'ANALYZE many',
    ];
    for (const statement of statements) await server.run(statement);
    const mapping = tableMapping.parse({
      id: 'many',
      relation: { schema: 'public', name: 'many' },
      time: { column: 'ts', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value' }],
    });
    const limits = { ...DEFAULT_LIMITS, statementTimeoutMs: 120_000 };
    const context = tsdbContext({ secrets: { password: server.password }, mappings: [mapping], limits });
    connection = await backend.connect(settingsOf(server), context, never);
    mkdirSync(join(folder.path, 'recordings'));
  }, 300_000);
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  it('brings every row to a recording, in bounded memory', { timeout: 600_000 }, async () => {
    const viewer = viewerOf(backend, connection);
    const fetcher = createRangeFetcher({
      viewer: async () => viewer,
      openStore: async (path) => (await openStore({ path, flushMs: 0 }, deps)).store,
      directory: join(folder.path, 'fetching'),
      clock: systemClock(),
    });
    const { tags } = await connection.tags!({ text: '', ids: null, limit: 10, offset: 0 }, never);
    const path = join(folder.path, 'recordings', 'many.parx');
    const request = {
      source: 'plant',
      sourceName: 'Plant',
      tags: tags.map(({ id }) => id),
      range: RANGE,
      name: 'Many',
    };
    let early: number | null = null;
    let late = 0;
    const begun = performance.now();
    const done = await fetcher.fetch(
      request,
      path,
      (fraction) => {
        // Nine tenths of the way are the reading.
        if (fraction >= 0.9 / 4) early ??= heldMegabytes();
        if (fraction > 0.9 / 4 && fraction <= 0.9) late = heldMegabytes();
      },
      never,
    );
    const kilobytes = Math.round((late - early!) * 1_024);
    const residentMegabytes = Math.round(process.resourceUsage().maxRSS / 1_024);
    figures({ rows: ROWS, kilobytes, residentMegabytes, seconds: Math.round((performance.now() - begun) / 1_000) });
    expect(done).toMatchObject({ sound: true, samples: ROWS });
    expect(kilobytes).toBeLessThan(HELD_KB);
    const file = await openRecording(path, deps);
    try {
      expect(file.info.damage).toEqual([]);
      let count = 0;
      let sum = 0;
      for await (const block of file.raw(await file.tags(never).then((all) => all.map(({ id }) => id)), RANGE, never)) {
        for (const { value } of block) {
          count += value.length;
          for (const one of value) sum += one;
        }
      }
      expect(count).toBe(ROWS);
      expect(sum).toBe((TAGS * (ROWS / TAGS) * (ROWS / TAGS - 1)) / 2);
    } finally {
      await file.close();
    }
  });
});
