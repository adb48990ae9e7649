import { AppError } from '../errors.ts';
import { decodeFrame, encodeFrame, FRAME_VERSION, frameVersion } from './frame.ts';
import {
  BUILD_ID,
  type ClientMessage,
  errorFrom,
  hello,
  readServerMessage,
  type ServerMessage,
  versionMismatch,
} from './message.ts';
import type { Port } from './ports.ts';
import type { CallOptions, ClientOf, Contract } from './procedure.ts';

export interface ConnectOptions {
  /** Must equal the server's; the bundler's build id when left out. */
  readonly build?: string;
  /** The other side answered and fits. */
  readonly onOpen?: () => void;
  /** The port is closed, once: `rpc.disconnected`, `rpc.version-mismatch` or what else was wrong. */
  readonly onClose?: (reason: AppError) => void;
}

/** What waits for messages under one id. */
interface Waiting {
  take(message: ServerMessage): void;
  fail(error: AppError): void;
}

/**
 * Calls a contract's procedures over one port. Input is not checked here, that is the server's part. A stream runs for
 * each `for await` of its own, from the first step until the loop is left. Disposing closes the port. After the port is
 * closed, every call is refused with the reason of the closing.
 */
export function connect<C extends Contract>(
  contract: C,
  port: Port,
  options: ConnectOptions = {},
): ClientOf<C> & Disposable {
  const { build = BUILD_ID } = options;
  const waiting = new Map<number, Waiting>();
  let closedBy: AppError | null = null;
  let greeted = false;
  let lastId = 0;

  function post(message: ClientMessage): void {
    if (closedBy === null) port.send(encodeFrame(message));
  }

  function close(reason: AppError): void {
    if (closedBy !== null) return;
    closedBy = reason;
    port.close();
    const all = [...waiting.values()];
    waiting.clear();
    for (const one of all) one.fail(reason);
    options.onClose?.(reason);
  }

  function receive(frame: Uint8Array): void {
    if (closedBy !== null) return;
    try {
      const version = frameVersion(frame);
      if (version !== null && version !== FRAME_VERSION) {
        throw versionMismatch('client', build, { build: 'unknown', frame: version })!;
      }
      take(readServerMessage(decodeFrame(frame)));
    } catch (error) {
      close(error instanceof AppError ? error : disconnected(error));
    }
  }

  function take(message: ServerMessage): void {
    if (message.kind === 'hello') {
      const mismatch = versionMismatch('client', build, message);
      if (mismatch !== null) throw mismatch;
      if (greeted) return;
      greeted = true;
      options.onOpen?.();
    } else if (message.kind === 'error' && message.id === 0) {
      close(errorFrom(message));
    } else {
      // Answers to a cancelled call may still arrive; nobody waits for them.
      waiting.get(message.id)?.take(message);
    }
  }

  function callOnce(procedure: string, input: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (closedBy !== null) return reject(closedBy);
      if (signal?.aborted === true) return reject(cancelled());
      const id = ++lastId;
      const done = (): void => {
        waiting.delete(id);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        done();
        post({ kind: 'cancel', id });
        reject(cancelled());
      };
      const fail = (error: unknown): void => {
        done();
        reject(error);
      };
      waiting.set(id, {
        take(message) {
          if (message.kind === 'error') return fail(errorFrom(message));
          if (message.kind !== 'result') throw unexpected(procedure);
          done();
          resolve(message.value);
        },
        fail,
      });
      signal?.addEventListener('abort', onAbort);
      try {
        post({ kind: 'call', id, procedure, input });
      } catch (unframeable) {
        fail(unframeable);
      }
    });
  }

  function pull(procedure: string, input: unknown, signal: AbortSignal | undefined): AsyncIterator<unknown> {
    const items: unknown[] = [];
    let takers: { resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void }[] = [];
    let id = 0;
    let over = false;
    let failure: { readonly error: unknown } | null = null;

    const finished = { done: true, value: undefined } as const;
    const onAbort = (): void => {
      items.length = 0;
      stop();
      finish({ error: cancelled() });
    };
    function stop(): void {
      if (!over && id !== 0) post({ kind: 'cancel', id });
    }
    function finish(error: { readonly error: unknown } | null): void {
      if (over) return;
      over = true;
      waiting.delete(id);
      signal?.removeEventListener('abort', onAbort);
      const [first, ...rest] = takers;
      takers = [];
      // One reader learns of the failure, as with a generator that throws; after that the sequence is just over.
      if (first !== undefined && error !== null) first.reject(error.error);
      else {
        failure = error;
        first?.resolve(finished);
      }
      for (const taker of rest) taker.resolve(finished);
    }
    function start(): void {
      id = ++lastId;
      const refusal = closedBy ?? (signal?.aborted === true ? cancelled() : null);
      if (refusal !== null) {
        finish({ error: refusal });
        return;
      }
      signal?.addEventListener('abort', onAbort);
      waiting.set(id, {
        take(message) {
          if (message.kind === 'error') return finish({ error: errorFrom(message) });
          if (message.kind === 'end') return finish(null);
          if (message.kind !== 'item') throw unexpected(procedure);
          const taker = takers.shift();
          if (taker === undefined) items.push(message.value);
          else deliver(taker, message.value);
        },
        fail: (error) => finish({ error }),
      });
      try {
        post({ kind: 'call', id, procedure, input });
      } catch (unframeable) {
        finish({ error: unframeable });
      }
    }
    function deliver(taker: (typeof takers)[number], value: unknown): void {
      taker.resolve({ done: false, value });
      if (!over) post({ kind: 'next', id, credit: 1 });
    }

    return {
      next: () =>
        new Promise((resolve, reject) => {
          if (id === 0) start();
          if (items.length > 0) return deliver({ resolve, reject }, items.shift());
          if (failure !== null) {
            const { error } = failure;
            failure = null;
            return reject(error);
          }
          if (over) return resolve(finished);
          takers.push({ resolve, reject });
        }),
      return: () => {
        items.length = 0;
        stop();
        finish(null);
        failure = null;
        return Promise.resolve(finished);
      },
    };
  }

  port.onFrame(receive);
  port.onClose(() => close(disconnected()));
  post(hello(build));

  const client: Record<string, Record<string, unknown>> = {};
  for (const [space, procedures] of Object.entries(contract)) {
    client[space] = {};
    for (const [name, procedure] of Object.entries(procedures)) {
      const full = `${space}.${name}`;
      client[space][name] =
        procedure.kind === 'call'
          ? (input: unknown, { signal }: CallOptions = {}) => callOnce(full, input, signal)
          : (input: unknown, { signal }: CallOptions = {}) => ({
              [Symbol.asyncIterator]: () => pull(full, input, signal),
            });
    }
  }
  return Object.assign(client as unknown as ClientOf<C>, {
    [Symbol.dispose]: () => close(disconnected()),
  });
}

const cancelled = (): AppError<'rpc.cancelled'> =>
  new AppError('rpc.cancelled', 'Cancelled.', { details: null, retryable: true });

const disconnected = (cause?: unknown): AppError<'rpc.disconnected'> =>
  new AppError('rpc.disconnected', 'The connection to the engine is lost.', { details: null, retryable: true, cause });

const unexpected = (procedure: string): AppError<'rpc.bad-frame'> => {
  const reason = `The answer to ${procedure} is of the wrong kind.`;
  return new AppError('rpc.bad-frame', reason, { details: { reason } });
};
