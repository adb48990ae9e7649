import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DocumentChange } from '#shared/model/index.ts';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// What a broken or hostile page can ask for must neither end the engine nor keep it from starting again.

const demo = JSON.parse(readFileSync(new URL('../../resources/demo-project.json', import.meta.url), 'utf8')) as {
  readonly connection: readonly { readonly id: string }[];
  readonly device: readonly { readonly id: string }[];
  readonly tag: readonly { readonly id: string }[];
};
const added = (kind: DocumentChange['kind'], document: object): DocumentChange => ({
  kind,
  id: (document as { id: string }).id,
  document: document as DocumentChange['document'],
  expected: null,
});
const [connection, device, tag] = [demo.connection[0]!, demo.device[0]!, demo.tag[0]!];

it('keeps tags whose ids look like those of diagnostic tags apart from them, in a trend as well', async () => {
  const directory = temporaryDirectory();
  const first = await startEngine(directory);
  const taken = `diag-${connection.id}-state`;
  const own = `diag.${connection.id}.state`;
  const traces = [taken, own].map((tagId) => ({ tagId, axisId: 'axis', visible: true }));
  const axes = [{ id: 'axis', label: '', low: null, high: null }];
  await first.client().project.commit({
    changes: [
      added('connection', { ...connection, enabled: false }),
      added('device', device),
      added('tag', { ...tag, id: taken }),
      added('trend', { id: 'links', name: 'Links', plots: [{ id: 'plot', height: 1, axes, traces }], spanS: 60 }),
    ],
  });
  await expect(
    first.client().project.commit({ changes: [added('tag', { ...tag, id: own, name: 'Another' })] }),
  ).rejects.toMatchObject({ code: 'config.invalid' });
  await first.engine.stop();
  const second = await startEngine(directory);
  const { tags } = await firstItem(second.client().tags.watch(), ({ tags }) => tags.length > 0);
  expect(tags.map(({ id }) => id)).toEqual(expect.arrayContaining([taken, own]));
  await second.engine.stop();
});

it('refuses a tag list that would exhaust it, and a path that is no file', async () => {
  const directory = temporaryDirectory();
  const { engine, client } = await startEngine(directory);
  const screen = client();
  for (const end of ['\n', '\r', '\r\n', '\r\n\n\n\n']) {
    const text = `name${`${end}a`.repeat(100_001)}`;
    await expect(
      firstItem(screen.tags.previewImport({ text, format: null, deviceId: null, assigned: {} })),
    ).rejects.toMatchObject({
      code: 'rpc.limit',
    });
  }
  const folder = join(directory, 'recordings');
  await mkdir(join(folder, 'folder.parx'), { recursive: true });
  const paths = [
    join(folder, 'folder.parx'),
    join(folder, 'missing.parx'),
    join(folder, '\u0000.parx'),
    join(folder, `${'n'.repeat(300)}.parx`),
  ];
  if (process.platform !== 'win32') {
    execFileSync('mkfifo', [join(folder, 'pipe.parx')]);
    paths.push(join(folder, 'pipe.parx'));
  }
  for (const path of paths) {
    await expect(screen.recording.open({ id: null, path })).rejects.toMatchObject({ code: 'store.not-found' });
  }
  // Neither is in the list, which looks into every file.
  expect((await firstItem(screen.recording.files())).files).toEqual([]);
  await engine.stop();
});

it('opens a file once for screens that ask at the same time, and forgets exports of an earlier run', async () => {
  const directory = temporaryDirectory();
  await mkdir(join(directory, 'exports'));
  const left = join(directory, 'exports', 'left.csv');
  writeFileSync(left, '');
  const ended = await startEngine(directory);
  await ended.engine.stop();
  expect(existsSync(left)).toBe(false);
  const path = join(directory, 'recordings', 'copy.parx');
  await mkdir(join(directory, 'recordings'));
  copyFileSync(join(directory, 'history.parx'), path);
  const { engine, client } = await startEngine(directory);
  const screen = client();
  const readers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
  const before = readers();
  await Promise.all([1, 2, 3].map(() => screen.recording.open({ id: null, path })));
  expect(readers() - before).toBeLessThanOrEqual(1);
  await engine.stop();
});

it('refuses notes and exports that end before they begin', async () => {
  const { engine, client } = await startEngine(temporaryDirectory());
  const screen = client();
  const note = { from: 10, text: 'a note', tagIds: [] };
  await expect(screen.history.addNote({ ...note, to: 9 })).rejects.toMatchObject({ code: 'config.invalid' });
  expect(await screen.history.addNote({ ...note, to: 10 })).toMatchObject({ from: 10, to: 10 });
  const traces = [{ source: 'history', tag: 't1', shiftMs: 0, label: '' }];
  const job = { traces, format: 'csv', name: 'x', quality: false, options: {} };
  for (const range of [
    { from: 5, to: 5 },
    { from: 5, to: 4 },
  ]) {
    await expect(screen.exports.start({ ...job, range })).rejects.toMatchObject({ code: 'config.invalid' });
  }
  await engine.stop();
});

it('saves the project for screens that ask at the same time', async () => {
  const { engine, client } = await startEngine(temporaryDirectory());
  const screen = client();
  const saved = await Promise.all([1, 2, 3].map(() => screen.project.save()));
  expect(saved.map(({ bytes }) => bytes.length > 0)).toEqual([true, true, true]);
  await engine.stop();
});
