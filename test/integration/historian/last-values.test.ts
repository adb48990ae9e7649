import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStore } from '#engine/historian/index.ts';
import { createLogger, openDatabase, systemClock } from '#engine/platform/index.ts';
import { PLAIN_RECIPE } from '#shared/model/index.ts';
import { sourceWorkers } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { blockOf, registration } from './direct.ts';

it('tells the last values of what waited for the file, once it is taken', async () => {
  const path = join(temporaryDirectory(), 'history.parx');
  const deps = { clock: systemClock(), log: createLogger(() => undefined), workers: sourceWorkers };
  const { store } = await openStore({ path }, deps);
  const values = async (): Promise<number[]> => (await store.lastValues()).map(({ value }) => value);
  store.register([registration(0)]);
  await store.append(blockOf([{ tag: 0, time: 1_700_000_000_000_000, value: 5, quality: 0 }]));
  expect(await values()).toEqual([5]);

  const other = openDatabase(path);
  other.exec('BEGIN IMMEDIATE');
  store.register([registration(0, { ...PLAIN_RECIPE, scaling: { kind: 'gain', gain: 3, offset: 0 } })]);
  await expect.poll(() => store.status().paused, { timeout: 30_000 }).not.toBeNull();
  // Nothing is sent after this: what it says must not be taken for the last word.
  expect(await values()).toEqual([5]);
  other.exec('ROLLBACK');
  other.close();
  await expect.poll(() => store.status().paused, { timeout: 30_000 }).toBeNull();
  expect(await values()).toEqual([15]);
  await store.close();
}, 90_000);
