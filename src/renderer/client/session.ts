import { createStore, type StoreApi } from 'zustand/vanilla';
import { AppError, isAppError } from '#shared/errors.ts';
import { type AppContract, contract } from '#shared/rpc/contract.ts';
import { connect, type Port } from '#shared/rpc/index.ts';
import type { ClientOf } from '#shared/rpc/procedure.ts';

export type Rpc = ClientOf<AppContract>;
/** Resolves with a port to the engine, or rejects with a sentence why there is none. */
export type OpenPort = () => Promise<Port>;

export interface SessionState {
  /** `refused`: trying again would not help (other version, token used up); the message says what does. */
  readonly phase: 'connecting' | 'open' | 'lost' | 'refused';
  /** Milliseconds since 1970 of the last change of phase. */
  readonly since: number;
  /** When the next attempt starts; null while one is running or none is planned. */
  readonly nextAttempt: number | null;
  readonly message: string | null;
  /** Counts opened ports; streams of an older generation are dead. */
  readonly generation: number;
}

export interface Session extends Disposable {
  /** Always the same object: calls go to the port that is open now and reject with `rpc.disconnected` without one. */
  readonly rpc: Rpc;
  readonly state: StoreApi<SessionState>;
  /**
   * Pulls a stream for as long as the result is not disposed: it is opened again after each reconnect, and after
   * other errors with a pause. `onItem` gets the generation, so that it can tell a first item after a reconnect.
   */
  follow<T>(
    open: (rpc: Rpc, signal: AbortSignal) => AsyncIterable<T>,
    onItem: (item: T, generation: number) => void,
  ): Disposable;
  retryNow(): void;
}

const BACKOFF_MS = [250, 500, 1000, 2000, 4000, 5000] as const;
const STREAM_PAUSE_MS = 2000;
/** An engine that takes the connection and does not greet is as good as none. */
const HELLO_MS = 10_000;

const disconnected = (): AppError =>
  new AppError('rpc.disconnected', 'The engine is not connected.', { details: null, retryable: true });

/** Reads a call's refusal as a sentence. */
export function errorText(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

type Namespaces = Record<string, Record<string, (input: unknown, options?: { signal?: AbortSignal }) => unknown>>;

/** One object for the life of the page, whose procedures are those of the connection that `current` gives. */
function delegate(current: () => Rpc | null): Rpc {
  const rpc: Namespaces = {};
  for (const [namespace, procedures] of Object.entries(contract)) {
    const made: Namespaces[string] = {};
    for (const [name, procedure] of Object.entries(procedures)) {
      made[name] = (input, options) => {
        const target = current() as unknown as Namespaces | null;
        const found = target?.[namespace]?.[name];
        if (found !== undefined) return found(input, options);
        if (procedure.kind === 'call') return Promise.reject(disconnected());
        return {
          [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(disconnected()) }),
        };
      };
    }
    rpc[namespace] = made;
  }
  return rpc as unknown as Rpc;
}

/** `random` gives 0 to 1: screens that lost the same engine at the same moment come back one by one. */
export function createSession(
  openPort: OpenPort,
  onError: (error: unknown) => void,
  random: () => number = Math.random,
): Session {
  let current: (Rpc & Disposable) | null = null;
  let attempts = 0;
  let timer: number | undefined;
  let disposed = false;
  const state = createStore<SessionState>(() => ({
    phase: 'connecting',
    since: Date.now(),
    nextAttempt: null,
    message: null,
    generation: 0,
  }));
  const waiting = new Set<() => void>();

  const phase = (change: Partial<SessionState> & Pick<SessionState, 'phase'>): void => {
    const before = state.getState();
    state.setState({ ...change, since: before.phase === change.phase ? before.since : Date.now() });
  };

  const attempt = async (): Promise<void> => {
    timer = undefined;
    if (disposed || current !== null) return;
    state.setState({ nextAttempt: null });
    try {
      const port = await openPort();
      if (disposed) {
        port.close();
        return;
      }
      const client = connect(contract, port, {
        onOpen() {
          clearTimeout(silence);
          attempts = 0;
          phase({ phase: 'open', message: null, nextAttempt: null, generation: state.getState().generation + 1 });
          for (const wake of [...waiting]) wake();
        },
        onClose(reason) {
          clearTimeout(silence);
          closed(client, reason);
        },
      });
      const silence = setTimeout(() => client[Symbol.dispose](), HELLO_MS);
      current = client;
    } catch (error) {
      if (isAppError(error) && !error.retryable && error.code !== 'rpc.disconnected') {
        phase({ phase: 'refused', message: error.message, nextAttempt: null });
        return;
      }
      plan(errorText(error));
    }
  };

  const plan = (message: string | null): void => {
    if (disposed) return;
    const wait = Math.round(BACKOFF_MS[Math.min(attempts, BACKOFF_MS.length - 1)]! * (0.5 + random() / 2));
    attempts++;
    const everOpen = state.getState().generation > 0;
    phase({ phase: everOpen ? 'lost' : 'connecting', message, nextAttempt: Date.now() + wait });
    timer = setTimeout(() => void attempt(), wait);
  };

  const closed = (client: Rpc & Disposable, reason: AppError): void => {
    if (current !== client) return;
    current = null;
    if (isAppError(reason, 'rpc.version-mismatch') || isAppError(reason, 'access.denied')) {
      phase({ phase: 'refused', message: reason.message, nextAttempt: null });
    } else plan(isAppError(reason, 'rpc.disconnected') ? null : reason.message);
  };

  const rpc = delegate(() => (state.getState().phase === 'open' ? current : null));
  void attempt();

  return {
    rpc,
    state,
    follow(open, onItem) {
      const abort = new AbortController();
      const { signal } = abort;
      const opened = (): Promise<void> =>
        new Promise((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
          signal.addEventListener('abort', wake, { once: true });
        });
      const run = async (): Promise<void> => {
        while (!signal.aborted) {
          const used = current;
          if (used === null || state.getState().phase !== 'open') {
            await opened();
            continue;
          }
          const { generation } = state.getState();
          try {
            for await (const item of open(used, signal)) {
              if (signal.aborted) return;
              onItem(item, generation);
            }
          } catch (error) {
            if (signal.aborted) return;
            if (!isAppError(error, 'rpc.disconnected')) onError(error);
          }
          // A stream that ended by itself or failed is asked again, but never in a tight loop.
          if (!signal.aborted)
            await new Promise((resolve) => setTimeout(resolve, current === used ? STREAM_PAUSE_MS : 0));
        }
      };
      void run();
      return { [Symbol.dispose]: () => abort.abort() };
    },
    retryNow() {
      if (current !== null || timer === undefined) return;
      clearTimeout(timer);
      void attempt();
    },
    [Symbol.dispose]() {
      disposed = true;
      clearTimeout(timer);
      current?.[Symbol.dispose]();
      current = null;
    },
  };
}
