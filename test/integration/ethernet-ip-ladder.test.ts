import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProtocolConnection } from '#engine/protocols/index.ts';
import type { TestStep } from '#shared/model/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { createDriverContext } from '#test/support/sample-collector.ts';
import { closeAll, driver, type RigOptions, startRig, startServer } from './ethernet-ip.ts';

const tags: RigOptions = {
  tags: [
    ['Speed', 'REAL'],
    ['Flags', 'BOOL', [64]],
  ],
};
const names = [
  'Name',
  'Own addresses',
  'Route',
  'TCP connection',
  'Session',
  'Identity',
  'Controller',
  'Connection',
  'Read',
];

async function climb(
  at: { readonly host: string; readonly port: number },
  { address = 'Speed' as string | null, device = {}, shared = null as ProtocolConnection | null, config = {} } = {},
): Promise<TestStep[]> {
  const settings = driver.device.parse({ responseTimeoutMs: 200, ...device });
  const steps: TestStep[] = [];
  for await (const step of driver.test(
    {
      config: driver.config.parse({ host: at.host, port: at.port, connectTimeoutMs: 300, ...config }),
      device: settings,
      readAddress: address === null ? null : driver.parseAddress(address, settings).address,
    },
    createDriverContext(),
    new AbortController().signal,
    shared === null ? null : { run: (use) => use(shared) },
  )) {
    steps.push(step);
  }
  expect(steps.map(({ name }) => name)).toEqual(names);
  for (const { says, advice } of steps) for (const text of [says, advice ?? 'x.']) expect(text).toMatch(/[.]$/);
  return steps;
}
const says = (steps: readonly TestStep[], name: string): string => steps.find((step) => step.name === name)!.says;
const failed = (steps: readonly TestStep[]): TestStep | undefined => steps.find((step) => !step.ok);

describe('connection test', () => {
  guardLeaks();
  closeAll();
  let stranger: Server | undefined;
  afterEach(async () => {
    await new Promise<void>((resolve) => (stranger === undefined ? resolve() : stranger.close(() => resolve())));
    stranger = undefined;
  });

  it('says who the controller is, what connection it gives and what the tag holds', async () => {
    const server = await startServer(tags);
    server.memory.set('Speed', 1.5);
    server.memory.set('Flags[37]', true);
    const steps = await climb(server);
    expect(failed(steps)).toBeUndefined();
    expect(says(steps, 'Identity')).toBe('The host is 1756-L83E/B simulated, revision 33.11, serial number 00C0FFEE.');
    expect(says(steps, 'Controller')).toMatch(/^The controller at path 1,0 is 1756-L83E/);
    expect(says(steps, 'Connection')).toMatch(/packets of 4002 bytes/);
    expect(says(steps, 'Read')).toBe('Speed is REAL, type float32 here, and holds 00 00 C0 3F in hex.');
    for (const name of ['Session', 'Identity', 'Controller', 'Connection', 'Read']) {
      const { raw } = steps.find((step) => step.name === name)!;
      expect(raw.map(({ direction }) => direction)).toEqual(['sent', 'received']);
      for (const { hex, direction } of raw) {
        const [sentence] = driver.explain?.(direction, Buffer.from(hex.replaceAll(' ', ''), 'hex')) ?? [];
        expect(sentence).not.toMatch(/not EtherNet/);
      }
    }
    expect(server.connections).toBe(0);
    for (const [address, value] of [
      ['Flags[37]', 1],
      ['Flags[1]', 0],
    ] as const) {
      expect(says(await climb(server, { address }), 'Read')).toBe(
        `${address} is in an array of BOOL, type bit here, and holds ${value}.`,
      );
    }
    expect(says(await climb(server, { address: null }), 'Read')).toMatch(/no tag here yet/);
  });

  it('takes the running link, and leaves its connection as it is', async () => {
    const { server, connection, read } = await startRig(tags);
    const steps = await climb(server, { shared: connection });
    expect(failed(steps)).toBeUndefined();
    expect([server.accepted, server.connections]).toEqual([1, 1]);
    expect((await read([['Speed', 'float32']]))[0]).toEqual({ value: 0, quality: 0 });
    const other = await climb(server, { shared: connection, device: { route: '1,4' } });
    expect(failed(other)?.name).toBe('Controller');
    expect([server.accepted, server.connections]).toEqual([1, 1]);
  });

  it('goes on without identity and without connection, and says so', async () => {
    const server = await startServer({ ...tags, faults: { noIdentity: true, refuseForwardOpen: [1, 0x113] } });
    const steps = await climb(server);
    expect(failed(steps)).toBeUndefined();
    expect(says(steps, 'Identity')).toBe('The host does not tell what it is.');
    expect(says(steps, 'Controller')).toMatch(/answers, but does not tell what it is/);
    expect(says(steps, 'Connection')).toMatch(/no more connections/);
  });

  it('ends at the step that fails, with advice', async () => {
    const server = await startServer(tags);
    const slot = failed(await climb(server, { device: { route: '1,7' } }));
    expect(slot).toMatchObject({ name: 'Controller', advice: expect.stringMatching(/slot 0 of the rack/) });
    expect(slot?.says).toMatch(/The path 1,7 leads nowhere: status 0x01\/0x0311/);
    const tag = failed(await climb(server, { address: 'Sped' }));
    expect(tag).toMatchObject({ name: 'Read', advice: expect.stringMatching(/spelling/) });
    const index = failed(await climb(server, { address: 'Flags[64]' }));
    expect(index?.says).toMatch(/the index is too large/);
    server.faults = { silent: true };
    expect(failed(await climb(server))).toMatchObject({ name: 'Session' });
    server.faults = { encapsulationStatus: 0x69 };
    expect(failed(await climb(server))?.says).toMatch(/unsupported version of the protocol/);
    await server.close();
    expect(failed(await climb(server))).toMatchObject({
      name: 'TCP connection',
      advice: expect.stringMatching(/EtherNet\/IP is enabled/),
    });
  });

  it('tells a stranger on the port', async () => {
    stranger = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    await new Promise<void>((resolve) => stranger?.listen(0, '127.0.0.1', () => resolve()));
    const address = stranger.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const found = failed(await climb({ host: '127.0.0.1', port }));
    expect(found?.name).toBe('Session');
    expect(found?.says).toMatch(/not EtherNet\/IP/);
  });
});
