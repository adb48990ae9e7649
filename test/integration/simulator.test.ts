import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createRegisterImage,
  HONEST,
  type ModbusSimulator,
  parseMisbehaviour,
  startModbusSimulator,
} from '#simulators/modbus/index.ts';
import { dial as open, request, silence, type Wire } from '#test/support/modbus-wire.ts';
import { unless } from '#test/support/needs.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const dial = async (port: number): Promise<Wire> => {
  const wire = await open(port);
  closing.push(() => wire.socket.destroy());
  return wire;
};

async function simulator(options: Partial<Parameters<typeof startModbusSimulator>[0]> = {}): Promise<ModbusSimulator> {
  const one = createRegisterImage();
  one.setRegisters('holding', 0, [0x0102, 0x0304, 0xffff]);
  one.setRegisters('input', 5, [0x0a0b]);
  for (let i = 0; i < 10; i++) one.setBit('coil', i, i % 3 === 0);
  one.setBit('discrete', 0, true);
  one.define('holding', 100, 300);
  const two = createRegisterImage({ everything: true });
  two.setRegisters('holding', 0, [0x2222]);
  const started = await startModbusSimulator({ units: { 1: one, 2: two }, ...options });
  closing.push(() => started.close());
  return started;
}

describe('the Modbus simulator', () => {
  it('reads all four tables of its units', async () => {
    const { port } = await simulator();
    const wire = await dial(port);
    wire.send(request(1, 3, 0, 3, 0x1234));
    expect(await wire.receive(15)).toBe('123400000009' + '0103' + '06' + '01020304ffff');
    wire.send(request(1, 4, 5, 1));
    expect(await wire.receive(11)).toBe('000100000005' + '0104' + '02' + '0a0b');
    wire.send(request(1, 1, 0, 10));
    expect(await wire.receive(11)).toBe('000100000005' + '0101' + '02' + '4902');
    wire.send(request(1, 2, 0, 1));
    expect(await wire.receive(10)).toBe('000100000004' + '0102' + '01' + '01');
    wire.send(request(2, 3, 0, 1));
    expect(await wire.receive(11)).toBe('000100000005' + '0203' + '02' + '2222');
  });

  it('answers with the exception that the specification names', async () => {
    const { port } = await simulator();
    const wire = await dial(port);
    const answers: readonly (readonly [number[], string])[] = [
      [request(1, 3, 3, 1), '8302'],
      [request(1, 3, 2, 2), '8302'],
      [request(1, 3, 0, 0), '8303'],
      [request(2, 3, 0, 126), '8303'],
      [request(2, 1, 0, 2001), '8103'],
      [request(2, 3, 65_535, 2), '8302'],
      [request(2, 5, 0, 0xff00), '8501'],
      [request(2, 6, 0, 1), '8601'],
      [[0, 1, 0, 0, 0, 9, 2, 16, 0, 0, 0, 1, 2, 0, 7], '9001'],
      [[0, 1, 0, 0, 0, 5, 2, 43, 14, 1, 0], 'ab01'],
      [request(9, 3, 0, 1), '830b'],
    ];
    for (const [bytes, answer] of answers) {
      wire.send(bytes);
      expect((await wire.receive(9)).slice(14)).toBe(answer);
    }
    wire.send(request(2, 3, 0, 125));
    expect((await wire.receive(9 + 250)).slice(12, 18)).toBe('0203fa');
    wire.send(request(2, 1, 0, 2000));
    expect((await wire.receive(9 + 250)).slice(12, 18)).toBe('0201fa');
  });

  it('takes requests in pieces and several in one packet', async () => {
    const { port, control } = await simulator();
    const wire = await dial(port);
    for (const byte of request(1, 3, 0, 1, 7)) {
      wire.send([byte]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await wire.receive(11)).slice(0, 4)).toBe('0007');
    wire.send([...request(1, 3, 0, 1, 8), ...request(1, 3, 1, 1, 9), ...request(1, 3, 2, 1, 10).slice(0, 5)]);
    wire.send(request(1, 3, 2, 1, 10).slice(5));
    const three = await wire.receive(33);
    expect([0, 1, 2].map((i) => three.slice(i * 22, i * 22 + 4))).toEqual(['0008', '0009', '000a']);
    expect(control.requests().map(({ unit, function: code, offset, count }) => [unit, code, offset, count])).toEqual([
      [1, 3, 0, 1],
      [1, 3, 0, 1],
      [1, 3, 1, 1],
      [1, 3, 2, 1],
    ]);
  });

  it('hangs up on what is not Modbus', async () => {
    const { port } = await simulator();
    for (const bytes of [
      [0, 1, 0, 5, 0, 6, 1, 3, 0, 0, 0, 1],
      [0, 1, 0, 0, 0, 1, 1],
      [0, 1, 0, 0, 255, 255, 1, 3],
      [...Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ]) {
      const wire = await dial(port);
      wire.send(bytes);
      await wire.ended;
    }
  });

  it('limits its connections', async () => {
    const { port, control } = await simulator({ maxConnections: 2 });
    const first = await dial(port);
    const second = await dial(port);
    first.send(request(1, 3, 0, 1));
    second.send(request(1, 3, 0, 1));
    await Promise.all([first.receive(11), second.receive(11)]);
    const third = await dial(port);
    await third.ended;
    expect(control.connections).toBe(2);
    first.socket.destroy();
    await expect.poll(() => control.connections).toBe(1);
    const fourth = await dial(port);
    fourth.send(request(1, 3, 0, 1));
    expect(await fourth.receive(11)).toHaveLength(22);
  });
});

describe('its misbehaviour', () => {
  const one = request(1, 3, 0, 1, 5);
  const honest = '000500000005' + '0103' + '02' + '0102';

  it('is off until it is switched on, and off again after clear', async () => {
    const { port, control } = await simulator();
    const wire = await dial(port);
    control.set({ wrongUnit: true, delayMs: 20 });
    wire.send(one);
    expect(await wire.receive(11)).toBe('000500000005' + '0203' + '02' + '0102');
    control.clear();
    expect(control.faults).toEqual(HONEST);
    wire.send(one);
    expect(await wire.receive(11)).toBe(honest);
  });

  it('delays and keeps the order', async () => {
    const { port, control } = await simulator();
    const wire = await dial(port);
    control.set({ delayMs: 120 });
    const started = performance.now();
    wire.send(one);
    await wire.receive(11);
    expect(performance.now() - started).toBeGreaterThanOrEqual(115);
    control.set({ delayMs: 0, jitterMs: 30 });
    for (let i = 0; i < 20; i++) wire.send(request(1, 3, 0, 1, i));
    const all = await wire.receive(20 * 11);
    expect(Array.from({ length: 20 }, (_, i) => Number.parseInt(all.slice(i * 22, i * 22 + 4), 16))).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  it('drops every nth answer, or all, or those of dead units', async () => {
    const { port, control } = await simulator();
    const wire = await dial(port);
    control.set({ dropEvery: 3 });
    for (let i = 1; i <= 6; i++) wire.send(request(1, 3, 0, 1, i));
    const four = await wire.receive(44);
    expect([0, 1, 2, 3].map((i) => Number(four.slice(i * 22, i * 22 + 4)))).toEqual([1, 2, 4, 5]);
    control.set({ dropEvery: 0, deadUnits: [1] });
    wire.send(one);
    wire.send(request(2, 3, 0, 1, 99));
    expect((await wire.receive(11)).slice(0, 4)).toBe('0063');
    control.set({ dropEvery: 1 });
    wire.send(request(2, 3, 0, 1));
    expect(await Promise.race([wire.receive(1), silence(80)])).toBe('silence');
  });

  it('answers exceptions by function, unit, address and number of times', async () => {
    const { port, control } = await simulator();
    const wire = await dial(port);
    const code = async (bytes: number[]): Promise<string> => {
      wire.send(bytes);
      const head = await wire.receive(9);
      if (!head.slice(14).startsWith('8')) await wire.receive(Number.parseInt(head.slice(16, 18), 16));
      return head.slice(14, 18);
    };
    control.set({ exceptions: [{ code: 6, times: 2 }] });
    expect([await code(one), await code(one), await code(one)]).toEqual(['8306', '8306', '0302']);
    control.set({ exceptions: [{ code: 4, function: 3, unit: 1, from: 1, to: 1 }] });
    expect(await code(request(1, 3, 0, 1))).toBe('0302');
    expect(await code(request(1, 3, 0, 2))).toBe('8304');
    expect(await code(request(2, 3, 0, 2))).toBe('0304');
    expect(await code(request(1, 1, 0, 2))).toBe('0101');
    control.clear();
    control.set({ maxRegisters: 2, maxBits: 8, forbidden: [{ unit: null, table: 'holding', from: 2, to: 2 }] });
    expect(await code(request(1, 3, 0, 2))).toBe('0304');
    expect(await code(request(1, 3, 0, 3))).toBe('8303');
    expect(await code(request(1, 3, 2, 1))).toBe('8302');
    expect(await code(request(1, 1, 0, 9))).toBe('8103');
  });

  it('bends frames', async () => {
    const { port, control } = await simulator();
    const cases = [
      [{ wrongTransaction: true }, `0006${honest.slice(4)}`],
      [{ wrongFunction: true }, `${honest.slice(0, 14)}02${honest.slice(16)}`],
      [{ truncateBytes: 3 }, honest.slice(0, -6)],
      [{ extraBytes: 2 }, '000500000007' + '0103' + '04' + '01020000'],
      [{ wrongByteCount: true }, honest.replace('010302', '010303')],
    ] as const;
    for (const [faults, bytes] of cases) {
      const wire = await dial(port);
      control.clear();
      control.set(faults);
      wire.send(one);
      expect(await wire.receive(bytes.length / 2)).toBe(bytes);
      wire.socket.destroy();
    }
    const wire = await dial(port);
    control.clear();
    control.set({ garbage: true });
    wire.send(one);
    expect(await wire.receive(5)).not.toBe(honest.slice(0, 10));
  });

  it('splits and merges packets', async () => {
    const { port, control } = await simulator();
    const split = await dial(port);
    control.set({ splitBytes: true });
    split.send([...one, ...one]);
    expect(await split.receive(22)).toBe(honest + honest);
    expect(split.pieces.length).toBeGreaterThan(5);
    control.clear();
    control.set({ mergeAnswers: 3 });
    const merged = await dial(port);
    for (let i = 0; i < 3; i++) {
      merged.send(one);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await merged.receive(33)).toBe(honest.repeat(3));
    expect(merged.pieces).toHaveLength(1);
    merged.send(one);
    expect(await merged.receive(11)).toBe(honest);
  });

  it('breaks links: after an answer, in the middle of one, and without ever closing', async () => {
    const { port, control } = await simulator();
    control.set({ closeAfterAnswer: true });
    const after = await dial(port);
    after.send(one);
    expect(await after.receive(11)).toBe(honest);
    await after.ended;
    control.clear();
    control.set({ cutMidAnswer: true });
    const middle = await dial(port);
    middle.send(one);
    await middle.ended;
    expect(await middle.receive(99)).toBe(honest.slice(0, 10));
    control.clear();
    control.set({ halfOpen: true });
    const half = await dial(port);
    half.send(one);
    half.socket.end();
    expect(await Promise.race([half.ended, silence(100)])).toBe('silence');
    expect(control.connections).toBe(1);
    control.disconnectAll();
    await half.ended;
  });

  it('restarts on the same port', async () => {
    const { port, control } = await simulator();
    const wire = await dial(port);
    const back = control.restart(150);
    await wire.ended;
    const refused = await dial(port);
    await refused.ended;
    await back;
    const again = await dial(port);
    again.send(one);
    expect(await again.receive(11)).toBe(honest);
    expect(control.accepted).toBe(2);
  });

  it('ends in the middle of a restart', async () => {
    const started = await simulator();
    const back = started.control.restart(60_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await started.close();
    await back;
  });

  it('is checked when it comes from outside', () => {
    expect(parseMisbehaviour({ delayMs: 5, maxBits: null, deadUnits: [1] })).toEqual({
      delayMs: 5,
      maxBits: null,
      deadUnits: [1],
    });
    expect(() => parseMisbehaviour({ delayMS: 5 })).toThrow(/Unknown fault "delayMS"/);
    expect(() => parseMisbehaviour({ splitBytes: 'yes' })).toThrow('true or false');
    expect(() => parseMisbehaviour({ deadUnits: 4 })).toThrow('a list');
    expect(() => parseMisbehaviour([])).toThrow('object');
  });
});

// A client that is not ours: written by others, in another language, on another Modbus library.
describe.skipIf(unless(existsSync('/usr/bin/mbpoll'), 'needs mbpoll (Debian: apt-get install mbpoll)'))(
  'mbpoll',
  () => {
    it('reads the simulator and sees its exceptions', async () => {
      const { port, control } = await simulator();
      const poll = async (...args: readonly string[]): Promise<string> => {
        const child = spawn('/usr/bin/mbpoll', [
          '-m',
          'tcp',
          '-p',
          String(port),
          '-1',
          '-q',
          '-0',
          ...args,
          '127.0.0.1',
        ]);
        let text = '';
        child.stdout.on('data', (piece) => (text += piece));
        child.stderr.on('data', (piece) => (text += piece));
        await new Promise((resolve) => child.once('close', resolve));
        return text;
      };
      expect(await poll('-a', '1', '-r', '0', '-c', '3', '-t', '4:hex')).toMatch(/0x0102[\s\S]*0x0304[\s\S]*0xFFFF/);
      expect(await poll('-a', '1', '-r', '5', '-c', '1', '-t', '3:hex')).toContain('0x0A0B');
      expect(await poll('-a', '1', '-r', '0', '-c', '4', '-t', '0')).toMatch(
        /\[0\]:\s+1[\s\S]*\[1\]:\s+0[\s\S]*\[3\]:\s+1/,
      );
      expect(await poll('-a', '1', '-r', '50', '-c', '1', '-t', '4')).toContain('Illegal data address');
      control.set({ exceptions: [{ code: 6 }] });
      expect(await poll('-a', '1', '-r', '0', '-c', '1', '-t', '4')).toMatch(/busy/i);
    });
  },
);
