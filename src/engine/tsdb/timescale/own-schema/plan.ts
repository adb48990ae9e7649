import { refuse } from '#shared/errors.ts';
import type { SchemaObject, SchemaStanding } from '#shared/model/own-schema.ts';
import { identifier, instant, literal, relation } from '../sql.ts';
import type { Facts, Job } from './facts.ts';
import {
  createRollup,
  LATEST,
  migrations,
  noteSettings,
  noteVersion,
  type Statement,
  statement,
  VERSION_TABLE,
} from './migrations.ts';
import { type OwnSettings, rollupName, rollupSeconds, wantedRollups } from './settings.ts';

/** What would be run; pure, so that the same server and settings give the same statements. */
export interface Planned {
  readonly steps: readonly Statement[];
  readonly warnings: readonly string[];
}

const OURS = [VERSION_TABLE, 'series', 'samples'] as const;
const DAY_S = 86_400;
/** Windows that filling a rollup is divided into at most, each a statement of its own that can be cancelled. */
const MOST_WINDOWS = 50;

export function standingOf({ version, relations }: Facts): SchemaStanding {
  if (version === null) return OURS.some((name) => relations.has(name)) ? 'foreign' : 'absent';
  return version > LATEST ? 'newer' : version < LATEST ? 'outdated' : 'current';
}

const KINDS: Readonly<Record<string, string>> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  i: 'index',
  I: 'index',
  S: 'sequence',
  f: 'foreign table',
};

/** What lies in the schema, ours and others'. */
export function existingObjects({ relations, hypertable, rollups, jobs }: Facts): SchemaObject[] {
  const filled = new Set(rollups.map(({ name }) => name));
  const objects = [...relations].map(([name, kind]): SchemaObject => {
    if (filled.has(name)) return { name, kind: 'continuous aggregate', says: '' };
    if (name !== 'samples' || hypertable === null) return { name, kind: KINDS[kind] ?? kind, says: '' };
    const says = `Chunks of ${hypertable.chunkHours} h, ${hypertable.compression ? 'compression on' : 'not compressed'}.`;
    return { name, kind: 'hypertable', says };
  });
  objects.push(...jobs.map((job) => ({ name: job.on, kind: 'policy', says: policySays(job) })));
  return objects.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.kind < b.kind ? -1 : 1));
}

export function policySays({ kind, days }: Pick<Job, 'kind' | 'days'>): string {
  if (kind === 'compression') return `Compresses chunks older than ${days} d.`;
  if (kind === 'retention') return `Removes chunks older than ${days} d.`;
  return days === null ? 'Brings the rollup up to date.' : `Brings the last ${days} d of the rollup up to date.`;
}

export const foreignText = (schema: string): string =>
  `Schema ${schema} already has tables of these names that were not made here. Choose another name.`;

/** Refuses a schema that is not ours to change; of a newer version too. */
function requireOurs(facts: Facts, schema: string): SchemaStanding {
  const standing = standingOf(facts);
  if (standing === 'foreign') {
    refuse('schema', foreignText(schema));
  }
  if (standing === 'newer') {
    refuse(
      'schema',
      `Schema ${schema} is of version ${facts.version}, made by a later program; this one knows ${LATEST}. Update this program.`,
    );
  }
  return standing;
}

export function requireInstalled(facts: Facts, schema: string): void {
  if (requireOurs(facts, schema) === 'absent') refuse('schema', `There is no schema ${schema} yet. Install it first.`);
}

function requireRollup(facts: Facts, name: string): number {
  const names = facts.rollups.map((one) => one.name);
  const seconds = rollupSeconds(name);
  if (seconds === null || !names.includes(name)) {
    refuse(
      'rollup',
      `There is no rollup of this name. ${names.length === 0 ? 'There is none at all.' : `There are ${names.join(', ')}.`}`,
    );
  }
  return seconds;
}

