import pg from 'pg';
import type { Clock } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import { connectClient, destroy, type Login, leave, requestCancel, unlessAborted } from './dial.ts';
import { cellTypes } from './parse.ts';
import { createPrepared } from './prepared.ts';
import { type TroubleContext, troubleOf } from './trouble.ts';

export interface SessionOptions {
  readonly backend: string;
  readonly login: Login;
  readonly statementTimeoutMs: number;
  /** At most so many at a time; who comes later waits. */
  readonly connections: number;
  readonly clock: Clock;
}

/** A row by the names of its columns; cells as `parse.ts` reads them. */
export type Row = Record<string, unknown>;

/** A connection for as long as one piece of work takes. */
export interface SessionLease {
  readonly client: pg.ClientBase;
  /** Stops on the server what it is doing; the query that ran then fails. */
  cancel(): Promise<void>;
  /** `broken`: it is closed instead of being used again. */
  release(broken?: boolean): void;
}

/**
 * The connections to one database. Every one is read-only but for leases that ask to write, which settings must allow.
 * All throw `tsdb.unavailable`, `tsdb.timeout`, `tsdb.refused`, or the signal's reason within 100 ms of its abort; the
 * server is told to stop at the same time.
 */
export interface Session {
  /** `timeoutMs`: shorter than the session's own. */
  query(text: string, values: readonly unknown[], signal: AbortSignal, timeoutMs?: number): Promise<Row[]>;
  /** Rows as arrays, each as it comes; what `take` throws ends the query. For answers that are made into less. */
  each(
    text: string,
    values: readonly unknown[],
    take: (row: readonly unknown[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Rows as arrays, `rows` at a time, so that memory is bounded; nothing is read ahead of who takes them, and the time of
   * a statement counts for each portion anew. `begin` is told the columns before the first rows, also where none come;
   * what it throws ends the query.
   */
  cursor(
    text: string,
    values: readonly unknown[],
    rows: number,
    signal: AbortSignal,
    begin?: (fields: readonly pg.FieldDef[]) => void,
  ): AsyncIterable<unknown[][]>;
  /** Work on one connection in one transaction that cannot write and leaves no setting behind. */
  readOnly<T>(work: (client: pg.ClientBase) => Promise<T>, signal: AbortSignal): Promise<T>;
  lease(access: 'read' | 'write', signal: AbortSignal): Promise<SessionLease>;
  pool(): { readonly used: number; readonly idle: number; readonly waiting: number; readonly limit: number };
  /** May be called twice; ends what is running. Resolves when sockets are gone. */
  close(): Promise<void>;
}

/** The server ends a statement itself; one that says nothing for so much longer has no server any more. */
const GRACE_MS = 5_000;
/** How long a cancelled statement may take to end before its connection is given up. */
const SETTLE_MS = 3_000;

export function createSession({ backend, login, statementTimeoutMs, connections, clock }: SessionOptions): Session {
  const context: TroubleContext = { backend, config: login.config, statementTimeoutMs };
  const idle: pg.Client[] = [];
  const used = new Set<pg.Client>();
  /** Connections that are being made count as used. */
  let making = 0;
  /** Attempts to make one, since the beginning. */
  let begun = 0;
  /** Fewer than asked for where the login is not given as many. */
  let most = connections;
  const waiting: (() => void)[] = [];
  const closing = new AbortController();
  const prepared = createPrepared();
  const ends = new Set<Promise<void>>();

  const next = (): void => waiting.shift()?.();
  const drop = (client: pg.Client): void => {
    const gone = leave(client, clock);
    ends.add(gone);
    void gone.then(() => ends.delete(gone));
  };
  const room = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      const go = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.push(go);
    });
  const take = async (signal: AbortSignal): Promise<pg.Client> => {
    for (;;) {
      signal.throwIfAborted();
      const client = idle.pop();
      if (client !== undefined) {
        if (!isAlive(client)) continue;
        used.add(client);
        return client;
      }
      if (used.size + making >= most) {
        await room(signal);
        continue;
      }
      const alone = used.size + making === 0;
      const mine = ++begun;
      making++;
      try {
        const made = await connectClient(login, statementTimeoutMs, signal);
        used.add(made);
        return made;
      } catch (error) {
        // Of several that come at once the server may refuse all: each is tried by itself then.
        const others = used.size + making - 1;
        const crowded = !alone || begun !== mine;
        if (!crowded || (error as { code?: unknown }).code !== NO_CONNECTION_LEFT) {
          next();
          throw error;
        }
        most = Math.max(1, others);
      } finally {
        making--;
      }
    }
  };
  const give = (client: pg.Client, broken: boolean): void => {
    if (!used.delete(client)) return;
    if (broken || closing.signal.aborted || !isAlive(client)) drop(client);
    else idle.push(client);
    next();
  };

  const explained = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (closing.signal.aborted) throw closing.signal.reason;
      throw troubleOf(error, context);
    }
  };
  const cancel = (client: pg.Client): Promise<void> => {
    const asked = requestCancel(login, client, clock);
    ends.add(asked);
    void asked.then(() => ends.delete(asked));
    return asked;
  };

  /** One statement or a few: ends at the server when the signal aborts, and here at once. */
  const withClient = async <T>(
    work: (client: pg.Client) => Promise<T>,
    signal: AbortSignal,
    limitMs = statementTimeoutMs,
  ): Promise<T> => {
    const either = AbortSignal.any([signal, closing.signal]);
    return explained(async () => {
      const client = await take(either);
      const running = work(client);
      const guard = clock.after(limitMs + GRACE_MS, () => destroy(client));
      try {
        const done = await unlessAborted(running, either);
        give(client, false);
        return done;
      } catch (error) {
        if (either.aborted) settle(client, running);
        else give(client, !isQuerysFault(error));
        throw error;
      } finally {
        guard[Symbol.dispose]();
      }
    }, signal);
  };
  /**
   * A cancelled connection is used again when its statement has ended and it is as before, which nobody waits for. What the
   * work still wanted to undo itself may have been hit by the request instead of the statement.
   */
  const settle = (client: pg.Client, running: Promise<unknown>): void => {
    let late = false;
    const timer = clock.after(SETTLE_MS, () => {
      late = true;
      destroy(client);
    });
    const asked = cancel(client);
    // The request may arrive after the statement and must not hit the next one.
    const settled = Promise.allSettled([running, asked])
      .then(() => client.query(`ROLLBACK; SET statement_timeout = ${statementTimeoutMs}`))
      .catch(() => {
        late = true;
      })
      .then(() => {
        timer[Symbol.dispose]();
        give(client, late);
      });
    ends.add(settled);
    void settled.then(() => ends.delete(settled));
  };
  /** A connection is used again when what makes it as before has been done, which nobody waits for but `close`. */
  const restore = (client: pg.Client, work: Promise<unknown>): void => {
    const late = clock.after(SETTLE_MS, () => destroy(client));
    const back = work
      .then(
        () => give(client, false),
        () => give(client, true),
      )
      .finally(() => late[Symbol.dispose]());
    ends.add(back);
    void back.then(() => ends.delete(back));
  };

  return {
    query(text, values, signal, timeoutMs) {
      return withClient(
        async (client) => {
          const ask = { text, values: [...values], types: cellTypes as pg.CustomTypesConfig };
          if (timeoutMs === undefined || timeoutMs >= statementTimeoutMs) return (await client.query<Row>(ask)).rows;
          await client.query(`SET statement_timeout = ${Math.max(1, Math.round(timeoutMs))}`);
          try {
            return (await client.query<Row>(ask)).rows;
          } finally {
            if (isAlive(client)) await client.query(`SET statement_timeout = ${statementTimeoutMs}`);
          }
        },
        signal,
        timeoutMs,
      );
    },

    each(text, values, take, signal) {
      const types = cellTypes as pg.CustomTypesConfig;
      const asked: pg.QueryArrayConfig = { text, values: [...values], rowMode: 'array', types };
      let rows = 0;
      const ask = (client: pg.Client, name: string | null): Promise<void> =>
        new Promise((resolve, reject) => {
          let thrown: { readonly error: unknown } | null = null;
          const query = client.query(new pg.Query(name === null ? asked : { ...asked, name }));
          query.on('row', (row: unknown) => {
            rows++;
            if (thrown !== null) return;
            try {
              take(row as readonly unknown[]);
            } catch (error) {
              thrown = { error };
              void cancel(client);
            }
          });
          query.on('end', () => (thrown === null ? resolve() : reject(thrown.error)));
          query.on('error', (error: unknown) => reject(thrown === null ? error : thrown.error));
        });
      return withClient(async (client) => {
        const name = await prepared.nameOf(client, text);
        try {
          await ask(client, name);
        } catch (error) {
          // What the server has kept may not fit a table that has changed since: read anew it may.
          if (name === null || rows > 0 || !isOfText(error)) throw error;
          await prepared.forget(client);
          await ask(client, null);
        }
      }, signal);
    },

    async *cursor(text, values, rows, signal, begin) {
      const either = AbortSignal.any([signal, closing.signal]);
      const client = await explained(() => take(either), signal);
      let running: Promise<unknown> | null = null;
      const step = async (ask: pg.QueryConfig): Promise<pg.QueryArrayResult<unknown[]>> => {
        const guard = clock.after(statementTimeoutMs + GRACE_MS, () => destroy(client));
        const asked = client.query<unknown[]>({ ...ask, rowMode: 'array', types: cellTypes as pg.CustomTypesConfig });
        running = asked;
        try {
          return await explained(() => unlessAborted(asked, either), signal);
        } finally {
          guard[Symbol.dispose]();
          if (!either.aborted) running = null;
        }
      };
      try {
        // After the first query of a transaction nothing can make it one that writes.
        await step({ text: 'BEGIN READ ONLY; SELECT 1' });
        // The extended protocol takes one statement alone, also where there are no values.
        const declare = { text: `DECLARE parx_rows NO SCROLL CURSOR FOR ${text}`, values: [...values] };
        await step({ ...declare, queryMode: 'extended' } as pg.QueryConfig);
        for (let first = true; ; first = false) {
          const found = await step({ text: `FETCH ${rows} FROM parx_rows` });
          if (first) begin?.(found.fields);
          if (found.rows.length > 0) yield found.rows;
          if (found.rows.length < rows) return;
        }
      } finally {
        // Whoever takes the rows may have had enough: the transaction ends with the cursor.
        if (running === null) restore(client, client.query('ROLLBACK'));
        else settle(client, running);
      }
    },

    readOnly(work, signal) {
      return withClient(async (client) => {
        // After the first query of a transaction nothing can make it one that writes.
        await client.query('BEGIN READ ONLY; SELECT 1');
        try {
          return await work(client);
        } finally {
          if (isAlive(client)) await client.query('ROLLBACK');
        }
      }, signal);
    },

    async lease(access, signal) {
      if (access === 'write' && !login.config.write) {
        throw new AppError(
          'tsdb.refused',
          'This source is only read. Allow writing in its settings, and give it a login that may make tables.',
          { details: { backend, reason: 'read-only' } },
        );
      }
      const either = AbortSignal.any([signal, closing.signal]);
      const client = await explained(async () => {
        const taken = await take(either);
        try {
          if (access === 'write') await taken.query('SET default_transaction_read_only = off');
        } catch (error) {
          give(taken, true);
          throw error;
        }
        return taken;
      }, signal);
      return {
        client,
        cancel: () => cancel(client),
        release(broken = false) {
          if (broken || access === 'read') return give(client, broken);
          restore(client, client.query('SET default_transaction_read_only = on'));
        },
      };
    },

    pool: () => ({ used: used.size + making, idle: idle.length, waiting: waiting.length, limit: most }),

    async close() {
      if (!closing.signal.aborted) {
        closing.abort(
          new AppError('tsdb.unavailable', 'The source was closed. Open it again.', {
            details: { backend },
            retryable: true,
          }),
        );
        for (const client of idle.splice(0)) drop(client);
        while (waiting.length > 0) next();
      }
      while (ends.size > 0) await Promise.all(ends);
      // Leases of others end when they are given back.
      for (const client of used) destroy(client);
    },
  };
}

/** Whether the connection can be asked again: pg notes by itself when it has gone. */
const isAlive = (client: pg.Client): boolean => {
  const { _queryable, _ending, connection } = client as unknown as {
    _queryable: boolean;
    _ending: boolean;
    connection: { stream: { destroyed: boolean; writable: boolean } };
  };
  return _queryable && !_ending && !connection.stream.destroyed && connection.stream.writable;
};

/** A refusal of what is asked, not of asking now: of a name, a type, a form, or of a statement that is not kept any more. */
const isOfText = (error: unknown): boolean => {
  const code: unknown = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && /^(0A|22|26|42)/.test(code);
};

/** What the server answers where a login, or all together, have as many connections as they are given. */
const NO_CONNECTION_LEFT = '53300';

/** An answer of the server, after which the connection is as before. Its severity is in the server's own language. */
const isQuerysFault = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && !/^(08|25P0|28|53300|57P|58|F0|XX)/.test(error.code ?? '08');
