import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import type { FromEngine, HostQuestion, ToEngine } from '../control.ts';

/**
 * The engine in its utility process. When it ends without having been asked to, it is started again with a growing
 * pause, and every window gets a new port: the recording resumes by itself.
 */
export interface EngineProcess {
  /** The page's end of a new port; null while the engine is down, `onReady` then says when to ask again. */
  openPort(): MessagePortMain | null;
  send(message: ToEngine): void;
  busy(): { readonly busy: boolean; readonly recording: string | null };
  /** Resolves when the engine has sealed its files and is gone, at the latest after ten seconds. */
  stop(): Promise<void>;
}

export interface EngineProcessOptions {
  readonly entry: string;
  readonly start: () => ToEngine;
  readonly answer: (question: HostQuestion) => Promise<unknown>;
  readonly onReady: () => void;
  readonly onBusy: () => void;
  readonly onNotice: (title: string, text: string) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** An engine that has run this long is healthy: the next restart starts with the short pause again. */
const HEALTHY_MS = 60_000;
const STOP_MS = 10_000;

export function startEngineProcess(options: EngineProcessOptions): EngineProcess {
  let child: UtilityProcess | null = null;
  let ready = false;
  let stopping = false;
  let pause = FIRST_PAUSE_MS;
  let state = { busy: false, recording: null as string | null };
  let gone: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    gone = resolve;
  });

  const onMessage = (message: FromEngine): void => {
    switch (message.kind) {
      case 'ready':
        ready = true;
        options.onReady();
        return;
      case 'failed':
        stopping = true;
        options.onNotice('ParX could not start', message.message);
        return;
      case 'stopped':
        return;
      case 'busy':
        state = { busy: message.busy, recording: message.recording };
        options.onBusy();
        return;
      case 'notice':
        options.onNotice(message.title, message.text);
        return;
      case 'ask': {
        const { request } = message;
        options.answer(message.question).then(
          (value) => child?.postMessage({ kind: 'answer', request, ok: true, value } satisfies ToEngine),
          (error: unknown) =>
            child?.postMessage({ kind: 'answer', request, ok: false, value: String(error) } satisfies ToEngine),
        );
        return;
      }
    }
  };
  const spawn = (): void => {
    const startedAt = performance.now();
    child = utilityProcess.fork(options.entry, [], { serviceName: 'ParX engine', stdio: 'inherit' });
    child.on('message', (message: FromEngine) => onMessage(message));
    child.on('exit', () => {
      child = null;
      ready = false;
      if (stopping) {
        gone();
        return;
      }
      if (performance.now() - startedAt > HEALTHY_MS) pause = FIRST_PAUSE_MS;
      setTimeout(spawn, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    });
    child.postMessage(options.start());
  };
  spawn();

  return {
    openPort() {
      if (child === null || !ready) return null;
      const { port1, port2 } = new MessageChannelMain();
      child.postMessage({ kind: 'attach' } satisfies ToEngine, [port1]);
      return port2;
    },
    send: (message) => child?.postMessage(message),
    busy: () => state,
    async stop() {
      stopping = true;
      if (child === null) return;
      child.postMessage({ kind: 'stop' } satisfies ToEngine);
      const late = setTimeout(() => child?.kill(), STOP_MS);
      await ended;
      clearTimeout(late);
    },
  };
}
