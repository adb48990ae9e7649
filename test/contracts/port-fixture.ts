import { z } from 'zod';
import { AppError, type ErrorCode } from '#shared/errors.ts';
import { type AuditEntry, call, column, type HandlersOf, nothing, stream } from '#shared/rpc/index.ts';
import { errors } from './port-values.ts';

/** A contract with one procedure for each thing that can happen between two ends of a port. */
export const contract = {
  test: {
    echo: call({ role: 'viewer', input: z.unknown(), output: z.unknown() }),
    columns: call({
      role: 'viewer',
      input: z.object({ time: column('f64', 1000), quality: column('u16', 1000) }),
      output: z.object({ sum: z.number() }),
    }),
    fail: call({ role: 'viewer', input: z.object({ code: z.string() }), output: nothing }),
    bug: call({ role: 'viewer', input: nothing, output: nothing }),
    hang: call({ role: 'viewer', input: z.object({ heedsSignal: z.boolean() }), output: nothing }),
    settings: call({
      role: 'engineer',
      audit: true,
      input: z.object({ devices: z.array(z.object({ name: z.string().min(1, 'A name is needed.') })) }),
      output: nothing,
    }),
    count: stream({ role: 'viewer', input: z.object({ to: z.number() }), item: z.object({ n: z.number() }) }),
    failing: stream({ role: 'viewer', input: nothing, item: z.number() }),
    unframeable: stream({ role: 'viewer', input: nothing, item: z.number() }),
    silent: stream({ role: 'viewer', input: nothing, item: z.number() }),
  },
} as const;

/** What the server side of a test has noticed. */
export interface Seen {
  produced: number;
  ended: number;
  readonly aborted: unknown[];
  readonly bugs: { readonly error: unknown; readonly reference: string; readonly procedure: string }[];
  readonly audit: AuditEntry[];
  readonly refused: AppError[];
  closedBy: AppError | null;
  opened: number;
}

export const nothingSeen = (): Seen => ({
  produced: 0,
  ended: 0,
  aborted: [],
  bugs: [],
  audit: [],
  refused: [],
  closedBy: null,
  opened: 0,
});

export function testHandlers(seen: Seen): HandlersOf<typeof contract> {
  return {
    test: {
      echo: async (input) => input,
      columns: async ({ time, quality }) => ({ sum: time.reduce((sum, value) => sum + value, 0) + quality.length }),
      fail: async ({ code }) => {
        throw new AppError(code as ErrorCode, `It was ${code}.`, {
          details: errors[code as ErrorCode],
          retryable: code === 'protocol.timeout',
        });
      },
      bug: async () => {
        throw new TypeError('secret of the inside');
      },
      hang: ({ heedsSignal }, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            seen.aborted.push(signal.reason);
            if (heedsSignal) reject(signal.reason);
          });
        }),
      settings: async () => undefined,
      async *count({ to }) {
        try {
          for (let n = 0; n < to; n++) {
            seen.produced++;
            yield { n };
          }
        } finally {
          seen.ended++;
        }
      },
      async *failing() {
        yield 1;
        throw new AppError('store.disk-full', 'The disk is full.', { details: { path: '/data' } });
      },
      async *unframeable() {
        try {
          yield 1;
          yield Number.NaN;
          yield 2;
        } finally {
          seen.ended++;
        }
      },
      async *silent(_input, { signal }) {
        try {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          yield 1;
        } finally {
          seen.aborted.push(signal.reason);
          seen.ended++;
        }
      },
    },
  };
}
