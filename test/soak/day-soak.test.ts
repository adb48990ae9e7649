import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { createAcquisition } from '#engine/acquisition/index.ts';
import { openRecording, openStore, type SampleStore } from '#engine/historian/index.ts';
import { createLive, createTagTable } from '#engine/live/index.ts';
import { createAlerts, createLogger } from '#engine/platform/index.ts';
import { createRecorder } from '#engine/recording/index.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { countingDriver, createCountingPlant } from '#test/support/counting-driver.ts';
import { makeConnection, makeDevice, makeTags } from '#test/support/documents.ts';
import { sourceWorkers } from '#test/support/engine.ts';
import { createFakeClock, FAKE_START } from '#test/support/fake-clock.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { mebibytes, watchProcess } from './measure.ts';
import { createSequences } from './sequence.ts';

// A day under the injected clock, as fast as the computer goes: acquisition, recorder and history over hours and
// midnight, with retention at work, a recording over the end of each hour, and a link that is down in each. Every hour
// is read back whole. PARX_SOAK_HOURS sets how long.

const HOURS = Number(process.env.PARX_SOAK_HOURS ?? (LONG ? 24 : 2));
const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
/** More than an hour, since each is read back when it has ended. */
const KEPT_HOURS = Math.max(1.2, HOURS / 6);
/** Retention removes whole chunks, which hold four and a half hours of a tag that is read every second. */
const CHUNK_HOURS = 5;
/** 23:00 UTC, so that the short run has its midnight as well. */
const START = FAKE_START + 17 * HOUR;
const LINKS = 3;
const GROUPS = [
  { tags: 80, periodMs: 1_000 },
  { tags: 20, periodMs: 10_000 },
  { tags: 10, periodMs: 60_000 },
];
const RESTLESS = 'link2';
/** Samples on their way to the disk at most: a day in minutes must not outrun the writer. */
const MAX_BACKLOG = 50_000;

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function project() {
  const links = Array.from({ length: LINKS }, (_, link) => `link${link}`);
  return {
    connections: links.map((id) => makeConnection({ id, name: id, protocol: 'counting', settings: { link: id } })),
    devices: links.flatMap((id) =>
      GROUPS.map(({ periodMs }) =>
        makeDevice({ id: `${id}-${periodMs}`, connectionId: id, name: `${id} ${periodMs}`, settings: {} }),
      ),
    ),
    tags: links.flatMap((id) =>
      GROUPS.flatMap(({ tags, periodMs }) =>
        makeTags(tags, (index) => ({
          id: `${id}-${periodMs}-${index}`,
          name: `${id} ${periodMs} ${index}`,
          deviceId: `${id}-${periodMs}`,
          address: 'count',
          type: 'float64',
          periodMs,
        })),
      ),
    ),
  };
}

