import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeCopy } from '#engine/tsdb/timescale/own-schema/copy.ts';
import { createIngestor } from '#engine/tsdb/timescale/own-schema/ingestor.ts';
import { instant, relation } from '#engine/tsdb/timescale/sql.ts';
import type { MetricSamples } from '#shared/model/graph/index.ts';
import type { PostgresServer } from '#test/support/postgres.ts';
import { programPath } from '../historian/system.ts';
import { makeTables, median, never, rate, sessionOf, timed, type Verdict, verdict } from './rig.ts';

const CALL_ROWS = 100_000;
const run = promisify(execFile);

/** Our ingestor beside `psql \copy`: the same rows into tables with the same index, turn about. */
export async function measureWrite(server: PostgresServer, all: MetricSamples[], rounds: number): Promise<Verdict[]> {
  const psql = programPath('psql', '/usr/lib/postgresql/17/bin', '/usr/lib/postgresql/15/bin');
  if (psql === null) throw new Error('psql is not installed (Debian: apt-get install postgresql-client).');
  const rows = all.reduce((sum, { time }) => sum + time.length, 0);
  const folder = mkdtempSync(join(tmpdir(), 'parx-bench-'));
  const session = sessionOf(server, 'ours');
  try {
    for (const schema of ['ours', 'theirs']) await makeTables(server, schema, []);
    const calls = callsOf(all);
    // Their files hold what the server is sent: time, value, series, quality.
    const csv = join(folder, 'rows.csv');
    writeFileSync(csv, csvOf(calls));
    const binary = join(folder, 'rows.bin');
    writeFileSync(
      binary,
      encodeCopy(
        calls.flatMap((call) =>
          call.map((columns, id) => ({ id: id + 1, series: id, columns, from: 0, to: columns.time.length })),
        ),
      ),
    );
    /** One that has written nothing yet: what it remembers was taken out of the table. */
    const newIngestor = () =>
      createIngestor({
        lease: session.lease,
        explain: (error) => error,
        schema: 'ours',
        conflict: 'newer',
        copy: true,
      });
    let ingestor = newIngestor();
    const ours = async (): Promise<void> => {
      for (const call of calls) await ingestor.write(call, never);
    };
    const theirs = (file: string, format: string) => async (): Promise<void> => {
      const { host, port, user, database, password } = server;
      const copy = `\\copy ${relation('theirs', 'samples')} FROM '${file}' (FORMAT ${format})`;
      const args = [
        '-X',
        '-q',
        '-h',
        host,
        '-p',
        String(port),
        '-U',
        user,
        '-d',
        database,
        '-v',
        'ON_ERROR_STOP=1',
        '-c',
        copy,
      ];
      await run(psql, args, { env: { ...process.env, PGPASSWORD: password } });
    };
    const empty = async (schema: string): Promise<void> => {
      await server.run(`TRUNCATE ${relation(schema, 'samples')}`);
      await server.run('CHECKPOINT');
    };
    const times = { ours: [] as number[], again: [] as number[], csv: [] as number[], binary: [] as number[] };
    await ingestor.write(calls[0]!, never);
    for (let round = 0; round < rounds; round++) {
      await empty('ours');
      ingestor = newIngestor();
      times.ours.push(await timed(ours));
      await empty('theirs');
      times.csv.push(await timed(theirs(csv, 'csv')));
      await empty('theirs');
      times.binary.push(await timed(theirs(binary, 'binary')));
      // Every row is there already.
      times.again.push(await timed(ours));
    }
    const [stored] = await server.run(
      `SELECT (SELECT count(*) FROM ours.samples)::int AS ours, (SELECT count(*) FROM theirs.samples)::int AS theirs`,
    );
    if (stored!.ours !== rows || stored!.theirs !== rows)
      throw new Error(`WRONG ANSWER: ${JSON.stringify(stored)} of ${rows} rows`);
    const [mine, text, bytes, again] = [times.ours, times.csv, times.binary, times.again].map(median) as [
      number,
      number,
      number,
      number,
    ];
    return [
      verdict('write: ours to psql \\copy of CSV', text / mine, 0.8, `${rate(rows, mine)}, ${rate(rows, text)}`),
      verdict('write: ours to psql \\copy of its binary form', bytes / mine, null, `${rate(rows, bytes)}`),
      verdict('write: all rows there already, to new ones', mine / again, null, rate(rows, again)),
    ];
  } finally {
    await session.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As they come from a recording: a stretch of time of all series, then the next. */
function callsOf(all: readonly MetricSamples[]): MetricSamples[][] {
  const each = all[0]!.time.length;
  const step = Math.ceil(CALL_ROWS / all.length);
  return Array.from({ length: Math.ceil(each / step) }, (_, n) =>
    all.map((one) => ({
      ...one,
      time: one.time.slice(n * step, (n + 1) * step),
      value: one.value.slice(n * step, (n + 1) * step),
      quality: null,
    })),
  );
}

const csvOf = (calls: readonly (readonly MetricSamples[])[]): string =>
  calls
    .map((call) =>
      call
        .map(({ time, value }, id) => [...time].map((at, n) => `${instant(at)},${value[n]},${id + 1},0\n`).join(''))
        .join(''),
    )
    .join('');
