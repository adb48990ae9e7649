import { describe, expect, it } from 'vitest';
import { isBad, QUALITY } from '#shared/model/index.ts';
import { createTagMemory, type TagMemory } from '#simulators/ethernet-ip/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { createCollector, createDriverContext } from '#test/support/sample-collector.ts';
import { closeAll, driver, signal, startRig, startServer, type Wanted } from './ethernet-ip.ts';

// A program is loaded into the controller while it is read, or while it is away.

const wanted: readonly Wanted[] = [
  ['Speed', 'float32'],
  ['Count', 'int32'],
  ['Reel.Diameter', 'float32'],
  ['Field[7]', 'int32'],
  ['Title', 'string'],
];
const GOOD = QUALITY.good;

function first(memory: TagMemory): void {
  memory.defineType('ReelOne', [
    { name: 'Diameter', type: 'REAL' },
    { name: 'Turns', type: 'DINT' },
  ]);
  memory.define('Speed', 'REAL');
  memory.set('Speed', 1.5);
  memory.define('Count', 'DINT');
  memory.set('Count', 4);
  memory.define('Reel', 'ReelOne');
  memory.set('Reel.Diameter', 2.5);
  memory.define('Field', 'DINT', [10]);
  memory.set('Field[7]', 77);
  memory.define('Title', 'STRING');
  memory.set('Title', 'first');
}
const NAMES = ['Speed', 'Count', 'Reel', 'Field', 'Title'];

/** Other types under the same names, members elsewhere, an array that is too short, a tag less. */
function second(memory: TagMemory): void {
  memory.defineType('ReelTwo', [
    { name: 'Turns', type: 'LINT' },
    { name: 'Diameter', type: 'REAL' },
  ]);
  memory.define('Speed', 'LREAL');
  memory.set('Speed', 9.5);
  memory.define('Reel', 'ReelTwo');
  memory.set('Reel.Diameter', 3.5);
  memory.define('Field', 'DINT', [5]);
  memory.define('Title', 'STRING');
  memory.set('Title', 'second');
}

describe('a controller that gets another program', () => {
  guardLeaks();
  closeAll();

  it('while it is read gives no wrong number: tags of another type and tags that are gone are bad, the others right', async () => {
    const memory = createTagMemory();
    first(memory);
    const rig = await startRig({ memory });
    const good = [1.5, 4, 2.5, 77, 'first'].map((value) => ({ value, quality: GOOD }));
    expect(await rig.read(wanted)).toEqual(good);
    for (let turn = 0; turn < 3; turn++) {
      for (const name of NAMES) memory.remove(name);
      second(memory);
      for (let poll = 0; poll < 3; poll++) {
        const [speed, count, diameter, field, title] = await rig.read(wanted);
        expect(speed!.quality).toBe(QUALITY.badConfiguration);
        expect(isBad(count!.quality)).toBe(true);
        expect(diameter).toEqual({ value: 3.5, quality: GOOD });
        expect(isBad(field!.quality)).toBe(true);
        expect(title).toEqual({ value: 'second', quality: GOOD });
      }
      for (const name of NAMES) memory.remove(name);
      first(memory);
      await rig.read(wanted);
      expect(await rig.read(wanted)).toEqual(good);
    }
    expect(rig.server.accepted, 'the link goes on').toBe(1);
    expect(rig.lines.join('\n')).toMatch(/Speed .*it is LREAL in the controller and float32 here/);
  });

  it('while it is away is read by its new types on the next link', async () => {
    const one = await startServer({ prepare: first });
    const device = driver.device.parse({ responseTimeoutMs: 300 });
    const config = driver.config.parse({ host: one.host, port: one.port, connectTimeoutMs: 1_000 });
    const bindings = wanted.map(([text, type], index) => {
      const { address } = driver.parseAddress(text, device);
      const recipe = driver.recipe({ type, order: null, scaling: null, unit: null }, address, device);
      return { index, address, recipe };
    });
    const open = async () => {
      const connection = await driver.connect(config, new Map([['device', device]]), createDriverContext(), signal);
      if (connection.mode !== 'poll') throw new Error('A polled protocol was expected.');
      return connection;
    };
    const before = await open();
    const plan = before.plan('device', bindings);
    const sink = createCollector();
    await before.poll(plan, sink, signal);
    expect(bindings.every(({ index }) => sink.one(index).quality === GOOD)).toBe(true);
    await one.close();
    await expect(before.poll(plan, createCollector(), signal)).rejects.toMatchObject({ code: 'protocol.link-lost' });
    await before.close();
    await startServer({ prepare: second, port: one.port });
    const after = await open();
    sink.clear();
    await after.poll(after.plan('device', bindings), sink, signal);
    expect(bindings.map(({ index }) => isBad(sink.one(index).quality))).toEqual([true, true, false, true, false]);
    await after.close();
  });
});
