import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { ServerTCP } from 'modbus-serial';
import { afterEach, describe, expect, it } from 'vitest';
import { QUALITY } from '#shared/model/index.ts';
import { createRegisterImage, type ModbusSimulator, startModbusSimulator } from '#simulators/modbus/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { connectRig, fast, impatient, type Rig } from '#test/support/modbus-rig.ts';

let rig: Rig | undefined;
let simulator: ModbusSimulator | undefined;
guardLeaks();
afterEach(async () => {
  await rig?.connection.close();
  await simulator?.close();
  rig = simulator = undefined;
});

describe("modbus-serial's own server", () => {
  it('is read in all four tables, and its exceptions stay with their tags', async () => {
    const server = new ServerTCP(
      {
        getCoil: (address: number) => address % 2 === 0,
        getDiscreteInput: (address: number) => address % 5 === 0,
        getInputRegister: (address: number) => (address * 3) & 0xffff,
        getHoldingRegister: (address: number) => {
          if (address === 20) throw Object.assign(new Error('no such register'), { modbusErrorCode: 2 });
          return (address * 7) & 0xffff;
        },
      },
      { host: '127.0.0.1', port: 0, unitID: 3 },
    );
    const listener = (server as unknown as { _server: Server })._server;
    if (!listener.listening) await once(listener, 'listening');
    try {
      rig = await connectRig((listener.address() as AddressInfo).port, [fast({ unitId: 3 })]);
      const plan = rig.plan(['c0', 'c1', 'c9', 'd5', 'd6', 'i100', 'h18', 'h20', 'h22', ['h100', 'uint32']]);
      for (let turn = 0; turn < 3; turn++) {
        const sink = await rig.poll(plan);
        expect([0, 1, 2, 3, 4, 5, 6, 8, 9].map((tag) => sink.one(tag).value)).toEqual([
          1,
          0,
          0,
          1,
          0,
          300,
          126,
          154,
          700 * 65_536 + 707,
        ]);
        expect(sink.one(7).quality).not.toBe(QUALITY.good);
      }
    } finally {
      await rig?.connection.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  });
});

describe('a device full of registers', () => {
  it('all 65,536 of a table arrive in 525 requests, every value where it belongs', async () => {
    const image = createRegisterImage({ everything: true });
    image.setRegisters(
      'holding',
      0,
      Array.from({ length: 65_536 }, (_, offset) => offset ^ 0x5a5a),
    );
    simulator = await startModbusSimulator({ units: { 1: image } });
    rig = await connectRig(simulator.port, [fast()]);
    const plan = rig.plan(Array.from({ length: 65_536 }, (_, offset) => `h${offset}`));
    expect(plan.requests).toBe(525);
    const sink = await rig.poll(plan);
    expect(sink.samples.length).toBe(65_536);
    for (const { tag, value, quality } of sink.samples) {
      if (value !== (tag ^ 0x5a5a) || quality !== QUALITY.good) expect.unreachable(`tag ${tag} is ${value}`);
    }
  });

  it('all 65,536 coils arrive in 33 requests', async () => {
    const image = createRegisterImage({ everything: true });
    for (let offset = 0; offset < 65_536; offset += 7) image.setBit('coil', offset, true);
    simulator = await startModbusSimulator({ units: { 1: image } });
    rig = await connectRig(simulator.port, [fast()]);
    const plan = rig.plan(Array.from({ length: 65_536 }, (_, offset) => `c${offset}`));
    expect(plan.requests).toBe(33);
    const sink = await rig.poll(plan);
    expect(sink.samples.filter(({ tag, value }) => value !== (tag % 7 === 0 ? 1 : 0))).toEqual([]);
  });
});

describe('one link for several units', () => {
  it('never mixes their values, whatever the order of polls', async () => {
    const units = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => {
        const image = createRegisterImage();
        image.setRegisters('holding', 0, [index + 1, (index + 1) * 1000]);
        return [index + 1, image];
      }),
    );
    simulator = await startModbusSimulator({ units, unknownUnits: 'silent' });
    const devices = Array.from({ length: 10 }, (_, index) => fast({ unitId: index + 1 }));
    rig = await connectRig(simulator.port, devices);
    const plans = devices.map((_, index) => rig!.plan(['h0', 'h1'], `d${index + 1}`));
    for (let turn = 0; turn < 100; turn++) {
      const index = (turn * 7) % 10;
      const sink = await rig.poll(plans[index]!);
      expect([sink.one(0).value, sink.one(1).value]).toEqual([index + 1, (index + 1) * 1000]);
    }
    expect(simulator.control.accepted).toBe(1);
  });

  it('of which nine are dead delivers the tenth every time, on the same link', async () => {
    const image = createRegisterImage({ everything: true });
    simulator = await startModbusSimulator({ units: { 10: image }, unknownUnits: 'silent' });
    const devices = Array.from({ length: 10 }, (_, index) =>
      index === 9 ? fast({ unitId: 10 }) : impatient({ unitId: index + 1 }),
    );
    rig = await connectRig(simulator.port, devices);
    const plans = devices.map((_, index) => rig!.plan(['h0'], `d${index + 1}`));
    for (let turn = 0; turn < 3; turn++) {
      for (const plan of plans.slice(0, 9)) {
        await expect(rig.poll(plan)).rejects.toMatchObject({ code: 'protocol.timeout' });
      }
      expect((await rig.poll(plans[9]!)).one(0).quality).toBe(QUALITY.good);
    }
    expect(simulator.control.accepted).toBe(1);
  });
});

