import { describe, expect, it } from 'vitest';
import { QUALITY } from '#shared/model/index.ts';
import { createTagMemory } from '#simulators/ethernet-ip/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { closeAll, signal, startRig, startServer } from './ethernet-ip.ts';

guardLeaks();
closeAll();

/** Requests for the wall clock object that the controller has seen. */
const askedFor = (rig: { server: Awaited<ReturnType<typeof startServer>> }): number =>
  rig.server.services().filter(({ path: [first] }) => first?.kind === 'class' && first.value === 0x8b).length;

describe('the clock of a controller', () => {
  it.each([0, 3_600, -86_400.25])('that is %d s ahead is read as that, with one request', async (clockAheadS) => {
    const rig = await startRig({ faults: { clockAheadS } });
    for (let turn = 1; turn <= 3; turn++) {
      const reading = await rig.connection.readClock!('device', signal);
      expect(Math.abs((reading!.device - reading!.here) / 1e6 - clockAheadS)).toBeLessThan(0.25);
      expect(Math.abs(reading!.here / 1e6 - Date.now() / 1e3)).toBeLessThan(1);
      expect(askedFor(rig)).toBe(turn);
    }
  });

  it('is dated to the middle of a long way', async () => {
    const rig = await startRig({ faults: { delayMs: 200 }, device: { responseTimeoutMs: 3_000 } });
    const before = Date.now();
    const { here } = (await rig.connection.readClock!('device', signal))!;
    const after = Date.now();
    expect(after - before).toBeGreaterThan(190);
    expect(Math.abs(here / 1_000 - (before + after) / 2)).toBeLessThan(60);
  });

  it.each([{ noClock: true }, { lacks: [0x03] }])(
    'that is not there is none (%j), and tags are read',
    async (faults) => {
      const rig = await startRig({ faults, tags: [['Speed', 'REAL']] });
      expect(await rig.connection.readClock!('device', signal)).toBeNull();
      expect((await rig.read([['Speed', 'float32']]))[0]).toEqual({ value: 0, quality: QUALITY.good });
    },
  );

  it('that is not answered takes one time-out, and the connection in the controller stays', async () => {
    const rig = await startRig({ tags: [['Speed', 'REAL']] });
    await rig.read([['Speed', 'float32']]);
    rig.server.faults = { silent: true };
    await expect(rig.connection.readClock!('device', signal)).rejects.toMatchObject({ code: 'protocol.timeout' });
    rig.server.faults = {};
    expect((await rig.read([['Speed', 'float32']]))[0]!.quality).toBe(QUALITY.good);
    expect(rig.server.connections).toBe(1);
    expect(rig.server.accepted).toBe(1);
  });

  it('is shown beside its device while tags are read, without a warning', async () => {
    const memory = createTagMemory();
    memory.define('Line', 'REAL');
    const server = await startServer({ memory, faults: { clockAheadS: 90 } });
    const { engine, client } = await startEngine(temporaryDirectory());
    try {
      const screen = client();
      const settings = { host: server.host, port: server.port };
      const documents = [
        ['connection', makeConnection({ id: 'c', name: 'Logix', protocol: 'ethernet-ip', settings })],
        ['device', makeDevice({ id: 'd', connectionId: 'c', settings: { route: '1,0', responseTimeoutMs: 2_000 } })],
        ['tag', makeTag({ id: 'line', deviceId: 'd', name: 'Line', address: 'Line', type: 'float32', periodMs: 500 })],
      ] as const;
      await screen.project.commit({
        changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
      });
      const { connections } = await firstItem(
        screen.connections.watch(),
        (item) => item.connections[0]?.devices[0]?.clockAheadMs != null,
      );
      const device = connections[0]!.devices[0]!;
      expect(Math.abs(device.clockAheadMs! - 90_000)).toBeLessThan(1_000);
      expect(device).toMatchObject({ state: 'running', message: null, clockGainPerDayMs: null });
      expect(askedFor({ server })).toBe(1);
    } finally {
      await engine.stop();
    }
  });
});
