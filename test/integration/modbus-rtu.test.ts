import { execFileSync, spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { systemNetwork } from '#engine/platform/index.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';
import { isAppError } from '#shared/errors.ts';
import { QUALITY } from '#shared/model/index.ts';
import { createRegisterImage, type RtuFaults, type RtuSimulator, startRtuSimulator } from '#simulators/modbus/index.ts';
import { LONG } from '#test/support/figures.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { connectRig, fast, linkTo, type Rig } from '#test/support/modbus-rig.ts';
import { needs, pathOf, unless } from '#test/support/needs.ts';
import { type SerialLine, serialLine } from '#test/support/pty.ts';
import { seededRandom } from '#test/support/random.ts';
import { createDriverContext } from '#test/support/sample-collector.ts';

let rig: Rig | undefined;
let simulator: RtuSimulator | undefined;
let line: SerialLine | undefined;
guardLeaks();
afterEach(async () => {
  await rig?.connection.close();
  await line?.unplug();
  await simulator?.close();
  rig = simulator = line = undefined;
});

const OVER_TCP = { framing: 'rtu-over-tcp' };

/** Units 1 and 2; holding register n holds n + 1000 x unit, coil n is set where 3 divides n. */
function startDevices(): Promise<RtuSimulator> {
  const units = Object.fromEntries(
    [1, 2].map((unit) => {
      const image = createRegisterImage();
      for (let n = 0; n < 300; n++) {
        image.setRegisters('holding', n, [n + 1000 * unit]);
        image.setRegisters('input', n, [n + 2000 * unit]);
        image.setBit('coil', n, n % 3 === 0);
      }
      return [unit, image];
    }),
  );
  return startRtuSimulator({ units });
}

async function devices(): Promise<RtuSimulator> {
  simulator = await startDevices();
  return simulator;
}

const attempt = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => error,
  );

