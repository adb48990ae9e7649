import { createRegisterImage, startModbusSimulator, startRtuSimulator } from '#simulators/modbus/index.ts';
import { EDGES, type KnownTag, type ProtocolSimulator } from './protocol-device.ts';

/** Every type in every order that it has, in both register tables, and the bits. */
const numbers = {
  int16: -12_345,
  uint16: 54_321,
  int32: -1_234_567_890,
  uint32: 4_000_000_000,
  int64: -1_234_567_890_123_456_789n,
  uint64: 18_000_000_000_000_000_001n,
  float32: 1.5,
  float64: Math.PI,
} as const;
const orders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
const MANY_FROM = 20_000;

const simulatorWith = (framing: 'tcp' | 'rtu-over-tcp'): ProtocolSimulator => ({
  mode: 'poll',
  async start() {
    const image = createRegisterImage();
    const known: KnownTag[] = [];
    for (const [table, digit] of [
      ['holding', '4'],
      ['input', '3'],
    ] as const) {
      let offset = 100;
      image.define(table, offset, 200);
      const place = (): string => digit + String(offset + 1).padStart(5, '0');
      for (const order of orders) {
        for (const [type, value] of Object.entries(numbers) as [keyof typeof numbers, number | bigint][]) {
          image.setValue(table, offset, type, value, { order });
          known.push({ address: place(), type, order, value });
          offset += 4;
        }
      }
      image.setValue(table, offset, 'string', 'COIL 4711 ok', { registers: 10 });
      known.push({ address: `${place()}:string20`, type: 'string', order: null, value: 'COIL 4711 ok' });
      offset += 10;
      image.setValue(table, offset, 'string', 'swapped', { registers: 4, order: 'BADC' });
      known.push({ address: `${place()}:string8`, type: 'string', order: 'BADC', value: 'swapped' });
      offset += 4;
      image.setRegisters(table, offset, [0b1000_0000_0000_1000]);
      for (const [bit, value] of [
        [0, 0],
        [3, 1],
        [14, 0],
        [15, 1],
      ] as const) {
        known.push({ address: `${place()}.${bit}`, type: 'bit', order: null, value });
      }
    }
    image.define('holding', 1_000, 4 * EDGES.length);
    EDGES.forEach(([type, value], n) => {
      image.setValue('holding', 1_000 + 4 * n, type, value, { order: 'ABCD' });
      known.push({ address: `4${String(1_001 + 4 * n).padStart(5, '0')}`, type, order: 'ABCD', value });
    });
    for (const [table, name] of [
      ['coil', 'C'],
      ['discrete', 'DI'],
    ] as const) {
      for (let offset = 0; offset < 40; offset++) {
        image.setBit(table, offset, offset % 3 === 0);
        known.push({ address: `${name}${offset + 1}`, type: 'bit', order: null, value: offset % 3 === 0 ? 1 : 0 });
      }
    }
    // Spread with holes of one register that exist, and one in the middle that does not.
    for (let n = 0; n < 1000; n++) image.setRegisters('holding', MANY_FROM + 2 * n, [n, 0]);
    image.undefine('holding', MANY_FROM + 21, 1);

    const units = { 1: image };
    const server = await (framing === 'tcp' ? startModbusSimulator({ units }) : startRtuSimulator({ units }));
    const timeoutMs = 1000;
    return {
      config: { framing, host: server.host, port: server.port, connectTimeoutMs: 1000 },
      device: { unitId: 1, responseTimeoutMs: timeoutMs },
      known,
      refused: { address: `4${MANY_FROM + 22}`, type: 'uint16' },
      many: (n) => ({ address: `4${MANY_FROM + 2 * n + 1}`, type: 'uint16', order: null, value: n }),
      nonsense: ['DB1.DBW0', 'ns=2;s=Tag', 'Program:Main.Tag', '400000', '465537', 'HR', '2', '%MD0'],
      silence: () => server.control.set({ dropEvery: 1 }),
      speak: () => server.control.clear(),
      drop: () => server.control.disconnectAll(),
      get seen() {
        return { requests: server.control.requests().length, links: server.control.accepted };
      },
      timeoutMs,
      close: () => server.close(),
    };
  },
});

export const modbusSimulator = simulatorWith('tcp');
export const modbusRtuSimulator = simulatorWith('rtu-over-tcp');
