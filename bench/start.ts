import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { contract } from '#shared/rpc/contract.ts';
import { type ClientOf, connect, webSocketPort } from '#shared/rpc/index.ts';

// From `node engine.js` to the first good live value of the demo line, as a browser gets it: cold is an empty data
// folder (project, history and demo are made), warm the same folder again. A bare Node that listens on a port is the
// floor in the same run. Flags: --rounds N (5).

const ENTRY = fileURLToPath(new URL('../out/main/engine.js', import.meta.url));
const at = process.argv.indexOf('--rounds');
const ROUNDS = at < 0 ? 5 : Number(process.argv[at + 1]);

interface Times {
  readonly listening: number;
  readonly firstValue: number;
}

async function startOnce(folder: string): Promise<Times> {
  const started = performance.now();
  const child = spawn(process.execPath, [ENTRY, '--data', folder, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<URL>((resolve) => {
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
      const match = /Open (http:\S+)/.exec(text);
      if (match?.[1] !== undefined) resolve(new URL(match[1]));
    });
  });
  const listening = performance.now() - started;
  const answer = await fetch(`${url.origin}/session`, {
    method: 'POST',
    headers: { origin: url.origin, 'content-type': 'application/json' },
    body: JSON.stringify({ token: url.hash.slice('#token='.length) }),
  });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const socket = new WebSocket(`${url.origin.replace('http', 'ws')}/rpc`, { headers: { cookie, origin: url.origin } });
  socket.binaryType = 'arraybuffer';
  await once(socket, 'open');
  const client = connect(contract, webSocketPort(socket as never), { build: await buildOf() }) as ClientOf<
    typeof contract
  > &
    Disposable;
  for await (const item of client.live.values({ tags: ['demo-strip-speed'], maxHz: 50 })) {
    if (item.quality[0] !== undefined && item.quality[0] < 0x4000) break;
  }
  const firstValue = performance.now() - started;
  client[Symbol.dispose]();
  child.kill('SIGTERM');
  await once(child, 'exit');
  return { listening, firstValue };
}

/** The screen's side must name the build that the engine was made by. */
async function buildOf(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const { build } = JSON.parse(await readFile(new URL('../out/build.json', import.meta.url), 'utf8')) as {
    readonly build: string;
  };
  return build;
}

async function bareNode(): Promise<number> {
  const started = performance.now();
  const script =
    "require('node:http').createServer().listen(0, '127.0.0.1', () => { console.log('up'); process.exit(); })";
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const time = performance.now() - started;
  await once(child, 'exit');
  return time;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const bare: number[] = [];
const cold: Times[] = [];
const warm: Times[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const folder = mkdtempSync(join(tmpdir(), 'parx-start-'));
  bare.push(await bareNode());
  cold.push(await startOnce(folder));
  warm.push(await startOnce(folder));
  rmSync(folder, { recursive: true, force: true });
}
const floor = median(bare);
const row = (name: string, ms: number): string => `| ${name} | ${ms.toFixed(0)} | ${(ms / floor).toFixed(1)} |`;
console.log(`Start of the headless engine with the demo line, median of ${ROUNDS} rounds\n`);
console.log('| from process start to | ms | x bare Node listening |');
console.log('|---|---|---|');
console.log(row('bare Node listens (floor)', floor));
console.log(row('cold: address printed', median(cold.map((times) => times.listening))));
console.log(row('cold: first good live value', median(cold.map((times) => times.firstValue))));
console.log(row('warm: address printed', median(warm.map((times) => times.listening))));
console.log(row('warm: first good live value', median(warm.map((times) => times.firstValue))));