describe('RTU over TCP', () => {
  it('reads all tables of several units on one connection', async () => {
    const { port, control } = await devices();
    rig = await connectRig(port, [fast(), fast({ unitId: 2 })], {}, OVER_TCP);
    const plans = ['d1', 'd2'].map((id) => rig!.plan(['h0', 'h299', 'i5', 'c3', 'c4', ['h10', 'uint32']], id));
    // Requests have 8 bytes, answers 5 and their data: four requests for 1 + 1 + 2, 1, 1 registers and 1 byte of coils.
    expect(plans[0]!.requests).toBe(4);
    expect(plans[0]!.bytes).toBe(4 * (8 + 5) + 2 * (12 + 1 + 1) + 1);
    for (let turn = 0; turn < 6; turn++) {
      const unit = (turn % 2) + 1;
      const sink = await rig.poll(plans[unit - 1]!);
      const high = 10 + 1000 * unit;
      expect([0, 1, 2, 3, 4, 5].map((tag) => sink.one(tag).value)).toEqual([
        1000 * unit,
        299 + 1000 * unit,
        5 + 2000 * unit,
        1,
        0,
        high * 65_536 + high + 1,
      ]);
    }
    expect(control.accepted).toBe(1);
    expect(control.refusedBytes).toBe(0);
  });

  it.each<[string, Partial<RtuFaults>]>([
    ['the echo of each request', { echo: true }],
    ['noise before each answer', { noiseBefore: 40 }],
    ['what looks like the start of a long frame', { falseStart: true }],
    ["another unit's answer in the same packet", { strangerBefore: true }],
    ['each answer twice', { repeat: true }],
    ['answers byte by byte', { splitBytes: true }],
    ['a wrong checksum in every third answer', { wrongCrcEvery: 3 }],
    ['all of it', { echo: true, noiseBefore: 9, falseStart: true, strangerBefore: true, splitBytes: true }],
  ])('reads on through %s', async (_, faults) => {
    const { port, control } = await devices();
    rig = await connectRig(port, [fast()], {}, OVER_TCP);
    control.set(faults);
    const plan = rig.plan(['h0', 'h100', 'h299', 'i7', 'c3']);
    for (let turn = 0; turn < 4; turn++) {
      const sink = await rig.poll(plan);
      expect(sink.samples.map(({ tag, value, quality }) => [tag, value, quality]).sort()).toEqual(
        [1000, 1100, 1299, 2007, 1].map((value, tag) => [tag, value, QUALITY.good]),
      );
    }
  });

  it('keeps the exception of one address from its neighbours', async () => {
    const { port } = await devices();
    rig = await connectRig(port, [fast()], {}, OVER_TCP);
    const plan = rig.plan(['h298', 'h299', 'h300']);
    for (let turn = 0; turn < 2; turn++) {
      const sink = await rig.poll(plan);
      expect([sink.one(0).value, sink.one(1).value]).toEqual([1298, 1299]);
      expect(sink.one(2).quality).not.toBe(QUALITY.good);
    }
  });

  it('never takes a late answer for the next one of the same shape, and says that it came', async () => {
    const { port, control } = await devices();
    const slow = fast({ responseTimeoutMs: 100 });
    rig = await connectRig(port, [slow], {}, OVER_TCP);
    const plans = ['h0', 'h1', 'h2', 'h3'].map((text) => rig!.plan([text]));
    let silent = 0;
    for (let turn = 0; turn < 12; turn++) {
      // Every third answer comes when it is no longer waited for.
      control.set({ delayMs: turn % 3 === 1 ? 140 : 0 });
      const at = turn % plans.length;
      try {
        const sink = await rig.poll(plans[at]!);
        expect(sink.one(0).value).toBe(1000 + at);
      } catch (error) {
        if (!isAppError(error, 'protocol.timeout')) throw error;
        silent++;
      }
    }
    expect(silent).toBeGreaterThan(2);
    expect(rig.context.lines.join('\n')).toContain('Raise the response time-out');
  });

  it.each<[string, Partial<RtuFaults>, string]>([
    ['only noise', { truncateBytes: 300, noiseBefore: 20 }, '21 bytes came that are no Modbus RTU answer'],
    ['another unit', { wrongUnit: true }, 'unit 2 answered instead of unit 1'],
    ['another function', { wrongFunction: true }, 'function 2 was answered to function 3'],
    ['nothing', { dropEvery: 1 }, 'No answer from unit 1'],
  ])('gives a time-out with the reason when %s comes', async (_, faults, words) => {
    const { port, control } = await devices();
    rig = await connectRig(port, [fast({ responseTimeoutMs: 60 })], {}, OVER_TCP);
    control.set(faults);
    const error = await attempt(rig.poll(rig.plan(['h0'])));
    expect(isAppError(error, 'protocol.timeout') ? error.message : error).toContain(words);
    control.clear();
    expect((await rig.poll(rig.plan(['h0']))).one(0).value).toBe(1000);
  });

  it('says so when every checksum is wrong', async () => {
    const { port, control } = await devices();
    rig = await connectRig(port, [fast()], {}, OVER_TCP);
    control.set({ wrongCrcEvery: 1 });
    const error = await attempt(rig.poll(rig.plan(['h0'])));
    expect(isAppError(error, 'protocol.bad-answer') ? error.message : error).toContain('checksum');
  });

  it('ends a poll when the device server hangs up', async () => {
    const { port, control } = await devices();
    rig = await connectRig(port, [fast()], {}, OVER_TCP);
    await rig.poll(rig.plan(['h0']));
    control.set({ delayMs: 5000 });
    const poll = attempt(rig.poll(rig.plan(['h0'])));
    setTimeout(() => control.disconnectAll(), 20);
    expect(isAppError(await poll, 'protocol.link-lost')).toBe(true);
  });

  it('is traced frame by frame, in words', async () => {
    const { port, control } = await devices();
    const sentences: string[] = [];
    const trace = (direction: 'sent' | 'received', bytes: Uint8Array): void =>
      void sentences.push(...modbus.explain(direction, bytes));
    rig = await connectRig(port, [fast()], { trace }, OVER_TCP);
    control.set({ echo: true, splitBytes: true });
    await rig.poll(rig.plan(['h0', 'h1']));
    await rig.poll(rig.plan(['h300']));
    expect(sentences.slice(0, 5)).toEqual([
      'Request to unit 1: read 2 holding registers from 400001 (function 3, offset 0).',
      'Echo of the request to unit 1: read 2 holding registers from 400001 (function 3, offset 0).',
      'Answer from unit 1: 4 bytes of holding registers (function 3).',
      'Request to unit 1: read holding register 400301 (function 3, offset 300).',
      'Echo of the request to unit 1: read holding register 400301 (function 3, offset 300).',
    ]);
    expect(sentences[5]).toBe('Answer from unit 1: exception 2, illegal data address (function 3).');
  });

  it('does not take a Modbus TCP server for it', async () => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', () => socket.write(Uint8Array.of(0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    rig = await connectRig(address.port, [fast({ responseTimeoutMs: 60 })], {}, OVER_TCP);
    const error = await attempt(rig.poll(rig.plan(['h0'])));
    expect(isAppError(error, 'protocol.timeout') ? error.message : error).toContain('check framing');
    await rig.connection.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('hostile RTU answers', () => {
  // Most wait for a time-out, so several links have theirs at the same time; all rounds go through the codec alone in
  // rtu-frame.test.ts.
  const LINKS = 8;
  const ROUNDS = LONG ? 32_000 : 400;

  async function hostileLink(seed: number, rounds: number): Promise<{ good: number; refused: number }> {
    const { below } = seededRandom(seed);
    const menu: Partial<RtuFaults>[] = [
      {},
      {},
      { echo: true },
      { noiseBefore: 1 + below(80) },
      { falseStart: true, splitBytes: true },
      { strangerBefore: true, repeat: true },
      { wrongCrcEvery: 2 },
      { truncateBytes: 3 },
      { wrongUnit: true },
      { wrongFunction: true },
      { dropEvery: 3 },
      { flips: 1 },
      { flips: 6, noiseBefore: 3 },
      { garbage: true },
      { exceptions: [{ code: 4 }] },
      { echo: true, noiseBefore: 5, wrongCrcEvery: 4, strangerBefore: true },
    ];
    let good = 0;
    let refused = 0;
    let link: Rig | undefined;
    const server = await startDevices();
    try {
      for (let round = 0; round < rounds; round++) {
        link ??= await connectRig(server.port, [fast({ responseTimeoutMs: 25, busyDelayMs: 1 })], {}, OVER_TCP);
        server.control.clear();
        server.control.set(menu[below(menu.length)]!);
        const offset = below(150);
        const wanted = [1000 + offset, 1001 + offset + 60, 2000 + offset];
        const plan = link.plan([`h${offset}`, `h${offset + 61}`, `i${offset}`]);
        try {
          await link.poll(plan);
          expect(link.sink.samples.map(({ tag }) => tag).sort()).toEqual([0, 1, 2]);
        } catch (error) {
          if (!isAppError(error)) throw error;
          refused++;
          if (error.code === 'protocol.link-lost') {
            await link.connection.close();
            link = undefined;
            continue;
          }
        }
        for (const { tag, value, quality } of link.sink.samples) {
          if (quality !== QUALITY.good) continue;
          good++;
          expect(value).toBe(wanted[tag]);
        }
      }
    } finally {
      await link?.connection.close();
      await server.close();
    }
    return { good, refused };
  }

  it(`${ROUNDS} rounds on ${LINKS} links end in right values or clean errors`, async () => {
    const links = Array.from({ length: LINKS }, (_, link) => hostileLink(20_262 + link, ROUNDS / LINKS));
    const counts = await Promise.all(links);
    expect(counts.reduce((sum, { good }) => sum + good, 0)).toBeGreaterThan(ROUNDS);
    expect(counts.reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(ROUNDS / 20);
  }, 1_200_000);
});

describe('work-arounds', () => {
  it('hold requests to their limit and name it when it sets the pace', async () => {
    const { port, control } = await devices();
    rig = await connectRig(port, [fast({ oneValuePerRequest: true })], {}, { ...OVER_TCP, requestsPerSecond: 20 });
    const plan = rig.plan(['h0', 'h1', 'h1', 'c0', ['h10', 'float32']]);
    expect([plan.requests, plan.spacingMs]).toEqual([4, 50]);
    expect(rig.connection.notice?.()).toBeNull();
    const end = performance.now() + 2600;
    while (performance.now() < end) await rig.poll(plan);
    const times = control.requests().map(({ at }) => at);
    // Timers may run late, and the next request then comes sooner after it; never more than the limit in a second.
    for (const [index, at] of times.entries()) expect((times[index + 21] ?? Infinity) - at).toBeGreaterThan(800);
    expect(
      control
        .requests()
        .map(({ offset, count }) => [offset, count])
        .slice(0, 4),
    ).toEqual([
      [0, 1],
      [0, 1],
      [1, 1],
      [10, 2],
    ]);
    expect(rig.connection.notice?.()).toContain('limit of 20 requests a second sets the pace');
  });

  it.each(['rtu-over-tcp', 'tcp'])('wait after connecting (%s)', async (framing) => {
    const { port, control } = await devices();
    const settings = { framing, pauseAfterConnectMs: 200 };
    rig = await connectRig(port, [fast({ responseTimeoutMs: 50 })], {}, settings);
    const began = performance.now();
    await attempt(rig.poll(rig.plan(['h0'])));
    if (framing === 'tcp') expect(performance.now() - began).toBeGreaterThan(150);
    else expect(control.requests()[0]!.at - began).toBeGreaterThan(100);
  });
});

const noTerminals = unless(process.platform !== 'win32', 'needs pseudo-terminals, which Windows does not have');

it('the package for serial ports is loaded with the first port and not before', () => {
  const loaded = (code: string): string =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `${code}
         const { createRequire } = await import('node:module');
         const cache = Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache);
         process.stdout.write(String(cache.some((path) => path.includes('serialport'))));`,
      ],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('../..', import.meta.url)) },
    );
  expect(loaded("await import('#engine/protocols/index.ts');")).toBe('false');
  expect(loaded("await import('serialport');")).toBe('true');
});

