import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRecording, openStore } from '#engine/historian/index.ts';
import { type RetentionDeps, type RetentionLimits, startRetention } from '#engine/historian/retain.ts';
import { createAlerts, createLogger, systemClock } from '#engine/platform/index.ts';
import { createRecordingFiles } from '#engine/recording/index.ts';
import { createParquetArchive, keepNewestRecordings } from '#engine/wiring.ts';
import { PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';
import { parquetGroups, readParquet } from '#test/contracts/read-parquet.ts';
import { sourceWorkers } from '#test/support/engine.ts';
import { createFakeClock, FAKE_START } from '#test/support/fake-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { writeRecording } from '#test/support/written-recording.ts';
import { blockOf, EVER, registration } from './direct.ts';

const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
const log = createLogger(() => undefined);
const never = new AbortController().signal;

describe('retention', () => {
  /** What a minute's round does with a history that ends now and began so many days ago. */
  async function round(limits: RetentionLimits, part: Partial<RetentionDeps> & { readonly days: number }) {
    const clock = createFakeClock();
    const done: string[] = [];
    const since = (time: number): string => `${(FAKE_START + 60_000_000 - time) / HOUR} h`;
    const retention = startRetention(limits, {
      clock,
      bounds: async () => ({ from: FAKE_START - part.days * DAY, to: FAKE_START + 60_000_000 }),
      pinned: () => Number.POSITIVE_INFINITY,
      freeBytes: async () => 1e12,
      surplusBefore: async () => null,
      prune: async (before) => done.push(`prune ${since(before)}`),
      giveBack: async () => 0,
      archive: null,
      onTrouble: (sentence) => done.push(String(sentence)),
      ...part,
      ...(part.archive === undefined || part.archive === null
        ? {}
        : {
            archive: async (range, signal) => {
              await part.archive?.(range, signal);
              done.push(`archive ${since(range.from)} to ${since(range.to)}`);
            },
          }),
    });
    await clock.advance(60_000);
    retention[Symbol.dispose]();
    expect(clock.pending).toBe(0);
    return done;
  }

  it('goes by age, size and free space, whichever asks for most', async () => {
    expect(await round({ maxAgeMs: 3 * 86_400_000 }, { days: 5 })).toEqual(['prune 72 h', 'null']);
    expect(await round({ maxAgeMs: 3 * 86_400_000 }, { days: 2 })).toEqual(['null']);
    const surplusBefore = async (most: number | null, spare: number) =>
      FAKE_START + 60_000_000 - (most === null ? (spare === 7e9 ? 30 : 0) : 50) * HOUR;
    expect(await round({ maxBytes: 1e9 }, { days: 5, surplusBefore })).toEqual(['prune 50 h', 'null']);
    const short = { days: 5, surplusBefore, freeBytes: async () => 3e9 };
    expect(await round({ maxAgeMs: 3 * 86_400_000, minFreeBytes: 10e9 }, short)).toEqual(['prune 30 h', 'null']);
    expect(await round({ minFreeBytes: 2e9 }, short)).toEqual(['null']);
  });

  it('gives free pages back before it removes for the disk, and never the newest day', async () => {
    const given = { days: 5, freeBytes: async () => 0, surplusBefore: async () => FAKE_START };
    expect(await round({ minFreeBytes: 1e9 }, { ...given, giveBack: async () => 4e6 })).toEqual(['null']);
    expect(await round({ minFreeBytes: 1e9 }, given)).toEqual(['prune 24 h', 'null']);
  });

  it('removes nothing from a pin on, archived or not', async () => {
    const pinned = (): number => FAKE_START + 60_000_000 - 100 * HOUR;
    const limits = { maxAgeMs: 3 * 86_400_000 };
    expect(await round(limits, { days: 5, pinned })).toEqual(['prune 100 h', 'null']);
    let pins = 0;
    // Pinned while the archive is written.
    const later = (): number => (pins++ === 0 ? Number.POSITIVE_INFINITY : pinned());
    const done = await round(limits, { days: 5, pinned: later, archive: async () => undefined });
    expect(done.at(-2)).toBe('prune 100 h');
  });

  it('archives in whole hours before it removes, and removes nothing where that fails', async () => {
    const limits = { maxAgeMs: 3.01 * 86_400_000 };
    const [archived, pruned] = await round(limits, { days: 5, archive: async () => undefined });
    expect(archived).toMatch(/^archive 120\.0\d+ h to 73\.0\d+ h$/);
    expect(pruned).toMatch(/^prune 73\.0\d+ h$/);
    const failing = async (): Promise<void> => {
      throw new Error('The disk with /archive is full.');
    };
    expect(await round(limits, { days: 5, archive: failing })).toEqual([
      'The history forgets nothing at present: The disk with /archive is full.',
    ]);
  });
});

describe('a history with an archive', () => {
  it('writes what it forgets as Parquet, each sample once, and keeps all while it cannot', async () => {
    const folder = temporaryDirectory();
    const archiveFolder = join(folder, 'archive');
    const alerts: (string | null)[] = [];
    const clock = createFakeClock();
    const archive = createParquetArchive(archiveFolder, {
      worker: sourceWorkers.exporter,
      memoryPath: join(folder, 'archive.json'),
      log,
    });
    const { store } = await openStore(
      {
        path: join(folder, 'history.parx'),
        flushMs: 20,
        maxAgeMs: 86_400_000,
        archive: archive.history,
        onRetentionTrouble: (sentence) => alerts.push(sentence),
      },
      { clock, log, workers: sourceWorkers },
    );
    store.register([
      registration(0, { ...PLAIN_RECIPE, unit: 'mm' }),
      registration(1, { ...PLAIN_RECIPE, form: 'text', type: 'string' }),
    ]);
    const word = store.intern('Runs');
    // Every three seconds, so that chunks are shorter than what is forgotten.
    const PERIOD = 3_000_000;
    const PER_HOUR = HOUR / PERIOD;
    const begin = FAKE_START - 2 * DAY;
    for (let from = 0; from < 48 * PER_HOUR; from += PER_HOUR) {
      const samples = Array.from({ length: PER_HOUR }, (_, i) => {
        const n = from + i;
        return { tag: 0, time: begin + n * PERIOD, value: n, quality: n === 7 ? QUALITY.badTimeout : 0 };
      });
      samples.push({ tag: 1, time: begin + from * PERIOD, value: word, quality: 0 });
      await store.append(blockOf(samples));
    }
    await store.copyRange(join(folder, 'sealed.parx'), 'x', EVER, [], () => undefined, never);
    const round = async (): Promise<void> => {
      const before = alerts.length;
      await clock.advance(60_000);
      await expect.poll(() => alerts.length, { timeout: 20_000 }).toBeGreaterThan(before);
    };
    const first = async (): Promise<number> => (await store.bounds(never))!.from;

    writeFileSync(archiveFolder, 'a file where the folder should be');
    await round();
    expect(alerts.at(-1)).toMatch(/^The history forgets nothing at present: /);
    expect(await first()).toBe(begin);
    rmSync(archiveFolder);

    const unpin = store.pin('recording', begin + 2 * HOUR);
    await round();
    expect(alerts.at(-1)).toBeNull();
    const files = (): string[] => readdirSync(archiveFolder).sort();
    expect(files()).toEqual(['history 2026-01-03 06-00-00.parquet']);
    expect((await parquetGroups(join(archiveFolder, files()[0]!))).rows).toBe(2 * PER_HOUR + 2);
    unpin[Symbol.dispose]();
    await round();
    expect(files()).toEqual(['history 2026-01-03 06-00-00.parquet', 'history 2026-01-03 08-00-00.parquet']);
    await round();
    expect(files()).toHaveLength(2);
    expect((await store.neighbours('tag-0', begin + HOUR, never)).before).toBeNull();

    const columns = ['time', 'tag', 'id', 'value', 'text', 'unit', 'quality'].map((name) => ({
      name,
      unit: null,
      type: name === 'time' ? ('time' as const) : name === 'value' ? ('number' as const) : ('text' as const),
    }));
    const rows: (readonly unknown[])[] = [];
    for (const name of files()) {
      const table = await readParquet(join(archiveFolder, name), columns);
      for (let i = 0; i < table.rows.length; i++) rows.push(table.rows[i]!);
    }
    const numbers = rows.filter((row) => row[2] === 'tag-0');
    expect(numbers.length).toBe(24 * PER_HOUR);
    expect(new Set(numbers.map((row) => row[0])).size).toBe(24 * PER_HOUR);
    expect(numbers[5]!.slice(1)).toEqual(['Tag 0', 'tag-0', 5, null, 'mm', 'Good']);
    expect(numbers[7]!.slice(3)).toEqual([Number.NaN, null, 'mm', 'Bad: no answer in time']);
    const texts = rows.filter((row) => row[2] === 'tag-1');
    expect(texts).toHaveLength(24);
    expect(texts[5]!.slice(3)).toEqual([Number.NaN, 'Runs', null, 'Good']);
    await store.close();
  }, 60_000);
});

describe('recordings above the count that is kept', () => {
  it('go from the oldest on, archived before, and never while one is open', async () => {
    const folder = temporaryDirectory();
    const directory = join(folder, 'recordings');
    mkdirSync(directory);
    const clock = createFakeClock();
    const alerts = createAlerts(clock);
    const open = (path: string) => openRecording(path, { clock: systemClock(), log, workers: sourceWorkers });
    for (const [i, name] of ['d', 'c', 'b', 'a'].entries()) {
      const path = join(directory, `${name}.parx`);
      await writeRecording(path, { tags: 2, polls: 50, from: FAKE_START, periodMs: 100 });
      utimesSync(path, 1_000 + i, 1_000 + i);
    }
    const files = createRecordingFiles({ directory, open, clock, log });
    const archiveFolder = join(folder, 'archive');
    const memoryPath = join(folder, 'archive.json');
    const archive = createParquetArchive(archiveFolder, { worker: sourceWorkers.exporter, memoryPath, log });
    await files.open({ id: 'c.parx', path: null });
    writeFileSync(archiveFolder, 'a file where the folder should be');
    const keeping = keepNewestRecordings(files, 1, { clock, alerts, archive, open });
    await clock.advance(60_000);
    await expect.poll(() => alerts.list().map(({ id }) => id), { timeout: 20_000 }).toEqual(['recordings-kept']);
    expect(readdirSync(directory).sort()).toEqual(['a.parx', 'b.parx', 'c.parx', 'd.parx']);

    rmSync(archiveFolder);
    await clock.advance(60_000);
    await expect.poll(() => readdirSync(directory).sort(), { timeout: 20_000 }).toEqual(['a.parx', 'c.parx']);
    expect(readdirSync(archiveFolder).sort()).toEqual(['b.parquet', 'd.parquet']);
    expect((await parquetGroups(join(archiveFolder, 'b.parquet'))).rows).toBe(100);
    await expect.poll(() => alerts.list()[0]?.cleared).not.toBeNull();
    await files.close('c.parx');
    await clock.advance(60_000);
    await expect.poll(() => readdirSync(directory), { timeout: 20_000 }).toEqual(['a.parx']);
    await keeping.close();
    await files.closeAll();
  }, 60_000);
});
