import { describe, expect, it } from 'vitest';
import type { ClockReading, ProtocolDriver } from '#engine/protocols/index.ts';
import { AppError } from '#shared/errors.ts';
import { QUALITY } from '#shared/model/index.ts';
import { createPlant, type Plant, type Plants, pollDriver } from './plant.ts';
import { createStage, documents, type Stage } from './rig.ts';

const stage = createStage();

interface Clocked {
  /** What devices do when their clock is asked for; null: they give none. */
  says: (here: number, signal: AbortSignal) => Promise<ClockReading | null>;
  /** Devices asked, with the time. */
  readonly asked: { readonly device: string; readonly atMs: number }[];
  readonly plant: Plant;
}
const ahead = (ms: number) => async (here: number) => ({ device: here + ms * 1_000, here });
const timeout = (): AppError => new AppError('protocol.timeout', 'No answer.', { details: { afterMs: 200 } });

/** The polled plant with clocks to read. */
function fresh(): Clocked & ReturnType<Stage['fresh']> {
  const plants: Plants = new Map([['mill', createPlant()]]);
  const inner = pollDriver(plants);
  const clocked: Clocked = { says: ahead(1_500), asked: [], plant: plants.get('mill')! };
  const driver: ProtocolDriver = {
    ...inner,
    async connect(settings, devices, context, signal) {
      const connection = await inner.connect(settings, devices, context, signal);
      if (connection.mode !== 'poll') throw new Error('A polled plant was expected.');
      return {
        ...connection,
        async readClock(device, until) {
          clocked.asked.push({ device, atMs: context.clock.monotonicMs() });
          return clocked.says(context.clock.now(), until);
        },
      };
    },
  };
  return Object.assign(clocked, stage.fresh({ protocols: [driver] }));
}

describe('clocks of devices that are polled', () => {
  it('are read once a device has answered, then every minute, and the offset is shown', async () => {
    const { clock, rig, asked } = fresh();
    rig.acquisition.apply(documents('mill', { 1: [['v1', 500]], 2: [['v1', 3_600_000]] }));
    await clock.advance(5_000);
    expect(asked.map(({ device }) => device).sort()).toEqual(['mill-1', 'mill-2']);
    const [first, second] = rig.link('mill').devices;
    expect(first).toMatchObject({ clockAheadMs: 1_500, clockGainPerDayMs: null, message: null, state: 'running' });
    expect(second!.clockAheadMs).toBe(1_500);
    for (let minute = 0; minute < 5; minute++) await clock.advance(60_000);
    // The second one too, though its next poll is an hour away.
    for (const device of ['mill-1', 'mill-2']) {
      const times = asked.filter((one) => one.device === device).map(({ atMs }) => atMs);
      expect(times.length).toBe(6);
      for (const [at, time] of times.slice(1).entries()) expect(time - times[at]!).toBeGreaterThanOrEqual(60_000);
    }
  });

  it('are not asked for again where there are none, until the link is opened anew', async () => {
    const all = fresh();
    all.says = async () => null;
    all.rig.acquisition.apply(documents('mill', { 1: [['v1', 500]] }));
    for (let minute = 0; minute < 5; minute++) await all.clock.advance(60_000);
    expect(all.asked.length).toBe(1);
    expect(all.rig.link('mill').devices[0]).toMatchObject({ clockAheadMs: null, state: 'running' });
    all.says = ahead(-40);
    all.plant.loseLinks();
    await all.clock.advance(5_000);
    expect(all.asked.length).toBe(2);
    expect(all.rig.link('mill').devices[0]!.clockAheadMs).toBe(-40);
  });

  it('that stay silent cost two time-outs at most, and no tag its quality', async () => {
    const all = fresh();
    all.says = (_, signal) =>
      new Promise((_resolve, reject) => {
        all.clock.after(200, () => reject(timeout()));
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    all.rig.acquisition.apply(documents('mill', { 1: [['v1', 500]] }));
    for (let minute = 0; minute < 6; minute++) await all.clock.advance(60_000);
    expect(all.asked.length).toBe(2);
    // The first says that there was none yet.
    const [, ...samples] = all.rig.of('mill-1-v1');
    expect(samples.length).toBeGreaterThan(700);
    expect(samples.filter(({ quality }) => quality !== QUALITY.good)).toEqual([]);
    expect(all.rig.link('mill').devices[0]).toMatchObject({ timeouts: 0, state: 'running' });
  });

  it('wait where polls leave no room for them, and polls never wait', async () => {
    const all = fresh();
    all.plant.unit(1).latencyMs = 80;
    all.rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await all.clock.advance(120_000);
    expect(all.asked).toEqual([]);
    expect(all.rig.link('mill').groups[0]!.overruns).toBe(0);
    all.plant.unit(1).latencyMs = 5;
    await all.clock.advance(120_000);
    expect(all.asked.length).toBeGreaterThan(0);
  });

  it('of devices that do not answer are left alone', async () => {
    const all = fresh();
    all.plant.unit(2).mode = 'silent';
    all.rig.acquisition.apply(documents('mill', { 1: [['v1', 500]], 2: [['v1', 500]] }));
    await all.clock.advance(30_000);
    expect(all.asked.map(({ device }) => device)).toEqual(['mill-1']);
    all.plant.unit(2).mode = 'answers';
    await all.clock.advance(30_000);
    expect(all.asked.map(({ device }) => device)).toContain('mill-2');
  });

  it('that hang a driver, or lose it the link, end the link like a poll', async () => {
    const all = fresh();
    all.says = () => new Promise(() => {});
    all.rig.acquisition.apply(documents('mill', { 1: [['v1', 500]] }));
    await all.clock.advance(500);
    expect(all.plant.connects).toBe(1);
    all.says = ahead(0);
    await all.clock.advance(10_000);
    expect(all.plant.connects).toBe(2);
    expect(all.rig.link('mill').state).toBe('running');
    all.says = async () => {
      throw new AppError('protocol.link-lost', 'Gone.', { details: { endpoint: 'mill' }, retryable: true });
    };
    await all.clock.advance(60_000);
    expect(all.plant.connects).toBeGreaterThan(2);
  });
});
