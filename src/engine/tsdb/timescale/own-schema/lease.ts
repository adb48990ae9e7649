import type { ClientBase } from 'pg';
import { unlessAborted } from '../dial.ts';
import type { Session, SessionLease } from '../session.ts';

/** `write` is a session that may change tables; it is refused where the source is only read. */
export type LeaseSession = Session['lease'];

/** What everything here works on. */
export interface OwnSchemaAccess {
  readonly lease: LeaseSession;
  /** What the server says, in our words. */
  readonly explain: (error: unknown) => unknown;
  readonly schema: string;
}

/**
 * Runs one piece of work on a session. When `signal` aborts it throws at once, and the server is told; what the work
 * still does on the session then fails by itself.
 */
export async function withLease<T>(
  lease: LeaseSession,
  access: 'read' | 'write',
  signal: AbortSignal,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const session = await lease(access, signal);
  const running = work(session.client);
  try {
    const done = await unlessAborted(running, signal);
    session.release();
    return done;
  } catch (error) {
    // After a failure nobody knows what the session is still in the middle of.
    if (signal.aborted) giveUp(session);
    else session.release(true);
    throw error;
  }
}

/** Ends what a session is doing, unheard. */
export function giveUp(session: SessionLease): void {
  const end = (): void => session.release(true);
  session.cancel().then(end, end);
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
