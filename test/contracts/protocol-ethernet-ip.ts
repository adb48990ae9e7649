import { createTagMemory, startEipSimulator } from '#simulators/ethernet-ip/index.ts';
import { EDGES, type KnownTag, type ProtocolSimulator } from './protocol-device.ts';

/** Every type, in the controller's scope, in a program, in arrays and in members of a user-defined type. */
const numbers = [
  ['SINT', 'int8', -123],
  ['USINT', 'uint8', 234],
  ['INT', 'int16', -12_345],
  ['UINT', 'uint16', 54_321],
  ['DINT', 'int32', -1_234_567_890],
  ['UDINT', 'uint32', 4_000_000_000],
  ['LINT', 'int64', -1_234_567_890_123_456_789n],
  ['ULINT', 'uint64', 18_000_000_000_000_000_001n],
  ['REAL', 'float32', 1.5],
  ['LREAL', 'float64', Math.PI],
  ['BOOL', 'bit', 1],
] as const;

export const ethernetIpSimulator: ProtocolSimulator = {
  mode: 'poll',
  async start() {
    const memory = createTagMemory();
    const known: KnownTag[] = [];
    memory.defineType('Reel', [
      { name: 'Ready', type: 'BOOL' },
      { name: 'Full', type: 'BOOL' },
      ...numbers.map(([type]) => ({ name: `V${type}`, type })),
      { name: 'Name', type: 'STRING' },
      { name: 'Flags', type: 'BOOL', length: 64 },
    ]);
    memory.defineType('Line', [{ name: 'Reels', type: 'Reel', length: 4 }]);
    memory.define('Line', 'Line');
    const put = (
      address: string,
      type: KnownTag['type'],
      value: KnownTag['value'],
      set: number | bigint | string | boolean = value,
    ): void => {
      memory.set(address, set);
      known.push({ address, type, order: null, value });
    };
    for (const [type, as, value] of numbers) {
      memory.define(`A_${type}`, type);
      memory.define(`Program:Main.P_${type}`, type);
      memory.define(`Arr_${type}`, type, [40]);
      put(`A_${type}`, as, value);
      put(`Program:Main.P_${type}`, as, value);
      put(`Arr_${type}[0]`, as, value);
      put(`Arr_${type}[38]`, as, value);
      put(`Line.Reels[3].V${type}`, as, value);
    }
    EDGES.forEach(([type, value], n) => {
      const [name] = numbers.find(([, as]) => as === type)!;
      memory.define(`Edge${n}`, name);
      put(`Edge${n}`, type, value);
    });
    // Names that are something else elsewhere.
    for (const [n, name] of ['__proto__', 'constructor', 'toString', 'T'.repeat(128), 'U'.repeat(255)].entries()) {
      memory.define(name, 'DINT');
      put(name, 'int32', 100 + n);
    }
    memory.define('Grid', 'INT', [3, 4, 5]);
    put('Grid[2,3,4]', 'int16', -77);
    put('Grid[0,1,2]', 'int16', 78);
    put('Line.Reels[1].Full', 'bit', 1);
    put('Line.Reels[1].Ready', 'bit', 0);
    put('Line.Reels[1].Flags[37]', 'bit', 1, true);
    memory.define('Title', 'STRING');
    put('Title', 'string', 'COIL 4711 ok');
    put('Line.Reels[2].Name', 'string', '');
    memory.define('Status', 'LINT');
    memory.set('Status', -0x7fff_ffff_ffff_fffen);
    for (const [bit, value] of [
      [0, 0],
      [1, 1],
      [62, 0],
      [63, 1],
    ] as const) {
      known.push({ address: `Status.${bit}`, type: 'bit', order: null, value });
    }
    memory.define('Many', 'DINT', [1000]);
    for (let n = 0; n < 500; n++) memory.set(`Many[${2 * n}]`, n);
    for (let n = 500; n < 1000; n++) {
      memory.define(`Number${n}`, 'DINT');
      memory.set(`Number${n}`, n);
    }

    const server = await startEipSimulator({ memory });
    const responseTimeoutMs = 700;
    return {
      config: { host: server.host, port: server.port, connectTimeoutMs: 1000 },
      device: { responseTimeoutMs },
      known,
      refused: { address: 'Many[1000]', type: 'int32' },
      many: (n) => ({
        address: n < 500 ? `many[${2 * n}]` : `Number${n}`,
        type: 'int32',
        order: null,
        value: n,
      }),
      nonsense: ['400001', 'ns=2;s=Tag', '%MD0', 'Arr[', 'Arr[1,2,3,4]', 'Arr[-1]', 'Speed.64', 'a..b', 'Program:Main'],
      silence: () => {
        server.faults = { silent: true };
      },
      speak: () => {
        server.faults = {};
      },
      drop: () => server.disconnectAll(),
      get seen() {
        return { requests: server.messages, links: server.accepted };
      },
      timeoutMs: responseTimeoutMs,
      close: () => server.close(),
    };
  },
};
