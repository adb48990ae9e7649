import { parseArgs } from 'node:util';
import { DEMO_PORTS, isLoopback } from './demo-line.ts';

export const HELP = `ParX demo line: a virtual cold rolling mill on Modbus TCP. All it serves is simulated.

Options
  --port N           TCP port; 0 takes any free one (default ${DEMO_PORTS.modbus})
  --host ADDRESS     address to listen on (default 127.0.0.1)
  --serve-network    needed with any address other than the loopback; everybody in the network can then read
  --seed N           same number, same series (default 1)
  --speed F          simulated seconds per second, 0 to 100 (default 1)
  --control          take control lines on the standard input
  --with-parent      as --control, and end when the standard input or the IPC channel of the parent closes
  --help             this text

When it is ready it prints one line:
  {"modbus":{"host":"127.0.0.1","port":${DEMO_PORTS.modbus}}}

Control, one JSON object per line or IPC message; each is answered by {"ok":true} or {"ok":false,"message":"..."}:
  {"fault":{"delayMs":3000}}         change the named faults, leave the others
  {"clear":true}                     no faults
  {"restart":1500}                   drop all connections, refuse new ones for so many milliseconds
  {"disconnect":true}                reset all connections
  {"breakStrip":true}                tear the strip

Faults
  delayMs, jitterMs                  answers come later
  dropEvery                          1: never answers, n: every nth answer is missing
  deadUnits                          [2]: units that never answer
  exceptions                         [{"code":2,"unit":1,"function":3,"from":0,"to":9,"times":1}]; all but code optional
  wrongTransaction, wrongUnit, wrongFunction, wrongByteCount, garbage   true: bad answers
  truncateBytes, extraBytes          answers too short or too long by so many bytes
  splitBytes                         true: every byte in a packet of its own
  mergeAnswers                       answers wait until so many leave in one packet
  closeAfterAnswer, cutMidAnswer, halfOpen                              true: link faults
  maxRegisters, maxBits              larger requests are refused with exception 3
  forbidden                          [{"unit":null,"table":"holding","from":5,"to":7}]: exception 2
  maxConnections                     connections beyond are closed at once

Units: 1 mill PLC (word order CDAB), 2 reel drives (ABCD), 3 media station (DCBA). Writing is refused with exception 1.
`;

export interface Flags {
  readonly help: boolean;
  readonly port: number;
  readonly host: string;
  readonly seed: number;
  readonly speed: number;
  readonly control: boolean;
  readonly withParent: boolean;
}

/** Throws an `Error` whose message is for the person at the terminal. */
export function parseFlags(argv: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', default: false },
      port: { type: 'string', default: String(DEMO_PORTS.modbus) },
      host: { type: 'string', default: '127.0.0.1' },
      'serve-network': { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      speed: { type: 'string', default: '1' },
      control: { type: 'boolean', default: false },
      'with-parent': { type: 'boolean', default: false },
    },
  });
  const number = (name: 'port' | 'seed' | 'speed', low: number, high: number, whole: boolean): number => {
    const value = Number(values[name]);
    if (values[name].trim() === '' || !(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      throw new Error(`--${name} takes ${whole ? 'a whole number' : 'a number'} from ${low} to ${high}.`);
    }
    return value;
  };
  if (!isLoopback(values.host) && !values['serve-network']) {
    throw new Error(
      `${values.host} is reachable from the network. Add --serve-network if everybody there may read the demo line.`,
    );
  }
  return {
    help: values.help,
    port: number('port', 0, 65_535, true),
    host: values.host,
    seed: number('seed', 0, 0xffff_ffff, true),
    speed: number('speed', 0, 100, false),
    control: values.control || values['with-parent'],
    withParent: values['with-parent'],
  };
}
