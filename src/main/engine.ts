import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  catalogue,
  createEngine,
  type DemoAddress,
  type Engine,
  type HostAbilities,
  type LogLine,
  type WorkerUrls,
} from '#engine/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type HostConfig, readInvocation } from './config.ts';
import type { FromEngine, HostQuestion, ParentPort, ToEngine } from './control.ts';
import { startHttpServer } from './http/index.ts';
import { keepSystemAwake } from './keep-awake.ts';
import { mainPort } from './main-port.ts';

// The engine's own process: the desktop's utility process, or the headless host under plain Node. It never imports
// `electron`; what only the desktop can do comes as questions over the parent's port.

const here = new URL('.', import.meta.url);
const workers: WorkerUrls = {
  'historian-writer': new URL('./historian-writer.js', here),
  'historian-reader': new URL('./historian-reader.js', here),
  exporter: new URL('./exporter.js', here),
};
const resources =
  ['../../resources/', '../resources/'].map((path) => fileURLToPath(new URL(path, here))).find(existsSync) ?? '';
const { version } = JSON.parse(readFileSync(new URL('../../package.json', here), 'utf8')) as {
  readonly version: string;
};
/** The host may start the engine again: not a wrong setting, but a fault. */
const EXIT_FAULT = 70;
const SESSION = { user: 'local', role: 'admin' } as const;

let engine: Engine | null = null;

function dieOf(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(`ParX engine: unexpected error, ending to be started again.\n${text}`);
  try {
    engine?.noteCrash(
      `The engine ended because of an unexpected error: ${error instanceof Error ? error.message : String(error)}`,
    );
  } catch {
    // Nothing more can be done for the note; the gap then gets the general reason.
  }
  process.exit(EXIT_FAULT);
}
process.on('uncaughtException', dieOf);
process.on('unhandledRejection', dieOf);

const parent = (process as unknown as { readonly parentPort?: ParentPort }).parentPort;
if (parent === undefined) void runHeadless();
else runUnderDesktop(parent);

async function open(config: HostConfig, host: HostAbilities, echo: (line: LogLine) => void): Promise<Engine> {
  const demoPath = join(resources, 'demo-project.json');
  return createEngine({
    dataDirectory: config.data,
    workers,
    version,
    logLevel: config.logLevel,
    onLog: echo,
    host,
    history: {
      maxAgeMs: config.historyDays * 86_400_000,
      maxBytes: config.historyGigabytes * 1024 ** 3,
      flushMs: config.flushMs,
      ...(config.keepFreeGigabytes > 0 ? { minFreeBytes: config.keepFreeGigabytes * 1e9 } : {}),
    },
    keepRecordings: config.keepRecordings,
    archive: config.archive === '' ? null : config.archive,
    sources: config.sources === '' ? null : config.sources,
    without: config.without === '' ? [] : config.without.split(',').map((id) => id.trim()),
    ...(existsSync(demoPath) ? { demoProject: readFileSync(demoPath, 'utf8') } : {}),
  });
}

