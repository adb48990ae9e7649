import type { z } from 'zod';
import { AppError } from '../errors.ts';
import { decodeFrame, encodeFrame, FRAME_VERSION, frameVersion } from './frame.ts';
import {
  BUILD_ID,
  type ClientMessage,
  errorMessage,
  hello,
  readClientMessage,
  type ServerMessage,
  STREAM_WINDOW,
  versionMismatch,
} from './message.ts';
import type { Port } from './ports.ts';
import type { Stream } from './procedure.ts';
import { type Call, type CallContext, type Contract, type HandlersOf, roleAllows, type Session } from './procedure.ts';

/** A use, or a refused try, of a procedure that is marked with `audit`. */
export interface AuditEntry {
  readonly session: Session;
  readonly procedure: string;
  readonly allowed: boolean;
  /** As the schema parsed it; undefined when the caller was refused. */
  readonly input: unknown;
}

export interface ServeOptions {
  /** Must equal the client's; the bundler's build id when left out. */
  readonly build?: string;
  /** Per port: calls that run at the same time. Handlers that ignore their signal count until they end. */
  readonly maxCalls?: number;
  /** Per port: streams that run at the same time. */
  readonly maxStreams?: number;
  /** Before the handler runs; when it throws, the handler does not run. */
  readonly onAudit?: (entry: AuditEntry) => void;
  /** Something threw that is not an `AppError`. The caller gets only the reference. */
  readonly onBug?: (error: unknown, reference: string, procedure: string) => void;
  /** The port is closed because of what the other side sent. */
  readonly onRefused?: (error: AppError) => void;
}

interface Running {
  readonly stop: (reason: AppError) => void;
  readonly grant: (credit: number) => void;
}

type Handler = (input: unknown, context: CallContext) => unknown;

/** Of a refused input; a list of 60,000 bad entries needs no 60,000 sentences. */
const MAX_ISSUES = 100;

/**
 * Answers a contract's procedures on one port. Disposing closes the port; either way all running handlers see their
 * signal abort, and generators are ended so that their `finally` runs.
 */