export function planInstall(facts: Facts, settings: OwnSettings): Planned {
  checkSettings(settings);
  const { schema } = settings;
  const standing = requireOurs(facts, schema);
  const warnings = [...editionWarnings(facts, settings)];
  if (!facts.mayCreate) {
    warnings.push(
      facts.schemaExists
        ? `User ${facts.user} may not create tables in schema ${schema}. Have an administrator run: GRANT CREATE ON SCHEMA ${identifier(schema)} TO ${identifier(facts.user)}`
        : `User ${facts.user} may not create a schema. Have an administrator run: GRANT CREATE ON DATABASE ${identifier(facts.database)} TO ${identifier(facts.user)}`,
    );
  }
  if (standing === 'absent' && facts.relations.size > 0) {
    warnings.push(
      `Schema ${schema} already holds other tables. They stay as they are; a schema of its own is easier to remove.`,
    );
  }
  const steps: Statement[] = [];
  for (const migration of migrations) {
    if (migration.version <= (facts.version ?? 0)) continue;
    steps.push(...migration.statements(settings, facts.edition), noteVersion(schema, migration, settings));
  }
  const fresh = facts.version === null;
  if (!fresh) {
    const { steps: mending, warnings: broken } = mend(facts, schema);
    steps.push(...mending);
    warnings.push(...broken);
  }
  const { hypertable } = facts;
  if (hypertable !== null && Math.abs(hypertable.chunkHours - settings.chunkHours) > 1e-6) {
    steps.push(
      statement(
        `New chunks of ${settings.chunkHours} h instead of ${hypertable.chunkHours} h.`,
        `SELECT set_chunk_time_interval(${literal(relation(schema, 'samples'))}, INTERVAL '${settings.chunkHours} hours')`,
      ),
    );
  }
  if (facts.edition === 'community') {
    steps.push(...compression(facts, settings));
    steps.push(...retention(facts, schema, 'samples', daysOf(settings.keepDays), fresh));
    for (const { seconds, keepDays } of wantedRollups(settings)) {
      const name = rollupName(seconds);
      const made = facts.rollups.some((one) => one.name === name);
      if (!made) steps.push(createRollup(schema, seconds));
      steps.push(...refreshPolicy(facts, settings, seconds));
      steps.push(...retention(facts, schema, name, keepDays, !made));
    }
  }
  for (const { name, seconds } of facts.rollups) {
    if (wantedRollups(settings).some((one) => one.seconds === seconds)) continue;
    warnings.push(`Rollup ${name} is not in the settings. It stays; remove it by itself when it is not wanted.`);
  }
  if (!fresh && JSON.stringify(facts.settings) !== JSON.stringify(settings) && facts.version === LATEST) {
    steps.push(noteSettings(schema, settings));
  }
  return { steps, warnings };
}

const daysOf = (setting: number): number | null => (setting === 0 ? null : setting);

function checkSettings(settings: OwnSettings): void {
  const keepDays = daysOf(settings.keepDays);
  const compressAfterDays = daysOf(settings.compressAfterDays);
  const seen = new Set<number>();
  for (const [at, { seconds, keepDays: kept }] of wantedRollups(settings).entries()) {
    if (seen.has(seconds)) refuse(`rollups.${at}`, `There are two rollups of ${seconds} s. Leave one out.`);
    seen.add(seconds);
    // A refresh has to look back over more than two whole steps.
    const least = Math.ceil((4 * seconds) / DAY_S);
    if (keepDays !== null && keepDays < least) {
      refuse(
        'keepDays',
        `A rollup of ${seconds} s needs samples of at least ${least} days. Keep them longer, or leave the rollup out.`,
      );
    }
    if (kept !== null && keepDays !== null && kept < keepDays) {
      refuse(
        `rollups.${at}`,
        'A rollup that is removed before its samples would be filled again. Keep it at least as long.',
      );
    }
  }
  if (keepDays !== null && compressAfterDays !== null && compressAfterDays >= keepDays) {
    refuse(
      'compressAfterDays',
      'Samples would be removed before they are compressed. Compress earlier, or not at all.',
    );
  }
}

function editionWarnings({ edition, available, extension }: Facts, settings: OwnSettings): string[] {
  if (edition === 'community') return [];
  const wanted = [
    ...(settings.compressAfterDays === 0 ? [] : ['compression']),
    ...(settings.rollups.length === 0 ? [] : ['rollups']),
    ...(settings.keepDays === 0 ? [] : ['removal of old samples by itself']),
  ];
  const left = wanted.length === 0 ? '' : ` Left out: ${wanted.join(', ')}.`;
  if (edition === 'apache') {
    return [
      `The server has the Apache edition of TimescaleDB ${extension}, with chunks and nothing that looks after them.${left}`,
    ];
  }
  const enable = available
    ? ' It is installed on the server: an administrator can run CREATE EXTENSION timescaledb, before the tables are made.'
    : '';
  return [`The database has no TimescaleDB: samples lie in a plain table.${left}${enable}`];
}

