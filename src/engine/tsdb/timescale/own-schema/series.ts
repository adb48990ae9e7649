import type { ClientBase } from 'pg';
import { keyOf, labelsText, type MetricSamples } from '#shared/model/graph/index.ts';
import { relation } from '../sql.ts';
import { VERSION_TABLE } from './migrations.ts';

/** Keys of series that are remembered; more are asked for again. */
const MOST = 500_000;

/** Ids of series in the table, made where they are not there yet. */
export interface SeriesIds {
  /**
   * Ids by the place of the series, or a sentence why one has none. Throws what the database says where that is no
   * fault of a series.
   */
  find(client: ClientBase, samples: readonly MetricSamples[]): Promise<readonly (number | string)[]>;
}

interface Known {
  readonly id: number;
  readonly type: string;
  readonly unit: string | null;
}

export function createSeriesIds(schema: string, onSeries: () => void = () => undefined): SeriesIds {
  const table = relation(schema, 'series');
  const known = new Map<string, Known>();
  let installed = Number.NaN;
  const SELECT = `SELECT u.at::int AS at, s.id, s.type, s.unit
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u (metric, labels, at)
JOIN ${table} s ON s.key = md5(u.metric || chr(10) || u.labels::jsonb::text)::uuid`;
  const INSERT = `INSERT INTO ${table} (metric, labels, type, unit)
SELECT metric, labels::jsonb, type, unit FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u (metric, labels, type, unit)
ORDER BY 1, 2
ON CONFLICT (key) DO NOTHING`;

  /** Ids of tables that have been removed and made anew mean other series. */
  const checkInstalled = async (client: ClientBase): Promise<void> => {
    const sql = `SELECT extract(epoch FROM applied)::float8 AS applied FROM ${relation(schema, VERSION_TABLE)} WHERE version = 1`;
    const stamp = (await client.query(sql)).rows[0]?.applied ?? Number.NaN;
    if (stamp !== installed) known.clear();
    installed = stamp;
  };

  const ask = async (client: ClientBase, keys: readonly string[], samples: readonly MetricSamples[]): Promise<void> => {
    const metrics = samples.map(({ metric }) => keyOf(metric));
    const labels = samples.map((one) => JSON.stringify(one.labels));
    const learn = async (): Promise<void> => {
      for (const { at, ...row } of (await client.query(SELECT, [metrics, labels])).rows) known.set(keys[at - 1]!, row);
    };
    await learn();
    if (keys.every((key) => known.has(key))) return;
    const left = keys.flatMap((key, at) => (known.has(key) ? [] : [at]));
    await client.query(INSERT, [
      left.map((at) => metrics[at]),
      left.map((at) => labels[at]),
      left.map((at) => samples[at]!.metric.type),
      left.map((at) => samples[at]!.metric.unit),
    ]);
    onSeries();
    await learn();
  };

  return {
    async find(client, samples) {
      await checkInstalled(client);
      if (known.size > MOST) known.clear();
      const keys = samples.map(({ metric, labels }) => `${keyOf(metric)}\n${labelsText(labels)}`);
      const faults = new Map<number, string>();
      const missing = keys.flatMap((key, at) => {
        if (known.has(key)) return [];
        if (isText(key) && Object.values(samples[at]!.labels).every(isText)) return [at];
        faults.set(at, 'A label holds a character that no database keeps (NUL, or half of a pair). Take it out.');
        return [];
      });
      const pick = (places: readonly number[]): Promise<void> =>
        ask(
          client,
          places.map((at) => keys[at]!),
          places.map((at) => samples[at]!),
        );
      try {
        if (missing.length > 0) await pick(missing);
      } catch (error) {
        if (!isDataFault(error)) throw error;
        // One of them keeps all from being made: which one it is shows when they come one by one.
        for (const at of missing) {
          try {
            await pick([at]);
          } catch (cause) {
            if (!isDataFault(cause)) throw cause;
            faults.set(at, `The database does not take the labels of this series: ${said(cause)}`);
          }
        }
      }
      return keys.map((key, at) => {
        const fault = faults.get(at);
        const found = known.get(key);
        if (fault !== undefined || found === undefined) return fault ?? 'The series was removed while it was written.';
        const { type, unit } = samples[at]!.metric;
        if (found.type !== type)
          return `It is stored as a ${found.type}, and these samples are of a ${type}. Send them under another name.`;
        if (found.unit !== unit) {
          return `It is stored in ${found.unit ?? 'no unit'}, and these samples are in ${unit ?? 'none'}. Convert them, or correct the unit.`;
        }
        return found.id;
      });
    },
  };
}

const isText = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);

/** The server took the statement and refused what was in it; other rows may do. */
export function isDataFault(error: unknown): boolean {
  const code = codeOf(error);
  return /^(22|23|44|P0)/.test(code) && code !== UNIQUE;
}
export const UNIQUE = '23505';
export const codeOf = (error: unknown): string => {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' ? code : '';
};
/** What the server said, as a sentence. */
export const said = (error: unknown): string => {
  const text = (error as Error).message.split('\n')[0]!.slice(0, 300);
  return /[.!?]$/.test(text) ? text : `${text}.`;
};
