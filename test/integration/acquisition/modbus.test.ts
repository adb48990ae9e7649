import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '#engine/platform/index.ts';
import { protocols } from '#engine/protocols/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { createRegisterImage, type ModbusSimulator, startModbusSimulator } from '#simulators/modbus/index.ts';
import { makeConnection, makeDevice, makeTags } from '#test/support/documents.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { createRig, merge, type Rig } from './rig.ts';

// Real Modbus TCP over loopback, on the real clock.

guardLeaks();
const simulators: ModbusSimulator[] = [];
let rig: Rig | null = null;

afterEach(async () => {
  await rig?.acquisition.stop();
  await Promise.all(simulators.splice(0).map((simulator) => simulator.close()));
  rig = null;
});

async function simulate(unitIds: readonly number[]): Promise<ModbusSimulator> {
  const simulator = await startModbusSimulator({
    units: Object.fromEntries(unitIds.map((unit) => [unit, createRegisterImage({ everything: true })])),
    unknownUnits: 'silent',
  });
  simulators.push(simulator);
  return simulator;
}

/** Twenty registers of each unit behind the simulator. */
function plc(id: string, { port }: ModbusSimulator, unitIds: readonly number[], periodMs: number, timeoutMs: number) {
  return {
    connections: [makeConnection({ id, name: id, settings: { host: '127.0.0.1', port, connectTimeoutMs: 500 } })],
    devices: unitIds.map((unitId) =>
      makeDevice({
        id: `${id}-${unitId}`,
        connectionId: id,
        name: `Unit ${unitId}`,
        settings: { unitId, responseTimeoutMs: timeoutMs },
      }),
    ),
    tags: unitIds.flatMap((unitId) =>
      makeTags(20, (index) => ({
        id: `${id}-${unitId}-${index}`,
        name: `${id} ${unitId} ${index}`,
        deviceId: `${id}-${unitId}`,
        periodMs,
      })),
    ),
  };
}

function start(options: Parameters<typeof createRig>[1] = {}): Rig {
  rig = createRig(systemClock(), { protocols, backOff: { minMs: 100, maxMs: 500 }, ...options });
  return rig;
}

/** Waits until `done` holds; gives the milliseconds it took. */
async function until(what: string, limitMs: number, done: () => boolean): Promise<number> {
  const started = performance.now();
  while (!done()) {
    if (performance.now() - started > limitMs) throw new Error(`${what}: not within ${limitMs} ms.`);
    await wait(5);
  }
  return performance.now() - started;
}

const is = (rigged: Rig, id: string, quality: number): boolean => rigged.live.latest(id)?.quality === quality;

