import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { openStore, workOnFiles } from '#engine/historian/index.ts';
import { createLogger, systemClock, type WorkerName } from '#engine/platform/index.ts';
import { sourceWorkers } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

/** A worker entry that runs the real one and ends its thread after a moment, the first time only. */
function dyingOnce(name: WorkerName, folder: string): URL {
  const path = join(folder, `${name}.mjs`);
  const mark = JSON.stringify(join(folder, 'died'));
  writeFileSync(
    path,
    `import { existsSync, writeFileSync } from 'node:fs';
     await import(${JSON.stringify(sourceWorkers[name].href)});
     if (!existsSync(${mark})) { writeFileSync(${mark}, ''); setTimeout(() => process.exit(1), 1_000); }`,
  );
  return pathToFileURL(path);
}

it('answers views while a reader is dead, and replaces it', async () => {
  const folder = temporaryDirectory();
  const lines: string[] = [];
  const { store } = await openStore(
    { path: join(folder, 'history.parx') },
    {
      clock: systemClock(),
      log: createLogger(({ text }) => lines.push(text)),
      workers: { ...sourceWorkers, 'historian-reader': dyingOnce('historian-reader', folder) },
    },
  );
  const tags = ['a', 'b', 'c', 'd', 'e', 'f'];
  const view = () => store.view(tags, { from: 0, to: 1_000 }, 100, new AbortController().signal);
  // The reader is there when it has answered.
  await expect(view()).resolves.toEqual([]);
  await wait(1_500);
  for (let round = 0; round < 4; round++) await expect(view()).resolves.toEqual([]);
  expect(lines).toContain('A reader of the history has stopped and is replaced.');
  await store.close();
});

it('ends the program when the writer is dead, so that the host starts it again', () => {
  const folder = temporaryDirectory();
  const script = join(folder, 'engine.mjs');
  const from = (path: string): string => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
  writeFileSync(
    script,
    `const { openStore } = await import(${from('engine/historian/index.ts')});
     const { createLogger, systemClock } = await import(${from('engine/platform/index.ts')});
     process.on('uncaughtException', () => process.exit(70));
     await openStore({ path: ${JSON.stringify(join(folder, 'history.parx'))} }, {
       clock: systemClock(), log: createLogger(() => undefined), workers: {
         'historian-writer': new URL(${JSON.stringify(dyingOnce('historian-writer', folder).href)}),
         'historian-reader': new URL(${from('engine/historian/reader-worker.ts')}),
       },
     });
     setTimeout(() => process.exit(0), 10_000);`,
  );
  const { status } = spawnSync(process.execPath, [script], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    timeout: 20_000,
  });
  expect(status).toBe(70);
});

it('does not keep who gives up verifying waiting for a check that cannot be stopped', async () => {
  // A thread that answers nothing for seconds stands for SQLite's check of a large file.
  const entry = join(temporaryDirectory(), 'busy.mjs');
  writeFileSync(
    entry,
    `import { parentPort } from 'node:worker_threads';
     parentPort.on('message', () => setTimeout(() => parentPort.close(), 2_000));`,
  );
  const abort = new AbortController();
  const verified = workOnFiles(
    { kind: 'verify', path: 'recording.parx' },
    { ...sourceWorkers, 'historian-reader': pathToFileURL(entry) },
    () => undefined,
    abort.signal,
  );
  let told: unknown = null;
  verified.catch((error: unknown) => {
    told = error;
  });
  abort.abort(new Error('no more'));
  await new Promise(setImmediate);
  expect(told).toEqual(new Error('no more'));
});