/** What an installed schema has lost. */
function mend(facts: Facts, schema: string): Planned {
  const steps: Statement[] = [];
  const warnings: string[] = [];
  for (const problem of schemaProblems(facts, schema)) {
    if (problem.mend === null) warnings.push(problem.says);
    else steps.push(problem.mend);
  }
  return { steps, warnings };
}

const COLUMNS: Readonly<Record<string, string>> = {
  'series.id': 'integer',
  'series.metric': 'text',
  'series.type': 'text',
  'series.unit': 'text',
  'series.labels': 'jsonb',
  'series.key': 'uuid',
  'samples.time': 'timestamp with time zone',
  'samples.value': 'double precision',
  'samples.series': 'integer',
  'samples.quality': 'integer',
};

/** What is not as it was made; `mend` null where that takes a person. */
export function schemaProblems(
  facts: Facts,
  schema: string,
): { readonly says: string; readonly mend: Statement | null }[] {
  if (facts.version === null) return [];
  const problems: { readonly says: string; readonly mend: Statement | null }[] = [];
  for (const [name, type] of Object.entries(COLUMNS)) {
    const found = facts.columns.get(name);
    if (found === type) continue;
    const is = found === undefined ? 'is missing' : `is ${found} instead of ${type}`;
    problems.push({
      says: `Column ${schema}.${name} ${is}. Put it back, or remove the schema and install it anew.`,
      mend: null,
    });
  }
  if (facts.edition !== 'none' && facts.hypertable === null && facts.relations.has('samples')) {
    const says = `Table ${schema}.samples was made without TimescaleDB and is plain. To move it into chunks, have an administrator run create_hypertable with migrate_data while nothing is written.`;
    problems.push({ says, mend: null });
  }
  for (const migration of migrations.slice(0, facts.version)) {
    for (const one of migration.statements({ ...fallback, schema }, facts.edition)) {
      const index = /^CREATE (?:UNIQUE )?INDEX (\w+) /.exec(one.sql)?.[1];
      if (index === undefined || facts.relations.has(index)) continue;
      problems.push({ says: `Index ${schema}.${index} is missing.`, mend: { ...one, says: `Missing: ${one.says}` } });
    }
  }
  return problems;
}
/** Only for statements that do not depend on them. */
const fallback: OwnSettings = { schema: '', chunkHours: 24, compressAfterDays: 0, keepDays: 0, rollups: [] };

const policyOf = ({ jobs }: Facts, kind: Job['kind'], on: string): Job | undefined =>
  jobs.find((job) => job.kind === kind && job.on === on);

function compression(facts: Facts, { schema, compressAfterDays }: OwnSettings): Statement[] {
  const days = daysOf(compressAfterDays);
  const table = relation(schema, 'samples');
  const job = policyOf(facts, 'compression', 'samples');
  const steps: Statement[] = [];
  if (days !== null && facts.hypertable?.compression !== true) {
    steps.push(
      statement(
        'Compression by series, in order of time.',
        `ALTER TABLE ${table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'series', timescaledb.compress_orderby = 'time')`,
      ),
    );
  }
  if (job !== undefined && job.days !== days) {
    steps.push(statement(`No longer: ${policySays(job)}`, `SELECT remove_compression_policy(${literal(table)})`));
  }
  if (days !== null && job?.days !== days) {
    steps.push(
      statement(
        policySays({ kind: 'compression', days }),
        `SELECT add_compression_policy(${literal(table)}, INTERVAL '${days} days')`,
      ),
    );
  }
  return steps;
}

function retention(facts: Facts, schema: string, name: string, days: number | null, fresh: boolean): Statement[] {
  const table = relation(schema, name);
  const job = policyOf(facts, 'retention', name);
  if ((job?.days ?? null) === days) return [];
  const steps: Statement[] = [];
  if (job !== undefined) {
    steps.push(statement(`No longer: ${policySays(job)}`, `SELECT remove_retention_policy(${literal(table)})`));
  }
  if (days !== null) {
    const says = fresh ? '' : ' What is older now is lost as soon as the server runs it.';
    steps.push(
      statement(
        `${policySays({ kind: 'retention', days })}${says}`,
        `SELECT add_retention_policy(${literal(table)}, INTERVAL '${days} days')`,
        { destructive: !fresh },
      ),
    );
  }
  return steps;
}

