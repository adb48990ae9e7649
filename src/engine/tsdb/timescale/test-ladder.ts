import net from 'node:net';
import tls from 'node:tls';
import { climb, climbNetwork, type Ladder, type TsdbContext } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import type { TestStep } from '#shared/model/index.ts';
import { endpointOf, type TimescaleConfig } from './config.ts';
import { connectClient, leave, tlsOptions, unlessAborted } from './dial.ts';
import { editionText, findOut, foundFrom, type ServerFacts } from './found.ts';
import { createSession, type Session } from './session.ts';
import { relation } from './sql.ts';
import { troubleOf } from './trouble.ts';

/** The connection test: from this computer's own address to one value, a sentence at each step and what to do about it. */
export function testTimescale(
  config: TimescaleConfig,
  context: TsdbContext,
  signal: AbortSignal,
): AsyncIterable<TestStep> {
  return climb(context.clock, signal, (ladder) => steps(ladder, config, context, signal));
}

async function* steps(
  ladder: Ladder,
  config: TimescaleConfig,
  context: TsdbContext,
  signal: AbortSignal,
): AsyncGenerator<TestStep> {
  const { step } = ladder;
  const { clock, network, limits } = context;
  const endpoint = endpointOf(config);
  const target = {
    host: config.host,
    port: config.port,
    endpoint: `${config.host}:${config.port}`,
    localAddress: '',
    connectTimeoutMs: config.connectTimeoutMs,
    refusedAdvice:
      'Check the port, that the database runs, and that it listens on the network (listen_addresses in postgresql.conf).',
  };
  const trouble = { backend: 'timescale', config, statementTimeoutMs: limits.statementTimeoutMs };
  /** What failed, as its first sentences and the last one, which is the advice. */
  const finding = (error: unknown) => {
    signal.throwIfAborted();
    const said = troubleOf(error, trouble);
    const text = isAppError(said) ? said.message : error instanceof Error ? error.message : String(error);
    const sentences = text.split(/(?<=[.!?]) (?=[A-Z])/);
    const advice = sentences.length > 1 ? sentences.pop() : undefined;
    const says = sentences.join(' ');
    return advice === undefined ? { ok: false, says } : { ok: false, says, advice };
  };

  yield* climbNetwork(ladder, network, target, signal);
  yield await step('Connection', async () => {
    try {
      const socket = await network.dial(target, clock, signal);
      socket.destroy();
      return { ok: true, says: `Port ${config.port} of ${config.host} takes connections.` };
    } catch (error) {
      signal.throwIfAborted();
      const { sentence, advice } = network.connectTrouble(isAppError(error) ? (error.cause ?? error) : error, target);
      return isAppError(error, 'protocol.timeout')
        ? { ok: false, says: error.message }
        : { ok: false, says: sentence, advice };
    }
  });
  yield await step('Encryption', async () => {
    if (config.tls === 'off') {
      return { ok: true, skipped: true, says: 'None, as the settings say: everything can be read on the way.' };
    }
    try {
      return { ok: true, says: await shakeHands(config, signal) };
    } catch (error) {
      return finding(error);
    }
  });
  const given = config.password !== '' ? config.password : ((await context.secret('password')) ?? '');
  const login = { config, password: given };
  let session: Session | null = null;
  const facts: { found?: ServerFacts } = {};
  try {
    yield await step('Login', async () => {
      try {
        const client = await connectClient(login, limits.statementTimeoutMs, signal);
        // A login may have one connection only, which the next step needs.
        await leave(client, clock);
      } catch (error) {
        // A database that is not there is the next step's.
        const { code } = error as { code?: unknown };
        if (code !== '3D000' && code !== '42501') return finding(error);
      }
      return { ok: true, says: `The server knows ${config.user}${given === '' ? ', and asked for no password' : ''}.` };
    });
    const open = createSession({
      backend: 'timescale',
      login,
      statementTimeoutMs: Math.min(limits.statementTimeoutMs, 10_000),
      connections: 1,
      clock,
    });
    session = open;
    yield await step('Database', async () => {
      try {
        facts.found = await findOut(open, config.schema, signal);
      } catch (error) {
        return finding(error);
      }
      return { ok: true, says: `${endpoint} is open, in a session that can only read.` };
    });
    yield await step('Version and edition', async () => {
      const found = facts.found!;
      const says = `PostgreSQL ${found.version}, ${editionText(found)}.`;
      if (found.number < 130_000) {
        return { ok: false, says, advice: 'Versions before 13 are not known to work. Have the server renewed.' };
      }
      const lacks = 'Long ranges are worked out from all samples there, which may take long.';
      return found.licence === 'timescale' ? { ok: true, says } : { ok: true, says, advice: lacks };
    });
    yield await step('Rights', async () => {
      try {
        const [row] = await open.query(READABLE, [], signal);
        const { tables, writes } = row as { tables: number; writes: boolean };
        if (tables === 0) {
          return {
            ok: false,
            says: `${config.user} may read no table of this database.`,
            advice: `Ask its administrator for GRANT USAGE ON SCHEMA ... and GRANT SELECT ON ALL TABLES IN SCHEMA ... TO ${config.user}.`,
          };
        }
        const says = `${config.user} may read ${tables} ${tables === 1 ? 'table or view' : 'tables and views'}.`;
        return writes && !config.write
          ? {
              ok: true,
              says,
              advice: 'It may change some of them too. ParX does not; a login that may only read is safer.',
            }
          : { ok: true, says };
      } catch (error) {
        return finding(error);
      }
    });
    yield await step('One read', async () => {
      const { mappings } = context;
      const found = foundFrom(facts.found!, config.schema, mappings);
      const [mapping] = found.own === null ? mappings : [found.own];
      try {
        if (mapping === undefined) {
          const [row] = await open.query('SELECT now() AS now', [], signal);
          const off = Math.round(((row!.now as number) - clock.now()) / 1e6);
          const clocks =
            Math.abs(off) > 5 ? ` Its clock is ${Math.abs(off)} s ${off > 0 ? 'ahead' : 'behind'} of this one.` : '';
          return {
            ok: true,
            says: `The server answers.${clocks} No table is mapped yet.`,
            advice: 'Look for tables with samples, and map one.',
          };
        }
        const { schema, name } = mapping.relation;
        const text = `SELECT 1 AS one FROM ${relation(schema, name)} LIMIT 1`;
        const rows = await open.query(text, [], signal);
        return {
          ok: true,
          says: rows.length === 0 ? `${schema}.${name} is there, and empty.` : `A row of ${schema}.${name} was read.`,
        };
      } catch (error) {
        return finding(error);
      }
    });
  } finally {
    await session?.close();
  }
}