export function serve<C extends Contract>(
  contract: C,
  handlers: HandlersOf<C>,
  port: Port,
  session: Session,
  options: ServeOptions = {},
): Disposable {
  const { build = BUILD_ID, maxCalls = 256, maxStreams = 256 } = options;
  const calls = new Map<number, Running>();
  const streams = new Map<number, Running>();
  let open = true;
  let greeted = false;
  let lastId = 0;

  function post(message: ServerMessage): void {
    if (!open) return;
    const frame = encodeFrame(message);
    port.send(frame);
  }

  function bug(error: unknown, procedure: string): AppError<'internal.bug'> {
    const reference = Math.random().toString(36).slice(2, 10).padEnd(8, '0');
    options.onBug?.(error, reference, procedure);
    return new AppError('internal.bug', `Something went wrong inside the program. The log has it under ${reference}.`, {
      details: { reference },
    });
  }

  function postError(id: number, error: unknown, procedure: string): void {
    const known = error instanceof AppError ? error : bug(error, procedure);
    try {
      post(errorMessage(id, known));
    } catch (unframeable) {
      post(errorMessage(id, bug(unframeable, procedure)));
    }
  }

  /** What a handler made may not fit into a frame; then the caller learns that instead of waiting for ever. */
  function postValue(kind: 'result' | 'item', id: number, value: unknown, procedure: string): boolean {
    try {
      post({ kind, id, value });
      return true;
    } catch (unframeable) {
      bug(unframeable, procedure);
      postError(id, unframeable, procedure);
      return false;
    }
  }

  /** After a cancel nobody waits for an error any more; only a true bug is still worth telling. */
  function handlerFailed(id: number, error: unknown, procedure: string, signal: AbortSignal): void {
    if (!signal.aborted) postError(id, error, procedure);
    else if (!(error instanceof AppError) && !isAbort(error)) bug(error, procedure);
  }

  function startCall(id: number, name: string, run: (context: CallContext) => Promise<unknown>): void {
    const controller = new AbortController();
    const { signal } = controller;
    calls.set(id, { stop: (reason) => controller.abort(reason), grant: () => undefined });
    const settle = async (): Promise<void> => {
      try {
        const value = await run({ session, signal });
        calls.delete(id);
        if (!signal.aborted) postValue('result', id, value, name);
      } catch (error) {
        calls.delete(id);
        handlerFailed(id, error, name, signal);
      }
    };
    void settle();
  }

  function startStream(id: number, name: string, run: (context: CallContext) => AsyncIterable<unknown>): void {
    const controller = new AbortController();
    const { signal } = controller;
    let credit = STREAM_WINDOW;
    let wake = (): void => undefined;
    const running: Running = {
      stop(reason) {
        controller.abort(reason);
        wake();
      },
      grant(more) {
        credit += more;
        if (credit > STREAM_WINDOW) throw refusal(`Stream ${id} was granted more than ${STREAM_WINDOW} items.`);
        wake();
      },
    };
    streams.set(id, running);
    const room = (): Promise<void> =>
      credit > 0 || signal.aborted ? Promise.resolve() : new Promise((resolve) => (wake = resolve));

    const pump = async (): Promise<void> => {
      const iterator = run({ session, signal })[Symbol.asyncIterator]();
      // A hand-written iterator may only leave its wait when told so; a generator gets this after its next `yield`.
      let ending: Promise<unknown> | undefined;
      const end = (): Promise<unknown> => (ending ??= Promise.resolve(iterator.return?.()));
      const onAbort = (): void => {
        // The loop below awaits the same promise and reports what went wrong.
        end().catch(() => undefined);
      };
      signal.addEventListener('abort', onAbort);
      try {
        while (!signal.aborted) {
          await room();
          if (signal.aborted) break;
          credit--;
          const step = await iterator.next();
          if (signal.aborted) break;
          if (step.done === true) {
            streams.delete(id);
            post({ kind: 'end', id });
            return;
          }
          if (!postValue('item', id, step.value, name)) {
            await end();
            return;
          }
        }
        await end();
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    };
    pump().then(
      () => streams.delete(id),
      (error) => {
        streams.delete(id);
        handlerFailed(id, error, name, signal);
      },
    );
  }

  function start(id: number, name: string, input: unknown): void {
    const found = find(contract, handlers, name);
    if (found === null) throw refusal(`The procedure "${name.slice(0, 100)}" does not exist.`);
    const { procedure, handler } = found;
    if (!roleAllows(session.role, procedure.role)) {
      if (procedure.audit === true) options.onAudit?.({ session, procedure: name, allowed: false, input: undefined });
      throw new AppError(
        'access.denied',
        `This needs the role ${procedure.role}; ${session.user} has ${session.role}.`,
        {
          details: { required: procedure.role },
        },
      );
    }
    const [kind, count, max] =
      procedure.kind === 'call' ? ['calls', calls.size, maxCalls] : ['streams', streams.size, maxStreams];
    if (count >= max) {
      throw new AppError('rpc.limit', `At most ${max} ${kind} can run at the same time.`, {
        details: { what: kind, limit: max },
        retryable: true,
      });
    }
    const parsed = procedure.input.safeParse(input);
    if (!parsed.success) throw invalid(name, parsed.error);
    if (procedure.audit === true) options.onAudit?.({ session, procedure: name, allowed: true, input: parsed.data });
    if (procedure.kind === 'call') {
      startCall(id, name, async (context) => handler(parsed.data, context));
    } else {
      startStream(id, name, (context) => handler(parsed.data, context) as AsyncIterable<unknown>);
    }
  }

  function take(message: ClientMessage): void {
    if (!greeted && message.kind !== 'hello') throw refusal('The first message is not a hello.');
    switch (message.kind) {
      case 'hello': {
        if (greeted) throw refusal('A second hello.');
        const mismatch = versionMismatch('server', build, message);
        if (mismatch !== null) throw mismatch;
        greeted = true;
        return;
      }
      case 'call':
        if (message.id <= lastId) throw refusal('A call does not have a new number.');
        lastId = message.id;
        try {
          start(message.id, message.procedure, message.input);
        } catch (error) {
          postError(message.id, error, message.procedure);
        }
        return;
      case 'cancel': {
        const reason = new AppError('rpc.cancelled', 'The caller no longer waits for the answer.', {
          details: null,
          retryable: true,
        });
        calls.get(message.id)?.stop(reason);
        streams.get(message.id)?.stop(reason);
        return;
      }
      case 'next':
        // A stream that has just ended is granted items by a client that does not know it yet.
        streams.get(message.id)?.grant(message.credit);
        return;
    }
  }

  function receive(frame: Uint8Array): void {
    if (!open) return;
    try {
      const version = frameVersion(frame);
      if (version !== null && version !== FRAME_VERSION) {
        throw versionMismatch('server', build, { build: 'unknown', frame: version })!;
      }
      take(readClientMessage(decodeFrame(frame)));
    } catch (error) {
      const reason = error instanceof AppError ? error : bug(error, 'port');
      options.onRefused?.(reason);
      post(errorMessage(0, reason));
      port.close();
      closed();
    }
  }

  function closed(): void {
    if (!open) return;
    open = false;
    const reason = new AppError('rpc.disconnected', 'The caller is gone.', { details: null, retryable: true });
    for (const running of [...calls.values(), ...streams.values()]) running.stop(reason);
  }

  port.onFrame(receive);
  port.onClose(closed);
  post(hello(build));
  return {
    [Symbol.dispose]() {
      port.close();
      closed();
    },
  };
}

const refusal = (reason: string): AppError<'rpc.bad-frame'> =>
  new AppError('rpc.bad-frame', `A message could not be accepted. ${reason}`, { details: { reason } });

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** Names come from outside: only own properties count, or "constructor.toString" would be a procedure. */
function find(
  contract: Contract,
  handlers: object,
  name: string,
): { readonly procedure: Call | Stream; readonly handler: Handler } | null {
  const dot = name.indexOf('.');
  const space = name.slice(0, dot);
  const last = name.slice(dot + 1);
  if (dot < 0 || !Object.hasOwn(contract, space) || !Object.hasOwn(contract[space]!, last)) return null;
  return {
    procedure: contract[space]![last]!,
    handler: (handlers as Readonly<Record<string, Readonly<Record<string, Handler>>>>)[space]![last]!,
  };
}

function invalid(name: string, error: z.ZodError): AppError<'config.invalid'> {
  const issues = error.issues.slice(0, MAX_ISSUES).map((issue) => ({
    path: issue.path.map(String).join('.').slice(0, 500),
    message: issue.message.slice(0, 500),
  }));
  const first = issues[0];
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `;
  return new AppError('config.invalid', `The input of ${name} is not valid. ${where}${first?.message ?? ''}`, {
    details: { issues },
  });
}
