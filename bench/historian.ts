// The historian beside its peers: the reference mix of `historian/mix.ts` into each, the same questions to each, answers
// compared with what the generator knows, and the figures beside the floors and goals that the historian is held to.
//
//   npm run bench -- historian --quick                10 tags x 1 h, our store, rows, DuckDB, Parquet
//   npm run bench -- historian                        100 tags x 10 h, 36 million samples, and what is installed
//   node_modules/.bin/node bench/historian.ts ...     the same without a build: it bundles what it measures itself
//
//   --only a,b    of: streaming, steady, bulk (with size), queries (with growth), cold, memory, restart
//   --who a,b     contestants, e.g. `--who parx,rows`
//   --tags N --hours N    another size; --window H: hours of a tag per block in bulk (1; small: as samples come live)
//   --many        memory and restart with 10,000 tags in quick mode too
//   --long        also 100 tags x 100 h of our store: growth of the overview, ingest at 100 h
//   --data DIR    keep the data there, and take the peers' from an earlier run
//   --profile DIR write V8 profiles of every thread of our store's measures there (slower; open them in DevTools)
//
// Every measure is a process of its own; `cal` is a loop that has nothing to do with the program, run in each of them
// just before: compare figures only where it is about the same. Exit code 1 when an answer is wrong.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './historian/bundle.ts';
import { type ContestantId, contestantIds, loadContestant } from './historian/contestants.ts';
import { floors, goals, verdicts } from './historian/floors.ts';
import { type JobName, type Jobs, run } from './historian/jobs.ts';
import { type Cold, type Loaded, QUESTIONS, type Question } from './historian/measures.ts';
import { entropyFloor, KINDS, PER_HOUR, type Size } from './historian/mix.ts';
import { canDropCache, diskBound, percentile } from './historian/system.ts';
import { differences, truthOf } from './historian/truth.ts';

const MEASURES = ['streaming', 'steady', 'bulk', 'queries', 'cold', 'memory', 'restart'];

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: MEASURES.join(',') },
    who: { type: 'string', default: '' },
    tags: { type: 'string' },
    hours: { type: 'string' },
    window: { type: 'string', default: '1' },
    many: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    data: { type: 'string' },
    profile: { type: 'string' },
  },
});

const quick = flags.quick;
const QUICK: readonly ContestantId[] = ['parx', 'rows', 'duckdb', 'parquet', 'parquet-tuned'];
const only = listOf(flags.only, MEASURES);
const who = flags.who === '' ? (quick ? QUICK : contestantIds) : listOf(flags.who, contestantIds);
const number = (given: string | undefined, fallback: number): number => {
  const value = given === undefined ? fallback : Number(given);
  if (!(value > 0)) throw new Error(`"${given}" is not a number above zero.`);
  return value;
};
const size: Size = {
  tags: number(flags.tags, quick ? 10 : 100),
  perTag: Math.round(number(flags.hours, quick ? 1 : 10) * PER_HOUR),
};
const window = Math.max(1, Math.round(number(flags.window, 1) * PER_HOUR));

function listOf<T extends string>(given: string, known: readonly T[]): readonly T[] {
  return given.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new Error(`There is no "${name}"; there are: ${known.join(', ')}.`);
    return found;
  });
}

const titles = new Map<ContestantId, string>();
const figures = new Map<string, Map<ContestantId, number>>();
const formats = new Map<string, (value: number) => string>();
const calibrations: number[] = [];
const calibrationOf = new Map<string, number>();
const notes: string[] = [];
let wrong = 0;

