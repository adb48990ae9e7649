import type { TsdbIngestor } from '#engine/tsdb/index.ts';
import {
  type CounterReset,
  createIngest,
  type MetricIdentifier,
  type MetricSamples,
  type Rejection,
} from '#shared/model/graph/index.ts';

export interface Stored {
  /** Rows that lie in the backend now. */
  readonly rows: number;
  /** Everything else, by the places that the samples were given in. */
  readonly rejected: readonly Rejection[];
  readonly resets: readonly CounterReset[];
}

/**
 * Samples from wherever they come, into a backend: normalised, held to what their metrics are, and stored. `declared`
 * knows metrics by their keys, as `createIngest` asks for them.
 */
export function createIngestion(
  declared: (key: string) => MetricIdentifier | undefined,
  ingestor: Pick<TsdbIngestor, 'write'>,
): {
  /** Rejects with what the backend throws, such as `tsdb.unavailable`; the same samples can be sent again then. */
  write(samples: readonly MetricSamples[], signal: AbortSignal): Promise<Stored>;
} {
  const ingest = createIngest(declared);
  return {
    async write(given, signal) {
      const { samples, origin, rejected, resets } = ingest.accept(given);
      const refused = await ingestor.write(samples, signal);
      let rows = samples.reduce((sum, { time }) => sum + time.length, 0);
      const named = refused.rejected.map(({ series, row, reason }): Rejection => {
        const from = origin[series]!;
        rows -= row === null ? from.rows.length : 1;
        return { series: from.series, row: row === null ? null : from.rows[row]!, reason };
      });
      return { rows, rejected: [...rejected, ...named], resets };
    },
  };
}
