import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { documentSchemas } from '#shared/model/index.ts';
import { DEMO_PORTS, startDemoLine } from '#simulators/demo-line.ts';
import { demoProject, demoProjectText } from '#simulators/demo-project.ts';
import { millPoints, pointSize } from '#simulators/mill-map.ts';
import { dial as open, request, silence, type Wire } from '#test/support/modbus-wire.ts';

/** What the project in resources points to until the demo line says where it is. */
const DEFAULT = {
  modbus: { host: '127.0.0.1', port: DEMO_PORTS.modbus },
  'ethernet-ip': { host: '127.0.0.1', port: DEMO_PORTS['ethernet-ip'] },
  egd: { localAddress: '127.0.0.1', port: DEMO_PORTS.egd },
};
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const dial = async (port: number): Promise<Wire> => {
  const wire = await open(port);
  closing.push(() => wire.socket.destroy());
  return wire;
};

describe('the register map of the demo line', () => {
  it('has about eighty points with ids, names and places of their own', () => {
    expect(millPoints.length).toBeGreaterThanOrEqual(80);
    expect(new Set(millPoints.map((point) => point.id)).size).toBe(millPoints.length);
    expect(new Set(millPoints.map((point) => point.name)).size).toBe(millPoints.length);
    const taken = new Map<string, string>();
    for (const point of millPoints) {
      if (point.bit !== null) continue;
      for (let i = 0; i < pointSize(point); i++) {
        const cell = `${point.device} ${point.table} ${point.offset + i}`;
        expect(taken.get(cell), `${point.id} lies on another point`).toBeUndefined();
        taken.set(cell, point.id);
      }
    }
    const types = new Set(millPoints.map((point) => point.type));
    for (const type of [
      'bit',
      'int16',
      'uint16',
      'uint32',
      'float32',
      'float64',
      'int64',
      'uint64',
      'string',
    ] as const) {
      expect(types).toContain(type);
    }
  });

  it('is the one that the demo project in resources describes', () => {
    const text = readFileSync(new URL('../../resources/demo-project.json', import.meta.url), 'utf8');
    expect(text, 'Write resources/demo-project.json anew with demoProjectText().').toBe(demoProjectText(DEFAULT));
    const project = demoProject(DEFAULT);
    for (const document of project.connection) expect(documentSchemas.connection.parse(document)).toEqual(document);
    for (const document of project.device) expect(documentSchemas.device.parse(document)).toEqual(document);
    for (const document of project.tag) expect(documentSchemas.tag.parse(document)).toEqual(document);
    const ids = new Set(project.tag.map((tag) => tag.id));
    for (const trend of project.trend) {
      expect(documentSchemas.trend.parse(trend)).toEqual(trend);
      const traces = trend.plots.flatMap((plot) => plot.traces);
      expect(traces).toHaveLength(8);
      for (const { tagId } of traces) expect(ids).toContain(tagId);
      for (const plot of trend.plots) {
        for (const { axisId } of plot.traces) expect(plot.axes.map((axis) => axis.id)).toContain(axisId);
      }
    }
  });

  it('serves what the model holds', async () => {
    const line = await startDemoLine({ port: 0, speed: 50 });
    closing.push(() => line.close());
    await expect.poll(() => line.mill.state.speed, { timeout: 10_000 }).toBeGreaterThan(8);
    const wire = await dial(line.modbus.port);
    // The line goes on between the answer and the look at the model; a wrong place in the map would never agree.
    const difference = async (): Promise<number> => {
      wire.send(request(1, 4, 0, 26));
      const body = Buffer.from(await wire.receive(9 + 52), 'hex').subarray(9);
      const words = Buffer.from([body[2]!, body[3]!, body[0]!, body[1]!]);
      return Math.abs(words.readFloatBE() - line.mill.state.speed * 60);
    };
    await expect.poll(difference, { timeout: 10_000 }).toBeLessThan(5);
    wire.send(request(1, 3, 20, 10));
    const id = Buffer.from(await wire.receive(9 + 20), 'hex')
      .subarray(9)
      .toString('latin1');
    expect(id.replaceAll('\0', '')).toMatch(/^DEMO-\d{6}-A$/);
  });
});

