import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#engine/platform/index.ts';
import { planBlocks, type Run } from '#engine/protocols/modbus/planner.ts';
import { deviceStatusOf, isBad, QUALITY } from '#shared/model/index.ts';
import {
  createRegisterImage,
  type ModbusSimulator,
  type RegisterImage,
  startModbusSimulator,
} from '#simulators/modbus/index.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import {
  exception,
  frame,
  honest,
  type ModbusPeer,
  type PeerRequest,
  startPeer,
  wordAt,
} from '#test/support/modbus-peer.ts';
import { connectRig, fast, type Rig, type TagText } from '#test/support/modbus-rig.ts';

const DEVICES = LONG ? 2_000 : 60;

// What a device refuses is found out once, remembered, and asked for again now and then.

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

/** Monotonic time runs with the system's and can be moved on. */
function movableClock(): Clock & { skip(ms: number): void } {
  const clock = systemClock();
  let skipped = 0;
  return {
    ...clock,
    monotonicMs: () => clock.monotonicMs() + skipped,
    skip(ms) {
      skipped += ms;
    },
  };
}

async function withImage(image: RegisterImage, settings: object = {}, clock: Clock = systemClock()): Promise<Rig> {
  simulator = await startModbusSimulator({ units: { 1: image } });
  rig = await connectRig(simulator.port, [fast(settings)], { clock });
  return rig;
}
async function withPeer(...[behaviour, settings]: [Parameters<typeof startPeer>[0], object?]): Promise<Rig> {
  peer = await startPeer(behaviour);
  rig = await connectRig(peer.port, [fast(settings)]);
  return rig;
}
/** Requests that one more poll costs. */
async function cost(plan: ReturnType<Rig['plan']>): Promise<number> {
  const count = (): number => simulator?.control.requests().length ?? peer?.requests.length ?? 0;
  const before = count();
  await rig!.poll(plan);
  return count() - before;
}
const goodOnes = (): number[] =>
  rig!.sink.samples
    .filter((sample) => sample.quality === QUALITY.good)
    .map((sample) => sample.tag)
    .sort((a, b) => a - b);
const registers = (offsets: readonly number[]): TagText[] => offsets.map((offset) => `h${offset}`);

