import pg from 'pg';
import type { OwnSchemaAccess } from '#engine/tsdb/timescale/own-schema/lease.ts';
import type { PostgresServer } from './postgres.ts';

/** A server for tests of what works on sessions: a connection each, closed when it is given back; errors as they come. */
export function accessTo({ host, port, user, password, database, run }: PostgresServer): OwnSchemaAccess {
  const lease: OwnSchemaAccess['lease'] = async (access) => {
    const client = new pg.Client({ host, port, user, password, database });
    // A server that is killed on purpose tells its clients so.
    client.on('error', () => undefined);
    await client.connect();
    await client.query(
      `SELECT set_config('default_transaction_read_only', '${access === 'read' ? 'on' : 'off'}', false)`,
    );
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    return {
      client,
      cancel: async () => void (await run('SELECT pg_cancel_backend($1)', [rows[0].pid])),
      release: () => {
        // One edition has one session for all connections, which must not hand on what it was set to.
        const reset = 'RESET default_transaction_read_only; RESET statement_timeout; RESET lock_timeout';
        const end = async (): Promise<void> => {
          await client.query(reset).catch(() => undefined);
          await client.end();
        };
        end().catch(() => undefined);
      },
    };
  };
  return { lease, explain: (error) => error, schema: 'parx' };
}
