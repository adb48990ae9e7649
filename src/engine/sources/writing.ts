import type { TsdbIngestor } from '#engine/tsdb/index.ts';
import {
  type CounterReset,
  createIngest,
  type MetricIdentifier,
  type MetricSamples,
  type Rejection,
} from '#shared/model/graph/index.ts';

export interface Written {
  /** By series and rows of what was given, whoever refused them; everything else is stored. */
  readonly rejected: readonly Rejection[];
  /** Counters that began again at zero. */
  readonly resets: readonly CounterReset[];
}

/**
 * Samples on their way into one source: normalised and held to what their metrics are first, then written. A refusal of
 * the backend is told by the rows that were given, not by those that were sent.
 */
export function createSourceWriter(declared: (key: string) => MetricIdentifier | undefined): {
  write(samples: readonly MetricSamples[], ingestor: TsdbIngestor, signal: AbortSignal): Promise<Written>;
} {
  const ingest = createIngest(declared);
  return {
    async write(given, ingestor, signal) {
      const rejected: Rejection[] = [];
      const resets: CounterReset[] = [];
      const sent: { readonly series: number; readonly samples: MetricSamples }[] = [];
      for (const [series, one] of given.entries()) {
        const accepted = ingest.accept([one]);
        for (const rejection of accepted.rejected) rejected.push({ ...rejection, series });
        for (const reset of accepted.resets) resets.push({ ...reset, series });
        for (const samples of accepted.samples) sent.push({ series, samples });
      }
      if (sent.length > 0) {
        const receipt = await ingestor.write(
          sent.map(({ samples }) => samples),
          signal,
        );
        for (const { series: at, row, reason } of receipt.rejected) {
          const { series, samples } = sent[at]!;
          // Sorting has moved rows; of several with one time the last one was sent.
          const place = row === null ? null : given[series]!.time.lastIndexOf(samples.time[row]!);
          rejected.push({ series, row: place, reason });
        }
      }
      return { rejected: rejected.toSorted((a, b) => a.series - b.series || (a.row ?? -1) - (b.row ?? -1)), resets };
    },
  };
}