it(
  `goes through ${HOURS} hours on the clock without losing a sample or growing`,
  async () => {
    const began = performance.now();
    const directory = temporaryDirectory();
    const clock = createFakeClock(START);
    const trouble: string[] = [];
    const log = createLogger((line) => {
      if (line.level === 'error' || (line.level === 'warn' && !/out of reach/.test(line.text))) trouble.push(line.text);
    });
    const { store } = await openStore(
      { path: join(directory, 'history.parx'), flushMs: 50, maxAgeMs: (KEPT_HOURS * HOUR) / 1_000 },
      { clock, log, workers: sourceWorkers },
    );
    cleanUp.push(() => store.close());
    const table = createTagTable();
    table.watch(({ added, changed }) => register(store, [...added, ...changed]));
    const live = createLive({ clock, table, textOf: store.textOf });
    let remembered: string | null = null;
    const recorder = createRecorder({
      store,
      memory: {
        read: () => remembered,
        write: (text) => {
          remembered = text;
        },
      },
      directory: join(directory, 'recordings'),
      clock,
      log,
      alerts: createAlerts(clock),
      freeBytes: async () => null,
      onFile: () => {},
      tagCount: () => table.all().length,
    });
    cleanUp.push(() => recorder.close());
    const plant = createCountingPlant();
    let gaps = 0;
    const acquisition = createAcquisition({
      clock,
      log,
      protocols: [countingDriver(plant)],
      table,
      intern: store.intern,
      deliver(block) {
        live.accept(block);
        recorder.accept(block);
      },
      onGap(gap) {
        gaps++;
        store.addGap({ from: gap.from, to: gap.to }, gap.reason, gap.quality, gap.tagIds).catch((error: unknown) => {
          trouble.push(String(error));
        });
      },
    });
    cleanUp.push(async () => {
      const stopped = acquisition.stop();
      await clock.advance(3_000);
      await stopped;
    });
    const watch = watchProcess();
    cleanUp.push(() => watch.end());

    const documents = project();
    const ids = documents.tags.map(({ id }) => id);
    acquisition.apply(documents);
    const history = createSequences(Number.MAX_SAFE_INTEGER);
    const never = new AbortController().signal;
    const read = async (range: TimeRange): Promise<void> => {
      for await (const run of store.raw(ids, range, never)) {
        for (const { tag, time, value, quality } of run) history.follow(tag, time, value, quality);
      }
    };
    /** Samples of the fast tags that are older than this. */
    const kept = async (before: number): Promise<number> => {
      let count = 0;
      const fast = ids.filter((id) => id.includes('-1000-'));
      for await (const run of store.raw(fast, { from: 0, to: before }, never)) {
        for (const { time } of run) count += time.length;
      }
      return count;
    };
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10_000) {
        await clock.advance(10_000);
        while (store.status().backlog > MAX_BACKLOG) await wait(1);
      }
    };
    const onDisk = async (): Promise<void> => {
      const limit = performance.now() + 60_000;
      while (store.status().backlog > 0) {
        if (performance.now() > limit) throw new Error(`${store.status().backlog} samples are not stored within 60 s.`);
        await clock.advance(1);
        await wait(5);
      }
    };

    const bytes: number[] = [];
    let recordings = 0;
    let losses = 0;
    let checked = clock.now();
    for (let hour = 0; hour < HOURS; hour++) {
      for (let minute = 0; minute < 60; minute += 5) {
        if (minute === 30) plant.down.add(RESTLESS);
        if (minute === 35) losses += Number(plant.down.delete(RESTLESS));
        if (minute === 50) await recorder.start({ name: `Hour ${hour}`, tagIds: [], preTriggerS: 60 });
        if (minute === 10 && recorder.state().active !== null) {
          const { from } = recorder.state().active!;
          const to = clock.now();
          await recorder.stop();
          await pass(10_000);
          while (recorder.state().finishing !== null) await wait(5);
          recordings++;
          await checkRecording(join(directory, 'recordings'), `Hour ${hour - 1}`, { from, to }, ids, { clock, log });
        }
        await pass(300_000);
        if (minute % 15 === 10) watch.look();
      }
      await onDisk();
      const to = store.status().storedUntil ?? checked;
      expect(to, 'stored up to the last minute').toBeGreaterThan(clock.now() - 61_000_000);
      await read({ from: checked, to });
      checked = to;
      bytes.push(store.status().bytes);
      expect(await kept(clock.now() - (KEPT_HOURS + CHUNK_HOURS) * HOUR), 'samples past their age').toBe(0);
      expect(history.complaint).toBeNull();
    }

    const seconds = (performance.now() - began) / 1_000;
    const [early, late] = [watch.between(0.25, 0.5), watch.between(0.75, 1)];
    figures({
      hours: HOURS,
      samples: history.good,
      lost: history.lost,
      recordings,
      gaps,
      'times real time': Math.round((HOURS * 3_600) / seconds),
      'held MiB': `${mebibytes(early.held)} to ${mebibytes(late.held)}`,
      'resident MiB': `${mebibytes(early.resident)} to ${mebibytes(late.resident)}`,
      'file MiB': `${mebibytes(bytes[Math.floor(bytes.length / 2) - 1] ?? 0)} to ${mebibytes(bytes.at(-1) ?? 0)}`,
    });
    if (process.env.PARX_SOAK_LOOKS !== undefined) {
      for (const look of watch.looks) {
        console.log(
          `${((look.at - began) / 1000).toFixed(0).padStart(5)} s  held ${mebibytes(look.held)} MiB  resident ${mebibytes(look.resident)} MiB`,
        );
      }
      console.log(`file MiB by hour: ${bytes.map(mebibytes).join(' ')}`);
    }
    expect(trouble).toEqual([]);
    expect(store.status()).toMatchObject({ dropped: 0, paused: null });
    // Every poll that was made has its sample, but for those after the last minute that was read back.
    const polls = documents.devices.reduce((sum, { id }) => {
      const tags = documents.tags.filter((tag) => tag.deviceId === id).length;
      return sum + tags * (plant.counts.get(id) ?? 0);
    }, 0);
    const aMinute = LINKS * GROUPS.reduce((sum, { tags, periodMs }) => sum + tags * Math.ceil(61_000 / periodMs), 0);
    expect(polls - history.good, 'samples not read back').toBeLessThanOrEqual(aMinute);
    const due = HOURS * 3_600 * LINKS * GROUPS.reduce((sum, { tags, periodMs }) => sum + (tags * 1_000) / periodMs, 0);
    expect(history.good / due, 'five minutes in an hour are down on one link of three').toBeGreaterThan(0.95);
    expect(gaps).toBe(losses * GROUPS.length);
    expect(recordings).toBe(HOURS - 1);

    const [factor, slack] = LONG ? [1.05, 8] : [1.3, 32];
    expect(mebibytes(late.held), 'held MiB').toBeLessThan(mebibytes(early.held) * factor + slack);
    expect(mebibytes(late.resident), 'resident MiB').toBeLessThan(
      mebibytes(early.resident) * (factor + 0.1) + 4 * slack,
    );
  },
  LONG ? 20 * 60_000 : 120_000,
);

