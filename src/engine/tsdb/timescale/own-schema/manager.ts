import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { AppError, refuse } from '#shared/errors.ts';
import type { SchemaManager, SchemaPlan, SchemaRequest } from '#shared/model/own-schema.ts';
import { unlessAborted } from '../dial.ts';
import { relation } from '../sql.ts';
import { type Facts, gatherFacts } from './facts.ts';
import { giveUp, inTransaction, type OwnSchemaAccess, withLease } from './lease.ts';
import { LATEST, type Statement } from './migrations.ts';
import {
  existingObjects,
  foreignText,
  type Planned,
  planDrop,
  planInstall,
  planRefresh,
  planRemove,
  policySays,
  schemaProblems,
  standingOf,
} from './plan.ts';
import { countPrunable, planPrune } from './prune.ts';
import { type OwnSettings, ownPresets, ownSettings, ownSettingsForm } from './settings.ts';
import { readSeriesStatistics, readStatistics } from './statistics.ts';

/** Two programs that change the same tables wait for one another by this number. */
const LOCK = 0x50_61_72_58;
/** What a change waits for others' transactions, ms, before it gives up instead of standing in everybody's way. */
const LOCK_WAIT_MS = 10_000;

/** Makes and changes the tables of our own; `schema` is where they are looked for. */
export function createSchemaManager({ lease, explain, schema }: OwnSchemaAccess): SchemaManager {
  const read = async <T>(signal: AbortSignal, work: (client: ClientBase) => Promise<T>): Promise<T> => {
    try {
      return await withLease(lease, 'read', signal, (client) => inTransaction(client, () => work(client)));
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error);
    }
  };

  const settingsOf = (request: SchemaRequest): OwnSettings | null => {
    if (request.action !== 'install') return null;
    const parsed = ownSettings.safeParse({ schema, ...request.settings });
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      return refuse(path.join('.'), message);
    }
    if (parsed.data.schema !== schema) {
      refuse('schema', `This source reads the schema "${schema}". Change the name in its settings first.`);
    }
    return parsed.data;
  };

  const planWith = async (
    client: ClientBase,
    request: SchemaRequest,
    forTransaction: boolean,
  ): Promise<{ readonly plan: SchemaPlan; readonly steps: readonly Statement[] }> => {
    const settings = settingsOf(request);
    const facts = await gatherFacts(client, schema, forTransaction);
    const { steps, warnings } = await planRequest(client, facts, schema, request, settings);
    const shown = {
      standing: standingOf(facts),
      version: facts.version,
      latest: LATEST,
      existing: existingObjects(facts),
      steps: steps.map(({ says, sql, destructive }) => ({ says, sql, destructive })),
      warnings: [...warnings],
    };
    const token = createHash('sha256')
      .update(JSON.stringify([schema, request, shown]))
      .digest('hex');
    return { plan: { ...shown, token }, steps };
  };

  return {
    settings: ownSettingsForm,
    presets: ownPresets,

    state: (signal) =>
      read(signal, async (client) => {
        const facts = await gatherFacts(client, schema, true);
        return {
          standing: standingOf(facts),
          version: facts.version,
          latest: LATEST,
          edition: editionText(facts),
          settings: facts.settings,
          objects: existingObjects(facts),
          policies: facts.jobs.map(({ days, ...job }) => ({ ...job, says: policySays({ kind: job.kind, days }) })),
          rollups: facts.rollups.map(({ name, seconds, bytes, filled }) => ({
            name,
            step: seconds * 1_000,
            filled,
            bytes,
            policy: facts.jobs.some((job) => job.kind === 'rollup' && job.on === name),
          })),
          problems: problemsOf(facts, schema),
        };
      }),

    plan: (request, signal) => read(signal, async (client) => (await planWith(client, request, true)).plan),

    async *apply(request, token, signal) {
      signal.throwIfAborted();
      const session = await lease('write', signal);
      const { client } = session;
      const until = <T>(work: Promise<T>): Promise<T> => unlessAborted(work, signal);
      try {
        for (const [name, value] of Object.entries({ statement_timeout: 0, lock_timeout: LOCK_WAIT_MS })) {
          await until(client.query(`SELECT set_config('${name}', '${value}', false)`));
        }
        await until(client.query(`SELECT pg_advisory_lock(${LOCK})`));
        const { plan, steps } = await until(planWith(client, request, false));
        if (plan.token !== token) {
          const message = 'The database has changed since the plan was shown. Look at the new plan.';
          throw new AppError('store.conflict', message, {
            details: { kind: 'schema', id: schema, revision: plan.version ?? 0 },
          });
        }
        let done = 0;
        for (const group of groupsOf(steps)) {
          const [first] = group;
          await until(first!.alone ? runAlone(client, first!) : runTogether(client, group, signal));
          for (const { says } of group) yield { done: ++done, total: steps.length, says };
        }
      } catch (error) {
        signal.throwIfAborted();
        throw applyError(explain(error), error, schema);
      } finally {
        // The lock and the settings of this session end with it.
        if (signal.aborted) giveUp(session);
        else session.release(true);
      }
    },

    statistics: ({ exact }, signal) =>
      read(signal, async (client) => readStatistics(client, await requireTables(client, schema), schema, exact)),

    seriesStatistics: (options, signal) =>
      read(signal, async (client) => {
        await requireTables(client, schema);
        return readSeriesStatistics(client, schema, options);
      }),
  };
}