describe('acquisition over Modbus TCP', () => {
  it('reads one device of ten at its period while the nine others accept and never answer', async () => {
    const alive = await simulate([1]);
    const dead = await Promise.all(Array.from({ length: 9 }, () => simulate([1])));
    for (const simulator of dead) simulator.control.set({ dropEvery: 1 });
    const used = start();
    used.acquisition.apply(
      merge(
        plc('alive', alive, [1], 50, 300),
        ...dead.map((simulator, i) => plc(`dead${i}`, simulator, [1], 50, 1_500)),
      ),
    );
    await until('first value beside nine dead devices', 5_000, () => is(used, 'alive-1-0', QUALITY.good));
    await wait(3_500);
    const times = alive.control.requests().map(({ at }) => at);
    const longest = times.slice(1).reduce((most, at, i) => Math.max(most, at - (times[i] ?? at)), 0);
    // The exact figures are shown on a clock that stands still for them; here a busy machine must not matter, and one
    // dead device that is waited for would show as its whole time-out.
    expect(times.length).toBeGreaterThan(25);
    expect(longest, 'milliseconds between two requests').toBeLessThan(1_000);
    for (let i = 0; i < 9; i++) expect(is(used, `dead${i}-1-0`, QUALITY.badTimeout)).toBe(true);
    expect(used.acquisition.status().filter(({ state }) => state === 'lost')).toHaveLength(9);
  });

  it('reads one unit of ten behind a gateway while the nine others are dead', async () => {
    const units = Array.from({ length: 10 }, (_, i) => i + 1);
    const gateway = await simulate([7]);
    const used = start();
    used.acquisition.apply(plc('gateway', gateway, units, 200, 60));
    await until('the living unit found among nine dead ones', 10_000, () => is(used, 'gateway-7-0', QUALITY.good));
    await until('the dead units told', 15_000, () =>
      units.every((unit) => unit === 7 || is(used, `gateway-${unit}-0`, QUALITY.badTimeout)),
    );
    gateway.control.clearRequests();
    await wait(3_000);
    const times = gateway.control.requests().flatMap(({ unit, at }) => (unit === 7 ? [at] : []));
    const longest = times.slice(1).reduce((most, at, i) => Math.max(most, at - (times[i] ?? at)), 0);
    expect(longest, 'milliseconds between two requests').toBeLessThan(900);
    expect(gateway.control.accepted, 'the link is not given up for its dead units').toBe(1);
  });

  it('names nine dead units of ten within seconds, and reads the tenth meanwhile', async () => {
    const units = Array.from({ length: 10 }, (_, i) => i + 1);
    const gateway = await simulate([7]);
    const used = start();
    used.acquisition.apply(plc('gateway', gateway, units, 200, 1_000));
    await until('the dead units told', 15_000, () =>
      units.every((unit) => unit === 7 || is(used, `gateway-${unit}-0`, QUALITY.badTimeout)),
    );
    expect(is(used, 'gateway-7-0', QUALITY.good)).toBe(true);
    expect(used.link('gateway').message).toContain('9 of 10 devices do not answer');
    // Counted instead of timed: nine whole time-outs have not been waited for, and the living one had its turns.
    const asked = gateway.control.requests().filter(({ unit }) => unit !== 7).length;
    expect(asked, 'requests to dead units').toBeLessThan(18);
    expect(gateway.control.requests().filter(({ unit }) => unit === 7).length).toBeGreaterThanOrEqual(3);
  });

  it('tells a killed device within a period and a time-out, and its return soon after', async () => {
    const simulator = await simulate([1]);
    const used = start();
    used.acquisition.apply(plc('plc', simulator, [1], 100, 300));
    await until('first value', 5_000, () => is(used, 'plc-1-0', QUALITY.good));
    await wait(300);
    const restarted = simulator.control.restart(1_500);
    await until('bad quality', 3_000, () => is(used, 'plc-1-0', QUALITY.badNotConnected));
    const last = used.latest('plc-1-0');
    expect((last.time - (last.lastGood ?? 0)) / 1_000).toBeLessThan(100 + 300 + 300);
    expect(used.link('plc').message).toContain('Trying again every');
    await restarted;
    await until('good again', 5_000, () => is(used, 'plc-1-19', QUALITY.good));
    expect(used.gaps.length).toBe(1);
    // A cable that is pulled closes nothing: only silence tells.
    simulator.control.set({ dropEvery: 1 });
    await until('bad quality', 3_000, () => is(used, 'plc-1-0', QUALITY.badTimeout));
    simulator.control.clear();
    await until('good again', 5_000, () => is(used, 'plc-1-19', QUALITY.good));
  });

  it('reads a device that closes after each answer without a gap, and says what the device does', async () => {
    const simulator = await simulate([1]);
    simulator.control.set({ closeAfterAnswer: true });
    const used = start();
    used.acquisition.apply(plc('plc', simulator, [1], 100, 1_000));
    await until('twenty reads', 10_000, () => used.of('plc-1-0').length > 20);
    const [waiting, ...read] = used.of('plc-1-0');
    expect(waiting?.quality).toBe(QUALITY.badWaitingForFirst);
    expect(read.every(({ quality }) => quality === QUALITY.good)).toBe(true);
    expect(used.gaps).toEqual([]);
    expect(simulator.control.accepted).toBeGreaterThanOrEqual(20);
    expect(used.link('plc')).toMatchObject({
      state: 'running',
      attempts: 0,
      message: expect.stringContaining('ends the connection after each answer'),
    });
    // Counted work, not timing: what was not read was counted as missed.
    const spanMs = ((read.at(-1)?.time ?? 0) - (read[0]?.time ?? 0)) / 1_000;
    const overruns = used.link('plc').groups[0]?.overruns ?? 0;
    expect(read.length + overruns).toBeGreaterThanOrEqual(Math.floor(spanMs / 100) - 1);
    simulator.control.clear();
    await until('the word about it withdrawn', 5_000, () => used.link('plc').message === null);
  });

  it('survives twenty losses in a row with one socket and no timer more than before', async () => {
    const simulator = await simulate([1, 2]);
    const used = start();
    used.acquisition.apply(plc('plc', simulator, [1, 2], 20, 200));
    for (let round = 0; round < 20; round++) {
      await until(
        `good in round ${round}`,
        2_000,
        () => is(used, 'plc-1-0', QUALITY.good) && is(used, 'plc-2-0', QUALITY.good),
      );
      simulator.control.disconnectAll();
      await until(`bad in round ${round}`, 3_000, () => is(used, 'plc-1-0', QUALITY.badNotConnected));
    }
    await until('good in the end', 5_000, () => is(used, 'plc-1-0', QUALITY.good));
    expect(simulator.control.connections).toBe(1);
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length).toBeLessThanOrEqual(2);
    expect(used.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('serves or counts every tick of 10 ms, with one request per read', async () => {
    const simulator = await simulate([1]);
    const used = start({ keep: false });
    used.acquisition.apply(plc('plc', simulator, [1], 10, 300));
    await until('first value', 5_000, () => is(used, 'plc-1-0', QUALITY.good));
    simulator.control.clearRequests();
    const started = performance.now();
    await wait(2_000);
    const [group] = used.link('plc').groups;
    const perSecond = (simulator.control.requests().length * 1_000) / (performance.now() - started);
    expect(group?.requestsPerPoll).toBe(1);
    // Counted work, not timing: what was not read was counted as missed.
    expect(perSecond + ((group?.overruns ?? 0) * 1_000) / (performance.now() - started)).toBeGreaterThan(95);
  });

  it('stops within two seconds while devices hang', async () => {
    const fine = await simulate([1]);
    const silent = await simulate([1]);
    silent.control.set({ halfOpen: true });
    const used = start();
    used.acquisition.apply(merge(plc('fine', fine, [1], 50, 300), plc('silent', silent, [1], 50, 60_000)));
    await until('first value', 5_000, () => is(used, 'fine-1-0', QUALITY.good));
    const started = performance.now();
    await used.acquisition.stop();
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(is(used, 'fine-1-0', QUALITY.badShutdown)).toBe(true);
    expect(is(used, 'silent-1-0', QUALITY.badShutdown)).toBe(true);
  });
});
