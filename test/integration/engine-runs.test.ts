import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { addDemo } from '#engine/demo.ts';
import { openStore } from '#engine/historian/index.ts';
import { createLogger, openDatabase, systemClock } from '#engine/platform/index.ts';
import { openProject } from '#engine/project/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { firstItem, sourceWorkers, startEngine } from '#test/support/engine.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';
import { freePort } from '#test/support/free-port.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { blockOf, registration } from './historian/direct.ts';

// How one run of the engine ends and the next begins.

/** A data folder with some history: a connection that finds nobody is recorded as lost. */
async function folderWithHistory(): Promise<string> {
  const directory = temporaryDirectory();
  const { engine, client } = await startEngine(directory);
  const screen = client();
  const settings = { ...makeConnection().settings, port: await freePort() };
  const documents = { connection: makeConnection({ settings }), device: makeDevice(), tag: makeTag() };
  await screen.project.commit({
    changes: Object.entries(documents).map(([kind, document]) => ({
      kind: kind as keyof typeof documents,
      id: document.id,
      document,
      expected: null,
    })),
  });
  const stored = async (): Promise<unknown> => (await screen.history.bounds({ source: 'history' })).range;
  await expect.poll(stored, { timeout: 10_000 }).not.toBeNull();
  await engine.stop();
  return directory;
}

/** What the next start says of the time before it. */
async function reasonsOf(directory: string): Promise<string> {
  const { engine, client } = await startEngine(directory);
  const { gaps } = await client().history.gaps({
    source: 'history',
    range: { from: 0, to: systemClock().now() + 1e6 },
  });
  await engine.stop();
  return gaps.map(({ reason }) => reason).join('\n');
}

it('keeps the cause of a crash through starts that fail, and tells it once', async () => {
  const directory = await folderWithHistory();
  const mark = join(directory, 'running.json');
  expect(existsSync(mark)).toBe(false);
  writeFileSync(mark, JSON.stringify({ since: 1, reason: 'The engine ended because the test says so.' }));
  const project = join(directory, 'project.parxproject');
  const setVersion = (version: number): void => {
    const database = openDatabase(project);
    database.pragma(`user_version = ${version}`);
    database.close();
  };
  setVersion(9);
  await expect(startEngine(directory)).rejects.toMatchObject({ code: 'store.too-new' });
  expect(readFileSync(mark, 'utf8')).toContain('because the test says so');
  setVersion(1);
  expect(await reasonsOf(directory)).toContain('because the test says so');
  expect(existsSync(mark)).toBe(false);
  expect(await reasonsOf(directory)).toMatch(/ParX was not running\.$/);
});

it('marks a run while it lasts; a preference of a screen says nothing about it', async () => {
  const directory = await folderWithHistory();
  const { engine, client } = await startEngine(directory);
  expect(existsSync(join(directory, 'running.json'))).toBe(true);
  await client('viewer').preferences.set({ name: 'engine-run', value: '"x"' });
  await engine.stop();
  expect(await reasonsOf(directory)).not.toContain('without being stopped');
});

it('takes a mark that was cut off for a crash without a cause', async () => {
  const directory = await folderWithHistory();
  writeFileSync(join(directory, 'running.json'), '{"since":17');
  expect(await reasonsOf(directory)).toContain('The program ended without being stopped');
});

it('does not wait for a demo line that never answers', async () => {
  const clock = createFakeClock();
  const log = createLogger(() => undefined);
  const project = openProject(join(temporaryDirectory(), 'project.parxproject'), { clock, log });
  const demoProject = readFileSync(new URL('../../resources/demo-project.json', import.meta.url), 'utf8');
  const loading = addDemo({
    project,
    demoProject,
    startDemo: () => new Promise(() => undefined),
    restore: true,
    clock,
    log,
  });
  loading.catch(() => undefined);
  await clock.advance(10_000);
  await expect(loading).rejects.toMatchObject({ code: 'protocol.connect-failed', retryable: true });
  expect(project.list('connection')).toEqual([]);
  expect(clock.pending).toBe(0);
  await project.close();
});

