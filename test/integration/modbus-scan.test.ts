import { afterEach, describe, expect, it } from 'vitest';
import type { ScanProgress, SharedLink } from '#engine/protocols/index.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';
import {
  createRegisterImage,
  type Misbehaviour,
  type ModbusSimulator,
  type RegisterImage,
  startModbusSimulator,
} from '#simulators/modbus/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { honest, type ModbusPeer, type PeerRequest, startPeer } from '#test/support/modbus-peer.ts';
import { connectRig, fast, impatient, type Rig } from '#test/support/modbus-rig.ts';

// What a scan makes of devices with habits, at the driver itself: who holds the link is played here.

let simulator: ModbusSimulator | undefined;
let peer: ModbusPeer | undefined;
let rig: Rig | undefined;
guardLeaks();
afterEach(async () => {
  await rig?.connection.close();
  await simulator?.close();
  await peer?.close();
  rig = simulator = peer = undefined;
});

async function scan(ranges: readonly (readonly [string, number, number])[], every = false): Promise<ScanProgress> {
  const { connection, context } = rig!;
  const shared: SharedLink<never> = { run: (use) => use(connection as never) };
  const target = { deviceId: 'd1', every, ranges: ranges.map(([area, first, last]) => ({ area, first, last })) };
  let item: ScanProgress | undefined;
  for await (item of modbus.scan(target, context, new AbortController().signal, shared));
  return item!;
}
const rangesOf = ({ found }: ScanProgress): string[] => found.map(({ from, to }) => `${from} ${to}`);

async function withImage(
  image: RegisterImage,
  faults: Partial<Misbehaviour>,
  settings: object = {},
  link: object = {},
) {
  simulator = await startModbusSimulator({ units: { 1: image } });
  simulator.control.set(faults);
  rig = await connectRig(simulator.port, [fast(settings)], {}, link);
}
function some(): RegisterImage {
  const image = createRegisterImage();
  image.define('holding', 0, 200);
  return image;
}

describe('a scan of a device', () => {
  it('that takes fewer registers than set finds this out once and says it', async () => {
    await withImage(some(), { maxRegisters: 32 });
    const result = await scan([['holding', 0, 199]]);
    expect(rangesOf(result)).toEqual(['400001 400200']);
    expect(result.notes).toEqual(['The device gives at most 32 holding registers in one request.']);
    expect(result.requests).toBeLessThan(40);
  });

  it('that lacks a function leaves its table alone and says it', async () => {
    await withImage(some(), { exceptions: [{ function: 2, code: 1 }] });
    const result = await scan([
      ['discrete', 0, 65_535],
      ['holding', 0, 124],
    ]);
    expect(rangesOf(result)).toEqual(['400001 400125']);
    expect(result.notes).toEqual(['The device has no discrete inputs (exception 1, illegal function).']);
    expect(result.requests).toBe(2);
  });

  it('never touches what must not be read, and keeps to the limit of requests', async () => {
    await withImage(some(), {}, { forbidden: ['400051-400060'] }, { requestsPerSecond: 40 });
    const began = performance.now();
    const result = await scan([['holding', 0, 124]]);
    const seen = simulator!.control.requests();
    expect(seen.filter(({ offset, count }) => offset <= 59 && offset + count > 50)).toEqual([]);
    expect(rangesOf(result)).toEqual(['400001 400050', '400061 400125']);
    expect(performance.now() - began).toBeGreaterThan((seen.length - 1) * 25 * 0.9);
  });

  it('that leaves unanswered what it does not have gives the rest, and is not lost', async () => {
    const answers = ({ offset, count }: PeerRequest): boolean => offset + count <= 30;
    peer = await startPeer((request, socket) => {
      if (answers(request)) socket.write(honest(request));
    });
    rig = await connectRig(peer.port, [impatient()]);
    const result = await scan([['holding', 0, 999]]);
    expect(rangesOf(result)).toContain('400001 400030');
    expect(result.notes.join()).toContain('leaves requests for holding registers unanswered');
    expect(peer.accepted).toBe(1);
  });

  it('that is silent ends after two requests', async () => {
    peer = await startPeer(() => {});
    rig = await connectRig(peer.port, [impatient()]);
    await expect(scan([['holding', 0, 9999]])).rejects.toMatchObject({ code: 'protocol.timeout' });
    expect(peer.requests.length).toBeLessThanOrEqual(2);
  });

  it('behind a gateway that does not reach it ends with the gateway\u2019s word', async () => {
    await withImage(some(), { exceptions: [{ code: 11 }] });
    await expect(scan([['holding', 0, 9999]])).rejects.toMatchObject({ code: 'protocol.device-exception' });
  });
});
