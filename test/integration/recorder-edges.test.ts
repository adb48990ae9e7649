import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openRecording, openStore, type SampleStore } from '#engine/historian/index.ts';
import { createAlerts, createLogger, systemClock } from '#engine/platform/index.ts';
import { createRecorder, type Recorder } from '#engine/recording/index.ts';
import { AppError } from '#shared/errors.ts';
import { PLAIN_RECIPE, type SampleBlock, type UnixMicros } from '#shared/model/index.ts';
import { sourceWorkers } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

interface Rig {
  readonly store: SampleStore;
  readonly recorder: Recorder;
  readonly directory: string;
  /** Ranges that hold retention back at present. */
  readonly pins: Set<string>;
  readonly measurements: () => number;
  /** How often the note of the running recording was written, each time with a sync. */
  readonly notes: () => number;
  readonly disk: { full: boolean };
  readonly clock: { backUs: number };
  close(): Promise<void>;
}

/** A recorder on a real history; the disk that its note lies on can be full, its clock set back. */
async function rig(measureTakesMs = 0, remembered: string | null = null): Promise<Rig> {
  const folder = temporaryDirectory();
  const directory = join(folder, 'recordings');
  const log = createLogger(() => undefined);
  const system = systemClock();
  const step = { backUs: 0 };
  const clock = { ...system, now: (): UnixMicros => system.now() - step.backUs };
  const { store } = await openStore({ path: join(folder, 'history.parx') }, { clock, log, workers: sourceWorkers });
  const pins = new Set<string>();
  let measurements = 0;
  const disk = { full: false };
  let text = remembered;
  let notes = 0;
  const recorder = createRecorder({
    store: {
      ...store,
      pin(name, from) {
        const held = store.pin(name, from);
        pins.add(name);
        return {
          [Symbol.dispose]() {
            pins.delete(name);
            held[Symbol.dispose]();
          },
        };
      },
      async measure(range, tags) {
        measurements += 1;
        await clock.sleep(measureTakesMs);
        return store.measure(range, tags);
      },
    },
    memory: {
      read: () => text,
      write(next) {
        if (disk.full) throw new AppError('store.disk-full', 'The disk is full.', { details: { path: folder } });
        notes += 1;
        text = next;
      },
    },
    directory,
    clock,
    log,
    alerts: createAlerts(clock),
    freeBytes: async () => null,
    onFile: () => undefined,
    tagCount: () => 0,
  });
  const close = async (): Promise<void> => {
    await recorder.close();
    await store.close();
  };
  return {
    store,
    recorder,
    directory,
    pins,
    measurements: () => measurements,
    notes: () => notes,
    disk,
    clock: step,
    close,
  };
}

const oneSample = (time: UnixMicros): SampleBlock => ({
  length: 1,
  tag: new Uint32Array(1),
  time: Float64Array.of(time),
  value: new Float64Array(1),
  quality: new Uint16Array(1),
  received: null,
});

const SPEED = {
  index: 0,
  id: 'speed',
  name: 'speed',
  description: '',
  connection: '',
  device: '',
  address: '',
  periodMs: 100,
  timeKind: 'receive',
  demo: false,
  decimals: null,
  range: null,
  recipe: PLAIN_RECIPE,
} as const;

/** Of the only recording file. */
async function samplesIn(directory: string): Promise<number> {
  const path = join(directory, readdirSync(directory)[0] ?? '');
  const deps = { clock: systemClock(), log: createLogger(() => undefined), workers: sourceWorkers };
  const file = await openRecording(path, deps);
  await file.close();
  return file.info.samples;
}

it('makes two files of two recordings of one name within a second', async () => {
  const { recorder, directory, close } = await rig();
  for (let n = 0; n < 2; n++) {
    await recorder.start({ name: 'coil', tagIds: [], preTriggerS: 0 });
    await recorder.stop();
  }
  await expect.poll(() => recorder.busy(), { timeout: 10_000 }).toBe(false);
  expect(readdirSync(directory)).toHaveLength(2);
  await close();
});

it('takes along samples from before the stop that come just after it', async () => {
  const { recorder, store, directory, close } = await rig();
  store.register([SPEED]);
  await recorder.start({ name: 'coil', tagIds: [], preTriggerS: 0 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const read = Date.now() * 1_000 - 2_000;
  await recorder.stop();
  await new Promise((resolve) => setImmediate(resolve));
  recorder.accept(oneSample(read));
  await expect.poll(() => recorder.busy(), { timeout: 10_000 }).toBe(false);
  expect(await samplesIn(directory)).toBe(1);
  await close();
});

it('holds no history for a recording that could not be started', async () => {
  const { recorder, pins, disk, close } = await rig();
  disk.full = true;
  await expect(recorder.start({ name: '', tagIds: [], preTriggerS: 60 })).rejects.toMatchObject({
    code: 'store.disk-full',
  });
  expect(recorder.state().active).toBeNull();
  expect([...pins]).toEqual([]);
  await close();
});

it('takes samples also while the step of a clock cannot be noted', async () => {
  const { recorder, store, disk, clock, close } = await rig();
  await recorder.start({ name: '', tagIds: [], preTriggerS: 0 });
  disk.full = true;
  clock.backUs = 3_600_000_000;
  expect(() => recorder.accept(oneSample(0))).not.toThrow();
  expect(store.status().backlog).toBe(1);
  disk.full = false;
  await close();
});

it('writes nothing for the small steps of a clock that is kept in time, and loses no sample by them', async () => {
  const { recorder, store, directory, clock, notes, close } = await rig();
  store.register([SPEED]);
  await recorder.start({ name: 'coil', tagIds: [], preTriggerS: 0 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const written = notes();
  const late = Date.now() * 1_000 - 1_000;
  recorder.accept(oneSample(late));
  for (let step = 1; step <= 10; step++) {
    clock.backUs = step * 2_000;
    recorder.accept(oneSample(late - 10_000 + step));
  }
  expect(notes()).toBe(written);
  clock.backUs = 500_000;
  await recorder.stop();
  await expect.poll(() => recorder.busy(), { timeout: 10_000 }).toBe(false);
  expect(await samplesIn(directory)).toBe(11);
  await close();
});

it('measures a recording seldom when measuring takes long', async () => {
  const { recorder, measurements, close } = await rig(100);
  await recorder.start({ name: '', tagIds: [], preTriggerS: 0 });
  await new Promise((resolve) => setTimeout(resolve, 2_300));
  expect(measurements()).toBe(1);
  await close();
});

it('starts although its note of a running recording makes no sense, and can record anew', async () => {
  const notes = ['null', '{}', '[]', '{"active":', '{"active":{"name":"a"},"finishing":[]}', '{"active":null}'];
  notes.push(
    '{"active":null,"finishing":[{"name":"a","since":1,"from":1,"to":2,"tagIds":[],"file":"../../elsewhere.parx"}]}',
  );
  for (const note of notes) {
    const { recorder, pins, close } = await rig(0, note);
    expect(recorder.busy(), note).toBe(false);
    expect([...pins]).toEqual([]);
    await recorder.start({ name: 'anew', tagIds: [], preTriggerS: 0 });
    expect(recorder.state().active?.name).toBe('anew');
    await close();
  }
});