/** Tables and views that the login may read, beside the server's own, and whether it may change any of them. */
const READABLE = `
SELECT count(*)::int AS tables, coalesce(bool_or(has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE')), false) AS writes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^(pg_toast|_?timescaledb)'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')`;

/** What the server shows of itself, as PostgreSQL begins it: asked for in the clear, then agreed on. */
function shakeHands(config: TimescaleConfig, signal: AbortSignal): Promise<string> {
  const options = tlsOptions(config);
  if (options === false) return Promise.resolve('');
  return unlessAborted(
    (async () => {
      const socket = net.connect({ host: config.host, port: config.port });
      socket.setTimeout(config.connectTimeoutMs, () => socket.destroy(new Error('timed out')));
      try {
        const answer = await new Promise<string>((resolve, reject) => {
          socket.once('error', reject);
          socket.once('close', () => reject(new Error('Connection terminated unexpectedly')));
          socket.once('connect', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
          socket.once('data', (data) => resolve(data.toString('latin1', 0, 1)));
        });
        if (answer !== 'S') throw new Error('The server does not support SSL connections');
        const secure = tls.connect({ ...options, socket, host: config.host });
        return await new Promise<string>((resolve, reject) => {
          secure.once('error', reject);
          secure.once('secureConnect', () => {
            const { subject, issuer, valid_to: until } = secure.getPeerCertificate();
            const names = `"${subject?.CN ?? '?'}", issued by "${issuer?.CN ?? '?'}", valid until ${until}`;
            const checked = config.tls === 'verify' ? 'and checked' : 'and not checked, as the settings say';
            resolve(`${secure.getProtocol()}; the certificate is for ${names}, ${checked}.`);
            secure.destroy();
          });
        });
      } finally {
        socket.destroy();
      }
    })(),
    signal,
  );
}
