import { afterEach, describe, expect, it } from 'vitest';
import type { TagBinding } from '#engine/protocols/index.ts';
import { createDecoder, decodeExact64, QUALITY, type ValueType, type WordOrder } from '#shared/model/index.ts';
import { createRegisterImage, startModbusSimulator, startRtuSimulator } from '#simulators/modbus/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { bind, connectRig, fast, impatient } from '#test/support/modbus-rig.ts';
import { needs } from '#test/support/needs.ts';
import { serialLine } from '#test/support/pty.ts';
import {
  type PymodbusRequest,
  type PymodbusTable,
  type PymodbusValue,
  pymodbusReads,
  pymodbusServer,
} from '#test/support/pymodbus.ts';
import type { Pushed } from '#test/support/sample-collector.ts';

// The library that most test benches of plants are made with, in another language: neither the driver nor the simulator
// can share a mistake with it.

const closing: (() => Promise<unknown>)[] = [];
guardLeaks();
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const ORDERS: readonly WordOrder[] = ['ABCD', 'CDAB', 'BADC', 'DCBA'];
/** Chosen so that no two orders, signs or widths read the same; integers as texts, for their 64 bits. */
const VALUES: readonly (readonly [type: ValueType, value: string | number])[] = [
  ['int16', '-12345'],
  ['uint16', '54321'],
  ['int32', '-1234567890'],
  ['uint32', '3456789012'],
  ['int64', '-1234567890123456789'],
  ['uint64', '12345678901234567890'],
  ['float32', -118.625],
  ['float64', -1234.567890123456],
];
const TEXT = 'Coil 4711 pickl.';

/** Each type in each order in both tables of registers, eight registers apart, and a text behind them. */
function layout(unit: number): PymodbusValue[] {
  const values: PymodbusValue[] = [];
  for (const table of ['holding', 'input'] as const) {
    const from = table === 'holding' ? 0 : 1_000;
    let offset = from;
    for (const order of ORDERS) {
      for (const [type, value] of VALUES) {
        values.push([unit, table, offset, type, order, value]);
        offset += 8;
      }
    }
    values.push([unit, table, offset, 'string', 'ABCD', TEXT]);
  }
  for (const table of ['coil', 'discrete'] as const) {
    for (let n = 0; n < 40; n++) {
      values.push([unit, table, n, 'bit', 'ABCD', (table === 'coil' ? n % 3 : n % 7) === 0 ? 1 : 0]);
    }
  }
  return values;
}

const LETTERS: Readonly<Record<PymodbusTable, string>> = { coil: 'c', discrete: 'd', input: 'i', holding: 'h' };
const tagOf = ([, table, offset, type, order]: PymodbusValue): string =>
  `${LETTERS[table]}${offset}${type === 'bit' ? '' : type === 'string' ? `:string16:${order}` : `:${type}:${order}`}`;

/** As an engineer would read it: numbers of floats and bits, digits of integers, texts. */
function readable({ value }: Pushed, { recipe }: TagBinding<unknown>): string | number {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' && recipe.type !== 'float64') return decodeExact64(value, recipe).toString();
  const stored = new Float64Array(1);
  if (typeof value === 'bigint') new BigUint64Array(stored.buffer)[0] = value;
  else stored[0] = value;
  const number = createDecoder(recipe).one(stored, 0);
  return recipe.type === 'bit' || recipe.type.startsWith('float') ? number : String(number);
}

