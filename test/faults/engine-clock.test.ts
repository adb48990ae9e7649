import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#engine/platform/index.ts';
import { isGood } from '#shared/model/index.ts';
import { type DemoLine, startDemoLine } from '#simulators/demo-line.ts';
import { allItems, type EngineClient, firstItem, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const HOUR = 3_600_000_000;
const TAG = 'demo-strip-speed';
const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** The computer's clock, which can be set; monotonic time runs on, as it does. */
function settableClock(): Clock & { set(by: number): void } {
  const clock = systemClock();
  let offset = 0;
  return {
    ...clock,
    now: () => clock.now() + offset,
    set: (by) => {
      offset += by;
    },
  };
}

async function start(clock: Clock, folder: string): Promise<EngineClient> {
  const line: DemoLine = await startDemoLine({ port: 0 });
  cleanUp.push(() => line.close());
  const { engine, client } = await startEngine(folder, {
    clock,
    host: { kind: 'server', startDemo: async () => line.addresses },
  });
  cleanUp.push(() => engine.stop());
  return client();
}

/** Times of good samples that come from now on, until there are `count`. */
async function liveTimes(screen: EngineClient, count: number): Promise<number[]> {
  const times: number[] = [];
  await firstItem(screen.live.rows({ tags: [TAG], maxHz: 20 }), ({ time, quality }) => {
    for (const [index, at] of time.entries()) if (isGood(quality[index] as number)) times.push(at);
    return times.length >= count;
  });
  return times;
}

async function storedTimes(screen: EngineClient, source: string): Promise<number[]> {
  const { range } = await screen.history.bounds({ source });
  if (range === null) return [];
  const items = await allItems(screen.history.view({ source, tags: [TAG], range, pixels: 10_000 }));
  return items.flatMap(({ series }) => series.flatMap(({ time }) => [...time]));
}

describe('a clock that is set back by an hour', () => {
  it('stops neither acquisition nor history nor the running recording, and is an event', async () => {
    const clock = settableClock();
    const screen = await start(clock, temporaryDirectory());
    await firstItem(screen.recording.watch(), (state) => state.storedUntil !== null);
    await screen.recording.start({ name: 'Over the step', tagIds: [], preTriggerS: 0 });
    const before = await liveTimes(screen, 5);
    const storedBefore = (await firstItem(screen.recording.watch())).storedUntil ?? 0;

    clock.set(-HOUR);
    const after = (await liveTimes(screen, 10)).filter((time) => time < (before[0] as number) - HOUR / 2);
    expect(after.length, 'samples with the time of the new clock').toBeGreaterThan(3);
    const from = clock.now() - 60_000_000;
    const { events } = await firstItem(
      (async function* () {
        for (;;)
          yield await screen.history.events({ source: 'history', range: { from, to: clock.now() }, kinds: ['clock'] });
      })(),
      (item) => item.events.length > 0,
    );
    expect(events[0]?.text).toMatch(/set back by 3[56]\d\d\.\d+ s/);

    await screen.recording.stop();
    const state = await firstItem(screen.recording.watch());
    expect(state.storedUntil ?? 0).toBeGreaterThanOrEqual(storedBefore);
    const { files } = await firstItem(screen.recording.files(), (item) => item.files.length === 1);
    const file = await screen.recording.open({ id: files[0]?.id ?? '', path: null });
    const history = new Set(await storedTimes(screen, 'history'));
    const recorded = new Set(await storedTimes(screen, file.id));
    for (const time of [...before, ...after]) {
      expect(history.has(time), `${time} is in the history`).toBe(true);
    }
    // What was recorded on either side of the step is in the recording.
    expect(
      before.slice(1).filter((time) => !recorded.has(time)),
      'recorded before the step and lost',
    ).toEqual([]);
    expect(
      after.filter((time) => !recorded.has(time)),
      'recorded after the step and lost',
    ).toEqual([]);
    await screen.recording.close({ id: file.id });
  });
});

describe('a clock that is set forward by an hour', () => {
  it('leaves a gap with its reason over what it passed, in which no sample lies', async () => {
    const clock = settableClock();
    const screen = await start(clock, temporaryDirectory());
    await firstItem(screen.recording.watch(), (state) => state.storedUntil !== null);
    const before = clock.now();
    clock.set(HOUR);
    await liveTimes(screen, 10);
    const range = { from: before - 60_000_000, to: before + 2 * HOUR };
    const stepGaps = async () =>
      (await screen.history.gaps({ source: 'history', range })).gaps.filter(({ reason }) => /set forward/.test(reason));
    await expect.poll(async () => (await stepGaps()).length, { timeout: 10_000 }).toBe(1);
    const [gap] = await stepGaps();
    expect(gap?.reason).toMatch(/^The computer's clock was set forward by 3[56]\d\d\.\d+ s\.$/);
    const { from, to } = gap!.range;
    expect(to - from).toBeGreaterThan(0.99 * HOUR);
    expect(to - from).toBeLessThanOrEqual(HOUR);
    const times = await storedTimes(screen, 'history');
    expect(times.some((time) => time > to)).toBe(true);
    // The bad sample that ends a value may lie there, no reading of the plant.
    expect(times.filter((time) => time > from && time < to)).toEqual([]);
  });
});
