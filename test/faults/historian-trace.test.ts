import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { EVER, openDirect } from '#test/integration/historian/direct.ts';
import { needs, pathOf } from '#test/support/needs.ts';
import { suiteDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';
import { type FileEvent, readTrace, replayFolder, TRACED } from './system-trace.ts';

const BLOCKS = 90;
const TAGS = 3;
const POINTS = process.env.PARX_LONG === '1' ? 400 : 30;

describe.skipIf(needs('strace'))('the writes and syncs of a history, as the system saw them', () => {
  const place = suiteDirectory();
  let events: FileEvent[] = [];
  let acknowledged = 0;

  beforeAll(async () => {
    const data = join(place.path, 'data');
    mkdirSync(data);
    const child = spawn(
      pathOf('strace'),
      [
        ...['-ff', '-ttt', '-T', '-xx', '-s', '10000000', '-e', `trace=${TRACED}`, '-o', join(place.path, 'trace')],
        process.execPath,
        fileURLToPath(new URL('./historian-kill-child.ts', import.meta.url)),
        ...[join(data, 'history.parx'), '0', String(TAGS), 'writer', String(BLOCKS)],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
    );
    const gone = new Promise<void>((resolve) => child.on('close', () => resolve()));
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(/^stored (\d+)/.exec(line)?.[1] ?? acknowledged);
      if (acknowledged >= BLOCKS * 40) break;
    }
    // The tracer and the program make one group; both go.
    process.kill(-child.pid!, 'SIGKILL');
    await gone;
    events = readTrace(place.path, 'trace.', data);
  }, 120_000);

  it('has the whole run in the trace', () => {
    expect(acknowledged).toBe(BLOCKS * 40);
    expect(events.filter((event) => event.kind === 'said' && event.line.startsWith('stored')).length).toBeGreaterThan(
      5,
    );
    expect(
      events.some((event) => event.kind === 'rename'),
      'a log segment was used again',
    ).toBe(true);
    expect(
      events.some((event) => event.kind === 'write' && event.file.endsWith('-wal')),
      'chunks were committed',
    ).toBe(true);
  });

  /** Opens what the first `count` events leave on a disk and returns how many samples in a row each tag has. */
  async function inARow(
    count: number,
    keep: 'all' | ((index: number) => boolean),
    last: 'whole' | 'half',
  ): Promise<number> {
    const folder = replayFolder();
    events.slice(0, count).forEach((event, i) => {
      const half = last === 'half' && i === count - 1 && event.kind === 'write';
      folder.apply(half ? { ...event, bytes: event.bytes.subarray(0, event.bytes.length >> 1) } : event);
    });
    const to = temporaryDirectory();
    for (const [file, bytes] of folder.files(keep)) {
      // Shared memory is not part of what a disk holds.
      if (file.endsWith('-shm')) continue;
      writeFileSync(join(to, file), bytes);
    }
    const store = await openDirect(join(to, 'history.parx'));
    try {
      let least = Number.POSITIVE_INFINITY;
      for (let tag = 0; tag < TAGS; tag++) {
        const values = store.raw([`tag-${tag}`], EVER).flatMap((series) => [...series.value]);
        expect(new Set(values).size, 'nothing twice').toBe(values.length);
        const have = new Set(values);
        let row = 0;
        while (have.has(row)) row++;
        least = Math.min(least, row);
      }
      expect(store.warnings).toEqual([]);
      return least;
    } finally {
      await store.close();
    }
  }

  const acknowledgedBy = (count: number): number => {
    for (let i = count - 1; i >= 0; i--) {
      const event = events[i]!;
      if (event.kind === 'said' && event.line.startsWith('stored')) return Number(event.line.split(' ')[1]);
    }
    return 0;
  };
  /** Numbers from 0 to 1, the same in each run. */
  const spread = (seed: number): (() => number) => {
    let state = seed;
    return () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  };

  it('acknowledges only what a disk holds that has lost every write without a sync', async () => {
    const says = events.flatMap((event, i) => (event.kind === 'said' && event.line.startsWith('stored') ? [i] : []));
    const step = Math.max(1, Math.floor(says.length / POINTS));
    for (let i = 0; i < says.length; i += step) {
      const count = says[i]! + 1;
      expect(await inARow(count, () => false, 'whole')).toBeGreaterThanOrEqual(acknowledgedBy(count));
    }
  }, 120_000);

  it('opens after any number of its writes, also half of the last one, with everything acknowledged by then', async () => {
    const random = spread(7);
    for (let i = 0; i < POINTS; i++) {
      // A third of the points lies in the making of the file.
      const count = 1 + Math.floor(random() ** (i % 3 === 0 ? 4 : 1) * events.length);
      expect(await inARow(count, 'all', i % 2 === 0 ? 'half' : 'whole')).toBeGreaterThanOrEqual(acknowledgedBy(count));
    }
  }, 120_000);

  it('opens when any of the writes since the last sync are lost', async () => {
    const random = spread(99);
    for (let i = 0; i < POINTS; i++) {
      const count = 1 + Math.floor(random() ** (i % 3 === 0 ? 4 : 1) * events.length);
      expect(await inARow(count, () => random() < 0.5, 'whole')).toBeGreaterThanOrEqual(acknowledgedBy(count));
    }
  }, 120_000);
});