const as = {
  ms: (value: number): string => `${value < 1 ? value.toFixed(3) : value.toFixed(value < 10 ? 2 : 1)} ms`,
  rate: (value: number): string =>
    value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${(value / 1e3).toFixed(1)} k/s`,
  bytes: (value: number): string =>
    value < 1e6 ? `${(value / 1_024).toFixed(1)} KiB` : `${(value / 2 ** 20).toFixed(0)} MiB`,
  fixed:
    (digits: number, unit = '') =>
    (value: number) =>
      `${value.toFixed(digits)}${unit}`,
};

function note(
  measure: string,
  id: ContestantId,
  value: number,
  format: (value: number) => string,
  calibration?: number,
): void {
  const row = figures.get(measure) ?? new Map<ContestantId, number>();
  row.set(id, value);
  figures.set(measure, row);
  formats.set(measure, format);
  if (id === 'parx' && calibration !== undefined) calibrationOf.set(measure, calibration);
}

const folder = flags.data === undefined ? mkdtempSync(join(tmpdir(), 'parx-historian-')) : resolve(flags.data);
mkdirSync(folder, { recursive: true });
// A server that runs as a user of its own must come to its data.
chmodSync(folder, 0o711);
const code = await bundle();
let scratches = 0;
const scratch = (): string => join(folder, `scratch-${process.pid}-${scratches++}`);

/** A job with a line of progress; its calibration is kept. */
async function job<Name extends JobName>(name: Name, ask: Jobs[Name]['ask'], about: string) {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${about} ...\n`);
  const isOurs = !('who' in ask) || ask.who === 'parx';
  const done = await run(name, ask, code, isOurs && flags.profile !== undefined ? resolve(flags.profile) : null);
  calibrations.push(done.calibrationMs);
  return done;
}

const sizeName = ({ tags, perTag }: Size): string => `${tags} tags x ${Number((perTag / PER_HOUR).toFixed(2))} h`;

/** Where a contestant's data of this size lies, made when it is not there. */
async function dataOf(id: ContestantId, of: Size): Promise<{ path: string; loaded: Loaded; calibrationMs?: number }> {
  const path = join(folder, `${id}-${of.tags}x${of.perTag}-${window}`);
  const made = `${path}.json`;
  // Our own store changes from run to run: its data is made anew by every run.
  const stamp = id === 'parx' ? process.pid : 0;
  if (existsSync(made)) {
    const kept = JSON.parse(readFileSync(made, 'utf8')) as { stamp: number; loaded: Loaded };
    if (kept.stamp === stamp) return { path, loaded: kept.loaded };
  }
  rmSync(path, { recursive: true, force: true });
  const { answer: loaded, calibrationMs } = await job(
    'load',
    { who: id, folder: path, size: of, window },
    `${titles.get(id)}: ${sizeName(of)} in bulk`,
  );
  writeFileSync(made, JSON.stringify({ stamp, loaded }));
  return { path, loaded, calibrationMs };
}

async function streaming(id: ContestantId): Promise<void> {
  const commits = quick ? 400 : 3_600;
  const { answer, calibrationMs } = await job(
    'stream',
    { who: id, folder: scratch(), commits },
    `${titles.get(id)}: commits`,
  );
  note('stream', id, answer.perSecond, as.rate, calibrationMs);
  note('commit p50', id, answer.p50, as.ms, calibrationMs);
  note('commit p99', id, answer.p99, as.ms, calibrationMs);
}

async function steady(id: ContestantId): Promise<void> {
  const { answer, calibrationMs } = await job(
    'steady',
    { who: id, folder: scratch(), seconds: quick ? 3 : 15 },
    `${titles.get(id)}: 10,000 samples/s`,
  );
  note('10,000 samples/s', id, answer, as.fixed(1, ' % core'), calibrationMs);
}

async function bulk(id: ContestantId): Promise<void> {
  const { loaded, calibrationMs } = await dataOf(id, size);
  const samples = size.tags * size.perTag;
  note('bulk per CPU second', id, samples / loaded.cpuSeconds, as.rate, calibrationMs);
  note('bulk per second', id, samples / loaded.seconds, as.rate, calibrationMs);
  note('bytes a sample', id, loaded.bytes / samples, as.fixed(3, ' B'));
  for (const [part, bytes] of Object.entries(loaded.parts)) {
    note(`of these, ${part}`, id, bytes / samples, as.fixed(3, ' B'));
    if (part === 'pyramid') note('pyramid, part of the bytes', id, (bytes / loaded.bytes) * 100, as.fixed(1, ' %'));
  }
}

let truth: ReturnType<typeof truthOf> | undefined;

