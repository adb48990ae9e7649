import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { contract } from '#shared/rpc/contract.ts';
import { connect, webSocketPort } from '#shared/rpc/index.ts';
import { unless } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// The built engine as `npm start` runs it, under plain Node in a process of its own.

const root = fileURLToPath(new URL('../..', import.meta.url));
const trap = new URL('./trap-electron.mjs', import.meta.url).href;
const { build } = JSON.parse(readFileSync(join(root, 'out', 'build.json'), 'utf8')) as { readonly build: string };

// Windows ends a process without asking it; only a console's Ctrl+C is orderly there, and a test has no console.
const noSignals = unless(process.platform !== 'win32', 'Windows has no signal that ends a program in order');

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Address with its token, once it is printed. */
  readonly address: Promise<URL>;
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, CI: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const address = new Promise<URL>((resolve, reject) => {
    const read = (text: string): void => {
      output += text;
      const found = /Open (http:\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(new URL(found));
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    void ended.then((code) => reject(new Error(`Ended with ${code} before it was ready.\n${output}`)));
  });
  // Tests that expect no address do not wait for it.
  address.catch(() => undefined);
  return { child, output: () => output, address, ended };
}

/** Exchanges the token and connects as the page does. */
async function signIn(address: URL): Promise<WebSocket> {
  const headers = { origin: address.origin, 'content-type': 'application/json' };
  const token = address.hash.slice('#token='.length);
  const answer = await fetch(new URL('/session', address), {
    method: 'POST',
    headers,
    body: JSON.stringify({ token }),
  });
  expect(answer.status).toBe(204);
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const socket = new WebSocket(`ws://${address.host}/rpc`, { headers: { cookie, origin: address.origin } });
  await once(socket, 'open');
  return socket;
}

/** The only process that another has started; Linux alone tells. */
function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return Number(child);
}

describe('the launcher', () => {
  const noProc = unless(process.platform === 'linux', 'only Linux tells which process another has started');
  it.skipIf(noProc)(
    'starts an engine again that its runtime has ended, and ends with one that was asked to',
    async () => {
      const run = start([
        'scripts/start.mjs',
        '--headless',
        '--port',
        '0',
        '--no-demo',
        '--data',
        temporaryDirectory(),
      ]);
      await run.address;
      const first = childOf(run.child.pid!);
      process.kill(first, 'SIGABRT');
      await expect.poll(() => run.output().match(/Open http:/g)?.length, { timeout: 20_000 }).toBe(2);
      expect(run.output()).toContain('started again in 1 s');
      expect(childOf(run.child.pid!)).not.toBe(first);
      run.child.kill('SIGTERM');
      expect(await run.ended).toBe(0);
    },
  );
});

describe('the built engine under plain Node', () => {
  it.skipIf(noSignals)('starts without electron, gives its catalogue, and ends with nothing open', async () => {
    const folder = temporaryDirectory();
    const handles = join(folder, 'handles.json');
    const engine = ['--import', trap, join('out', 'main', 'engine.js')];
    const flags = ['--data', join(folder, 'data'), '--port', '0', '--no-demo'];
    const { child, address, ended, output } = start([...engine, ...flags], { PARX_TEST_HANDLES: handles });

    const socket = await signIn(await address);
    const client = connect(contract, webSocketPort(socket), { build });
    const catalogue = await client.catalogue.get();
    expect(catalogue.protocols.map(({ id }) => id)).toContain('modbus');
    client[Symbol.dispose]();
    await once(socket, 'close');

    child.kill('SIGTERM');
    expect(await ended, output()).toBe(0);
    expect(output()).not.toMatch(/unexpected error|Warning:/);
    // What is left are the standard streams.
    const left = JSON.parse(readFileSync(handles, 'utf8')) as string[];
    expect(left.filter((kind) => !['PipeWrap', 'TTYWrap'].includes(kind))).toEqual([]);
  });

  it('refuses a flag it does not know, with a hint', async () => {
    const { ended, output } = start([join('out', 'main', 'engine.js'), '--prot', '1']);
    expect(await ended).toBe(2);
    expect(output()).toContain('--help');
  });
});

describe('npm start', () => {
  const launcher = join('scripts', 'start.mjs');

  it('knows every flag of the engine, and names it in its help', async () => {
    const engine = start([join('out', 'main', 'engine.js'), '--help']);
    const launched = start([launcher, '--help']);
    expect(await engine.ended).toBe(0);
    expect(await launched.ended).toBe(0);
    const flags = (text: string): string[] => text.match(/^ {2}--[a-z-]+/gm)?.map((flag) => flag.trim()) ?? [];
    expect(flags(engine.output()).length).toBeGreaterThan(5);
    expect(flags(engine.output()).filter((flag) => !flags(launched.output()).includes(flag))).toEqual([]);
  });

  it('refuses a flag that nobody knows before it starts anything', async () => {
    const { ended, output } = start([launcher, '--headles']);
    expect(await ended).toBe(1);
    expect(output()).toContain('There is no flag "--headles"');
  });

  it.skipIf(noSignals)('serves without a window, and passes one Ctrl+C on', async () => {
    const data = join(temporaryDirectory(), 'data');
    const { child, address, ended } = start([launcher, '--headless', '--port', '0', '--no-demo', '--data', data]);
    const url = await address;
    expect((await fetch(new URL('/', url))).status).toBe(200);
    // npm and the terminal both deliver it.
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it.skipIf(noSignals)(
    'leaves no engine behind when it is killed, so that the next start finds the data folder free',
    async () => {
      const data = join(temporaryDirectory(), 'data');
      const flags = ['--headless', '--port', '0', '--no-demo', '--data', data];
      const first = start([launcher, ...flags]);
      const { port } = await first.address;
      first.child.kill('SIGKILL');
      await expect.poll(() => listens(Number(port)), { timeout: 10_000 }).toBe(false);
      const second = start([launcher, ...flags]);
      expect((await fetch(new URL('/', await second.address))).status).toBe(200);
      second.child.kill('SIGTERM');
      expect(await second.ended).toBe(0);
      expect(existsSync(data)).toBe(true);
    },
  );
});

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
