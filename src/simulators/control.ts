import type { DemoLine } from './demo-line.ts';
import { EGD_FAULTS } from './egd/index.ts';
import { EIP_FAULTS } from './ethernet-ip/index.ts';
import { HONEST, type Misbehaviour, parseMisbehaviour } from './modbus/index.ts';

// Orders as lines of text, the same for a person at the terminal, a parent process and a test: a protocol, what it shall
// do wrong, and a number where one belongs to it.

type Faults = Readonly<Record<string, unknown>>;

interface Word {
  /** What stands behind it; null: nothing, or "off". */
  readonly takes: string | null;
  readonly help: string;
  /** A number, 1 for "on", 0 for "off". */
  readonly faults: (value: number) => Faults;
}
const number = (takes: string, help: string, name: string): Word => ({
  takes,
  help,
  faults: (value) => ({ [name]: value }),
});
const flag = (help: string, ...names: readonly string[]): Word => ({
  takes: null,
  help,
  faults: (value) => Object.fromEntries(names.map((name) => [name, value !== 0])),
});

const delay = number('MS', 'answers come so many milliseconds later', 'delayMs');
const drop = number('N', 'every nth answer is missing; 1: all, 0: none', 'dropEvery');
const split = flag('every byte in a packet of its own', 'splitBytes');
const merge = number('N', 'answers wait until so many leave in one packet', 'mergeAnswers');
const halfOpen = flag('accepts and reads, but neither answers nor closes', 'halfOpen');
const closes = flag('closes after each answer', 'closeAfterAnswer');
const cut = flag('sends half of an answer, then the connection is gone', 'cutMidAnswer');
const garbage = flag('random bytes instead of answers', 'garbage');

const WORDS = {
  modbus: {
    delay,
    drop,
    exception: {
      takes: 'CODE',
      help: 'every request is refused with this exception; 0: none',
      faults: (code) => ({ exceptions: code === 0 ? [] : [{ code }] }),
    },
    sequence: flag('answers of another transaction', 'wrongTransaction'),
    unit: flag('answers of another unit', 'wrongUnit'),
    split,
    merge,
    'half-open': halfOpen,
    close: closes,
    cut,
    garbage,
  },
  'ethernet-ip': {
    delay,
    drop,
    exception: {
      takes: 'STATUS',
      help: 'every tag is refused with this general status; 0: none',
      faults: (status) => ({ refused: status === 0 ? null : { '*': [status] } }),
    },
    sequence: flag('answers of another sequence and sender context', 'wrongSequence', 'wrongContext'),
    session: flag('answers of another session', 'wrongSession'),
    split,
    merge,
    twice: flag('each answer comes twice', 'twice'),
    'half-open': halfOpen,
    close: closes,
    cut,
    garbage,
  },
  egd: {
    delay: number('MS', 'productions leave so many milliseconds later', 'delayMs'),
    drop: number('N', 'every nth production is missing; 1: all, 0: none', 'dropEvery'),
    exception: {
      takes: 'STATUS',
      help: 'every production has this status; 0: its own',
      faults: (status) => ({ status: status === 0 ? null : status }),
    },
    sequence: flag('the production number jumps', 'wrongSequence'),
    reorder: flag('every second production comes behind its successor', 'reorder'),
    twice: flag('each production comes twice', 'twice'),
    length: number('BYTES', 'so many bytes more, or fewer where negative', 'extraBytes'),
    signature: {
      takes: 'N',
      help: 'another configuration signature; 0: its own',
      faults: (value) => ({ signature: value === 0 ? null : value }),
    },
    swapped: flag('type and version of the header change places', 'swapped'),
    garbage: flag('random bytes instead of productions', 'garbage'),
  },
} as const satisfies Record<string, Record<string, Word>>;
type ProtocolName = keyof typeof WORDS;
const PROTOCOLS = Object.keys(WORDS) as ProtocolName[];
const wordsOf = (protocol: ProtocolName): Readonly<Record<string, Word>> => WORDS[protocol];

const MOST_SECONDS = 3_600;

export const CONTROL_HELP = `Orders, one a line; a protocol is ${PROTOCOLS.join(', ')}:
${PROTOCOLS.map(
  (protocol) =>
    `  ${protocol}\n${Object.entries(wordsOf(protocol))
      .map(([name, { takes, help }]) => `    ${`${name} ${takes ?? '[off]'}`.padEnd(18)} ${help}`)
      .join('\n')}`,
).join('\n')}
  all protocols
    restart S          gone for so many seconds; answered when it is back
    clear              no faults
    faults JSON        changes faults by their names in docs/demo-line.md, several at once
  all but egd
    disconnect         ends all connections
  break-strip          tears the strip
  clear                no faults anywhere
  help                 this list
Examples: modbus delay 500 | egd drop 20 | ethernet-ip restart 3 | modbus split | modbus split off
Each is answered by a line that begins with "ok" or "refused".
`;

