import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openRecording, openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { EVER } from '#test/integration/historian/direct.ts';
import { expectRollups } from '#test/integration/historian/expect-rollups.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { workers } from './historian-workers.ts';

const ROUNDS = process.env.PARX_LONG === '1' ? 200 : 30;
/** A history that has grown over more kills than this only takes longer to read. */
const ROUNDS_PER_HISTORY = 20;
const TAGS = 5;
const MODES = ['writer', 'store', 'growing'] as const;
const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };

interface Life {
  /** Samples per tag that were acknowledged before the end. */
  readonly acknowledged: number;
  readonly storedUntil: number;
  readonly replayed: number;
  /** Samples per tag from the first that retention may have removed. */
  readonly pruned: number;
}

/** Runs the appending program and kills it after `ms`, counted from when it is open. */
async function liveAndDie(path: string, first: number, ms: number, mode: (typeof MODES)[number]): Promise<Life> {
  const child: ChildProcess = spawn(
    process.execPath,
    [fileURLToPath(new URL('./historian-kill-child.ts', import.meta.url)), path, String(first), String(TAGS), mode],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let acknowledged = first;
  let storedUntil = 0;
  let replayed = -1;
  let pruned = 0;
  let failure: string | null = null;
  const lines = createInterface({ input: child.stdout! });
  let onOpened: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    onOpened = resolve;
  });
  lines.on('line', (line) => {
    const [word, number, until] = line.split(' ');
    if (word === 'opened') {
      replayed = Number(number);
      onOpened();
    } else if (word === 'stored') {
      acknowledged = Number(number);
      storedUntil = Number(until);
    } else if (word === 'pruning') pruned = Number(number);
    else failure = line;
  });
  const gone = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await Promise.race([opened, gone]);
  await new Promise((resolve) => setTimeout(resolve, ms));
  child.kill('SIGKILL');
  await gone;
  expect(failure).toBeNull();
  expect(replayed, 'the program opened the history').toBeGreaterThanOrEqual(0);
  return { acknowledged, storedUntil, replayed, pruned };
}

describe('a history whose program is killed', () => {
  it(`holds everything that was acknowledged, once, after each of ${ROUNDS} kills`, async () => {
    let folder = '';
    let path = '';
    // Any spread does; a fixed one makes a failure repeatable as far as kills are.
    let seed = 12_345;
    const random = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32;
    };
    let first = 0;
    let acknowledged: { readonly from: number; readonly to: number }[] = [];
    let pruned = 0;
    let rows = 0;
    for (let round = 0; round < ROUNDS; round++) {
      if (round % ROUNDS_PER_HISTORY === 0) {
        folder = temporaryDirectory();
        path = join(folder, 'history.parx');
        first = 0;
        acknowledged = [];
        pruned = 0;
      }
      const life = await liveAndDie(path, first, 20 + random() * 500, MODES[round % MODES.length]!);
      const { store, recovery } = await openStore({ path }, deps);
      acknowledged.push({ from: first, to: life.acknowledged });
      pruned = Math.max(pruned, life.pruned);
      const bounds = await store.bounds(new AbortController().signal);
      for (let tag = 0; tag < TAGS; tag++) {
        const have: number[] = [];
        for await (const block of store.raw([`tag-${tag}`], EVER, new AbortController().signal)) {
          for (const series of block) for (const value of series.value) have.push(value);
        }
        const values = new Set(have);
        expect(values.size, 'nothing twice').toBe(have.length);
        let lost = 0;
        for (const { from, to } of acknowledged)
          for (let number = Math.max(from, pruned); number < to; number++) if (!values.has(number)) lost++;
        expect(lost, `samples of tag ${tag} acknowledged and not found in round ${round}`).toBe(0);
        // A part of a block that was not acknowledged may be there; the next life counts on behind it.
        first = Math.max(first, (have.at(-1) ?? -1) + 1);
      }
      if (life.storedUntil > 0) expect(bounds!.to).toBeGreaterThanOrEqual(life.storedUntil);
      expect(recovery.clean).toBe(false);
      expect(recovery.sentences.join(' ')).toMatch(/was not closed properly/);
      // On a busy machine a program is killed before anything of it is on the disk.
      expect(store.status().storedUntil).toBe(bounds?.to ?? null);
      await store.close();
      expect(readdirSync(folder)).toEqual(['history.parx']);
      rows += expectRollups(path);
    }
    expect(rows).toBeGreaterThan(ROUNDS);
    const closed = await openRecording(path, deps);
    expect(closed.info.damage).toEqual([]);
    expect(closed.info.samples).toBeLessThanOrEqual(first * TAGS);
    const sum = acknowledged.reduce((all, { from, to }) => all + Math.max(0, to - Math.max(from, pruned)), 0);
    expect(closed.info.samples).toBeGreaterThanOrEqual(sum * TAGS);
    await closed.close();
  }, 600_000);
});