describe.skipIf(needs('pymodbus', 'python3'))('a server of pymodbus', () => {
  it.each(['tcp', 'rtu-over-tcp', 'rtu-serial'] as const)(
    'is read in all tables, types and orders (%s)',
    async (framing) => {
      const values = [...layout(7), ...layout(8)];
      const server = await pymodbusServer(framing === 'tcp' ? 'tcp' : 'rtu-over-tcp', values);
      closing.push(server.close);
      let settings: object = { framing };
      if (framing === 'rtu-serial') {
        const line = await serialLine(server.port);
        closing.push(line.unplug);
        settings = { framing, path: line.path, baudRate: 115_200, parity: 'none' };
      }
      const devices = [7, 8].map((unitId) => fast({ unitId }));
      const rig = await connectRig(server.port, devices, {}, settings);
      closing.push(() => rig.connection.close());
      for (const [at, device] of devices.entries()) {
        const mine = values.filter(([unit]) => unit === device.unitId);
        const texts = mine.map(tagOf);
        const bindings = bind(texts, device);
        const plan = rig.plan(texts, `d${at + 1}`);
        for (let turn = 0; turn < 3; turn++) {
          const sink = await rig.poll(plan);
          const read = bindings.map((binding) => readable(sink.one(binding.index), binding));
          expect(read).toEqual(mine.map(([, , , , , value]) => value));
        }
      }
    },
  );

  it('that refuses a register, and a unit that is not there, leave the others good', async () => {
    const server = await pymodbusServer('tcp', [
      [1, 'holding', 10, 'uint16', 'ABCD', '10'],
      [1, 'holding', 12, 'uint16', 'ABCD', '12'],
    ]);
    closing.push(server.close);
    const rig = await connectRig(server.port, [fast(), impatient({ unitId: 9 })]);
    closing.push(() => rig.connection.close());
    const sink = await rig.poll(rig.plan(['h10', 'h11', 'h12', 'i10']));
    expect([sink.one(0).value, sink.one(2).value]).toEqual([10, 12]);
    for (const tag of [1, 3]) expect(sink.one(tag).quality).not.toBe(QUALITY.good);
    // A gateway's words for it: exception 11.
    const none = await rig.poll(rig.plan(['h10'], 'd2')).then(
      (polled) => polled.one(0).quality,
      (error: { code?: string }) => error.code,
    );
    expect(none).not.toBe(QUALITY.good);
    expect((await rig.poll(rig.plan(['h12']))).one(0).value).toBe(12);
  });
});

describe.skipIf(needs('pymodbus', 'python3'))('a client of pymodbus', () => {
  it.each(['tcp', 'rtu-over-tcp', 'rtu-serial'] as const)(
    'reads the simulator in all tables, types and orders (%s)',
    async (framing) => {
      const values = layout(3);
      const image = createRegisterImage();
      for (const [, table, offset, type, order, value] of values) {
        if (table === 'coil' || table === 'discrete') image.setBit(table, offset, value === 1);
        else {
          const plain = type.includes('64') && !type.startsWith('float') ? BigInt(value) : value;
          const number = type === 'string' || typeof plain === 'bigint' ? plain : Number(plain);
          image.setValue(table, offset, type as 'int16', number, { order, registers: 8 });
        }
      }
      const simulator = await (framing === 'tcp' ? startModbusSimulator : startRtuSimulator)({ units: { 3: image } });
      closing.push(() => simulator.close());
      let place: number | string = simulator.port;
      if (framing === 'rtu-serial') {
        const line = await serialLine(simulator.port);
        closing.push(line.unplug);
        place = line.path;
      }
      const registers = values.filter(([, , , type]) => type !== 'bit');
      const requests: PymodbusRequest[] = [
        ...registers.map(([unit, table, offset, type, order]): PymodbusRequest => [unit, table, offset, type, order]),
        [3, 'coil', 0, 'bit', 40],
        [3, 'discrete', 1, 'bit', 17],
        [3, 'holding', 500, 'uint16', 'ABCD'],
      ];
      const answers = await pymodbusReads(framing, place, requests);
      expect(answers).toEqual([
        ...registers.map(([, , , , , value]) => value),
        Array.from({ length: 40 }, (_, n) => Number(n % 3 === 0)),
        Array.from({ length: 17 }, (_, n) => Number((n + 1) % 7 === 0)),
        { exception: 2 },
      ]);
    },
  );
});
