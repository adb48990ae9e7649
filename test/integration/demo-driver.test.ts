import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import { findProtocol } from '#engine/protocols/index.ts';
import { createDecoder, QUALITY } from '#shared/model/index.ts';
import { type DemoLine, startDemoLine } from '#simulators/demo-line.ts';
import { demoProject } from '#simulators/demo-project.ts';
import { millPoints } from '#simulators/mill-map.ts';

/**
 * The one place where the driver and the simulator, written apart from each other, meet with all types, orders, bits
 * and texts: what the driver decodes must be what the model holds.
 */
describe('the demo project on the demo line', () => {
  let line: DemoLine;
  beforeEach(async () => {
    line = await startDemoLine({ port: 0, speed: 0, seed: 11 });
  });
  afterEach(() => line.close());

  it('reads every tag with the value that the model has', async () => {
    // Long enough for every counter to count and for a coil change; time stands still from then on.
    line.mill.step(250_000);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const project = demoProject(line.modbus.port);
    const connection = project.connection[0]!;
    const driver = findProtocol(connection.protocol)!;
    const devices = new Map(project.device.map(({ id, settings }) => [id, driver.device.parse(settings)]));
    const context = { log: createLogger(() => undefined), clock: systemClock(), network: systemNetwork, trace: null };
    const { signal } = new AbortController();
    const link = await driver.connect(driver.config.parse(connection.settings), devices, context, signal);
    if (link.mode !== 'poll') throw new Error('Modbus is polled.');
    try {
      const values = new Map<string, number | bigint | string>();
      const read = new Set<string>();
      for (const [deviceId, device] of devices) {
        const tags = project.tag.filter((tag) => tag.deviceId === deviceId);
        const recipes = tags.map((tag) => {
          const { address } = driver.parseAddress(tag.address, device);
          expect(driver.formatAddress(address)).toBe(tag.address);
          return { address, recipe: driver.recipe(tag, address, device) };
        });
        const take = (index: number, quality: number, value: number | bigint | string): void => {
          const tag = tags[index]!;
          expect(quality, tag.id).toBe(QUALITY.good);
          expect(read.has(tag.id), `${tag.id} came twice`).toBe(false);
          read.add(tag.id);
          values.set(tag.id, value);
        };
        const one = new Float64Array(1);
        const plan = link.plan(
          deviceId,
          recipes.map(({ address, recipe }, index) => ({ index, address, recipe })),
        );
        await link.poll(
          plan,
          {
            push(index, _time, value, quality) {
              one[0] = value;
              take(index, quality, createDecoder(recipes[index]!.recipe).one(one, 0));
            },
            push64(index, _time, high, low, quality) {
              new BigUint64Array(one.buffer)[0] = (BigInt(high) << 32n) | BigInt(low);
              take(index, quality, createDecoder(recipes[index]!.recipe).one(one, 0));
            },
            pushText: (index, _time, text, quality) => take(index, quality, text),
          },
          signal,
        );
      }
      expect(read.size).toBe(millPoints.length);
      const { state } = line.mill;
      expect(state.coilNumber).toBeGreaterThan(4711);
      for (const point of millPoints) {
        const expected = point.read(state);
        const found = values.get(`demo-${point.id}`);
        if (typeof expected === 'string') expect(found, point.id).toBe(expected);
        else if (typeof expected === 'bigint') expect(found, point.id).toBe(Number(expected));
        else {
          // Half a step of a scaled integer, or the digits of a float.
          const step = point.type === 'float64' ? 0 : (point.gain ?? (point.type === 'float32' ? 0 : 1)) / 2;
          const rounding = Math.abs(expected) * 1.2e-7;
          expect(Math.abs(Number(found) - expected), point.id).toBeLessThanOrEqual(step + rounding + 1e-12);
        }
      }
    } finally {
      await link.close();
    }
  });
});
