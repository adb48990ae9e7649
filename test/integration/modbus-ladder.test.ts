import { afterEach, describe, expect, it } from 'vitest';
import { inSameNetwork, ownAddresses } from '#engine/platform/index.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';
import type { TestStep } from '#shared/model/index.ts';
import { freePort } from '#test/support/free-port.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { exception, frame, honest, type ModbusPeer, startPeer } from '#test/support/modbus-peer.ts';
import { connectRig, fast, linkTo, type Rig } from '#test/support/modbus-rig.ts';
import { createDriverContext } from '#test/support/sample-collector.ts';

let peer: ModbusPeer | undefined;
let rig: Rig | undefined;
guardLeaks();
afterEach(async () => {
  await rig?.connection.close();
  await peer?.close();
  rig = peer = undefined;
});

interface Options {
  readonly port: number;
  readonly config?: object;
  readonly device?: object;
  readonly address?: string | null;
  readonly shared?: Parameters<typeof modbus.test>[3];
  readonly signal?: AbortSignal;
}
async function ladder({ port, config = {}, device = {}, address = 'HR1', ...rest }: Options): Promise<TestStep[]> {
  const settings = fast(device);
  const found: TestStep[] = [];
  for await (const step of modbus.test(
    {
      config: linkTo(port, config),
      device: settings,
      readAddress: address === null ? null : modbus.parseAddress(address, settings).address,
    },
    createDriverContext(),
    rest.signal ?? new AbortController().signal,
    rest.shared ?? null,
  )) {
    found.push(step);
  }
  return found;
}
const verdicts = (steps: readonly TestStep[]): string[] =>
  steps.map((step) => `${step.name}: ${step.skipped ? 'skipped' : step.ok ? 'ok' : 'failed'}`);
const named = (steps: readonly TestStep[], name: string): TestStep => {
  const step = steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`There is no step ${name}.`);
  return step;
};
const NAMES = ['Name', 'Own addresses', 'Route', 'TCP connection', 'Modbus', 'Unit', 'Read'];

