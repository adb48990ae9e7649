import { type TableMapping, tableMapping } from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { rollupName, rollupSeconds } from './own-schema/settings.ts';
import type { Session } from './session.ts';

/** What a server says of itself when a connection is made. */
export interface ServerFacts {
  /** "15.4", without what a distribution adds. */
  readonly version: string;
  readonly number: number;
  /** Version of the extension in this database; null without it. */
  readonly extension: string | null;
  readonly licence: string | null;
  /** Schema of the extension's functions. */
  readonly functions: string;
  /** This session may write in principle: the server is no stand-by. */
  readonly primary: boolean;
  /** Takes COPY; the server in WebAssembly that tests use does not. */
  readonly copy: boolean;
  /** Relations of our own schema that this login may read. */
  readonly own: readonly string[];
}

const FACTS = `
SELECT
  current_setting('server_version_num')::int AS number,
  split_part(current_setting('server_version'), ' ', 1) AS version,
  e.extversion AS extension,
  n.nspname::text AS functions,
  current_setting('timescaledb.license', true) AS licence,
  NOT pg_is_in_recovery() AS primary,
  version() NOT LIKE '%emcc%' AS copy,
  ARRAY(
    SELECT c.relname::text FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = $1 AND has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
      AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1
  ) AS own
FROM (SELECT 1) one
LEFT JOIN pg_extension e ON e.extname = 'timescaledb'
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace`;

export async function findOut(session: Session, schema: string, signal: AbortSignal): Promise<ServerFacts> {
  const [row] = await session.query(FACTS, [schema], signal);
  const { functions, ...facts } = row as unknown as ServerFacts & { functions: string | null };
  return { ...facts, functions: functions ?? 'public' };
}

export function foundFrom(
  { number, extension, licence, functions, own }: ServerFacts,
  schema: string,
  mappings: readonly TableMapping[],
): TimescaleCapabilities['timescale'] {
  const extended = extension !== null;
  return {
    edition: !extended ? 'none' : licence === 'apache' ? 'apache' : 'community',
    steps: extended ? 'time_bucket' : number >= 140_000 ? 'date_bin' : 'epoch',
    functions,
    ends: extended,
    own: own.includes('series') && own.includes('samples') ? ownMapping(schema, own) : null,
    mappings,
  };
}

/** How samples lie in the tables of our own, with the rollups that are there. */
export function ownMapping(schema: string, relations: readonly string[]): TableMapping {
  const columns = {
    count: 'usable',
    ...Object.fromEntries(['other', 'worst', 'min', 'max', 'sum', 'first', 'last'].map((name) => [name, name])),
  };
  return tableMapping.parse({
    id: 'own',
    name: 'ParX',
    relation: { schema, name: 'samples' },
    time: { column: 'time', kind: 'timestamptz' },
    tag: {
      kind: 'table',
      column: 'series',
      relation: { schema, name: 'series' },
      key: 'id',
      name: 'metric',
      unit: 'unit',
      metric: 'metric',
      labels: 'labels',
    },
    values: [{ column: 'value' }],
    quality: { column: 'quality', rule: 'own' },
    rollups: relations.flatMap((name) => {
      const seconds = rollupSeconds(name);
      if (seconds === null || rollupName(seconds) !== name) return [];
      return [{ relation: { schema, name }, stepMs: seconds * 1_000, time: 'time', tag: 'series', columns }];
    }),
  });
}

/** The edition in words. */
export function editionText({ extension, licence }: ServerFacts): string {
  if (extension === null) return 'without TimescaleDB';
  return `TimescaleDB ${extension}, ${licence === 'apache' ? 'Apache edition: no compression, no continuous aggregates' : 'community edition'}`;
}