async function planRequest(
  client: ClientBase,
  facts: Facts,
  schema: string,
  request: SchemaRequest,
  settings: OwnSettings | null,
): Promise<Planned> {
  switch (request.action) {
    case 'install':
      return planInstall(facts, settings!);
    case 'refresh': {
      const range = facts.version === null ? null : await storedRange(client, schema);
      const from = request.from ?? range?.from;
      const to = request.to ?? range?.to;
      const asked = from === undefined || to === undefined ? null : { from, to };
      return planRefresh(facts, schema, request.rollup, asked, request.to === null);
    }
    case 'drop':
      return planDrop(facts, schema, request.rollup);
    case 'prune':
      return planPrune(facts, schema, request.before, await countPrunable(client, facts, schema, request.before));
    case 'remove':
      return planRemove(facts, schema);
  }
}

/** In whole days, so that a plan still holds when samples have come since. */
async function storedRange(client: ClientBase, schema: string): Promise<{ from: number; to: number } | null> {
  const day = 86_400e6;
  const sql = `SELECT (extract(epoch FROM min(time)) * 1000000)::float8 AS first, (extract(epoch FROM max(time)) * 1000000)::float8 AS last FROM ${relation(schema, 'samples')}`;
  const { first, last } = (await client.query(sql)).rows[0];
  return first === null ? null : { from: Math.floor(first / day) * day, to: (Math.floor(last / day) + 1) * day };
}

async function requireTables(client: ClientBase, schema: string): Promise<Facts> {
  const facts = await gatherFacts(client, schema, true);
  const standing = standingOf(facts);
  if (standing === 'absent' || standing === 'foreign') {
    refuse('schema', `There are no tables of ours in schema ${schema}. Install them first.`);
  }
  return facts;
}

/** Runs of statements that share a transaction. */
function groupsOf(steps: readonly Statement[]): (readonly Statement[])[] {
  const groups: Statement[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last === undefined || step.alone || last[0]!.alone) groups.push([step]);
    else last.push(step);
  }
  return groups;
}

async function runAlone(client: ClientBase, { sql }: Statement): Promise<void> {
  await client.query(sql);
}

async function runTogether(client: ClientBase, group: readonly Statement[], signal: AbortSignal): Promise<void> {
  await client.query('BEGIN');
  try {
    for (const { sql } of group) {
      signal.throwIfAborted();
      await client.query(sql);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

function problemsOf(facts: Facts, schema: string): string[] {
  const standing = standingOf(facts);
  if (standing === 'foreign') return [foreignText(schema)];
  const problems = schemaProblems(facts, schema);
  if (standing !== 'current' || facts.settings === null) return problems.map(({ says }) => says);
  const broken = problems.flatMap(({ says, mend }) => (mend === null ? [says] : []));
  const missing = planInstall(facts, facts.settings).steps.map(({ says }) => `Not as it was installed: ${says}`);
  return [...broken, ...missing];
}

function editionText({ edition, extension, server }: Facts): string {
  if (edition === 'none') return `PostgreSQL ${server} without TimescaleDB: a plain table.`;
  if (edition === 'apache')
    return `PostgreSQL ${server}, TimescaleDB ${extension}, Apache edition: chunks, no compression, no rollups.`;
  return `PostgreSQL ${server}, TimescaleDB ${extension}, community edition.`;
}

function applyError(explained: unknown, error: unknown, schema: string): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === '42501') {
    const message = `The database does not let this user change schema ${schema}: ${(error as Error).message}. Have an administrator grant it.`;
    return new AppError('access.denied', message, { details: { required: 'CREATE' }, cause: error });
  }
  if (code === '55P03') {
    const message =
      'Somebody else is using the tables, so that they could not be changed now. Nothing of this step was done; try again.';
    return new AppError('tsdb.unavailable', message, {
      details: { backend: 'timescale' },
      retryable: true,
      cause: error,
    });
  }
  return explained;
}