describe.skipIf(needs('python3') || noTerminals)('a serial line', () => {
  const serial = (path: string): object => ({ framing: 'rtu-serial', path, baudRate: 115_200, parity: 'none' });

  it('is read like a connection, through what goes wrong on it', async () => {
    const { port, control } = await devices();
    line = await serialLine(port);
    rig = await connectRig(1, [fast(), fast({ unitId: 2 })], {}, serial(line.path));
    const plans = ['d1', 'd2'].map((id) => rig!.plan(['h0', 'h120', 'h299', 'c3'], id));
    const faults: Partial<RtuFaults>[] = [
      {},
      { echo: true, splitBytes: true },
      { noiseBefore: 30 },
      { wrongCrcEvery: 3 },
    ];
    for (const fault of faults) {
      control.clear();
      control.set(fault);
      for (const unit of [1, 2]) {
        const sink = await rig.poll(plans[unit - 1]!);
        expect([0, 1, 2, 3].map((tag) => sink.one(tag).value)).toEqual([
          1000 * unit,
          120 + 1000 * unit,
          299 + 1000 * unit,
          1,
        ]);
      }
    }
  });

  it('that is unplugged is a lost link', async () => {
    const { port } = await devices();
    line = await serialLine(port);
    rig = await connectRig(1, [fast()], {}, serial(line.path));
    const plan = rig.plan(['h0']);
    expect((await rig.poll(plan)).one(0).value).toBe(1000);
    await line.unplug();
    const errors: unknown[] = [];
    for (let turn = 0; turn < 3 && !errors.some((error) => isAppError(error, 'protocol.link-lost')); turn++) {
      errors.push(await attempt(rig.poll(plan)));
    }
    expect(errors.some((error) => isAppError(error, 'protocol.link-lost'))).toBe(true);
  });

  it('that is not there is refused with what to do', async () => {
    const error = await attempt(connectRig(1, [fast()], {}, serial('/dev/ttyNothing')));
    expect(isAppError(error, 'protocol.connect-failed') ? error.message : error).toContain(
      'no serial port /dev/ttyNothing',
    );
  });

  it('is tested step by step', async () => {
    const { port } = await devices();
    line = await serialLine(port);
    const target = {
      config: linkTo(1, serial(line.path)),
      device: fast(),
      readAddress: modbus.parseAddress('h7', fast()).address,
    };
    const context = { ...createDriverContext(), network: systemNetwork };
    const steps = [];
    for await (const step of modbus.test(target, context, new AbortController().signal, null)) steps.push(step);
    expect(steps.map(({ name, ok }) => [name, ok])).toEqual([
      ['Serial port', true],
      ['Modbus', true],
      ['Unit', true],
      ['Read', true],
    ]);
    expect(steps[3]!.says).toContain('1007 as uint16');
  });
});

