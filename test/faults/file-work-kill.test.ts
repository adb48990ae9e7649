import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { doFileWork, type FileWork } from '#engine/historian/file-work.ts';
import { removeParts } from '#engine/historian/index.ts';
import { openDirect, registration } from '#test/integration/historian/direct.ts';
import { suiteDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';

const ROUNDS = process.env.PARX_LONG === '1' ? 15 : 3;
const START = 1_700_000_000_000_000;
const TAGS = 4;
const PER_TAG = 60_000;

/** Kills it as soon as it has said so often that it is under way; false where it was done before. */
async function killedAfter(work: FileWork, signs: number): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./file-work-child.ts', import.meta.url)), JSON.stringify(work)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let seen = 0;
  child.stdout.on('data', (data: Buffer) => {
    seen += data.length;
    if (seen >= signs) child.kill('SIGKILL');
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...how) => resolve(how)),
  );
  if (signal !== 'SIGKILL') expect(code).toBe(0);
  return signal === 'SIGKILL';
}

describe('work on recordings whose program is killed', () => {
  const place = suiteDirectory();
  const sources: string[] = [];
  beforeAll(async () => {
    for (const half of [0, 1]) {
      const path = join(place.path, `half-${half}.parx`);
      const store = await openDirect(path, { chunkSamples: 1_000 });
      store.writer.register(Array.from({ length: TAGS }, (_, i) => registration(i)));
      for (let from = 0; from < PER_TAG; from += 5_000) {
        store.append(
          Array.from({ length: 5_000 * TAGS }, (_, i) => ({
            tag: i % TAGS,
            // Every other sample is of the other half, so that they are merged one by one.
            time: START + (2 * (from + Math.floor(i / TAGS)) + half) * 1_000_000,
            value: Math.sin(i + from) * 1_000,
            quality: 0,
          })),
        );
        await store.writer.flush();
      }
      await store.close();
      sources.push(path);
    }
  }, 60_000);

  it.each(['repair', 'compact', 'split', 'merge'] as const)(
    '%s leaves its sources and nothing half',
    async (kind) => {
      const verify = (path: string) =>
        doFileWork({ kind: 'verify', path }, { now: START, onProgress: () => undefined, check: () => undefined });
      let kills = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const folder = temporaryDirectory();
        const paths = sources.map((_, i) => join(folder, `half-${i}.parx`));
        for (const [i, path] of paths.entries()) copyFileSync(sources[i]!, path);
        const sums = paths.map(sumOf);
        const path = paths[0]!;
        const to = join(folder, 'result.parx');
        const works = {
          repair: { kind: 'repair', path, to, name: null },
          compact: { kind: 'compact', path, to, name: null },
          merge: { kind: 'merge', paths, to, name: 'Both' },
          split: { kind: 'split', path, folder, by: { kind: 'days', zone: 'UTC' } },
        } as const satisfies Record<string, FileWork>;
        if (await killedAfter(works[kind], 1 + round * 18)) kills++;
        expect(paths.map(sumOf)).toEqual(sums);
        for (const name of readdirSync(folder)) {
          expect(name).toMatch(/\.parx(\.part(-journal)?)?$/);
          if (name.endsWith('.parx')) expect(verify(join(folder, name))).toMatchObject({ sound: true, sentences: [] });
        }
        removeParts(folder);
        expect(readdirSync(folder).every((name) => name.endsWith('.parx'))).toBe(true);
        // What was begun can be done again, where it was not done.
        if (!readdirSync(folder).some((name) => !/^half-\d\.parx$/.test(name))) {
          const done = doFileWork(works[kind], { now: START, onProgress: () => undefined, check: () => undefined });
          expect(done.samples).toBe(PER_TAG * TAGS * (kind === 'merge' ? 2 : 1));
        }
      }
      expect(kills).toBeGreaterThan(0);
    },
    120_000,
  );
});

const sumOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
