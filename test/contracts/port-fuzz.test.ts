import { expect, it } from 'vitest';
import { contract as product } from '#shared/rpc/contract.ts';
import {
  BUILD_ID,
  type Contract,
  decodeFrame,
  encodeFrame,
  FRAME_VERSION,
  type HandlersOf,
  type Port,
  serve,
} from '#shared/rpc/index.ts';
import { seededRandom } from '#test/support/random.ts';
import { contract as fixture, nothingSeen, testHandlers } from './port-fixture.ts';

/** `npm run test:long` sends fifty times as many. */
const FRAMES = process.env.PARX_LONG === '1' ? 100_000 : 2_000;
const SEED = 20_261_121;

const { next: random, below, pick } = seededRandom(SEED);

/** The product's own procedures, so that hostile input meets the schemas that are used; streams yield one to four items. */
const contract: Contract = { ...product, ...fixture };
const handlers = Object.fromEntries(
  Object.entries(contract).map(([space, procedures]) => [
    space,
    Object.fromEntries(
      Object.entries(procedures).map(([name, procedure]) => [
        name,
        procedure.kind === 'call'
          ? async () => null
          : async function* () {
              for (let n = 0; n <= name.length % 4; n++) yield n;
            },
      ]),
    ),
  ]),
);
const seen = nothingSeen();
const allHandlers = { ...handlers, ...testHandlers(seen) } as unknown as HandlersOf<typeof contract>;
const procedures = Object.entries(contract).flatMap(([space, entries]) =>
  Object.keys(entries).map((name) => `${space}.${name}`),
);
const names = [...procedures, '', '.', 'test', 'test.', '.echo', 'constructor.toString', '__proto__.x', 'test.echo.x'];
const keys = [
  'kind',
  'id',
  'tags',
  'maxHz',
  'input',
  'changes',
  'document',
  'range',
  'from',
  'to',
  '$',
  '$0',
  'source',
];

function anything(depth = 0): unknown {
  switch (below(depth > 5 ? 8 : 11)) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return below(10);
    case 3:
      return (random() - 0.5) * 10 ** below(300);
    case 4:
      return pick(['', 'a', 'history', 'x'.repeat(below(3000)), '\ud800', '../../etc/passwd', 'constructor']);
    case 5:
      return new Float64Array(below(20)).fill(Number.NaN);
    case 6:
      return new Uint8Array(below(20));
    case 7:
      return pick(names);
    case 8:
      return Array.from({ length: below(6) }, () => anything(depth + 1));
    default:
      return Object.fromEntries(Array.from({ length: below(6) }, () => [pick(keys), anything(depth + 1)]));
  }
}

let nextId = 1;
/** How often a frame breaks the protocol; some ports keep to it, or the closing would hide what comes after. */
let hostility = 0;
const hostilely = (): boolean => random() < hostility;

/** Looks like the client's messages; input is always of any kind, the rest only at times. */
function message(): unknown {
  const odd = (value: unknown): unknown => (hostilely() && random() < 0.3 ? anything() : value);
  const kind = hostilely()
    ? pick(['hello', 'result', '', 'toString'])
    : pick(['call', 'call', 'next', 'next', 'cancel']);
  return {
    kind: odd(kind),
    id: odd(kind === 'call' && !hostilely() ? nextId++ : 1 + below(nextId)),
    procedure: odd(pick(names)),
    input: random() < 0.4 ? undefined : anything(),
    credit: odd(hostilely() ? pick([3, -1, 0.5]) : 1),
    build: odd(BUILD_ID),
    frame: odd(FRAME_VERSION),
  };
}

function hostile(): Uint8Array {
  if (hostilely()) return Uint8Array.from({ length: below(200) }, () => below(256));
  const frame = encodeFrame(message());
  if (!hostilely()) return frame;
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = random() < 0.5 ? below(Math.min(frame.length, 24)) : below(frame.length);
    frame[at] = pick([0, 1, 0x22, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0x80, 0xff, below(256)]);
  }
  return random() < 0.2 ? frame.subarray(0, below(frame.length)) : frame;
}

/** Delivers within the call, so that anything the peer throws reaches the test. */
function directPort() {
  let listener: (frame: Uint8Array) => void = () => undefined;
  let closed = false;
  const answers: unknown[] = [];
  const port: Port = {
    send: (frame) => {
      if (!closed) answers.push(decodeFrame(frame));
    },
    onFrame: (given) => {
      listener = given;
    },
    onClose: () => undefined,
    close: () => {
      closed = true;
    },
  };
  return { port, answers, deliver: (frame: Uint8Array) => listener(frame), isClosed: () => closed };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const greeting = (): Uint8Array => encodeFrame({ kind: 'hello', build: BUILD_ID, frame: FRAME_VERSION });

it(`survives ${FRAMES} hostile frames (seed ${SEED})`, { timeout: 600_000 }, async () => {
  const bugs: unknown[] = [];
  const codes = new Map<string, number>();
  let sent = 0;
  let stayedOpen = 0;
  while (sent < FRAMES) {
    const { port, answers, deliver, isClosed } = directPort();
    const served = serve(
      contract,
      allHandlers,
      port,
      { user: 'x', role: 'admin' },
      {
        onBug: (error, _reference, procedure) => {
          if (procedure !== 'test.bug' && procedure !== 'test.unframeable') bugs.push(error);
        },
      },
    );
    nextId = 1;
    hostility = pick([0, 0.01, 0.05, 0.3]);
    if (random() < 0.98) deliver(greeting());
    for (let frames = 0; frames < 30 && !isClosed(); frames++, sent++) {
      deliver(hostile());
      if (random() < 0.2) await settled();
    }
    await settled();
    if (!isClosed()) {
      stayedOpen++;
      const id = Number.MAX_SAFE_INTEGER;
      deliver(encodeFrame({ kind: 'call', id, procedure: 'test.echo', input: 'honest' }));
      await settled();
      // Unless a hostile frame has used the last number up, the peer still does its work.
      expect(answers.some((answer) => (answer as { id?: unknown }).id === id)).toBe(!isClosed());
    }
    for (const answer of answers as { kind: string; code?: string }[]) {
      const seenAs = answer.code ?? answer.kind;
      codes.set(seenAs, (codes.get(seenAs) ?? 0) + 1);
    }
    served[Symbol.dispose]();
    await settled();
  }
  expect(bugs).toEqual([]);
  // The frames reached every part of the peer; otherwise the round would have shown little.
  for (const kind of ['result', 'item', 'end', 'rpc.bad-frame', 'config.invalid']) {
    expect(codes.get(kind) ?? 0, kind).toBeGreaterThan(0);
  }
  expect(stayedOpen).toBeGreaterThan(0);
});
