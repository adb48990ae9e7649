import { afterEach, expect, it } from 'vitest';
import { buildCatalogue } from '#engine/api/index.ts';
import { exporters } from '#engine/exporters/index.ts';
import { protocols } from '#engine/protocols/index.ts';
import { choiceList } from '#shared/rpc/catalogue.ts';
import { startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0)) await step();
});

/** Every value of `choicesFrom`, however deep in a schema. */
function listsIn(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === 'choicesFrom' ? [inner] : listsIn(inner)));
}

it('is a list of the contract wherever a plugin takes suggestions from one', () => {
  const lists = listsIn(buildCatalogue(protocols, exporters));
  expect(lists.length).toBeGreaterThan(0);
  for (const list of lists) expect(choiceList.options).toContain(list);
});

it('is read from the engine: zones by name, levels of the log by module', async () => {
  const { engine, client } = await startEngine(temporaryDirectory());
  cleanUp.push(() => engine.stop());
  const screen = client();
  const { choices } = await screen.catalogue.choices({ list: 'time-zones' });
  expect(choices.map(({ value }) => value)).toEqual(expect.arrayContaining(['UTC', 'Europe/Berlin']));
  for (const { value } of (await screen.catalogue.choices({ list: 'own-addresses' })).choices) {
    expect(value).not.toMatch(/^(127\.|::1$|fe80:)/);
  }
  const own = async (): Promise<unknown> =>
    (await screen.engine.logLevels()).modules.find(({ module }) => module === 'engine')?.level;
  expect(await own()).toBeNull();
  await screen.engine.setLogLevel({ module: 'engine', level: 'debug' });
  expect(await own()).toBe('debug');
  await screen.engine.setLogLevel({ module: 'engine', level: null });
  expect(await own()).toBeNull();
});
