import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { openStore, type SampleStore } from '#engine/historian/index.ts';
import { bucketWidth } from '#engine/historian/view.ts';
import { createLogger, openDatabase, systemClock, type WorkerUrls } from '#engine/platform/index.ts';
import { PLAIN_RECIPE, type SampleBlock, type Series, type TimeRange } from '#shared/model/index.ts';

// Twenty tags over ten hours at 100 ms: written, then asked for as an overview of 1,500 pixels and as a raw minute, of
// the historian and of plain SQLite rows in the same run, with the answers compared. Then a steady stream of
// 100,000 samples/s into an empty history, with its acknowledgements and the stalls of this process's loop.
// Flags: --hours N (10), --stream N seconds (20; 0 leaves it out), --tags N of the stream (10,000).

const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const HOURS = flag('hours', 10);
const STREAM_S = flag('stream', 20);
const STREAM_TAGS = flag('tags', 10_000);
const TAGS = 20;
const PIXELS = 1_500;
const PERIOD = 100_000;
const PER_TAG = HOURS * 36_000;
const START = Math.floor(Date.now() / 3_600_000) * 3_600_000_000 - HOURS * 3_600_000_000;
const signal = new AbortController().signal;

const source = (file: string): URL => new URL(import.meta.resolve(`#engine/historian/${file}`));
const workers: WorkerUrls = {
  'historian-writer': source('writer-worker.ts'),
  'historian-reader': source('reader-worker.ts'),
  exporter: source('reader-worker.ts'),
};
const deps = { clock: systemClock(), log: createLogger((line) => console.log(line.level, line.text)), workers };

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

/** What plants send, in equal parts: a reading with noise, a counter, a bit, a float32 sine, a set point. */
function plantValue(tag: number, index: number): number {
  switch (tag % 5) {
    case 0:
      return Math.round((50 + 40 * Math.sin(index / 3_000 + tag) + random()) * 100) / 100;
    case 1:
      return index;
    case 2:
      return (index >> 7) & 1;
    case 3:
      return Math.fround(20 * Math.sin(index / 700 + tag) + random() * 0.01);
    default:
      return Math.floor(index / 1_800) * 2.5;
  }
}

const registrations = (count: number, periodMs: number) =>
  Array.from({ length: count }, (_, index) => ({
    index,
    id: `tag-${index}`,
    name: `Tag ${index}`,
    description: '',
    connection: 'Bench',
    device: 'Bench',
    address: `${index}`,
    periodMs,
    timeKind: 'receive' as const,
    demo: false,
    decimals: null,
    range: null,
    recipe: PLAIN_RECIPE,
  }));

function emptyBlock(length: number): SampleBlock {
  return {
    length,
    tag: new Uint32Array(length),
    time: new Float64Array(length),
    value: new Float64Array(length),
    quality: new Uint16Array(length),
    received: null,
  };
}

/** Samples of all tags, `polls` polls from `from` on; `copy` is what the rows get, since the store takes the block. */
function plantBlock(from: number, polls: number): SampleBlock {
  const block = emptyBlock(polls * TAGS);
  let at = 0;
  for (let poll = 0; poll < polls; poll++) {
    for (let tag = 0; tag < TAGS; tag++) {
      block.tag[at] = tag;
      block.time[at] = START + (from + poll) * PERIOD;
      block.value[at++] = plantValue(tag, from + poll);
    }
  }
  return block;
}

const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;

async function timed<T>(
  rounds: number,
  work: () => T | Promise<T>,
): Promise<{ first: number; p50: number; p95: number; result: T }> {
  const times: number[] = [];
  let result: T | undefined;
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    result = await work();
    times.push(performance.now() - started);
  }
  const warm = times.slice(1);
  return { first: times[0]!, p50: percentile(warm, 0.5), p95: percentile(warm, 0.95), result: result as T };
}

const rows: Record<string, string | number>[] = [];
const report = (measure: string, ours: string, sqliteRows: string, ratio: number): void => {
  rows.push({
    measure,
    historian: ours,
    'SQLite rows': sqliteRows,
    ratio: Number.isNaN(ratio) ? '' : `${ratio.toFixed(1)}x`,
  });
};
const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

