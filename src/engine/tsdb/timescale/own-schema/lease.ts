import type { ClientBase } from 'pg';

/** A connection for as long as one piece of work takes. */
export interface Lease {
  readonly client: ClientBase;
  /** Stops on the server what it is doing; the query that ran then fails. */
  cancel(): Promise<void>;
  /** `broken`: it is closed instead of being used again. */
  release(broken?: boolean): void;
}

/** `write` is a session that may change tables; it is refused where the source is only read. */
export type LeaseSession = (access: 'read' | 'write', signal: AbortSignal) => Promise<Lease>;

/** Runs one piece of work on a session; when `signal` aborts, the server is told too. */
export async function withLease<T>(
  lease: LeaseSession,
  access: 'read' | 'write',
  signal: AbortSignal,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const session = await lease(access, signal);
  const cancel = (): void => {
    session.cancel().catch(() => undefined);
  };
  signal.addEventListener('abort', cancel);
  let failed = true;
  try {
    signal.throwIfAborted();
    const done = await work(session.client);
    failed = false;
    return done;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
    // After a failure nobody knows what the session is still in the middle of.
    session.release(failed);
  }
}

/** One transaction; what is thrown inside undoes it. */
export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const done = await work();
    await client.query('COMMIT');
    return done;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
