import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { type Control, createControl } from '#simulators/control.ts';
import { type DemoLine, startDemoLine } from '#simulators/demo-line.ts';
import { expectNoNewHandles, openHandles } from '#test/support/leak-guard.ts';
import { dial, request, silence } from '#test/support/modbus-wire.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function startLine(): Promise<{ line: DemoLine; control: Control }> {
  const line = await startDemoLine({ port: 0, speed: 0 });
  closing.push(() => line.close());
  return { line, control: createControl(line) };
}

/** Hears the productions of the line, as bare bytes. */
async function listen(line: DemoLine): Promise<{ next(count: number): Promise<Buffer[]>; socket: Socket }> {
  const socket = createSocket('udp4');
  closing.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const heard: Buffer[] = [];
  socket.on('message', (bytes) => heard.push(bytes));
  await new Promise<void>((resolve) => socket.bind(line.egd.port, '127.0.0.1', resolve));
  return {
    socket,
    async next(count) {
      heard.length = 0;
      await expect.poll(() => heard.length, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(count);
      return heard.slice(0, count);
    },
  };
}
const REGISTER = [...Buffer.from('65000400000000000000000000000000000000000000000001000000', 'hex')];

describe('orders to the demo line', () => {
  it('make Modbus late, silent, wrong, cut and half open, and honest again', async () => {
    const { line, control } = await startLine();
    const read = async (bytes: number): Promise<string> => {
      const wire = await dial(line.modbus.port);
      closing.push(() => wire.socket.destroy());
      wire.send(request(1, 3, 10, 1));
      return wire.receive(bytes);
    };
    expect(await control.order('modbus delay 60')).toBe('ok modbus {"delayMs":60}');
    const started = performance.now();
    await read(11);
    expect(performance.now() - started).toBeGreaterThan(50);
    expect(await control.order('modbus clear')).toBe('ok modbus {}');
    expect(await control.order('modbus exception 6')).toContain('"code":6');
    expect((await read(9)).slice(14)).toBe('8306');
    expect(await control.order('modbus exception 0')).toBe('ok modbus {}');
    expect(await control.order('modbus sequence')).toBe('ok modbus {"wrongTransaction":true}');
    expect((await read(11)).slice(0, 4)).not.toBe(request(1, 3, 10, 1).slice(0, 4));
    expect(await control.order('modbus sequence off')).toBe('ok modbus {}');
    expect(await control.order('modbus half-open')).toBe('ok modbus {"halfOpen":true}');
    expect(await Promise.race([read(1), silence(60)])).toBe('silence');
    expect(await control.order('clear')).toBe('ok');
    expect(await read(11)).toHaveLength(22);
    expect(await control.order('modbus faults {"deadUnits":[1],"jitterMs":3}')).toBe(
      'ok modbus {"jitterMs":3,"deadUnits":[1]}',
    );
    expect(await Promise.race([read(1), silence(60)])).toBe('silence');
  });

  it('take EtherNet/IP away and bring it back on the same port', async () => {
    const { line, control } = await startLine();
    const { port } = line.ethernetIp;
    const wire = await dial(port);
    closing.push(() => wire.socket.destroy());
    wire.send(REGISTER);
    expect(await wire.receive(28)).toMatch(/^65000400/);
    const gone = new Promise((resolve) => wire.socket.once('close', resolve));
    const back = control.order('ethernet-ip restart 0.2');
    await gone;
    // Refused: the link ends without a byte.
    expect(await (await dial(port)).receive(1)).toBe('');
    expect(await back).toBe('ok ethernet-ip {}');
    const again = await dial(port);
    closing.push(() => again.socket.destroy());
    expect(await control.order('ethernet-ip twice')).toBe('ok ethernet-ip {"twice":true}');
    again.send(REGISTER);
    const both = await again.receive(56);
    expect(both.slice(0, 56)).toBe(both.slice(56));
    expect(await control.order('ethernet-ip exception 8')).toBe('ok ethernet-ip {"twice":true,"refused":{"*":[8]}}');
    expect(await control.order('ethernet-ip faults {"twice":false,"refused":null}')).toBe('ok ethernet-ip {}');
    expect(await control.order('ethernet-ip half-open')).toBe('ok ethernet-ip {"halfOpen":true}');
    again.send(REGISTER);
    expect(await Promise.race([again.receive(1), silence(60)])).toBe('silence');
    expect(await control.order('ethernet-ip disconnect')).toMatch(/^ok/);
  });

  it('make EGD lose, double, reorder and bend productions, and begin anew after a restart', async () => {
    const { line, control } = await startLine();
    const ear = await listen(line);
    const numbers = async (count: number): Promise<number[]> =>
      (await ear.next(3 * count))
        .filter((bytes) => bytes.readUInt32LE(8) === 1)
        .slice(0, count)
        .map((bytes) => bytes.readUInt16LE(2));
    const steps = (list: readonly number[]): number[] => list.slice(1).map((number, i) => number - list[i]!);
    expect(new Set(steps(await numbers(5)))).toEqual(new Set([1]));
    expect(await control.order('egd sequence')).toBe('ok egd {"wrongSequence":true}');
    expect(steps(await numbers(4))).toContain(1_000);
    await control.order('egd sequence off');
    await control.order('egd reorder');
    expect(steps(await numbers(5))).toContain(-1);
    await control.order('egd clear');
    await control.order('egd drop 2');
    expect(Math.max(...steps(await numbers(5)))).toBeGreaterThan(1);
    await control.order('egd clear');
    await control.order('egd twice');
    expect(steps(await numbers(4))).toContain(0);
    await control.order('egd clear');
    await control.order('egd exception 4');
    expect((await ear.next(2))[1]!.readUInt32LE(20)).toBe(4);
    await control.order('egd exception off');
    await control.order('egd length -4');
    expect((await ear.next(3)).map((bytes) => bytes.length)).toContain(32 + 72);
    expect(await control.order('egd clear')).toBe('ok egd {}');
    expect(await control.order('egd disconnect')).toMatch(/^refused: egd has no connections/);
    expect(await control.order('egd restart 0.1')).toBe('ok egd {}');
    expect(Math.min(...(await numbers(3)))).toBeLessThan(5);
  });

  it.each([
    ['modbus', 'modbus has no order ""'],
    ['modbus delay', 'modbus delay takes MS: a number from'],
    ['modbus delay soon', 'modbus delay takes MS: a number from'],
    ['modbus split 3', 'modbus split stands alone, or with "off"'],
    ['modbus restart', 'restart takes seconds: a number from 0 to 3600'],
    ['egd faults {"nonsense":1}', 'Unknown fault "nonsense"'],
    ['egd faults {"silent":1}', 'Fault "silent" takes a flag'],
    ['egd faults []', 'faults takes an object of JSON'],
    ['modbus __proto__ 3', 'modbus has no order "__proto__"'],
    ['egd faults {"__proto__":1}', 'Unknown fault'],
    ['opcua delay 3', '"opcua" is no protocol and no order'],
  ])('that can not be carried out are refused in words: %s', async (order, says) => {
    const { control } = await startLine();
    expect(await control.order(order)).toContain(`refused: ${says}`);
    expect(await control.order('egd faults {}')).toBe('ok egd {}');
  });

  it('leave nothing behind when the line ends in the middle of them', async () => {
    const handles = openHandles();
    const { line, control } = await startLine();
    for (const order of ['egd delay 50000', 'ethernet-ip delay 50000', 'modbus merge 9']) await control.order(order);
    const orders = ['modbus', 'ethernet-ip', 'egd'].map((protocol) => control.order(`${protocol} restart 600`));
    await new Promise((resolve) => setTimeout(resolve, 120));
    await line.close();
    await Promise.all(orders);
    await expectNoNewHandles(handles);
  });
});