/** One after the other, since the historian writes in a thread of its own while this one would write rows. */
async function writeBoth(store: SampleStore, table: ReturnType<typeof openDatabase>): Promise<void> {
  const POLLS = 500;
  const eachBlock = function* (): Generator<SampleBlock> {
    seed = 1;
    for (let from = 0; from < PER_TAG; from += POLLS) yield plantBlock(from, Math.min(POLLS, PER_TAG - from));
  };
  let made = 0;
  let started = performance.now();
  for (const block of eachBlock()) if (block.length > 0) made = performance.now() - started;

  started = performance.now();
  let last: Promise<void> = Promise.resolve();
  for (const block of eachBlock()) {
    last = store.append(block);
    if (store.status().backlog > 500_000) await last;
  }
  await last;
  const ours = performance.now() - started;

  const insert = table.prepare('INSERT INTO samples VALUES (?, ?, ?, ?)');
  started = performance.now();
  for (const block of eachBlock()) {
    table.exec('BEGIN');
    for (let i = 0; i < block.length; i++) insert.run(block.tag[i], block.time[i], block.value[i], block.quality[i]);
    table.exec('COMMIT');
  }
  const theirs = performance.now() - started - made;
  const samples = PER_TAG * TAGS;
  const rate = (took: number): string => `${(samples / took / 1_000).toFixed(2)} M/s`;
  report('durable ingest, blocks of 10,000 (rows: a commit each)', rate(ours), rate(theirs), theirs / ours);
}

/** The same question to rows: least, greatest and mean of each bucket of each tag. */
function overviewOfRows(table: ReturnType<typeof openDatabase>, range: TimeRange, width: number) {
  const ask = table
    .prepare<[number, number, number, number], [number, number, number, number]>(
      `SELECT CAST(time / ? AS INTEGER) AS bucket, min(value), max(value), avg(value) FROM samples
       WHERE tag = ? AND time >= ? AND time < ? GROUP BY bucket`,
    )
    .raw();
  return Array.from({ length: TAGS }, (_, tag) => ask.all(width, tag, range.from, range.to));
}

function agree(series: readonly Series[], theirs: readonly (readonly number[])[][], width: number): void {
  for (const [tag, one] of series.entries()) {
    const { min, max } = one.envelope ?? { min: one.value, max: one.value };
    const points = new Map([...one.time].map((time, i) => [Math.floor(time / width), i]));
    for (const [bucket, least, most] of theirs[tag]!) {
      const at = points.get(bucket!);
      if (at === undefined || min[at] !== least || max[at] !== most) {
        throw new Error(`tag ${tag}, bucket ${bucket}: not the same answer`);
      }
    }
  }
}

async function questions(folder: string): Promise<void> {
  const { store } = await openStore({ path: join(folder, 'history.parx') }, deps);
  store.register(registrations(TAGS, 100));
  const table = openDatabase(join(folder, 'rows.db'));
  table.exec(
    'CREATE TABLE samples (tag INTEGER, time INTEGER, value REAL, quality INTEGER, PRIMARY KEY (tag, time)) WITHOUT ROWID',
  );
  await writeBoth(store, table);

  const ids = Array.from({ length: TAGS }, (_, tag) => `tag-${tag}`);
  const width = bucketWidth(START, START + PER_TAG * PERIOD, PIXELS);
  // From bucket to bucket, so that both are asked for exactly the same.
  const whole = { from: Math.floor(START / width) * width, to: Math.ceil((START + PER_TAG * PERIOD) / width) * width };
  const far = await timed(20, () => store.view(ids, whole, PIXELS, signal));
  const wide = bucketWidth(whole.from, whole.to, PIXELS);
  const farRows = await timed(3, () => overviewOfRows(table, whole, wide));
  agree(far.result, farRows.result, wide);
  report(
    `overview, ${TAGS} tags x ${HOURS} h, ${PIXELS} pixels, first`,
    ms(far.first),
    ms(farRows.first),
    farRows.first / far.first,
  );
  report('the same, median of the next', ms(far.p50), ms(farRows.p50), farRows.p50 / far.p50);
  report('the same, p95', ms(far.p95), ms(farRows.p95), farRows.p95 / far.p95);
  const bytes = far.result.reduce((sum, one) => sum + one.time.length * (8 + 8 + 2 + 16), 0);
  report('column bytes of the overview', `${(bytes / 1_024).toFixed(0)} KiB`, '', Number.NaN);

  for (const [name, span] of [
    ['a minute', 60_000_000],
    ['ten minutes', 600_000_000],
    ['an hour', 3_600_000_000],
  ] as const) {
    const from = START + Math.floor(PER_TAG / 2) * PERIOD;
    const range = { from, to: from + span };
    const near = await timed(20, () => store.view(ids, range, PIXELS, signal));
    const raw = table
      .prepare<[number, number, number], [number, number, number]>(
        'SELECT time, value, quality FROM samples WHERE tag = ? AND time >= ? AND time < ? ORDER BY time',
      )
      .raw();
    const merged = near.result[0]!.envelope !== null;
    const nearRows = await timed(5, () =>
      merged
        ? overviewOfRows(table, range, bucketWidth(range.from, range.to, PIXELS))
        : ids.map((_, tag) => raw.all(tag, range.from, range.to)),
    );
    report(
      `${name} of ${TAGS} tags, ${merged ? 'merged' : 'raw'}, median`,
      ms(near.p50),
      ms(nearRows.p50),
      nearRows.p50 / near.p50,
    );
  }
  const started = performance.now();
  await store.close();
  const closing = performance.now() - started;
  table.pragma('wal_checkpoint(TRUNCATE)');
  table.close();
  const perSample = (file: string): number => statSync(join(folder, file)).size / (PER_TAG * TAGS);
  const [oursBytes, theirsBytes] = [perSample('history.parx'), perSample('rows.db')];
  report('bytes a sample, all included', oursBytes.toFixed(2), theirsBytes.toFixed(2), theirsBytes / oursBytes);
  report('closing into one file', ms(closing), '', Number.NaN);
}