async function runHeadless(): Promise<void> {
  const invocation = readInvocation(process.argv.slice(2), process.env);
  if (invocation.kind === 'say') {
    (invocation.exitCode === 0 ? console.log : console.error)(invocation.text);
    process.exit(invocation.exitCode);
  }
  if (invocation.kind === 'catalogue') {
    console.log(JSON.stringify(catalogue(), null, 2));
    process.exit(0);
  }
  const { config } = invocation;
  const demo = createDemoLine();
  const awake = keepSystemAwake();
  try {
    engine = await open(
      config,
      { kind: 'server', keepAwake: awake.set, ...(config.demo ? { startDemo: demo.start } : {}) },
      (line) => {
        if (line.level === 'warn' || line.level === 'error')
          console.error(`${line.time} ${line.level} ${line.module}: ${line.text}`);
      },
    );
    const opened = engine;
    const server = await startHttpServer({
      engine: opened,
      rendererDirectory: fileURLToPath(new URL('../renderer/', here)),
      host: config.host,
      port: config.port,
      dataDirectory: config.data,
      log: opened.log('http'),
    });
    const stop = async (): Promise<void> => {
      await server.close();
      await opened.stop();
      demo.stop();
      awake.set(false);
      process.exit(0);
    };
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130);
        asked = true;
        void stop();
      });
    }
    // From here on others know of the program and may end it.
    console.log(`ParX is running. Data: ${config.data}`);
    console.log(`Open ${server.url}`);
    const interactive = process.stdin.isTTY === true;
    console.log(
      `The address holds a token that works once. ${interactive ? 'Enter prints a new one. ' : ''}Ctrl+C ends ParX.`,
    );
    if (interactive) process.stdin.on('data', () => console.log(`Open ${server.issueUrl()}`));
  } catch (error) {
    console.error(
      isAppError(error)
        ? error.message
        : `ParX could not start. ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    await engine?.stop();
    demo.stop();
    process.exit(isAppError(error) ? 1 : EXIT_FAULT);
  }
}

/** The demo line as a child process that ends with this one. */
function createDemoLine(): { start(): Promise<DemoAddress>; stop(): void } {
  let running: { readonly child: ChildProcess; readonly address: Promise<DemoAddress> } | null = null;
  return {
    start() {
      if (running !== null) return running.address;
      const entry = fileURLToPath(new URL('../simulators/index.js', here));
      const child = fork(entry, ['--port', '0', '--with-parent'], { stdio: ['pipe', 'pipe', 'inherit', 'ipc'] });
      const address = new Promise<DemoAddress>((resolve, reject) => {
        let text = '';
        child.stdout?.on('data', (bytes: Buffer) => {
          text += bytes.toString('utf8');
          const end = text.indexOf('\n');
          if (end > 0) resolve(JSON.parse(text.slice(0, end)) as DemoAddress);
        });
        child.once('exit', () => {
          running = null;
          reject(new Error('The demo line ended before it was ready.'));
        });
      });
      running = { child, address };
      return address;
    },
    stop: () => running?.child.kill(),
  };
}

function runUnderDesktop(port: ParentPort): void {
  const say = (message: FromEngine): void => port.postMessage(message);
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let requests = 0;
  const ask = (question: HostQuestion): Promise<unknown> =>
    new Promise((resolve, reject) => {
      requests += 1;
      pending.set(requests, { resolve, reject });
      say({ kind: 'ask', request: requests, question });
    });
  const notice = (title: string) => (error: unknown) =>
    say({ kind: 'notice', title, text: error instanceof Error ? error.message : String(error) });

  const start = async (message: Extract<ToEngine, { kind: 'start' }>): Promise<void> => {
    const invocation = readInvocation(
      message.argv.filter((argument) => !/\.parx(project)?$/i.test(argument)),
      process.env,
    );
    if (invocation.kind !== 'run') {
      say({
        kind: 'failed',
        message: invocation.kind === 'say' ? invocation.text : 'Use --catalogue with --headless.',
      });
      return;
    }
    const { config } = invocation;
    try {
      engine = await open(
        config,
        {
          kind: 'desktop',
          keepAwake: (busy, recording) => say({ kind: 'busy', busy, recording }),
          dialogs: {
            openRecording: async () => (await ask({ kind: 'choose-recording' })) as string | null,
            saveAs: async (name) => (await ask({ kind: 'choose-place', name })) as string | null,
          },
          ...(config.demo ? { startDemo: async () => (await ask({ kind: 'start-demo' })) as DemoAddress } : {}),
          ...(message.protectedSecrets
            ? {
                secrets: {
                  protect: async (text: string) => String(await ask({ kind: 'protect', text })),
                  unprotect: async (text: string) => String(await ask({ kind: 'unprotect', text })),
                },
              }
            : {}),
        },
        () => undefined,
      );
      say({ kind: 'ready' });
    } catch (error) {
      if (!isAppError(error)) throw error;
      say({ kind: 'failed', message: error.message });
    }
  };

  port.on('message', ({ data: message, ports }) => {
    switch (message.kind) {
      case 'start':
        void start(message);
        return;
      case 'attach':
        if (ports[0] !== undefined) engine?.attach(mainPort(ports[0]), SESSION);
        return;
      case 'open-recording':
        engine?.openRecording(message.path).catch(notice('The recording could not be opened'));
        return;
      case 'save-project':
        engine?.saveProject(message.path).catch(notice('The project could not be saved'));
        return;
      case 'open-project':
        engine?.openProject(message.path).catch(notice('The project could not be opened'));
        return;
      case 'power':
        engine?.power(message.event);
        return;
      case 'answer': {
        const waiting = pending.get(message.request);
        pending.delete(message.request);
        if (message.ok) waiting?.resolve(message.value);
        else waiting?.reject(new Error(String(message.value)));
        return;
      }
      case 'stop':
        void (engine?.stop() ?? Promise.resolve()).then(() => {
          say({ kind: 'stopped' });
          process.exit(0);
        });
        return;
    }
  });
}