/** Changes what the simulators of a running line do wrong. */
export interface Control {
  /** Carries an order out; resolves with the answer and never rejects. */
  order(text: string): Promise<string>;
}

interface Handle {
  /** Those that are not at rest. */
  readonly faults: () => Faults;
  readonly change: (faults: Faults) => void;
  readonly clear: () => void;
  readonly restart: (downMs: number) => Promise<void>;
  readonly disconnect: (() => void) | null;
}

export function createControl(line: DemoLine): Control {
  const { modbus, ethernetIp, egd, mill } = line;
  const handles: Readonly<Record<ProtocolName, Handle>> = {
    modbus: {
      faults: () =>
        Object.fromEntries(
          Object.entries(modbus.control.faults).filter(
            ([name, value]) => JSON.stringify(value) !== JSON.stringify(HONEST[name as keyof Misbehaviour]),
          ),
        ),
      change: (faults) => modbus.control.set(parseMisbehaviour(faults)),
      clear: () => modbus.control.clear(),
      restart: (downMs) => modbus.control.restart(downMs),
      disconnect: () => modbus.control.disconnectAll(),
    },
    'ethernet-ip': { ...plainFaults(ethernetIp, EIP_FAULTS), disconnect: () => ethernetIp.disconnectAll() },
    egd: { ...plainFaults(egd, EGD_FAULTS), disconnect: null },
  };

  async function carryOut(text: string): Promise<string> {
    const [first = '', second = '', ...rest] = text.trim().split(/\s+/);
    if (first === 'help') return CONTROL_HELP.trimEnd();
    if (first === 'break-strip') {
      mill.breakStrip();
      return 'ok';
    }
    if (first === 'clear') {
      for (const handle of Object.values(handles)) handle.clear();
      return 'ok';
    }
    if (!isProtocol(first)) throw new TypeError(`"${first}" is no protocol and no order.`);
    const handle = handles[first];
    const value = rest.join(' ');
    if (second === 'clear') handle.clear();
    else if (second === 'restart') {
      await handle.restart(1_000 * numberIn(value, 0, MOST_SECONDS, 'restart takes seconds'));
    } else if (second === 'disconnect') {
      if (handle.disconnect === null) throw new TypeError(`${first} has no connections.`);
      handle.disconnect();
    } else if (second === 'faults') handle.change(parseObject(value));
    else {
      const words = wordsOf(first);
      const word = Object.hasOwn(words, second) ? words[second] : undefined;
      if (word === undefined) throw new TypeError(`${first} has no order "${second}".`);
      if (word.takes === null && !['', 'on', 'off'].includes(value)) {
        throw new TypeError(`${first} ${second} stands alone, or with "off".`);
      }
      const amount =
        word.takes === null
          ? Number(value !== 'off')
          : numberIn(value, -1_400, 0xffff_ffff, `${first} ${second} takes ${word.takes}`);
      handle.change(word.faults(amount));
    }
    return `ok ${first} ${JSON.stringify(handle.faults())}`;
  }

  return {
    async order(text) {
      try {
        return await carryOut(text);
      } catch (error) {
        return `refused: ${error instanceof Error ? error.message : String(error)} Write help for a list of orders.`;
      }
    },
  };
}

const isProtocol = (name: string): name is ProtocolName => Object.hasOwn(WORDS, name);

function numberIn(text: string, low: number, high: number, what: string): number {
  const value = text === 'off' ? 0 : Number(text);
  if (text === '' || !(value >= low && value <= high))
    throw new RangeError(`${what}: a number from ${low} to ${high}.`);
  return value;
}

function parseObject(text: string): Faults {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TypeError('faults takes an object of JSON, such as {"delayMs":500}.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('faults takes an object of JSON, such as {"delayMs":500}.');
  }
  return value as Faults;
}

/** A simulator whose faults are one object without those at rest. `kinds` says what each takes. */
function plainFaults<T extends object>(
  simulator: { faults: T; restart(downMs: number): Promise<void> },
  kinds: Readonly<Record<string, string>>,
): Omit<Handle, 'disconnect'> {
  return {
    faults: () => simulator.faults as Faults,
    change(faults) {
      const next: Record<string, unknown> = { ...(simulator.faults as Faults) };
      for (const [name, value] of Object.entries(faults)) {
        const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
        if (kind === undefined) {
          throw new TypeError(`Unknown fault "${name}". Known: ${Object.keys(kinds).join(', ')}.`);
        }
        if (value === null || value === false || value === 0) delete next[name];
        else if (kindOf(value) === kind) next[name] = value;
        else throw new TypeError(`Fault "${name}" takes a ${kind}.`);
      }
      simulator.faults = next as unknown as T;
    },
    clear() {
      simulator.faults = {} as T;
    },
    restart: (downMs) => simulator.restart(downMs),
  };
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'list' : typeof value === 'boolean' ? 'flag' : typeof value;