it('notes which connections, devices and tags a change was of, and how many went', async () => {
  const { engine, client } = await startEngine(temporaryDirectory());
  const screen = client();
  const range = { from: 0, to: systemClock().now() + 60e6 };
  const newest = async (): Promise<string | undefined> =>
    (await screen.history.events({ source: 'history', range, kinds: ['configuration'] })).events.at(-1)?.text;
  const put = (kind: 'connection' | 'device' | 'tag', document: { readonly id: string }) =>
    ({ kind, id: document.id, document, expected: null }) as const;
  const connection = makeConnection({ enabled: false });
  await screen.project.commit({ changes: [put('connection', connection), put('device', makeDevice())] });
  const place = `connection "${connection.name}", device "${makeDevice().name}"`;
  await expect.poll(newest).toBe(`Configuration changed: ${place}.`);
  const tags = ['a', 'b', 'c', 'd', 'e'].map((id) => makeTag({ id, name: `Tag ${id}`, address: '400001' }));
  const { written } = await screen.project.commit({ changes: tags.map((tag) => put('tag', tag)) });
  const expected = written[0]?.revision ?? 0;
  await expect.poll(newest).toBe('Configuration changed: 5 tags ("Tag a", "Tag b", "Tag c" and 2 more).');
  await screen.project.commit({
    changes: [
      { kind: 'tag', id: 'a', document: null, expected },
      { kind: 'tag', id: 'b', document: { ...tags[1], unit: 'mm' }, expected },
    ],
  });
  await expect.poll(newest).toBe('Configuration changed: tag "Tag b", 1 tag removed.');
  await engine.stop();
});

it('runs without what is switched off, says so of a connection that needs it, and stops nothing else', async () => {
  const folder = temporaryDirectory();
  const connection = makeConnection({ id: 'off', protocol: 'egd' });
  const other = makeConnection({
    id: 'on',
    name: 'On',
    settings: { ...makeConnection().settings, port: await freePort() },
  });
  const { engine, client } = await startEngine(folder, { without: ['egd', 'parquet'] });
  const screen = client();
  const { protocols, exporters } = await screen.catalogue.get();
  expect(protocols.map(({ id }) => id)).toContain('modbus');
  expect(protocols.map(({ id }) => id)).not.toContain('egd');
  expect(exporters.map(({ id }) => id)).toEqual(['csv']);
  await screen.project.commit({
    changes: [connection, other].flatMap((document) => {
      const device = makeDevice({ id: `${document.id}-device`, connectionId: document.id });
      const tag = makeTag({ id: `${document.id}-tag`, name: document.id, deviceId: device.id });
      return [
        { kind: 'connection' as const, id: document.id, document, expected: null },
        { kind: 'device' as const, id: device.id, document: device, expected: null },
        { kind: 'tag' as const, id: tag.id, document: tag, expected: null },
      ];
    }),
  });
  const { connections } = await firstItem(screen.connections.watch(), (item) =>
    item.connections.some(({ connectionId, attempts }) => connectionId === 'on' && attempts > 0),
  );
  const off = connections.find(({ connectionId }) => connectionId === 'off');
  expect(`${off?.message}`).toMatch(
    /"egd" is not known to this version of ParX, or switched off by --without\. Choose another/,
  );
  await engine.stop();
  await expect(startEngine(folder, { without: ['egt'] })).rejects.toThrow(
    /no protocol, export format or backend "egt"/,
  );
});

it('stores each block at once where it is told to', async () => {
  const pace = async (flushMs: number): Promise<number> => {
    const { store } = await openStore(
      { path: join(temporaryDirectory(), 'history.parx'), flushMs },
      { clock: systemClock(), log: createLogger(() => undefined), workers: sourceWorkers },
    );
    store.register([registration(0)]);
    await store.append(blockOf([{ tag: 0, time: 1, value: 1, quality: 0 }]));
    const began = performance.now();
    for (let n = 2; n < 7; n++) await store.append(blockOf([{ tag: 0, time: n, value: n, quality: 0 }]));
    const ms = performance.now() - began;
    await store.close();
    return ms;
  };
  // Five blocks, one after the other, each waits for half of the interval where there is one.
  expect(await pace(600)).toBeGreaterThan(1_400);
  expect(await pace(0)).toBeLessThan(700);
});
