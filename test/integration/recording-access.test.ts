import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// Which files of this computer a screen can get at.

/** A sound recording file: the history of an engine that has ended. */
async function makeRecording(path: string): Promise<void> {
  const directory = temporaryDirectory();
  const { engine } = await startEngine(directory);
  await engine.stop();
  copyFileSync(join(directory, 'history.parx'), path);
}

it('opens recordings of its folder for a screen, and no other file by path', async () => {
  const directory = temporaryDirectory();
  const elsewhere = join(temporaryDirectory(), 'elsewhere.parx');
  await makeRecording(elsewhere);
  const { engine, client } = await startEngine(directory);
  const screen = client();
  const folder = join(directory, 'recordings');
  const refused = [
    elsewhere,
    join(directory, 'history.parx'),
    join(folder, '..', 'history.parx'),
    join(folder, 'deeper', 'a.parx'),
    join(folder, 'notes.txt'),
    '/etc/passwd',
    'history.parx',
    '',
  ];
  for (const path of refused) {
    await expect(screen.recording.open({ id: null, path }), path).rejects.toMatchObject({
      code: 'access.denied',
      message: expect.stringContaining(folder),
    });
  }
  for (const id of ['../history.parx', elsewhere, '', '..']) {
    await expect(screen.recording.open({ id, path: null }), id).rejects.toMatchObject({ code: 'store.not-found' });
  }
  await expect(screen.recording.choose()).rejects.toMatchObject({ code: 'access.denied' });

  const lists = screen.recording.files()[Symbol.asyncIterator]();
  const nextNames = async (): Promise<string[]> => {
    const { value } = (await lists.next()) as IteratorYieldResult<{ files: { id: string }[] }>;
    return value.files.map(({ id }) => id);
  };
  expect(await nextNames()).toEqual([]);
  mkdirSync(folder, { recursive: true });
  const placed = join(folder, 'placed.parx');
  copyFileSync(elsewhere, placed);
  // Nobody told the engine of it.
  expect(await nextNames()).toEqual(['placed.parx']);
  const byId = await screen.recording.open({ id: 'placed.parx', path: null });
  expect(await screen.recording.open({ id: null, path: placed })).toEqual(byId);
  const { files: listed, opened } = await firstItem(screen.recording.files());
  expect([listed.map(({ id }) => id), opened.map(({ id }) => id)]).toEqual([['placed.parx'], ['placed.parx']]);
  expect((await screen.history.tags({ source: byId.id })).tags).toEqual([]);
  await engine.stop();
});

it('opens what was chosen in the dialog of the desktop, and then again by its path', async () => {
  const elsewhere = join(temporaryDirectory(), 'elsewhere.parx');
  await makeRecording(elsewhere);
  let answer: string | null = null;
  const dialogs = { openRecording: async () => answer, saveAs: async () => null };
  const { engine, client } = await startEngine(temporaryDirectory(), { host: { kind: 'desktop', dialogs } });
  const screen = client();
  expect(await screen.recording.choose()).toEqual({ opened: null });
  await expect(screen.recording.open({ id: null, path: elsewhere })).rejects.toMatchObject({ code: 'access.denied' });
  answer = elsewhere;
  const { opened } = await screen.recording.choose();
  expect(opened).toMatchObject({ id: elsewhere, path: elsewhere });
  // A row of the list that is open already, by its id.
  expect(await screen.recording.open({ id: elsewhere, path: null })).toEqual(opened);
  await screen.recording.close({ id: elsewhere });
  expect(await screen.recording.open({ id: null, path: elsewhere })).toEqual(opened);
  await engine.stop();
});

it('lets two programs open one recording, which neither changes', async () => {
  const elsewhere = join(temporaryDirectory(), 'shared.parx');
  await makeRecording(elsewhere);
  const before = readFileSync(elsewhere);
  const programs = await Promise.all(
    [0, 1].map(async () => {
      const dialogs = { openRecording: async () => elsewhere, saveAs: async () => null };
      const { engine, client } = await startEngine(temporaryDirectory(), { host: { kind: 'desktop', dialogs } });
      return { engine, screen: client() };
    }),
  );
  const opened = await Promise.all(programs.map(({ screen }) => screen.recording.choose()));
  const [first, second] = programs;
  for (const [index, { screen }] of programs.entries()) {
    expect(opened[index]?.opened).toMatchObject({ path: elsewhere, damage: [] });
    expect((await screen.history.tags({ source: elsewhere })).tags).toEqual([]);
  }
  // What one program closes stays open in the other.
  await first!.engine.stop();
  expect((await second!.screen.history.tags({ source: elsewhere })).tags).toEqual([]);
  await second!.engine.stop();
  expect(readFileSync(elsewhere).equals(before)).toBe(true);
  expect(readdirSync(dirname(elsewhere))).toEqual(['shared.parx']);
});