function refreshPolicy(facts: Facts, { schema, ...settings }: OwnSettings, seconds: number): Statement[] {
  const keepDays = daysOf(settings.keepDays);
  const name = rollupName(seconds);
  const table = literal(relation(schema, name));
  const job = policyOf(facts, 'rollup', name);
  if (job !== undefined && job.days === keepDays) return [];
  const steps: Statement[] = [];
  if (job !== undefined) {
    steps.push(statement(`No longer: ${policySays(job)}`, `SELECT remove_continuous_aggregate_policy(${table})`));
  }
  // Further back than samples are kept, a refresh would empty what was worked out from them.
  const start = keepDays === null ? 'NULL' : `INTERVAL '${keepDays} days'`;
  const every = Math.min(Math.max(seconds, 300), 3_600);
  // Servers that go bucket by bucket unless they are told take hours for a year of minutes; a day at a time is as fast as all
  // at once, and its memory stays bounded.
  const together = facts.batches ? `, buckets_per_batch => ${Math.max(1, DAY_S / seconds)}` : '';
  steps.push(
    statement(
      `Brings ${name} up to date every ${every / 60} min.`,
      `SELECT add_continuous_aggregate_policy(${table}, start_offset => ${start}, end_offset => INTERVAL '${seconds} seconds', schedule_interval => INTERVAL '${every} seconds'${together})`,
    ),
  );
  return steps;
}

/** `range`: of the stored samples; null where there is none. */
export function planRefresh(
  facts: Facts,
  schema: string,
  rollup: string,
  range: { readonly from: number; readonly to: number } | null,
  open: boolean,
): Planned {
  requireInstalled(facts, schema);
  const seconds = requireRollup(facts, rollup);
  if (range === null || !(range.from < range.to))
    return { steps: [], warnings: ['There are no samples in this range.'] };
  const step = seconds * 1e6;
  const day = DAY_S * 1e6;
  const window = Math.max(Math.ceil((range.to - range.from) / MOST_WINDOWS / day) * day, 20 * step);
  const steps: Statement[] = [];
  for (let from = Math.floor(range.from / window) * window; from < range.to; from += window) {
    const end = from + window;
    const last = end >= range.to;
    const start = Math.max(from, Math.floor(range.from / step) * step);
    const stop = last ? Math.ceil(range.to / step) * step : end;
    const until = last && open ? 'NULL' : `TIMESTAMPTZ '${instant(stop)}'`;
    steps.push(
      statement(
        `${rollup} from ${instant(start).slice(0, 16)} to ${last && open ? 'the newest' : instant(stop).slice(0, 16)}.`,
        `CALL refresh_continuous_aggregate(${literal(relation(schema, rollup))}, TIMESTAMPTZ '${instant(start)}', ${until})`,
        { alone: true },
      ),
    );
  }
  const kept = facts.jobs.find(({ kind, on }) => kind === 'retention' && on === 'samples')?.days ?? null;
  const warnings =
    kept === null
      ? []
      : [
          `Samples older than ${kept} d are removed: where they are gone, the rollup is emptied too. Choose a later start.`,
        ];
  return { steps, warnings };
}

export function planDrop(facts: Facts, schema: string, rollup: string): Planned {
  requireInstalled(facts, schema);
  requireRollup(facts, rollup);
  const sql = `DROP MATERIALIZED VIEW ${relation(schema, rollup)}`;
  const says = `Rollup ${rollup} with everything in it; the samples stay.`;
  return { steps: [statement(says, sql, { destructive: true })], warnings: [] };
}

export function planRemove(facts: Facts, schema: string): Planned {
  requireInstalled(facts, schema);
  const steps = facts.rollups.map(({ name }) =>
    statement(`Rollup ${name} with everything in it.`, `DROP MATERIALIZED VIEW ${relation(schema, name)}`, {
      destructive: true,
    }),
  );
  const says = { samples: 'All samples.', series: 'All series.', [VERSION_TABLE]: 'The version of the tables.' };
  for (const name of ['samples', 'series', VERSION_TABLE] as const) {
    if (!facts.relations.has(name)) continue;
    steps.push(statement(says[name]!, `DROP TABLE ${relation(schema, name)}`, { destructive: true }));
  }
  const ours = new Set<string>([...OURS, ...facts.rollups.map(({ name }) => name)]);
  const others = [...facts.relations].filter(([name, kind]) => 'rpvmf'.includes(kind) && !ours.has(name));
  if (others.length === 0) {
    steps.push(statement('The empty schema.', `DROP SCHEMA ${identifier(schema)}`, { destructive: true }));
    return { steps, warnings: [] };
  }
  const names = others
    .map(([name]) => name)
    .slice(0, 5)
    .join(', ');
  return { steps, warnings: [`Schema ${schema} stays, because it holds tables of others: ${names}.`] };
}