describe('a block that the device refuses', () => {
  it('because of a hole that no tag needs costs one request more from then on', async () => {
    const image = createRegisterImage();
    image.define('holding', 0, 10);
    image.define('holding', 50, 10);
    await withImage(image);
    const plan = rig!.plan(registers([0, 1, 5, 9, 50, 51, 59]));
    expect(plan.requests).toBe(1);
    await rig!.poll(plan);
    expect(goodOnes()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await cost(plan)).toBe(2);
    expect(plan.requests).toBe(2);
    expect(goodOnes()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('because of one tag leaves its neighbours good, at once and at the lowest cost', async () => {
    const image = createRegisterImage();
    image.define('holding', 0, 100);
    image.undefine('holding', 37, 1);
    await withImage(image);
    const plan = rig!.plan(registers(Array.from({ length: 100 }, (_, offset) => offset)));
    await rig!.poll(plan);
    expect(goodOnes().length).toBe(99);
    expect(deviceStatusOf(rig!.sink.one(37).quality)).toBe(2);
    for (let turn = 0; turn < 3; turn++) {
      expect(await cost(plan)).toBe(2);
      expect(goodOnes().length).toBe(99);
      expect(deviceStatusOf(rig!.sink.one(37).quality)).toBe(2);
    }
    expect(rig!.context.lines.some((line) => line.includes('refuses holding register 400038'))).toBe(true);
  });

  it('is known to other plans of the device too', async () => {
    const image = createRegisterImage();
    image.define('holding', 0, 100);
    image.undefine('holding', 37, 1);
    await withImage(image);
    await rig!.poll(rig!.plan(registers([30, 37, 40])));
    const other = rig!.plan(['h36', ['h36', 'uint32'], 'h38']);
    expect(other.requests).toBe(2);
    expect(await cost(other)).toBe(2);
    expect(goodOnes()).toEqual([0, 2]);
  });

  it('because a value of two registers exists by half marks that value alone', async () => {
    const image = createRegisterImage();
    image.define('holding', 0, 11);
    await withImage(image);
    const plan = rig!.plan(['h0', ['h8', 'uint32'], ['h10', 'uint32'], 'h10']);
    await rig!.poll(plan);
    expect(goodOnes()).toEqual([0, 1, 3]);
    expect(await cost(plan)).toBe(1);
    expect(goodOnes()).toEqual([0, 1, 3]);
  });

  it('because it is longer than the device takes is read in parts from the first poll on', async () => {
    const image = createRegisterImage({ everything: true });
    await withImage(image);
    simulator!.control.set({ maxRegisters: 40 });
    const plan = rig!.plan(registers(Array.from({ length: 250 }, (_, offset) => offset)));
    await rig!.poll(plan);
    expect(goodOnes().length).toBe(250);
    expect(await cost(plan)).toBe(Math.ceil(250 / 40));
    expect(goodOnes().length).toBe(250);
    expect(rig!.context.lines.some((line) => line.includes('at most 40 holding registers'))).toBe(true);
  });

  it('because its table does not exist costs no further requests, and the other tables go on', async () => {
    await withPeer((request, socket) =>
      socket.write(request.functionCode === 4 ? exception(request, 1) : honest(request)),
    );
    const plan = rig!.plan(['HR1', 'IR1', 'IR1000', 'IR2000', 'C1', 'DI1']);
    await rig!.poll(plan);
    expect(goodOnes()).toEqual([0, 4, 5]);
    expect(deviceStatusOf(rig!.sink.one(3).quality)).toBe(1);
    expect(await cost(plan)).toBe(3);
    expect(goodOnes()).toEqual([0, 4, 5]);
  });

  it('once, by a disturbed answer or an exception that passed, teaches nothing', async () => {
    for (const disturbed of [
      (request: PeerRequest) => frame(request.number, [request.unit, request.functionCode, 7, 1, 2, 3]),
      (request: PeerRequest) => exception(request, 2),
    ]) {
      await withPeer((request, socket) => socket.write(request.turn === 3 ? disturbed(request) : honest(request)));
      const plan = rig!.plan(registers([0, 5, 30, 60]));
      for (let turn = 0; turn < 6; turn++) {
        await rig!.poll(plan);
        expect(goodOnes()).toEqual([0, 1, 2, 3]);
      }
      expect(plan.requests).toBe(1);
      expect(await cost(plan)).toBe(1);
      await rig!.connection.close();
      await peer!.close();
    }
  });

  it('with a device failure, poll after poll, leaves the neighbours good in the end', async () => {
    await withPeer((request, socket) => {
      const touches = request.offset <= 50 && request.offset + request.count > 50;
      socket.write(touches ? exception(request, 4) : honest(request));
    });
    const plan = rig!.plan(registers([0, 40, 50, 60, 300]));
    const good: number[][] = [];
    for (let turn = 0; turn < 5; turn++) {
      await rig!.poll(plan);
      good.push(goodOnes());
    }
    expect(good).toEqual([[4], [4], [0, 1, 3, 4], [0, 1, 3, 4], [0, 1, 3, 4]]);
    expect(await cost(plan)).toBe(3);
  });

  it('in every part costs one request a poll, by which a loss is still seen', async () => {
    let mute = false;
    await withPeer(
      (request, socket) => {
        if (!mute) socket.write(exception(request, 2));
      },
      { responseTimeoutMs: 150 },
    );
    const plan = rig!.plan(registers([1, 2, 3, 40]));
    await rig!.poll(plan);
    expect(await cost(plan)).toBe(1);
    mute = true;
    await expect(rig!.poll(plan)).rejects.toMatchObject({ code: 'protocol.timeout' });
  });

  it('by silence is found out in a few polls, and then costs no time-out', async () => {
    // Leaves requests that touch offset 50 unanswered, as some devices do with what they do not have.
    await withPeer(
      (request, socket) => {
        if (request.offset > 50 || request.offset + request.count <= 50) socket.write(honest(request));
      },
      { responseTimeoutMs: 150 },
    );
    const plan = rig!.plan(registers([0, 200, 40, 45, 50, 55, 60]));
    let polls = 0;
    for (; polls < 12; polls++) {
      try {
        await rig!.poll(plan);
        if (goodOnes().length === 6) break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'protocol.timeout' });
      }
    }
    expect(polls).toBeLessThan(12);
    const before = peer!.requests.length;
    await rig!.poll(plan);
    expect(goodOnes()).toEqual([0, 1, 2, 3, 5, 6]);
    expect(rig!.sink.one(4).quality).toBe(QUALITY.badTimeout);
    for (const request of peer!.requests.slice(before)) {
      expect(request.offset > 50 || request.offset + request.count <= 50).toBe(true);
    }
  });

  it('with an answer cut short is read in parts, and the good parts are right', async () => {
    // Gives at most 30 registers, whatever was asked for.
    await withPeer((request, socket) => {
      const bytes = honest({ ...request, count: Math.min(request.count, 30) });
      socket.write(bytes);
    });
    const plan = rig!.plan(registers(Array.from({ length: 100 }, (_, offset) => offset)));
    await rig!.poll(plan);
    await rig!.poll(plan);
    expect(goodOnes().length).toBe(100);
    for (const { tag, value } of rig!.sink.samples) expect(value).toBe(wordAt({ unit: 1, functionCode: 3 }, tag));
  });
});

describe('asking again', () => {
  it('brings back what the device has got meanwhile, at one request a poll', async () => {
    const clock = movableClock();
    const image = createRegisterImage();
    image.define('holding', 0, 20);
    image.undefine('holding', 7, 1);
    image.undefine('holding', 12, 1);
    await withImage(image, {}, clock);
    const plan = rig!.plan(registers([0, 5, 7, 10, 14]));
    await rig!.poll(plan);
    expect(await cost(plan)).toBe(3);
    clock.skip(9000);
    expect(await cost(plan)).toBe(3);
    clock.skip(2000);
    // Two runs are asked for again, one in a poll, and are refused again.
    expect([await cost(plan), await cost(plan), await cost(plan)]).toEqual([4, 4, 3]);
    expect(goodOnes()).toEqual([0, 1, 3, 4]);

    image.define('holding', 7, 1);
    image.define('holding', 12, 1);
    clock.skip(21_000);
    // The first that can be read again brings the others with it.
    expect(await cost(plan)).toBe(5);
    expect(await cost(plan)).toBe(1);
    expect(goodOnes()).toEqual([0, 1, 2, 3, 4]);
  });

  it('makes a device whole in two polls that refused everything for an hour', async () => {
    const clock = movableClock();
    const image = createRegisterImage();
    await withImage(image, {}, clock);
    const plan = rig!.plan(registers(Array.from({ length: 60 }, (_, index) => index * 3)));
    for (let turn = 0; turn < 60; turn++) {
      clock.skip(60_000);
      await rig!.poll(plan);
      expect(goodOnes()).toEqual([]);
    }
    image.define('holding', 0, 1000);
    await rig!.poll(plan);
    await rig!.poll(plan);
    expect(goodOnes().length).toBe(60);
  });

  it('does not trouble a device that goes on refusing: twice as long each time, up to 5 minutes', async () => {
    const clock = movableClock();
    const image = createRegisterImage();
    image.define('holding', 0, 4);
    await withImage(image, {}, clock);
    const plan = rig!.plan(registers([0, 2, 9]));
    await rig!.poll(plan);
    let asked = 0;
    for (let minute = 0; minute < 600; minute++) {
      clock.skip(60_000);
      asked += (await cost(plan)) - 1;
    }
    expect(asked).toBeGreaterThan(600 / 6);
    expect(asked).toBeLessThan(600 / 5 + 10);
  });
});

describe('whatever the device has and the tags are', () => {
  it('every tag that can be read is good and right, no other is, and the polls end at the fewest requests', async () => {
    const PLACES = 120;
    const device = fc.record({
      exists: fc.array(fc.boolean(), { minLength: PLACES, maxLength: PLACES }),
      density: fc.constantFrom(0, 1, 2, 3),
      tags: fc.array(fc.record({ offset: fc.nat(PLACES - 5), type: fc.constantFrom('uint16', 'uint32', 'float64') }), {
        minLength: 1,
        maxLength: 40,
      }),
      maxRegisters: fc.integer({ min: 4, max: 125 }),
      maxGapRegisters: fc.constantFrom(0, 1, 3, 20, 125),
    });
    const width = { uint16: 1, uint32: 2, float64: 4 } as const;
    await fc.assert(
      fc.asyncProperty(device, async ({ exists, density, tags, maxRegisters, maxGapRegisters }) => {
        const image = createRegisterImage();
        // Density 0 keeps half of the registers, each step up half of the holes.
        const present = exists.map((one, offset) => one || (offset * 7919) % 2 ** density !== 0);
        present.forEach((one, offset) => {
          if (one) image.setRegisters('holding', offset, [offset * 257]);
        });
        await withImage(image, { maxRegisters, maxGapRegisters });
        const plan = rig!.plan(tags.map(({ offset, type }) => [`h${offset}`, type] as const));
        const readable = tags.map(({ offset, type }) => present.slice(offset, offset + width[type]).every(Boolean));
        // One poll sees all that can be seen; the later ones find out what the new plan still gets wrong.
        for (let turn = 0; turn < 12; turn++) {
          await rig!.poll(plan);
          tags.forEach(({ offset, type }, index) => {
            const sample = rig!.sink.one(index);
            expect(isBad(sample.quality)).toBe(!readable[index]);
            if (!readable[index]) return;
            const words = present.slice(offset, offset + width[type]).map((_, word) => BigInt((offset + word) * 257));
            expect(BigInt(sample.value)).toBe(words.reduce((value, word) => (value << 16n) | word, 0n));
          });
        }
        const holes: Run[] = present.flatMap((one, offset) => (one ? [] : [{ first: offset, last: offset }]));
        const spans = tags.map(({ offset, type }, item) => ({ item, offset, count: width[type] }));
        const fewest = planBlocks(
          spans.filter((span) => readable[span.item]),
          { max: maxRegisters, maxGap: maxGapRegisters, forbidden: holes, barriers: [] },
        ).blocks.length;
        expect(await cost(plan)).toBe(Math.max(1, fewest));
        await rig!.connection.close();
        await simulator!.close();
      }),
      { numRuns: DEVICES },
    );
    figures({ devices: DEVICES });
  });
});