/** The simulator as `npm start` runs it: a process of its own. */
function start(
  args: readonly string[],
  how: 'pipe' | 'ipc' = 'pipe',
): { child: ChildProcess; line(): Promise<string> } {
  const entry = fileURLToPath(new URL('../../src/simulators/index.ts', import.meta.url));
  const child =
    how === 'ipc'
      ? fork(entry, [...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
      : spawn(process.execPath, [entry, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  closing.push(() => child.kill('SIGKILL'));
  let text = '';
  let wake: (() => void) | null = null;
  let over = false;
  const hear = (piece: Buffer): void => {
    text += piece.toString();
    wake?.();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.on('exit', () => {
    over = true;
    wake?.();
  });
  return {
    child,
    async line() {
      while (!text.includes('\n') && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const end = text.indexOf('\n');
      const first = end < 0 ? text : text.slice(0, end);
      text = end < 0 ? '' : text.slice(end + 1);
      return first;
    },
  };
}
const exit = (child: ChildProcess): Promise<number | string | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode ?? child.signalCode)
    : new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));

/** Windows has no signals: there a kill ends the process at once. */
const stopped = process.platform === 'win32' ? 'SIGTERM' : 0;

describe('the simulator process', () => {
  it('says where it listens, takes orders, and stops on a signal', async () => {
    const { child, line } = start(['--port', '0', '--seed', '9', '--with-parent']);
    const { modbus } = JSON.parse(await line()) as { modbus: { host: string; port: number } };
    expect(modbus.host).toBe('127.0.0.1');
    const wire = await dial(modbus.port);
    wire.send(request(1, 3, 10, 1));
    expect(await wire.receive(11)).toHaveLength(22);
    child.stdin?.write('modbus exception 4\n');
    expect(await line()).toBe('ok modbus {"exceptions":[{"code":4}]}');
    wire.send(request(1, 3, 10, 1));
    expect((await wire.receive(9)).slice(14)).toBe('8304');
    child.stdin?.write('modbus clear\nnonsense\n\nmodbus faults not json\n');
    expect(await line()).toBe('ok modbus {}');
    expect(await line()).toBe('refused: "nonsense" is no protocol and no order. Write help for a list of orders.');
    expect(await line()).toMatch(/^refused: faults takes an object of JSON/);
    child.kill('SIGTERM');
    expect(await exit(child)).toBe(stopped);
  });

  it('tells people where everything is, and what is open to the network', async () => {
    const all = async (args: readonly string[]): Promise<string> => {
      const { child, line } = start(args);
      const lines: string[] = [];
      do lines.push(await line());
      while (!lines.at(-1)!.startsWith('Type help'));
      child.stdin?.write('help\n');
      expect(await line()).toContain('Orders, one a line');
      child.kill('SIGTERM');
      await exit(child);
      return lines.join('\n');
    };
    const own = await all(['--port', '0']);
    expect(own).toMatch(/^Modbus TCP +127\.0\.0\.1:\d+, units 1, 2, 3$/m);
    expect(own).toMatch(/^EtherNet\/IP +127\.0\.0\.1:\d+, path 1,0$/m);
    expect(own).toMatch(/^EGD +sent to 127\.0\.0\.1:\d+, producer/m);
    expect(own).toContain('Only this computer can reach it.');
    // An address of the loopback that the system does not take for one: nothing is opened to a network by this test.
    const given = await all(['--port', '0', '--host', '::ffff:127.0.0.1', '--serve-network']);
    expect(given).toMatch(/Open to the network, for everybody to read: TCP ports \d+ and \d+ of ::ffff:127\.0\.0\.1\./);
  });

  it('ends with its parent: when its input closes, and when the IPC channel does', async () => {
    const piped = start(['--port', '0', '--with-parent']);
    await piped.line();
    piped.child.stdin?.end();
    expect(await exit(piped.child)).toBe(0);
    const forked = start(['--port', '0'], 'ipc');
    const { modbus } = JSON.parse(await forked.line()) as { modbus: { port: number } };
    const answer = new Promise((resolve) => forked.child.once('message', resolve));
    forked.child.send('modbus half-open');
    expect(await answer).toBe('ok modbus {"halfOpen":true}');
    const wire = await dial(modbus.port);
    wire.send(request(1, 3, 10, 1));
    expect(await Promise.race([wire.receive(1), silence(60)])).toBe('silence');
    forked.child.kill('SIGTERM');
    expect(await exit(forked.child)).toBe(stopped);
    const orphan = start(['--port', '0', '--with-parent'], 'ipc');
    await orphan.line();
    orphan.child.disconnect();
    expect(await exit(orphan.child)).toBe(0);
  });

  it('refuses what it does not know, and the network without being told so', async () => {
    for (const [args, says] of [
      [['--host', '0.0.0.0'], '--serve-network'],
      [['--egd-to', '192.168.0.5'], '--serve-network'],
      [['--egd-to', 'nowhere'], '--egd-to takes an IPv4 address'],
      [['--egd-port', '70000'], '--egd-port takes a whole number from 0 to 65535.'],
      [['--port', 'abc'], '--port takes a whole number from 0 to 65535.'],
      [['--speed', '1000'], '--speed takes a number from 0 to 100.'],
      [['--nonsense'], '--nonsense'],
    ] as const) {
      const { child, line } = start(args);
      expect(await line()).toContain(says);
      expect(await exit(child)).toBe(1);
    }
    const taken = createServer().listen(0, '127.0.0.1');
    closing.push(() => new Promise((resolve) => taken.close(resolve)));
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const busy = start(['--port', String(typeof address === 'object' ? address?.port : 0)]);
    expect(await busy.line()).toContain('A port is in use');
    expect(await exit(busy.child)).toBe(1);
    const help = start(['--help']);
    expect(await help.line()).toContain('virtual cold rolling mill');
    expect(await exit(help.child)).toBe(0);
  });
});
