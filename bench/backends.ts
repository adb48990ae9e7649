// Backends beside what they are made of, in one run:
//
//   write    our ingestor beside `psql \copy`, the same rows into the same table              floor 0.8
//   read     our stream of samples beside a bare cursor and a bare query of pg                floor 0.9
//   rollups  ten tags over 30 days on 1,500 points, from samples and from a rollup
//   cache    part of a recorded way of panning and zooming that the running source has by itself    floor 0.8
//
//   npm run bench -- backends                       200,000 rows, a month of 300,000; half a minute
//   npm run bench -- backends --rows 1000000 --month 25920000 --rounds 5
//
//   --only a,b      of write, read, rollups, cache (read needs the tables of write)
//   --edition a,b   where rollups are measured: none (rollup as a table), apache, community (continuous aggregates;
//                   PostgreSQL in WebAssembly, with all data in memory, so that times are many times a real server's;
//                   a month of 25,920,000 rows takes it about a gigabyte and some minutes)
//
// Servers are of their own, on loopback, without waiting for the disk: the same for both sides. Exit code 1 below a
// floor or when an answer is wrong.
import { parseArgs } from 'node:util';
import type { PostgresEdition } from '#test/support/postgres.ts';
import { measureCache } from './backends/cache.ts';
import { measureRead } from './backends/read.ts';
import { calibration, samplesOf, startServer, type Verdict } from './backends/rig.ts';
import { measureRollups } from './backends/rollups.ts';
import { measureWrite } from './backends/write.ts';

const MEASURES = ['write', 'read', 'rollups', 'cache'];
const EDITIONS = ['none', 'apache', 'community'];

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    month: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: MEASURES.join(',') },
    edition: { type: 'string', default: 'none,community' },
  },
});
function listOf(given: string, known: readonly string[]): ReadonlySet<string> {
  const names = given.split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`There is no "${unknown}"; there are: ${known.join(', ')}.`);
  return new Set(names);
}
const only = listOf(flags.only, MEASURES);
const editions = [...listOf(flags.edition, EDITIONS)] as PostgresEdition[];
const [rows, month, rounds] = [flags.rows, flags.month, flags.rounds].map(Number) as [number, number, number];

let failed = false;
function say(verdicts: readonly Verdict[]): void {
  for (const { line, failed: below } of verdicts) {
    console.log(line);
    failed ||= below;
  }
}

console.log(`${calibration()}; ${rows} rows, ${rounds} rounds`);
if (only.has('write') || only.has('read') || only.has('cache')) {
  const server = await startServer('none');
  try {
    if (only.has('write') || only.has('read'))
      say(await measureWrite(server, samplesOf(rows), only.has('write') ? rounds : 1));
    if (only.has('read')) say(await measureRead(server, rows, rounds));
    if (only.has('cache')) say(await measureCache(server));
  } finally {
    await server.stop();
  }
}
if (only.has('rollups')) {
  for (const edition of editions) {
    const server = await startServer(edition);
    try {
      say(await measureRollups(server, month, rounds));
    } finally {
      await server.stop();
    }
  }
}
if (failed) process.exitCode = 1;
