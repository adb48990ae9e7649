import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';
import { CONTROL_HELP } from './control.ts';
import { DEMO_PORTS, type DemoLineOptions, isLoopback } from './demo-line.ts';
import type { DemoAddresses } from './demo-project.ts';

export const HELP = `ParX demo line: a virtual cold rolling mill that Modbus TCP, EtherNet/IP and EGD serve at once. All of it is simulated.

Options
  --port N             TCP port of Modbus; 0 takes free ones for all that are not named (default ${DEMO_PORTS.modbus})
  --ethernet-ip-port N TCP port of EtherNet/IP (default ${DEMO_PORTS['ethernet-ip']})
  --egd-port N         UDP port that EGD is sent to; 0 takes a free one (default ${DEMO_PORTS.egd})
  --host ADDRESS       address that Modbus and EtherNet/IP listen on (default 127.0.0.1)
  --egd-to ADDRESS     where EGD is sent to: an IPv4 address, or a multicast group (default 127.0.0.1)
  --serve-network      needed with any address other than the loopback; everybody in the network can then read
  --seed N             same number, same series (default 1)
  --speed F            simulated seconds per second, 0 to 100 (default 1)
  --with-parent        end when the standard input or the IPC channel of the parent closes
  --help               this text

When it is ready it prints one line for programs, the settings of a connection to each:
  {"modbus":{"host":"127.0.0.1","port":${DEMO_PORTS.modbus}},"ethernet-ip":{...},"egd":{...}}
and then the same for people. Writing is refused by all.

Modbus units: 1 mill PLC (word order CDAB), 2 reel drives (ABCD), 3 media station (DCBA). EtherNet/IP: path 1,0.
EGD: producer 127.0.0.1, exchange 1 (little endian) and 2 (big endian). docs/demo-line.md has the values.

It takes orders on the standard input, or as IPC messages.
${CONTROL_HELP}`;

export interface Flags extends DemoLineOptions {
  readonly help: boolean;
  readonly host: string;
  readonly withParent: boolean;
}

/** Throws an `Error` whose message is for the person at the terminal. */
export function parseFlags(argv: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', default: false },
      port: { type: 'string', default: String(DEMO_PORTS.modbus) },
      'ethernet-ip-port': { type: 'string' },
      'egd-port': { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'egd-to': { type: 'string', default: '127.0.0.1' },
      'serve-network': { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      speed: { type: 'string', default: '1' },
      'with-parent': { type: 'boolean', default: false },
    },
  });
  const number = (name: string, text: string, low: number, high: number, whole: boolean): number => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      throw new Error(`--${name} takes ${whole ? 'a whole number' : 'a number'} from ${low} to ${high}.`);
    }
    return value;
  };
  const port = (name: 'ethernet-ip-port' | 'egd-port'): number | undefined =>
    values[name] === undefined ? undefined : number(name, values[name], 0, 65_535, true);
  const ethernetIpPort = port('ethernet-ip-port');
  const egdPort = port('egd-port');
  const egdTo = values['egd-to'];
  if (!isIPv4(egdTo)) throw new Error('--egd-to takes an IPv4 address, such as 192.168.0.5 or 224.0.7.1.');
  for (const [address, what] of [
    [values.host, 'is reachable from the network'],
    [egdTo, 'is in the network'],
  ] as const) {
    if (!isLoopback(address) && !values['serve-network']) {
      throw new Error(`${address} ${what}. Add --serve-network if everybody there may read the demo line.`);
    }
  }
  return {
    help: values.help,
    port: number('port', values.port, 0, 65_535, true),
    ...(ethernetIpPort === undefined ? {} : { ethernetIpPort }),
    ...(egdPort === undefined ? {} : { egdPort }),
    host: values.host,
    egdTo,
    seed: number('seed', values.seed, 0, 0xffff_ffff, true),
    speed: number('speed', values.speed, 0, 100, false),
    withParent: values['with-parent'],
  };
}

/** What a person needs to connect, and what is open to the network. */
export function whereItListens(flags: Flags, addresses: DemoAddresses): string {
  const { host } = flags;
  const to = flags.egdTo ?? '127.0.0.1';
  const open = [
    ...(isLoopback(host) ? [] : [`TCP ports ${addresses.modbus.port} and ${addresses['ethernet-ip'].port} of ${host}`]),
    ...(isLoopback(to) ? [] : [`UDP to ${to}`]),
  ];
  return `Modbus TCP   ${host}:${addresses.modbus.port}, units 1, 2, 3
EtherNet/IP  ${host}:${addresses['ethernet-ip'].port}, path 1,0
EGD          sent to ${to}:${addresses.egd.port}, producer 127.0.0.1, exchanges 1 and 2
${open.length === 0 ? 'Only this computer can reach it.' : `Open to the network, for everybody to read: ${open.join('; ')}.`}
Type help for what it can do wrong.
`;
}
