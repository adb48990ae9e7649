import { closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RecordingJob } from '#shared/rpc/recordings.ts';
import { type EngineClient, firstItem, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { writeRecording } from '#test/support/written-recording.ts';

const FROM = Date.UTC(2026, 2, 28, 20) * 1_000;
const POLLS = 4_000;
const TAGS = 3;

async function done(screen: EngineClient, id: string): Promise<RecordingJob> {
  const ended = (job: RecordingJob): boolean => job.id === id && job.state !== 'waiting' && job.state !== 'running';
  const { jobs } = await firstItem(screen.recordingJobs.watch(), (item) => item.jobs.some(ended));
  return jobs.find(ended)!;
}

it('verifies, splits, merges, compacts and repairs recordings of the folder for a screen', async () => {
  const directory = temporaryDirectory();
  const folder = join(directory, 'recordings');
  mkdirSync(folder);
  await writeRecording(join(folder, 'coil.parx'), { tags: TAGS, polls: POLLS, from: FROM, periodMs: 5_000 });
  // What a crash has left of earlier work.
  writeFileSync(join(folder, 'coil compact.parx.part'), 'half');
  const { engine, client } = await startEngine(directory);
  const screen = client();
  expect(readdirSync(folder)).toEqual(['coil.parx']);
  const work = async (request: Parameters<typeof screen.recordingJobs.start>[0]): Promise<RecordingJob> =>
    done(screen, (await screen.recordingJobs.start(request)).id);
  const samples = POLLS * TAGS;

  expect(await work({ kind: 'verify', id: 'coil.parx' })).toMatchObject({
    state: 'done',
    progress: 1,
    sound: true,
    samples,
    sentences: [],
    files: [],
  });
  const split = await work({ kind: 'split', id: 'coil.parx', by: { kind: 'days', zone: 'Europe/Berlin' } });
  expect(split.files.map(({ id }) => id)).toEqual(['coil 2026-03-28.parx', 'coil 2026-03-29.parx']);
  // Three hours of the first day, from nine in the evening on.
  expect(split.files.map((file) => file.samples)).toEqual([2_160 * TAGS, (POLLS - 2_160) * TAGS]);
  const again = await work({ kind: 'split', id: 'coil.parx', by: { kind: 'days', zone: 'Europe/Berlin' } });
  expect(again).toMatchObject({ state: 'failed', message: expect.stringContaining('exists already') });
  const zone = await work({ kind: 'split', id: 'coil.parx', by: { kind: 'days', zone: 'Rolling/Mill' } });
  expect(zone).toMatchObject({ state: 'failed', message: expect.stringMatching(/is no time zone/) });
  const merged = await work({ kind: 'merge', ids: split.files.map(({ id }) => id), name: 'Both: days' });
  expect(merged).toMatchObject({
    state: 'done',
    samples,
    files: [{ id: expect.stringMatching(/ Both_ days\.parx$/) }],
  });
  expect((await work({ kind: 'compact', id: 'coil.parx' })).files).toMatchObject([
    { id: 'coil compact.parx', samples },
  ]);
  expect((await work({ kind: 'compact', id: 'coil.parx' })).files).toMatchObject([{ id: 'coil compact 2.parx' }]);

  const { files } = await firstItem(screen.recording.files(), (item) => item.files.length === 6);
  expect(files.find(({ id }) => id === merged.files[0]!.id)).toMatchObject({ name: 'Both: days', samples, damage: [] });

  const path = join(folder, 'coil compact 2.parx');
  const handle = openSync(path, 'r+');
  writeSync(handle, Buffer.alloc(300, 0xa5), 0, 300, Math.floor(statSync(path).size * 0.6));
  closeSync(handle);
  expect(await work({ kind: 'verify', id: 'coil compact 2.parx' })).toMatchObject({ state: 'done', sound: false });
  const refused = await work({ kind: 'merge', ids: ['coil.parx', 'coil compact 2.parx'], name: 'Bad' });
  expect(refused).toMatchObject({ state: 'failed', message: expect.stringMatching(/Repair it first/) });
  const repaired = await work({ kind: 'repair', id: 'coil compact 2.parx' });
  expect(repaired).toMatchObject({ state: 'done', sound: false, files: [{ id: 'coil compact 2 repaired.parx' }] });
  expect(repaired.sentences.length).toBeGreaterThan(0);
  expect(await work({ kind: 'verify', id: 'coil compact 2 repaired.parx' })).toMatchObject({ sound: true });

  for (const id of ['../history.parx', '', 'none.parx', join(directory, 'history.parx')]) {
    await expect(screen.recordingJobs.start({ kind: 'verify', id }), id).rejects.toMatchObject({
      code: 'store.not-found',
    });
  }
  await engine.stop();
});

it('cancels the running job and those that wait, and leaves nothing of them', async () => {
  const directory = temporaryDirectory();
  const folder = join(directory, 'recordings');
  mkdirSync(folder);
  await writeRecording(join(folder, 'long.parx'), { tags: 20, polls: 20_000, from: FROM, periodMs: 100 });
  const { engine, client } = await startEngine(directory);
  const screen = client();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await screen.recordingJobs.start({ kind: 'compact', id: 'long.parx' })).id);
  const states = await firstItem(screen.recordingJobs.watch(), ({ jobs }) =>
    jobs.some((job) => job.state === 'running'),
  );
  expect(states.jobs.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'running']);
  for (const id of ids) await screen.recordingJobs.cancel({ id });
  for (const id of ids) expect(await done(screen, id)).toMatchObject({ state: 'cancelled', files: [] });
  await screen.recordingJobs.remove({ id: ids[0]! });
  await firstItem(screen.recordingJobs.watch(), ({ jobs }) => jobs.length === 2);
  await expect.poll(() => readdirSync(folder)).toEqual(['long.parx']);
  await screen.recordingJobs.start({ kind: 'compact', id: 'long.parx' });
  await engine.stop();
  expect(existsSync(join(folder, 'long compact.parx.part'))).toBe(false);
});
