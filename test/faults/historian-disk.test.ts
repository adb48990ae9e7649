import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { doFileWork } from '#engine/historian/file-work.ts';
import { type FileWork, openRecording, openStore, type SampleStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { blockOf, EVER, registration } from '#test/integration/historian/direct.ts';
import { expectRollups } from '#test/integration/historian/expect-rollups.ts';
import { needs } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { workers } from './historian-workers.ts';

const warnings: string[] = [];
const deps = {
  clock: systemClock(),
  log: createLogger((line) => {
    if (line.level === 'warn') warnings.push(line.text);
  }),
  workers,
};
const START = 1_700_000_000_000_000;
const never = new AbortController().signal;

/** Samples of one tag that do not compress: numbers from `from` on, mixed. */
const noise = (from: number, count: number) =>
  blockOf(
    Array.from({ length: count }, (_, i) => ({
      tag: 0,
      time: START + (from + i) * 1_000,
      value: Math.sin((from + i) * 12.9898) * 43_758.5453,
      quality: 0,
    })),
  );

async function count(store: SampleStore): Promise<number> {
  let samples = 0;
  for await (const part of store.raw(['tag-0'], EVER, never)) for (const { time } of part) samples += time.length;
  return samples;
}

describe.skipIf(needs('root'))('a history on a small disk', () => {
  let disk = '';
  beforeEach(() => {
    disk = join(temporaryDirectory(), 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'parx-test', disk]);
    return () => execFileSync('umount', ['-l', disk]);
  });
  afterEach(() => {
    warnings.length = 0;
  });
  const fill = (): void => {
    try {
      for (let i = 0; ; i++) writeFileSync(join(disk, `ballast-${i}`), new Uint8Array(64 << 10));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  };

  it('pauses in words when it is full, loses only what it counts, and goes on by itself when space returns', async () => {
    const path = join(disk, 'history.parx');
    const { store } = await openStore({ path, flushMs: 50, maxBacklog: 40_000 }, deps);
    store.register([registration(0)]);
    writeFileSync(join(disk, 'ballast'), new Uint8Array(8 << 20));
    let next = 0;
    let stored = 0;
    let refused = 0;
    const appends: Promise<void>[] = [];
    const send = (): void => {
      const size = 5_000;
      appends.push(
        store.append(noise(next, size)).then(
          () => void (stored += size),
          (error: { code?: string }) => {
            expect(error.code).toBe('store.disk-full');
            refused += size;
          },
        ),
      );
      next += size;
    };
    await expect
      .poll(
        () => {
          // Slowly at first, so that it is the disk that ends and not the queue.
          if (store.status().backlog < 20_000) send();
          return store.status().paused;
        },
        { timeout: 20_000, interval: 20 },
      )
      .toMatch(/^The disk with .* is full\. Free some space; writing resumes by itself\.$/);
    await expect
      .poll(
        () => {
          send();
          return refused;
        },
        { timeout: 20_000, interval: 20 },
      )
      .toBeGreaterThan(0);
    expect(store.status().backlog).toBeLessThanOrEqual(40_000);
    const until = store.status().storedUntil;

    rmSync(join(disk, 'ballast'));
    await expect.poll(() => store.status().paused, { timeout: 20_000 }).toBeNull();
    send();
    await Promise.all(appends);
    expect(stored + refused).toBe(next);
    expect(store.status().dropped).toBe(refused);
    expect(store.status().storedUntil).toBeGreaterThan(until!);
    expect(await count(store)).toBe(stored);
    const gaps = await store.gaps(EVER, never);
    expect(gaps[0]!.reason).toMatch(/is full/);
    expect(gaps.reduce((sum, gap) => sum + gap.range.to - gap.range.from, 0)).toBe(refused * 1_000 - 999 * gaps.length);
    await store.close();
    expect(readdirSync(disk)).toEqual(['history.parx']);
    const file = await openRecording(path, deps);
    expect(file.info).toMatchObject({ samples: stored, damage: [] });
    await file.close();
  }, 90_000);

  it('keeps what was acknowledged when the disk is full while chunks are sealed, and leaves no half copy', async () => {
    const path = join(disk, 'history.parx');
    const { store } = await openStore({ path, flushMs: 50 }, deps);
    store.register([registration(0)]);
    await store.append(noise(0, 100_000));
    // The log has its space already; the file has not.
    fill();
    const copy = store.copyRange(join(disk, 'copy.parx'), 'copy', EVER, [], () => undefined, never);
    await expect(copy).rejects.toMatchObject({ code: 'store.disk-full' });
    expect(readdirSync(disk).filter((name) => name.startsWith('copy'))).toEqual([]);
    expect(await count(store)).toBe(100_000);
    await expect(store.close()).rejects.toMatchObject({ code: 'store.disk-full' });

    for (const name of readdirSync(disk)) if (name.startsWith('ballast')) rmSync(join(disk, name));
    const { store: again, recovery } = await openStore({ path }, deps);
    expect(recovery.samplesReplayed).toBe(100_000);
    expect(await count(again)).toBe(100_000);
    await again.close();
    expect(readdirSync(disk)).toEqual(['history.parx']);
  }, 60_000);

  it('keeps all while retention finds no room, and removes with right rollups when space returns', async () => {
    const path = join(disk, 'history.parx');
    const { store } = await openStore({ path, flushMs: 50 }, deps);
    store.register([registration(0)]);
    for (let i = 0; i < 4; i++) await store.append(noise(i * 50_000, 50_000));
    // Into the file, so that there is something to remove.
    await store.copyRange(join(disk, 'copy.parx'), 'copy', EVER, [], () => undefined, never);
    rmSync(join(disk, 'copy.parx'));
    await store.append(noise(200_000, 100_000));
    fill();
    const half = START + 100_000 * 1_000;
    // What is not yet in the WAL's space finds none.
    await expect(store.prune(half)).rejects.toMatchObject({ code: 'store.disk-full' });
    expect(await count(store)).toBe(300_000);
    const picture = async (): Promise<number> => {
      const [series] = await store.view(['tag-0'], { from: START, to: START + 300_000 * 1_000 }, 200, never);
      return series!.time.length;
    };
    expect(await picture()).toBeGreaterThan(200);

    for (const name of readdirSync(disk)) if (name.startsWith('ballast')) rmSync(join(disk, name));
    await store.prune(half);
    const left = await count(store);
    // A chunk goes as a whole, and the last one before the time stays.
    expect(left).toBeGreaterThanOrEqual(200_000);
    expect(left).toBeLessThan(250_000);
    await store.close();
    expect(readdirSync(disk)).toEqual(['history.parx']);
    expect(expectRollups(path)).toBeGreaterThan(5);
    const file = await openRecording(path, deps);
    expect(file.info).toMatchObject({ samples: left, damage: [] });
    await file.close();
  }, 60_000);

  it('begins no work on recordings that it has no room for, and leaves nothing half when it fills meanwhile', async () => {
    const path = join(disk, 'history.parx');
    const { store } = await openStore({ path, flushMs: 50 }, deps);
    store.register([registration(0)]);
    for (let i = 0; i < 5; i++) await store.append(noise(i * 60_000, 60_000));
    await store.close();
    const { size } = statSync(path);
    expect(size).toBeGreaterThan(2 << 20);
    const before = readFileSync(path);
    const to = join(disk, 'result.parx');
    const works: FileWork[] = [
      { kind: 'repair', path, to, name: null },
      { kind: 'compact', path, to, name: null },
      { kind: 'merge', paths: [path, path], to, name: 'twice' },
      { kind: 'split', path, folder: disk, by: { kind: 'size', bytes: 1_000_000 } },
    ];
    for (const work of works) {
      const work1 = (onProgress: () => void) => doFileWork(work, { now: START, onProgress, check: () => undefined });
      let filled = false;
      const fill = (): void => {
        if (filled) return;
        filled = true;
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(join(disk, 'ballast'), new Uint8Array(Math.max(0, bavail * bsize - 200_000)));
      };
      expect(() => work1(fill), work.kind).toThrow(/^The disk with .* is full\./);
      expect(filled).toBe(true);
      expect(readdirSync(disk).sort(), work.kind).toEqual(['ballast', 'history.parx']);
      expect(() => work1(() => expect.fail('it has begun'))).toThrow(
        /takes up to \d+ MB, and its disk has \d+ MB left\./,
      );
      rmSync(join(disk, 'ballast'));
      expect(readFileSync(path).equals(before)).toBe(true);
    }
  }, 60_000);

  it('opens a recording from a medium that cannot be written, closed or left open', async () => {
    const path = join(disk, 'history.parx');
    const { store } = await openStore({ path }, deps);
    store.register([registration(0)]);
    await store.append(noise(0, 30_000));
    await store.copyRange(join(disk, 'closed.parx'), 'closed', EVER, [], () => undefined, never);
    // A copy of the running file alone, as someone would pull it off a stick.
    execFileSync('cp', [path, join(disk, 'pulled.parx')]);
    await store.close();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    for (const name of ['closed.parx', 'history.parx']) {
      const file = await openRecording(join(disk, name), deps);
      expect(file.info).toMatchObject({ samples: 30_000, damage: [] });
      const [series] = await file.view(['tag-0'], EVER, 100, never);
      expect(series!.time.length).toBeGreaterThan(0);
      await file.close();
    }
    const pulled = await openRecording(join(disk, 'pulled.parx'), deps).then(
      async (file) => {
        await file.close();
        return 'opened';
      },
      (error: { code: string }) => error.code,
    );
    expect(['opened', 'store.damaged']).toContain(pulled);
    await expect(openStore({ path }, deps)).rejects.toMatchObject({ code: 'store.read-only' });
  }, 60_000);
});