async function queries(id: ContestantId): Promise<void> {
  const { path } = await dataOf(id, size);
  const ask = { who: id, folder: path, size, budgetMs: quick ? 250 : 2_000 };
  const { answer, calibrationMs } = await job('ask', ask, `${titles.get(id)}: questions, warm`);
  truth ??= truthOf(size);
  for (const difference of differences(answer.answers, truth)) {
    wrong++;
    notes.push(`WRONG ANSWER of ${titles.get(id)}: ${difference}`);
  }
  for (const question of QUESTIONS) {
    note(`${question} p50`, id, answer.times[question].p50, as.ms, calibrationMs);
    note(`${question} p95`, id, answer.times[question].p95, as.ms, calibrationMs);
  }
}

async function cold(id: ContestantId): Promise<void> {
  const { path } = await dataOf(id, size);
  const rounds: Record<Question, Cold>[] = [];
  let calibrationMs: number | undefined;
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const done = await job('cold', { who: id, folder: path, size }, `${titles.get(id)}: questions, cold`);
    rounds.push(done.answer);
    calibrationMs ??= done.calibrationMs;
  }
  const middle = (of: (answer: Record<Question, Cold>) => number): number => percentile(rounds.map(of), 0.5);
  for (const question of QUESTIONS) {
    const ms = middle((answer) => answer[question].ms);
    note(`${question} cold`, id, ms, as.ms, calibrationMs);
    const bytes = middle((answer) => answer[question].bytes ?? Number.NaN);
    if (!Number.isNaN(bytes)) note(`${question} cold, bytes read`, id, bytes, as.bytes);
  }
}

/** The overview of 1,024 buckets at several lengths of the same tags, of our store alone. */
async function growth(): Promise<void> {
  const hours = [1, 10, ...(flags.long ? [100] : [])];
  const p50 = new Map<number, number>();
  const rate = new Map<number, number>();
  for (const each of hours) {
    // The mix has the same samples in any number of tags: more of them would only take longer to load.
    const of = { tags: Math.min(size.tags, 100), perTag: each * PER_HOUR };
    const { path, loaded } = await dataOf('parx', of);
    const ask = { who: 'parx' as const, folder: path, size: of, budgetMs: quick ? 250 : 2_000 };
    const { answer, calibrationMs } = await job('ask', ask, `ParX: overview at ${each} h`);
    p50.set(each, answer.growth.p50);
    rate.set(each, (of.tags * of.perTag) / loaded.cpuSeconds);
    note(`overview at ${each} h`, 'parx', answer.growth.p50, as.ms, calibrationMs);
    // Start-up costs as much as a small data set: the longer ones say what the store needs.
    note(`bulk per CPU second at ${each} h`, 'parx', rate.get(each)!, as.rate);
    note(`bytes a sample at ${each} h`, 'parx', loaded.bytes / (of.tags * of.perTag), as.fixed(3, ' B'));
  }
  const ratio = (name: string, of: ReadonlyMap<number, number>, far: number, near: number): void => {
    if (of.has(far)) note(`${name} at ${far} h : ${near} h`, 'parx', of.get(far)! / of.get(near)!, as.fixed(2, 'x'));
  };
  ratio('overview', p50, 10, 1);
  ratio('overview', p50, 100, 10);
  ratio('overview', p50, 100, 1);
  ratio('ingest', rate, 100, 1);
}

async function memory(): Promise<void> {
  const many = !quick || flags.many;
  for (const [tags, perTag] of [[100, 18_000], ...(many ? [[10_000, 2_000] as const] : [])] as const) {
    const { answer, calibrationMs } = await job(
      'memory',
      { folder: scratch(), tags, perTag },
      `ParX: memory, ${tags} tags`,
    );
    note(`memory, ${tags} tags`, 'parx', answer.peak, as.bytes, calibrationMs);
    note(`memory, ${tags} tags, settled`, 'parx', answer.settled, as.bytes, calibrationMs);
    note(`memory, before the store`, 'parx', answer.bare, as.bytes, calibrationMs);
  }
}