// A client that is not ours reads the simulator over a serial line, so that driver and simulator can't share a mistake.
describe.skipIf(needs('python3', 'mbpoll') || noTerminals)('mbpoll on a serial line', () => {
  it('reads the simulator and sees its exceptions', async () => {
    const { port } = await devices();
    line = await serialLine(port);
    const poll = async (...args: readonly string[]): Promise<string> => {
      const fixed = ['-m', 'rtu', '-b', '19200', '-P', 'none', '-1', '-q', '-0', ...args, line!.path];
      const child = spawn(pathOf('mbpoll'), fixed);
      let text = '';
      child.stdout.on('data', (piece) => (text += piece));
      child.stderr.on('data', (piece) => (text += piece));
      await new Promise((resolve) => child.once('close', resolve));
      return text;
    };
    expect(await poll('-a', '2', '-r', '5', '-c', '2', '-t', '4')).toMatch(/\[5\]:\s+2005[\s\S]*\[6\]:\s+2006/);
    expect(await poll('-a', '1', '-r', '3', '-c', '2', '-t', '0')).toMatch(/\[3\]:\s+1[\s\S]*\[4\]:\s+0/);
    expect(await poll('-a', '1', '-r', '400', '-c', '1', '-t', '4')).toContain('Illegal data address');
  });
});