describe('connection test', () => {
  it('walks all steps, with the time and the raw bytes of each request', async () => {
    peer = await startPeer((request, socket) => socket.write(honest(request)));
    const steps = await ladder({ port: peer.port });
    expect(verdicts(steps)).toEqual([
      'Name: skipped',
      'Own addresses: ok',
      'Route: ok',
      'TCP connection: ok',
      'Modbus: ok',
      'Unit: ok',
      'Read: ok',
    ]);
    const [sent, received] = named(steps, 'Modbus').raw;
    expect(sent?.hex).toMatch(/^[0-9a-f]{2} [0-9a-f]{2} 00 00 00 06 01 03 00 00 00 01$/);
    expect(received?.hex).toMatch(/^[0-9a-f]{2} [0-9a-f]{2} 00 00 00 05 01 03 02 00 0a$/);
    expect(named(steps, 'Read').says).toBe(
      '400001 (holding register, function 3, offset 0) holds 000A in hex, 10 as uint16.',
    );
    expect(named(steps, 'Own addresses').says).toContain('127.0.0.1');
    expect(named(steps, 'Route').says).toContain('leave from 127.0.0.1');
    for (const step of steps) expect(step.ms).toBeGreaterThanOrEqual(0);
    expect(peer.sockets.size).toBeLessThanOrEqual(1);
  });

  it('looks a name up and says what it is', async () => {
    peer = await startPeer((request, socket) => socket.write(honest(request)));
    const steps = await ladder({ port: peer.port, config: { host: 'localhost' } });
    expect(named(steps, 'Name').says).toMatch(/^localhost is .*(127\.0\.0\.1|::1)/);
    const unknown = await ladder({ port: peer.port, config: { host: 'no-such-host.invalid' } });
    expect(verdicts(unknown)).toEqual(['Name: failed', ...NAMES.slice(1).map((name) => `${name}: skipped`)]);
    expect(unknown[0]?.advice).toContain('IP address');
  });

  it('finds an own address that no adapter has', async () => {
    const steps = await ladder({ port: 1, config: { localAddress: '203.0.113.9' } });
    expect(named(steps, 'Own addresses')).toMatchObject({ ok: false, advice: expect.stringContaining('Own address') });
    expect(verdicts(steps).slice(2)).toEqual(NAMES.slice(2).map((name) => `${name}: skipped`));
  });

  it('says when a port is refused', async () => {
    const steps = await ladder({ port: await freePort() });
    expect(named(steps, 'TCP connection')).toMatchObject({
      ok: false,
      says: expect.stringContaining('refused the connection'),
      advice: expect.stringContaining('Modbus server'),
    });
    expect(steps.map((step) => step.name)).toEqual(NAMES);
  });

  it('says when a host accepts and never answers', async () => {
    peer = await startPeer(() => {});
    const steps = await ladder({ port: peer.port, device: { responseTimeoutMs: 100 } });
    expect(named(steps, 'Modbus')).toMatchObject({
      ok: false,
      says: expect.stringContaining('leaves the request unanswered'),
      advice: expect.stringContaining('unit id 1'),
    });
    expect(named(steps, 'Modbus').raw.map((one) => one.direction)).toEqual(['sent']);
  });

  it('says when the port speaks something else', async () => {
    peer = await startPeer((_, socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const steps = await ladder({ port: peer.port });
    expect(named(steps, 'Modbus')).toMatchObject({ ok: false, says: expect.stringContaining('not Modbus TCP') });
    expect(named(steps, 'Modbus').raw.map((one) => one.direction)).toEqual(['sent', 'received']);
  });

  it('says when another unit answers', async () => {
    peer = await startPeer((request, socket) => socket.write(frame(request.number, [9, 3, 2, 0, 0])));
    const steps = await ladder({ port: peer.port });
    expect(named(steps, 'Modbus').says).toContain('unit 9 answered instead of unit 1');
  });

  it('says when a gateway does not reach the unit', async () => {
    peer = await startPeer((request, socket) => socket.write(exception(request, 11)));
    const steps = await ladder({ port: peer.port, device: { unitId: 7 } });
    expect(named(steps, 'Modbus').ok).toBe(true);
    expect(named(steps, 'Unit')).toMatchObject({
      ok: false,
      says: expect.stringContaining('exception 11, gateway target did not respond'),
      advice: expect.stringContaining('wiring'),
    });
  });

  it('says when the address is refused, and what that means', async () => {
    peer = await startPeer((request, socket) => socket.write(exception(request, 2)));
    const steps = await ladder({ port: peer.port, address: '400777' });
    expect(named(steps, 'Unit').ok).toBe(true);
    expect(named(steps, 'Read')).toMatchObject({
      ok: false,
      says: '400777 (holding register, function 3, offset 776): the device answers exception 2, illegal data address.',
      advice: expect.stringContaining('counts from 0 or from 1'),
    });
  });

  it.each([
    [[775, 777], [], '400776 and 400778 beside it can be read', [776, 775, 777]],
    [[775], [], '400776 beside it can be read', [776, 775, 777]],
    [[], [], 'beside it cannot be read either', [776, 775, 777]],
    [[775, 777], ['400776'], '400778 beside it can be read', [776, 777]],
  ])('looks beside a refused address: %j readable, %j never read', async (readable, forbidden, words, asked) => {
    const exists = (offset: number): boolean => (readable as readonly number[]).includes(offset);
    peer = await startPeer((request, socket) =>
      socket.write(exists(request.offset) ? honest(request) : exception(request, 2)),
    );
    const steps = await ladder({ port: peer.port, address: '400777', device: { forbidden } });
    expect(named(steps, 'Read')).toMatchObject({ ok: false, advice: expect.stringContaining(words) });
    expect(peer.requests.map(({ offset }) => offset)).toEqual(asked);
  });

  it('reads nothing where there is no tag yet, and says so', async () => {
    peer = await startPeer((request, socket) => socket.write(honest(request)));
    expect(named(await ladder({ port: peer.port, address: null }), 'Read')).toMatchObject({ ok: true, skipped: true });
  });

  it('takes its turn on the running link, without a second connection', async () => {
    peer = await startPeer((request, socket) => socket.write(honest(request)));
    rig = await connectRig(peer.port);
    const { connection } = rig;
    let turns = 0;
    const steps = await ladder({
      port: peer.port,
      address: 'HRS1:8',
      shared: {
        run: (use) => {
          turns++;
          return use(connection as Parameters<typeof use>[0]);
        },
      },
    });
    expect(verdicts(steps).slice(3)).toEqual(['TCP connection: skipped', 'Modbus: ok', 'Unit: ok', 'Read: ok']);
    expect(named(steps, 'TCP connection').says).toContain('The running link');
    expect(named(steps, 'Read').raw.length).toBe(2);
    expect(turns).toBe(2);
    expect(peer.accepted).toBe(1);
    await rig.poll(rig.plan(['h0']));
  });

  it('says when the running link is lost under it', async () => {
    peer = await startPeer((_, socket) => socket.destroy());
    rig = await connectRig(peer.port);
    const { connection } = rig;
    const steps = await ladder({ port: peer.port, shared: { run: (use) => use(connection as never) } });
    expect(named(steps, 'Modbus')).toMatchObject({ ok: false, says: expect.stringContaining('the device closed it') });
  });

  it('goes through, and says so, with a device that ends the connection after each answer', async () => {
    peer = await startPeer((request, socket) => socket.end(honest(request)));
    const steps = await ladder({ port: peer.port, address: 'HRD1' });
    expect(verdicts(steps).slice(3)).toEqual(['TCP connection: ok', 'Modbus: ok', 'Unit: ok', 'Read: ok']);
    expect(named(steps, 'Unit').advice).toContain('ends the connection after each answer');
    await peer.close();
    peer = await startPeer((request, socket) => socket.write(honest(request)));
    expect(named(await ladder({ port: peer.port }), 'Unit').advice).toBeNull();
  });

  it('ends within 100 ms of an abort', async () => {
    peer = await startPeer(() => {});
    const controller = new AbortController();
    const work = ladder({ port: peer.port, device: { responseTimeoutMs: 20_000 }, signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 60));
    const started = performance.now();
    controller.abort();
    expect((await work).length).toBeLessThan(NAMES.length);
    expect(performance.now() - started).toBeLessThan(100);
  });
});

describe('own networks', () => {
  const own = ownAddresses({
    eth0: [{ address: '192.168.0.5', netmask: '', family: 'IPv4', mac: '', internal: false, cidr: '192.168.0.5/24' }],
    wifi: [
      { address: '10.20.0.9', netmask: '', family: 'IPv4', mac: '', internal: false, cidr: '10.20.0.9/16' },
      { address: 'fe80::1', netmask: '', family: 'IPv6', mac: '', internal: false, cidr: 'fe80::1/64', scopeid: 2 },
    ],
  });

  it.each([
    ['192.168.0.10', 'eth0'],
    ['192.168.1.10', undefined],
    ['10.20.255.1', 'wifi'],
    ['10.21.0.1', undefined],
    ['fe80::77', 'wifi'],
    ['plc', undefined],
  ])('%s is behind %s', (target, adapter) => {
    expect(inSameNetwork(own, target)?.adapter).toBe(adapter);
  });
});
