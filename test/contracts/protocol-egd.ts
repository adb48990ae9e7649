import { createSocket } from 'node:dgram';
import { startEgdProducer } from '#simulators/egd/index.ts';
import { freeUdpPort } from '#test/support/free-port.ts';
import { EDGES, type KnownTag, type ProtocolSimulator } from './protocol-device.ts';

const PRODUCER = '10.20.30.40';
const MANY_FROM = 300;

export const egdSimulator: ProtocolSimulator = {
  mode: 'push',
  async start() {
    const data = Buffer.alloc(1_400);
    const known: KnownTag[] = [];
    const add = (address: string, type: KnownTag['type'], value: KnownTag['value'], order: KnownTag['order'] = null) =>
      void known.push({ address, type, order, value });
    data.writeInt8(-100, 0);
    add('0', 'int8', -100);
    data.writeUInt8(200, 1);
    add('1:byte', 'uint8', 200);
    data.writeInt16LE(-12_345, 2);
    add('2', 'int16', -12_345);
    data.writeUInt16LE(54_321, 4);
    add('0x4', 'uint16', 54_321);
    data.writeInt32LE(-1_234_567_890, 6);
    add('6', 'int32', -1_234_567_890);
    data.writeUInt32LE(4_000_000_000, 10);
    add('10', 'uint32', 4_000_000_000);
    data.writeBigInt64LE(-1_234_567_890_123_456_789n, 14);
    add('14', 'int64', -1_234_567_890_123_456_789n);
    data.writeBigUInt64LE(18_000_000_000_000_000_001n, 22);
    add('22', 'uint64', 18_000_000_000_000_000_001n);
    data.writeFloatLE(1.5, 30);
    add('30:real', 'float32', 1.5);
    data.writeDoubleLE(Math.PI, 34);
    add('34', 'float64', Math.PI);
    data.writeInt32BE(123_456_789, 42);
    add('42', 'int32', 123_456_789, 'ABCD');
    // Words swapped: the low word first, each big endian.
    data.writeUInt16BE(0x5678, 46);
    data.writeUInt16BE(0x1234, 48);
    add('46', 'uint32', 0x12345678, 'CDAB');
    data.write('COIL 4711', 50, 'latin1');
    add('50:string16', 'string', 'COIL 4711');
    data[66] = 0b1000_1000;
    for (const [bit, value] of [
      [0, 0],
      [3, 1],
      [6, 0],
      [7, 1],
    ] as const) {
      add(`66.${bit}`, 'bit', value);
    }
    add('length', 'uint32', 1_400 - 1);
    add('signature', 'uint32', 0x0102);
    EDGES.forEach(([type, value], n) => {
      const offset = 100 + 8 * n;
      const view = new DataView(data.buffer, data.byteOffset + offset, 8);
      if (typeof value === 'bigint') view.setBigUint64(0, BigInt.asUintN(64, value), true);
      else if (type === 'float32') view.setFloat32(0, value, true);
      else if (type === 'float64') view.setFloat64(0, value, true);
      else view.setUint32(0, value >>> 0, true);
      add(String(offset), type, value);
    });
    for (let n = 0; n < 1_000; n++) data[MANY_FROM + n] = n % 251;

    const port = await freeUdpPort();
    const producer = await startEgdProducer({
      producerId: PRODUCER,
      port,
      // The last byte of a production is missing on purpose: an address that is well formed and not there.
      exchanges: [{ id: 7, periodMs: 10, data: data.subarray(0, 1_399), signature: 0x0102 }],
    });
    return {
      config: { port, localAddress: '127.0.0.1' },
      device: { producerId: PRODUCER, exchangeId: 7, signature: 0x0102, timeoutMs: 500 },
      known,
      refused: { address: '1399', type: 'uint8' },
      many: (n) => ({ address: String(MANY_FROM + n), type: 'uint8', order: null, value: n % 251 }),
      nonsense: [
        'DB1.DBW0',
        'ns=2;s=Tag',
        'HR1',
        '1400',
        '-1',
        '12.8',
        '12.',
        '12:float33',
        '1398:int32',
        '12.3:int16',
      ],
      silence() {
        producer.faults = { silent: true };
      },
      speak() {
        producer.faults = {};
      },
      drop: () => undefined,
      get seen() {
        return { requests: 0, links: 0 };
      },
      timeoutMs: 500,
      async block() {
        const other = createSocket('udp4');
        await new Promise<void>((resolve) => other.bind({ port, address: '127.0.0.1', exclusive: true }, resolve));
        return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => other.close(() => resolve())) };
      },
      close: () => producer.close(),
    };
  },
};