function register(store: SampleStore, tags: readonly ReturnType<ReturnType<typeof createTagTable>['all']>[number][]) {
  store.register(
    tags.map((tag) => ({
      index: tag.index,
      id: tag.id,
      name: tag.name,
      description: tag.description,
      connection: tag.connectionId,
      device: tag.deviceId,
      address: tag.address,
      periodMs: tag.periodMs,
      timeKind: tag.timeKind,
      demo: tag.demo,
      decimals: tag.decimals,
      range: tag.range,
      recipe: tag.recipe,
    })),
  );
}

async function checkRecording(
  directory: string,
  name: string,
  range: TimeRange,
  ids: readonly string[],
  deps: Pick<Parameters<typeof openRecording>[1], 'clock' | 'log'>,
): Promise<void> {
  const { readdirSync, rmSync } = await import('node:fs');
  const file = readdirSync(directory).find((one) => one.includes(name));
  if (file === undefined) throw new Error(`There is no file of the recording ${name}.`);
  const opened = await openRecording(join(directory, file), { ...deps, workers: sourceWorkers });
  const inFile = createSequences(Number.MAX_SAFE_INTEGER);
  for await (const run of opened.raw(ids, range, new AbortController().signal)) {
    for (const { tag, time, value, quality } of run) inFile.follow(tag, time, value, quality);
  }
  await opened.close();
  rmSync(join(directory, file));
  expect(inFile.complaint).toBeNull();
  const seconds = (range.to - range.from) / 1_000_000;
  const due =
    LINKS * GROUPS.reduce((sum, { tags, periodMs }) => sum + tags * Math.floor((seconds * 1_000) / periodMs), 0);
  expect(inFile.good, `samples in the recording ${name}`).toBeGreaterThanOrEqual(due);
}
