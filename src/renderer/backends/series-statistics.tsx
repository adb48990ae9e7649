import { Sigma, Square } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { errorText, useAbort, useClient, useZone } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  type Column,
  DataTable,
  EmptyState,
  formatCount,
  formatNumber,
  formatTime,
  MiddleText,
  plural,
  Skeleton,
  TextField,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { SeriesStatistics } from '#shared/model/own-schema.ts';
import { type LastHours, LastRangeField, lastRange } from './last-range.tsx';
import { labelsText } from './source-rows.tsx';

/** Series of one answer, those with the most samples first. */
const MOST = 1_000;

interface SeriesRow extends SeriesStatistics {
  readonly id: string;
}
const rowId = (row: SeriesRow): string => row.id;
const nothing: ReadonlySet<string> = new Set();

/** What each series came to over a range. Worked out on a click: every sample of the range is read for it. */
export function EachSeries({ id }: { readonly id: string }): ReactNode {
  const client = useClient();
  const zone = useZone();
  const newSignal = useAbort();
  const [hours, setHours] = useState<LastHours>('24');
  const [metric, setMetric] = useState('');
  const [rows, setRows] = useState<readonly SeriesRow[] | null>(null);
  const [reading, setReading] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [selection, setSelection] = useState(nothing);

  const read = async (): Promise<void> => {
    const signal = newSignal();
    setReading(true);
    setRefusal(null);
    try {
      const wanted = metric.trim();
      const { series } = await client.rpc.sources.seriesStatistics(
        { id, range: lastRange(hours, client.now()), metric: wanted === '' ? null : wanted, limit: MOST },
        { signal },
      );
      setRows(series.map((one, at) => ({ ...one, id: `s${at}` })));
      setSelection(nothing);
    } catch (error) {
      if (!isAppError(error, 'rpc.cancelled')) setRefusal(errorText(error));
    } finally {
      if (!signal.aborted) setReading(false);
    }
  };
  const stop = (): void => {
    newSignal();
    setReading(false);
  };
  const columns = useMemo(() => seriesColumns(zone), [zone]);

  return (
    <section className="source-group" aria-labelledby="each-series">
      <h3 className="section-title" id="each-series">
        Each series
      </h3>
      <form
        className="query-bar"
        aria-label="Each series"
        onSubmit={(event) => {
          event.preventDefault();
          if (!reading) void read();
        }}
      >
        <LastRangeField value={hours} onChange={setHours} />
        <TextField label="Metric" mono placeholder="all" maxLength={200} value={metric} onChange={setMetric} />
        <span className="quiet" role="status">
          {reading ? 'reading' : rows !== null && plural(rows.length, 'series', 'series')}
          {!reading && rows !== null && rows.length >= MOST && ', those with the most samples. Name a metric.'}
        </span>
        <span className="toolbar-gap" />
        {reading ? (
          <Button icon={Square} onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button icon={Sigma} type="submit" title="Reads every sample of the range">
            Work out
          </Button>
        )}
      </form>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      {rows === null ? (
        reading ? (
          <Skeleton rows={4} />
        ) : (
          <p className="quiet">
            How many samples each series has, the first and the last, the smallest and the largest, and by how much it
            has changed.
          </p>
        )
      ) : (
        <div className="source-table" aria-busy={reading}>
          <DataTable
            name="series-statistics"
            label="Statistics of each series"
            rows={rows}
            rowId={rowId}
            columns={columns}
            selection={selection}
            onSelect={setSelection}
            empty={
              <EmptyState
                title="No samples in this range"
                text={
                  metric.trim() === ''
                    ? 'Take a longer range.'
                    : 'Take a longer range, or look whether the metric is written so, with its dots.'
                }
              />
            }
          />
        </div>
      )}
    </section>
  );
}

function seriesColumns(zone: string | null): readonly Column<SeriesRow>[] {
  const number = { align: 'right', mono: true } as const;
  const value = (
    id: string,
    title: string,
    width: number,
    of: (row: SeriesRow) => number | null,
    yields?: number,
  ): Column<SeriesRow> => ({
    ...number,
    id,
    title,
    width,
    ...(yields === undefined ? {} : { yields }),
    text: (row) => formatNumber(of(row), { significant: 5 }),
    order: of,
  });
  const end = (id: 'first' | 'last', title: string, yields: number): Column<SeriesRow> => ({
    id,
    title,
    width: 160,
    mono: true,
    yields,
    text: (row) => formatTime(row[id]?.time, zone),
    order: (row) => row[id]?.time ?? null,
  });
  const name = (text: string): ReactNode => <MiddleText text={text} />;
  return [
    {
      id: 'metric',
      title: 'Metric',
      width: 104,
      grow: true,
      mono: true,
      yields: 2,
      text: (row) => row.metric,
      cell: (row) => name(row.metric),
    },
    {
      id: 'labels',
      title: 'Labels',
      width: 120,
      grow: true,
      mono: true,
      text: (row) => labelsText(row.labels),
      cell: (row) => name(labelsText(row.labels)),
    },
    { id: 'unit', title: 'Unit', width: 55, yields: 1, text: (row) => row.unit ?? '' },
    {
      ...number,
      id: 'rows',
      title: 'Samples',
      width: 70,
      text: (row) => formatCount(row.rows),
      order: (row) => row.rows,
    },
    {
      ...number,
      id: 'bad',
      title: 'Bad',
      width: 60,
      yields: 3,
      text: (row) => formatCount(row.bad),
      order: (row) => row.bad,
    },
    end('first', 'First', 6),
    end('last', 'Last', 5),
    value('first-value', 'First value', 80, (row) => row.first?.value ?? null, 8),
    value('last-value', 'Last value', 80, (row) => row.last?.value ?? null, 7),
    value('min', 'Smallest', 80, (row) => row.min),
    value('max', 'Largest', 80, (row) => row.max),
    value('delta', 'Change', 80, (row) => row.delta),
  ];
}
