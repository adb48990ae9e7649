import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { SampleBlock } from '#shared/model/index.ts';
import { type Contestant, emptyBuckets, type Grid } from './contestant.ts';
import { START } from './mix.ts';
import { freePort, request, startServer } from './server.ts';
import { filesIn, programPath } from './system.ts';

// InfluxDB 1: one measurement with the tag as its tag, written as lines of text over HTTP, asked in InfluxQL.

const program = (): string | null => programPath('influxd', '/usr/sbin', '/usr/bin');
/** Points in a request, as its makers advise. */
const BATCH = 5_000;

interface Found {
  readonly results: readonly { readonly error?: string; readonly series?: readonly Group[] }[];
}
interface Group {
  readonly tags: { readonly id: string };
  readonly values: readonly (readonly number[])[];
}

async function start(folder: string) {
  mkdirSync(folder, { recursive: true });
  const [http, backup] = [await freePort(), await freePort()];
  const config = join(folder, 'influxdb.conf');
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${backup}"
[meta]
  dir = "${join(folder, 'meta')}"
[data]
  dir = "${join(folder, 'data')}"
  wal-dir = "${join(folder, 'wal')}"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "2s"
  compact-full-write-cold-duration = "2s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
`,
  );
  const url = `http://127.0.0.1:${http}`;
  const server = await startServer(program()!, ['-config', config], () => request(`${url}/ping`));
  await request(`${url}/query`, new URLSearchParams({ q: 'CREATE DATABASE bench' }));
  return {
    stop: () => server.stop(),
    write: (lines: string) => request(`${url}/write?db=bench&precision=ms`, lines),
    async ask(q: string): Promise<readonly Group[]> {
      const answer = JSON.parse(
        await request(`${url}/query?${new URLSearchParams({ db: 'bench', epoch: 'u', q })}`),
      ) as Found;
      const error = answer.results.find((result) => result.error !== undefined)?.error;
      if (error !== undefined) throw new Error(`${q}: ${error}`);
      return answer.results[0]!.series ?? [];
    },
  };
}

async function settle(folder: string): Promise<void> {
  const server = await start(folder);
  const until = performance.now() + 120_000;
  for (let steady = 0, before = -1; steady < 3 && performance.now() < until; ) {
    await wait(2_000);
    const files = filesIn(join(folder, 'data')).filter((file) => file.endsWith('.tsm'));
    const now = files.reduce((sum, file) => sum + statSync(file).size, 0);
    steady = now === before && now > 0 ? steady + 1 : 0;
    before = now;
  }
  await server.stop();
}

function toLines({ tag, time, value }: SampleBlock, from: number, to: number): string {
  let lines = '';
  for (let i = from; i < to; i++) lines += `s,id=${tag[i]} v=${value[i]} ${time[i]! / 1_000}\n`;
  return lines;
}

export const influxdb: Contestant = {
  title: 'InfluxDB 1',
  missing: () => (program() === null ? 'influxd is not installed (Debian: apt-get install influxdb).' : null),
  async stream(folder) {
    const server = await start(folder);
    return {
      commit: async (block) => void (await server.write(toLines(block, 0, block.length))),
      close: () => server.stop(),
    };
  },
  async load(folder, _size, blocks, started) {
    const server = await start(folder);
    started();
    for (const block of blocks) {
      for (let from = 0; from < block.length; from += BATCH) {
        await server.write(toLines(block, from, Math.min(block.length, from + BATCH)));
      }
    }
    await server.stop();
  },
  /**
   * Its files reach their size when all is out of its log and compacted. It keeps the log's last segment, though it has
   * written it out, and reads it again at each start: it is taken away once that was done.
   */
  async arrange(folder) {
    await settle(folder);
    rmSync(join(folder, 'wal'), { recursive: true });
    await settle(folder);
  },
  async open(folder, { tags }) {
    const server = await start(folder);
    return {
      async overview(asked, grid) {
        const which = asked.map((tag) => `id='${tag}'`).join(' OR ');
        const groups = await server.ask(
          `SELECT min(v), max(v), mean(v), count(v) FROM s WHERE (${which}) AND time >= ${grid.from}u AND time < ${grid.to}u GROUP BY id, time(${grid.width}u) fill(none)`,
        );
        return () =>
          asked.map((tag) =>
            toBuckets(
              groups.find((group) => Number(group.tags.id) === tag),
              grid,
            ),
          );
      },
      async raw(tag, from, to) {
        const groups = await server.ask(
          `SELECT v FROM s WHERE id='${tag}' AND time >= ${from}u AND time < ${to}u GROUP BY id`,
        );
        const rows = groups[0]!.values;
        return () => ({
          time: Float64Array.from(rows, ([time]) => time!),
          value: Float64Array.from(rows, ([, value]) => value!),
        });
      },
      async last() {
        const groups = await server.ask(`SELECT last(v) FROM s WHERE time >= ${START}u GROUP BY id`);
        return () => {
          const time = new Float64Array(tags);
          const value = new Float64Array(tags);
          for (const group of groups)
            [time[Number(group.tags.id)], value[Number(group.tags.id)]] = group.values[0] as [number, number];
          return { time, value };
        };
      },
      close: () => server.stop(),
    };
  },
};

function toBuckets(group: Group | undefined, grid: Grid) {
  const buckets = emptyBuckets(grid);
  for (const [time, min, max, mean, count] of group?.values ?? []) {
    const at = (time! - grid.from) / grid.width;
    buckets.min[at] = min!;
    buckets.max[at] = max!;
    buckets.mean[at] = mean!;
    buckets.count[at] = count!;
  }
  return buckets;
}