describe('polling', () => {
  it('pauses between requests where the device wants it', async () => {
    simulator = await startModbusSimulator({ units: { 1: createRegisterImage({ everything: true }) } });
    rig = await connectRig(simulator.port, [fast({ pauseMs: 40 })]);
    await rig.poll(rig.plan(['h0', 'h1000', 'h2000']));
    const times = simulator.control.requests().map((request) => request.at);
    expect(times.length).toBe(3);
    for (const [index, time] of times.slice(1).entries()) expect(time - times[index]!).toBeGreaterThan(35);
  });

  it('never touches a forbidden range, and marks the tags in it', async () => {
    simulator = await startModbusSimulator({ units: { 1: createRegisterImage({ everything: true }) } });
    rig = await connectRig(simulator.port, [fast({ forbidden: ['400011-400020', 'C5'] })]);
    const sink = await rig.poll(rig.plan(['h0', 'h9', 'h15', 'h20', ['h9', 'uint32'], 'c0', 'c4', 'c5', 'i12']));
    expect(
      sink.samples.filter((sample) => sample.quality === QUALITY.badConfiguration).map((sample) => sample.tag),
    ).toEqual(expect.arrayContaining([2, 4, 6]));
    expect(sink.samples.filter((sample) => sample.quality === QUALITY.good).length).toBe(6);
    for (const request of simulator.control.requests()) {
      if (request.function === 3) expect(request.offset + request.count <= 10 || request.offset >= 20).toBe(true);
      if (request.function === 1) expect(request.offset + request.count <= 4 || request.offset >= 5).toBe(true);
    }
  });

  it('sends and receives are shown to the trace as they are on the wire', async () => {
    simulator = await startModbusSimulator({ units: { 1: createRegisterImage({ everything: true }) } });
    const seen: string[] = [];
    rig = await connectRig(simulator.port, [fast({ unitId: 1 })], {
      trace: (direction, bytes) => seen.push(`${direction} ${Buffer.from(bytes).toString('hex')}`),
    });
    await rig.poll(rig.plan(['h16']));
    expect(seen.map((line) => line.replace(/ ..../, ' ....'))).toEqual([
      'sent ....00000006010300100001',
      'received ....00000005010302' + '0000',
    ]);
  });
});