async function stream(folder: string): Promise<void> {
  const { store } = await openStore({ path: join(folder, 'stream.parx') }, deps);
  store.register(registrations(STREAM_TAGS, 100));
  const RATE = 100_000;
  const TICK_MS = 20;
  const perTick = (RATE * TICK_MS) / 1_000;
  const waits: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let sent = 0;
  let failed = 0;
  let most = 0;
  const started = performance.now();
  delay.enable();
  const usage = process.cpuUsage();
  while (performance.now() - started < STREAM_S * 1_000) {
    while (sent < ((performance.now() - started) / 1_000) * RATE) {
      const block = emptyBlock(perTick);
      const now = Date.now() * 1_000;
      for (let i = 0; i < perTick; i++) {
        const number = sent + i;
        block.tag[i] = number % STREAM_TAGS;
        block.time[i] = now;
        block.value[i] = plantValue(number % 5, Math.floor(number / STREAM_TAGS));
      }
      sent += perTick;
      const asked = performance.now();
      store.append(block).then(
        () => waits.push(performance.now() - asked),
        () => failed++,
      );
    }
    most = Math.max(most, process.memoryUsage().rss);
    await wait(TICK_MS);
  }
  delay.disable();
  const cpu = process.cpuUsage(usage);
  while (store.status().backlog > 0) await wait(20);
  const seconds = STREAM_S;
  console.log(
    `\nStream of ${RATE.toLocaleString('en')} samples/s, ${STREAM_TAGS.toLocaleString('en')} tags, ${seconds} s:`,
  );
  console.table([
    { measure: 'samples sent, lost', value: `${sent}, ${failed + store.status().dropped}` },
    {
      measure: 'append to durable p50, p99, most',
      value: [0.5, 0.99, 1].map((part) => ms(percentile(waits, part))).join(', '),
    },
    { measure: 'stalls of this loop p99, most', value: `${ms(delay.percentile(99) / 1e6)}, ${ms(delay.max / 1e6)}` },
    {
      measure: 'processor, all threads',
      value: `${(((cpu.user + cpu.system) / 1e6 / seconds) * 100).toFixed(0)} % of a core`,
    },
    { measure: 'memory, most', value: `${(most / 2 ** 20).toFixed(0)} MiB` },
  ]);
  await store.close();
}

const folder = mkdtempSync(join(tmpdir(), 'parx-history-'));
try {
  console.log(`Calibration loop ${calibrate().toFixed(0)} ms.`);
  await questions(folder);
  console.table(rows);
  if (STREAM_S > 0) await stream(folder);
  console.log(`Calibration loop ${calibrate().toFixed(0)} ms.`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
