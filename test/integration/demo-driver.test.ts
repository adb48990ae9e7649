import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import { findProtocol, type SampleSink } from '#engine/protocols/index.ts';
import { createDecoder, QUALITY } from '#shared/model/index.ts';
import { type DemoLine, startDemoLine } from '#simulators/demo-line.ts';
import { demoProject } from '#simulators/demo-project.ts';
import { egdPoints } from '#simulators/egd-mill.ts';
import { logixPoints } from '#simulators/logix-mill.ts';
import { type MillPoint, millPoints } from '#simulators/mill-map.ts';

type Value = number | bigint | string;

/**
 * The one place where the drivers and the simulators, written apart from each other, meet with all types, orders, bits
 * and texts: what a driver decodes must be what the model holds.
 */
describe('the demo project on the demo line', () => {
  let line: DemoLine;
  beforeEach(async () => {
    line = await startDemoLine({ port: 0, speed: 0, seed: 11 });
    // Long enough for every counter to count and for a coil change; time stands still from then on.
    line.mill.step(250_000);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(line.mill.state.coilNumber).toBeGreaterThan(4711);
  });
  afterEach(() => line.close());

  it('reads every tag by Modbus with the value that the model has', async () => {
    const values = await valuesOf('modbus');
    expect(values.size).toBe(millPoints.length);
    for (const point of millPoints) {
      // Half a step of a scaled integer, or the digits of a float.
      const step = point.type === 'float64' ? 0 : (point.gain ?? (point.type === 'float32' ? 0 : 1)) / 2;
      expectValue(values.get(point.name), point, step);
    }
  });

  it('reads the same by EtherNet/IP', async () => {
    const values = await valuesOf('ethernet-ip');
    expect(values.size).toBe(logixPoints.length);
    for (const { path, type, point } of logixPoints) {
      expectValue(values.get(`Logix ${path}`), point, type.startsWith('float') ? 0 : 0.5);
    }
  });

  it('hears the same by EGD, in both byte orders', async () => {
    const values = await valuesOf('egd');
    expect(values.size).toBe(egdPoints.length);
    for (const { name, type, point } of egdPoints) {
      expectValue(values.get(`EGD ${name}`), point, type.startsWith('float') ? 0 : 0.5);
    }
  });

  function expectValue(found: Value | undefined, point: MillPoint, step: number): void {
    const expected = point.read(line.mill.state);
    if (typeof expected === 'string') expect(found, point.id).toBe(expected);
    else if (typeof expected === 'bigint') expect(Number(found), point.id).toBe(Number(expected));
    else {
      const rounding = Math.abs(expected) * 1.2e-7;
      expect(Math.abs(Number(found) - expected), point.id).toBeLessThanOrEqual(step + rounding + 1e-12);
    }
  }

  /** The values of all tags of the connection with this protocol, by name; every sample must be good. */
  async function valuesOf(protocol: string): Promise<Map<string, Value>> {
    const project = demoProject(line.addresses);
    const connection = project.connection.find((one) => one.protocol === protocol)!;
    const driver = findProtocol(protocol)!;
    const own = project.device.filter((device) => device.connectionId === connection.id);
    const devices = new Map(own.map(({ id, settings }) => [id, driver.device.parse(settings)]));
    const context = { log: createLogger(() => undefined), clock: systemClock(), network: systemNetwork, trace: null };
    const stop = new AbortController();
    const link = await driver.connect(driver.config.parse(connection.settings), devices, context, stop.signal);
    const tags = project.tag.filter((tag) => devices.has(tag.deviceId));
    const bindings = tags.map((tag, index) => {
      const device = devices.get(tag.deviceId);
      const { address } = driver.parseAddress(tag.address, device);
      expect(driver.formatAddress(address)).toBe(tag.address);
      return { index, deviceId: tag.deviceId, address, recipe: driver.recipe(tag, address, device) };
    });
    const values = new Map<string, Value>();
    const one = new Float64Array(1);
    const take = (index: number, quality: number, value: Value): void => {
      const tag = tags[index]!;
      expect(quality, tag.id).toBe(QUALITY.good);
      expect(link.mode === 'poll' && values.has(tag.name), `${tag.id} came twice`).toBe(false);
      values.set(tag.name, value);
    };
    const decode = (index: number): Value => createDecoder(bindings[index]!.recipe).one(one, 0);
    const sink: SampleSink = {
      push(index, _time, value, quality) {
        one[0] = value;
        take(index, quality, decode(index));
      },
      push64(index, _time, high, low, quality) {
        new BigUint64Array(one.buffer)[0] = (BigInt(high) << 32n) | BigInt(low);
        take(index, quality, decode(index));
      },
      pushText: (index, _time, text, quality) => take(index, quality, text),
    };
    try {
      if (link.mode === 'poll') {
        for (const id of devices.keys()) {
          const plan = link.plan(
            id,
            bindings.filter((binding) => binding.deviceId === id),
          );
          await link.poll(plan, sink, stop.signal);
        }
      } else {
        const listening = link.listen(bindings, sink, stop.signal);
        await expect.poll(() => values.size, { timeout: 10_000 }).toBe(tags.length);
        stop.abort();
        await listening;
      }
      return values;
    } finally {
      await link.close();
    }
  }
});
