import pg from 'pg';
import Cursor from 'pg-cursor';
import type { QueryPlan } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { relation } from '#engine/tsdb/timescale/sql.ts';
import type { PostgresServer } from '#test/support/postgres.ts';
import { configOf, contextOf, median, metric, never, rate, START, TAGS, timed, type Verdict, verdict } from './rig.ts';

const ROWS_AT_A_TIME = 5_000;

/** Rows of the tables that `measureWrite` has filled, by the client's stream beside the same statement by pg alone. */
export async function measureRead(server: PostgresServer, rows: number, rounds: number): Promise<Verdict[]> {
  await server.run(`VACUUM ANALYZE ${relation('ours', 'samples')}`);
  const connection = await timescale.connect(configOf(server, 'ours'), contextOf(server), never);
  const { host, port, user, password, database } = server;
  const bare = new pg.Client({ host, port, user, password, database });
  await bare.connect();
  try {
    const plan: QueryPlan = {
      range: { from: START, to: START + 400 * 86_400e6 },
      grid: null,
      envelope: false,
      series: [
        {
          definition: 'A',
          metric,
          override: null,
          match: {},
          aggregate: 'last',
          groupBy: null,
          limit: TAGS,
          extension: {},
        },
      ],
    };
    const query = timescale.compile(plan, connection.capabilities);
    const { text, values } = query.series[0]!.samples;
    const count = (found: number): void => {
      if (found !== rows) throw new Error(`WRONG ANSWER: ${found} of ${rows} rows`);
    };
    const ours = async (): Promise<void> => {
      let found = 0;
      for await (const part of connection.client.stream(query, never))
        for (const { time } of part) found += time.length;
      count(found);
    };
    const byCursor = async (): Promise<void> => {
      const cursor = bare.query(new Cursor(text, [...values], { rowMode: 'array' }));
      let found = 0;
      for (;;) {
        const part = await cursor.read(ROWS_AT_A_TIME);
        if (part.length === 0) break;
        found += part.length;
      }
      await cursor.close();
      count(found);
    };
    const atOnce = async (): Promise<void> => {
      const { rows: all } = await bare.query({ text, values: [...values], rowMode: 'array' });
      count(all.length);
    };
    const times = { ours: [] as number[], cursor: [] as number[], query: [] as number[] };
    await ours();
    await byCursor();
    for (let round = 0; round < rounds; round++) {
      times.ours.push(await timed(ours));
      times.cursor.push(await timed(byCursor));
      times.query.push(await timed(atOnce));
    }
    const [mine, cursor, whole] = [times.ours, times.cursor, times.query].map(median) as [number, number, number];
    return [
      verdict('read: our stream to a cursor of pg', cursor / mine, 0.9, `${rate(rows, mine)}, ${rate(rows, cursor)}`),
      verdict('read: our stream to one query of pg, all in memory', whole / mine, 0.9, rate(rows, whole)),
    ];
  } finally {
    await bare.end();
    await connection.close();
  }
}