async function restart(): Promise<void> {
  const tags = !quick || flags.many ? 10_000 : 100;
  const path = scratch();
  await job('fill', { folder: path, tags, perTag: 300 }, `ParX: ${tags} tags until it is killed`);
  const { answer, calibrationMs } = await job('restart', { folder: path }, 'ParX: start after the kill');
  if (answer.values !== tags) {
    wrong++;
    notes.push(`WRONG ANSWER of ParX: last values of ${answer.values} instead of ${tags} tags after a kill`);
  }
  note(`restart, ${tags} tags`, 'parx', answer.readyMs, as.ms, calibrationMs);
}

function print(present: readonly ContestantId[]): void {
  const best = (row: ReadonlyMap<ContestantId, number>, id: ContestantId): string => {
    const [own, mine] = [row.get(id), row.get('parx')];
    return id === 'parx' || own === undefined || mine === undefined ? '' : ` (${ratioText(own / mine)})`;
  };
  const lines = [['measure', ...present.map((id) => titles.get(id)!), 'floor', 'goal', 'cal']];
  for (const [measure, row] of figures) {
    const cells = present.map((id) => {
      const value = row.get(id);
      return value === undefined ? '' : `${formats.get(measure)!(value)}${best(row, id)}`;
    });
    const cal = calibrationOf.get(measure);
    lines.push([
      measure,
      ...cells,
      verdicts(floors, measure, figures),
      verdicts(goals, measure, figures),
      cal === undefined ? '' : cal.toFixed(0),
    ]);
  }
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}

const ratioText = (ratio: number): string => `${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)}x`;

async function main(): Promise<void> {
  const floor = entropyFloor();
  console.log(
    `Reference mix: floor ${floor.bytes.toFixed(3)} B a sample; bits of ${['jitter', ...KINDS].map((kind, i) => `${kind} ${(i === 0 ? floor.jitter : floor.value[i - 1]!).toFixed(2)}`).join(', ')}.`,
  );
  console.log(`${sizeName(size)}, ${(size.tags * size.perTag).toLocaleString('en')} samples.`);
  const present: ContestantId[] = [];
  for (const id of who) {
    const contestant = await loadContestant(id);
    titles.set(id, contestant.title);
    const missing = contestant.missing();
    if (missing === null) present.push(id);
    else console.log(`${contestant.title} is left out: ${missing}`);
  }
  const streams = new Map(
    await Promise.all(present.map(async (id) => [id, (await loadContestant(id)).stream !== null] as const)),
  );
  const each = async (measure: string, work: (id: ContestantId) => Promise<void>, streaming = false): Promise<void> => {
    if (!only.includes(measure)) return;
    for (const id of present) if (!streaming || streams.get(id) === true) await work(id);
  };
  if (only.includes('streaming')) {
    const bytes = 1_000 * (4 + 8 + 8);
    const { growing, preallocated } = diskBound(folder, bytes, quick ? 200 : 1_000);
    notes.push(
      `Disk alone, ${bytes} bytes written and synced: ${as.ms(growing)} into a growing file (${as.rate(1e6 / growing)}), ${as.ms(preallocated)} into a preallocated one (${as.rate(1e6 / preallocated)}).`,
    );
  }
  await each('streaming', streaming, true);
  await each('steady', steady, true);
  await each('bulk', bulk);
  await each('queries', queries);
  if (only.includes('queries') && present.includes('parx')) await growth();
  if (only.includes('cold')) {
    notes.push(
      canDropCache(folder)
        ? 'Cold: file opened anew, the page cache emptied of its files just before (dd nocache).'
        : 'Cold: file opened anew, but the page cache could not be emptied here.',
    );
  }
  await each('cold', cold);
  if (only.includes('memory') && present.includes('parx')) await memory();
  if (only.includes('restart') && present.includes('parx')) await restart();
  print(present);
  console.log('In brackets: as many times the figure of ParX.');
  for (const line of notes) console.log(line);
  console.log(`Calibration loop ${as.ms(Math.min(...calibrations))} to ${as.ms(Math.max(...calibrations))}.`);
  process.exitCode = wrong > 0 ? 1 : 0;
}

try {
  await main();
} finally {
  if (flags.data === undefined) rmSync(folder, { recursive: true, force: true });
}
