import type { TsdbBackend, TsdbConnection, TsdbContext } from '#engine/tsdb/tsdb.ts';
import type { TableMapping } from '#shared/model/index.ts';
import { capabilitiesOf } from './capabilities.ts';
import { createTimescaleClient } from './client.ts';
import { endpointOf, fromUrl, type TimescaleConfig, timescaleConfig, toUrl } from './config.ts';
import { createEnds } from './ends.ts';
import { createForeignSchema, createTagLists, driftText, mismatchText, requireCost } from './foreign/index.ts';
import { editionText, findOut, foundFrom } from './found.ts';
import { createSettle } from './held.ts';
import { listMetrics } from './metrics.ts';
import { createIngestor } from './own-schema/ingestor.ts';
import { createSchemaManager } from './own-schema/manager.ts';
import { compileTimescale, type Statement, type TimescaleQuery } from './query.ts';
import { planOf, runRaw } from './raw.ts';
import sample from './sample.json' with { type: 'json' };
import { createSession } from './session.ts';
import { testTimescale } from './test-ladder.ts';
import { createTextTags } from './text-tags.ts';
import { createTexts } from './texts.ts';
import { troubleOf } from './trouble.ts';

const ID = 'timescale';

async function connect(
  config: TimescaleConfig,
  context: TsdbContext,
  signal: AbortSignal,
): Promise<TsdbConnection<TimescaleQuery>> {
  const { clock, limits, mappings } = context;
  const password = config.password !== '' ? config.password : ((await context.secret('password')) ?? '');
  const { statementTimeoutMs } = limits;
  const session = createSession({
    backend: ID,
    login: { config, password },
    statementTimeoutMs,
    connections: limits.connections,
    clock,
  });
  try {
    const facts = await findOut(session, config.schema, signal);
    const found = foundFrom(facts, config.schema, mappings);
    const explain = (error: unknown): unknown => troubleOf(error, { backend: ID, config, statementTimeoutMs });
    const own = { lease: session.lease, explain, schema: config.schema };
    const ask = session.query as Parameters<typeof createForeignSchema>[0]['ask'];
    const all = found.own === null ? mappings : [found.own, ...mappings];
    const drifted = (error: unknown, mapping: TableMapping): string | null => {
      const what = mapping === found.own ? null : driftText(error, mapping);
      if (what !== null) context.onMapping?.(mapping.id, what);
      return what;
    };
    const tags = createTagLists({
      mappings: all,
      overrideOf: () => null,
      onFailed: drifted,
      ask,
      clock,
      mostRows: limits.rows,
    });
    const typed = createTextTags({ session, mappings, clock });
    const guard = ({ text, values }: Statement, by: AbortSignal): Promise<void> =>
      requireCost(ask, text, values, limits.rows, by);
    return {
      capabilities: capabilitiesOf(found, config.write && found.own !== null),
      client: createTimescaleClient({
        session,
        found,
        settle: createSettle(session, () => clock.monotonicMs()),
        guard,
        mismatched: (error, { planned, resolved }, by) => mismatchText(error, resolved.mapping, planned, ask, by),
        drifted: (error, { mapping }) => drifted(error, mapping),
        fits: ({ mapping }) => context.onMapping?.(mapping.id, null),
      }),
      ingestor: config.write
        ? createIngestor({ ...own, conflict: config.conflict, copy: facts.copy, onSeries: tags.forget })
        : null,
      tags: async (search, by) => typed(await tags.find(search, by), by),
      texts: createTexts({ session, found, guard }),
      ends: createEnds({ session, found, mostRows: limits.rows, now: () => clock.monotonicMs() }),
      metrics: (by) => listMetrics(session, found, by),
      raw: (query, by) => runRaw(session, query, by),
      planOf: (text, by) => planOf(session, text, by),
      foreign: createForeignSchema({ ask, clock, own: found.own === null ? null : config.schema }),
      schema: config.schema === '' ? null : createSchemaManager(own),
      async health(by) {
        await session.query('SELECT 1', [], by);
        return {
          product: 'PostgreSQL',
          version: facts.version,
          edition: editionText(facts),
          pool: session.pool(),
        };
      },
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** PostgreSQL with or without TimescaleDB: tables that others made, read-only, and tables of our own. */
export const timescale = {
  id: ID,
  title: 'TimescaleDB',
  version: '1.0.0',
  summary:
    'A PostgreSQL database, with or without TimescaleDB: the tables of the plant as they are, and tables of ParX.',
  config: timescaleConfig,
  sample,
  compile: compileTimescale,
  connect,
  endpoint: endpointOf,
  fromUrl,
  toUrl,
  presets: [
    {
      id: 'plant',
      title: 'Database of the plant',
      summary: 'Read-only, encrypted, and the server proves who it is.',
      settings: { tls: 'verify', write: false },
    },
    {
      id: 'plant-plain',
      title: 'Database of the plant, without encryption',
      summary: 'Read-only, for networks in which nobody can listen.',
      settings: { tls: 'off', write: false },
    },
    {
      id: 'computer',
      title: 'Database on this computer',
      summary: 'ParX may make tables of its own there, after showing what it would do.',
      settings: { host: '127.0.0.1', tls: 'off', write: true },
    },
  ],
  test: testTimescale,
} as const satisfies TsdbBackend<TimescaleConfig, TimescaleQuery>;
