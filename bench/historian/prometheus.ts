import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SampleBlock } from '#shared/model/index.ts';
import { type Contestant, emptyBuckets, type Grid } from './contestant.ts';
import { PERIOD_US, START } from './mix.ts';
import { freePort, request, startServer } from './server.ts';
import { programPath } from './system.ts';

// Prometheus: one series per tag, sent by remote write in slices of time, asked in PromQL. It does not sync what it
// acknowledges, so there are no durable commits to measure.

const program = (): string | null => programPath('prometheus', '/usr/bin');
/** Samples of each tag in a request. */
const SLICE = 100;

interface Series {
  readonly metric: { readonly tag: string };
  readonly values?: readonly (readonly [number, string])[];
  readonly value?: readonly [number, string];
}

async function start(folder: string) {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const config = join(folder, '..', `prometheus-${process.pid}.yml`);
  writeFileSync(config, 'global: {}\n');
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${folder}`,
    '--storage.tsdb.retention.time=100y',
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    '--web.enable-admin-api',
    '--query.max-samples=100000000',
    '--log.level=error',
  ];
  const server = await startServer(program()!, args, () => request(`${url}/-/ready`));
  const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
  return {
    async stop() {
      await server.stop();
      rmSync(config);
    },
    write: (body: Uint8Array<ArrayBuffer>) => request(`${url}/api/v1/write`, body, headers),
    snapshot: async (): Promise<string> =>
      (JSON.parse(await request(`${url}/api/v1/admin/tsdb/snapshot`, '')) as { data: { name: string } }).data.name,
    async ask(path: string, question: Record<string, string>): Promise<readonly Series[]> {
      const text = await request(`${url}/api/v1/${path}?${new URLSearchParams(question)}`);
      return (JSON.parse(text) as { data: { result: readonly Series[] } }).data.result;
    },
  };
}

/** Bytes of a protobuf message, grown as needed. */
function message() {
  let bytes = Buffer.alloc(1 << 16);
  let length = 0;
  const room = (more: number): void => {
    if (length + more > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length + more)]);
  };
  const varint = (value: number): void => {
    room(10);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[length++] = (rest % 128) | 128;
    bytes[length++] = rest;
  };
  return {
    varint,
    double(value: number): void {
      room(8);
      length = bytes.writeDoubleLE(value, length);
    },
    put(field: number, part: Uint8Array): void {
      varint(field * 8 + 2);
      varint(part.length);
      room(part.length);
      bytes.set(part, length);
      length += part.length;
    },
    get bytes(): Buffer {
      return bytes.subarray(0, length);
    },
    clear(): void {
      length = 0;
    },
  };
}

function label(name: string, value: string): Uint8Array {
  const one = message();
  one.put(1, Buffer.from(name));
  one.put(2, Buffer.from(value));
  return Buffer.from(one.bytes);
}

const writing = { request: message(), series: message(), sample: message() };

/** A WriteRequest of one slice of every block, each of which has one tag. */
function toRequest(
  blocks: readonly SampleBlock[],
  labels: (tag: number) => readonly Uint8Array[],
  from: number,
): Buffer {
  const { request: whole, series, sample } = writing;
  whole.clear();
  for (const block of blocks) {
    series.clear();
    for (const one of labels(block.tag[0]!)) series.put(1, one);
    for (let i = from; i < Math.min(block.length, from + SLICE); i++) {
      sample.clear();
      sample.varint(8 + 1);
      sample.double(block.value[i]!);
      sample.varint(16);
      sample.varint(block.time[i]! / 1_000);
      series.put(2, sample.bytes);
    }
    whole.put(1, series.bytes);
  }
  return whole.bytes;
}

/** Snappy's block form without any matches, which every reader of it takes. */
function snappy(data: Buffer): Uint8Array<ArrayBuffer> {
  const LITERAL = 65_536;
  const out = message();
  out.varint(data.length);
  const parts: Uint8Array[] = [Buffer.from(out.bytes)];
  for (let at = 0; at < data.length; at += LITERAL) {
    const part = data.subarray(at, at + LITERAL);
    parts.push(Buffer.from([61 << 2, (part.length - 1) & 255, (part.length - 1) >> 8]), part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

export const prometheus: Contestant = {
  title: 'Prometheus',
  missing: () => (program() === null ? 'prometheus is not installed (Debian: apt-get install prometheus).' : null),
  stream: null,
  async load(folder, { tags }, blocks, started) {
    const server = await start(folder);
    const known = Array.from({ length: tags }, (_, tag) => [label('__name__', 'parx'), label('tag', `${tag}`)]);
    started();
    const send = async (window: readonly SampleBlock[]): Promise<void> => {
      const longest = Math.max(...window.map(({ length }) => length));
      for (let from = 0; from < longest; from += SLICE) {
        await server.write(snappy(toRequest(window, (tag) => known[tag]!, from)));
      }
    };
    // It takes samples in the order of their time only: a window of all tags is sent slice by slice.
    let window: SampleBlock[] = [];
    for (const block of blocks) {
      window.push(block);
      if (window.length < tags) continue;
      await send(window);
      window = [];
    }
    const snapshot = await server.snapshot();
    await server.stop();
    // The snapshot has all as finished blocks, also what would wait in memory and log.
    const aside = `${folder}.snapshot`;
    renameSync(join(folder, 'snapshots', snapshot), aside);
    rmSync(folder, { recursive: true });
    renameSync(aside, folder);
  },
  async open(folder, { tags, perTag }) {
    const server = await start(folder);
    const seconds = (micros: number): string => (micros / 1e6).toFixed(3);
    return {
      async overview(asked, grid) {
        // Ranges include both ends: a bucket is asked for at its last millisecond.
        const range = {
          start: seconds(grid.from + grid.width - 1_000),
          end: seconds(grid.to - 1_000),
          step: seconds(grid.width),
        };
        const which = `parx{tag=~"${asked.join('|')}"}[${grid.width / 1_000 - 1}ms]`;
        const found = await Promise.all(
          ['min', 'max', 'avg', 'count'].map((name) =>
            server.ask('query_range', { ...range, query: `${name}_over_time(${which})` }),
          ),
        );
        return () => asked.map((tag) => toBuckets(found, tag, grid));
      },
      async raw(tag, from, to) {
        const query = `parx{tag="${tag}"}[${(to - from) / 1_000 - 1}ms]`;
        const found = await server.ask('query', { query, time: seconds(to - 1_000) });
        return () => ({
          time: Float64Array.from(found[0]!.values!, ([time]) => Math.round(time * 1_000) * 1_000),
          value: Float64Array.from(found[0]!.values!, ([, value]) => Number(value)),
        });
      },
      async last() {
        const time = seconds(START + perTag * PERIOD_US);
        const [times, values] = await Promise.all([
          server.ask('query', { query: 'timestamp(parx)', time }),
          server.ask('query', { query: 'parx', time }),
        ]);
        return () => {
          const answer = { time: new Float64Array(tags), value: new Float64Array(tags) };
          for (const one of times!)
            answer.time[Number(one.metric.tag)] = Math.round(Number(one.value![1]) * 1_000) * 1_000;
          for (const one of values!) answer.value[Number(one.metric.tag)] = Number(one.value![1]);
          return answer;
        };
      },
      close: () => server.stop(),
    };
  },
};

function toBuckets(found: readonly (readonly Series[])[], tag: number, grid: Grid) {
  const buckets = emptyBuckets(grid);
  const columns = [buckets.min, buckets.max, buckets.mean, buckets.count];
  for (const [at, column] of columns.entries()) {
    const series = found[at]!.find((one) => Number(one.metric.tag) === tag);
    for (const [time, value] of series?.values ?? []) {
      column[Math.round((time * 1e6 + 1_000 - grid.from) / grid.width) - 1] = Number(value);
    }
  }
  return buckets;
}
