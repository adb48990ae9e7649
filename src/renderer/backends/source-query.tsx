import { Play, Square } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useState } from 'react';
import { errorText, useAbort, useClient, useZone } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  type Column,
  DataTable,
  EmptyState,
  Field,
  formatCount,
  formatNumber,
  formatTime,
  plural,
  qualitySign,
  SplitPane,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type LastHours, LastRangeField, lastRange } from './last-range.tsx';
import { labelsText } from './source-rows.tsx';

/** Samples of one series that the table shows; a picture of more is the trend's work. */
const MOST_SHOWN = 10_000;
const MOST_ROWS = 1_000_000;

interface SeriesRow {
  readonly id: string;
  readonly name: string;
  readonly labels: string;
  readonly unit: string | null;
  readonly time: Float64Array;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
}
interface SampleRow {
  readonly id: string;
  readonly time: number;
  readonly value: number;
  readonly quality: number;
}
const rowId = (row: { readonly id: string }): string => row.id;
const nothing: ReadonlySet<string> = new Set();
/** What was typed last, by source; gone with the page load. */
const typed = new Map<string, string>();

/** A question in the source's own language, for those who know it; the session can only read. */
export function SourceQuery({ id }: { readonly id: string }): ReactNode {
  const client = useClient();
  const zone = useZone();
  const newSignal = useAbort();
  const [text, setText] = useState(() => typed.get(id) ?? '');
  const [hours, setHours] = useState<LastHours>('24');
  const [series, setSeries] = useState<readonly SeriesRow[] | null>(null);
  const [warnings, setWarnings] = useState<readonly string[]>([]);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [running, setRunning] = useState(false);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set(['s0']));
  useEffect(() => {
    typed.set(id, text);
  }, [id, text]);

  const run = async (): Promise<void> => {
    if (text.trim() === '' || running) return;
    const signal = newSignal();
    setRunning(true);
    setRefusal(null);
    try {
      const range = lastRange(hours, client.now());
      const found: SeriesRow[] = [];
      let said: readonly string[] = [];
      for await (const item of client.rpc.sources.raw({ id, text, range, limit: MOST_ROWS }, { signal })) {
        said = item.warnings;
        if (item.series === null) continue;
        const { definition, labels, unit, time, value, quality } = item.series;
        found.push({
          id: `s${found.length}`,
          name: definition,
          labels: labelsText(labels),
          unit,
          time,
          value,
          quality,
        });
      }
      setSeries(found);
      setWarnings(said);
      setSelection(new Set(['s0']));
    } catch (error) {
      if (isAppError(error, 'config.invalid')) {
        setRefusal(error.details.issues[0]?.message ?? errorText(error));
      } else if (!isAppError(error, 'rpc.cancelled')) setRefusal(errorText(error));
    } finally {
      if (!signal.aborted) setRunning(false);
    }
  };
  const stop = (): void => {
    newSignal();
    setRunning(false);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void run();
    }
  };

  const seriesColumns = useMemo(
    (): readonly Column<SeriesRow>[] => [
      { id: 'name', title: 'Series', width: 120, grow: true, text: (row) => row.name },
      { id: 'labels', title: 'Labels', width: 160, grow: true, mono: true, text: (row) => row.labels },
      {
        id: 'count',
        title: 'Samples',
        width: 80,
        align: 'right',
        mono: true,
        text: (row) => formatCount(row.time.length),
        order: (row) => row.time.length,
      },
      {
        id: 'last',
        title: 'Last',
        width: 90,
        align: 'right',
        mono: true,
        text: (row) => formatNumber(row.value.at(-1)),
        order: (row) => row.value.at(-1) ?? null,
      },
    ],
    [],
  );
  const sampleColumns = useMemo(
    (): readonly Column<SampleRow>[] => [
      {
        id: 'time',
        title: 'Time',
        width: 190,
        mono: true,
        text: (row) => formatTime(row.time, zone, 'millisecond'),
        order: (row) => row.time,
      },
      {
        id: 'value',
        title: 'Value',
        width: 110,
        align: 'right',
        mono: true,
        text: (row) => formatNumber(row.value),
        order: (row) => (Number.isFinite(row.value) ? row.value : null),
      },
      { id: 'quality', title: 'Quality', width: 100, grow: true, text: (row) => qualitySign(row.quality).word },
    ],
    [zone],
  );
  const chosen = series?.find((one) => selection.has(one.id)) ?? null;
  const samples = useMemo((): readonly SampleRow[] => {
    if (chosen === null) return [];
    const first = Math.max(0, chosen.time.length - MOST_SHOWN);
    return Array.from({ length: chosen.time.length - first }, (_, at) => ({
      id: `p${at}`,
      time: chosen.time[first + at] ?? Number.NaN,
      value: chosen.value[first + at] ?? Number.NaN,
      quality: chosen.quality[first + at] ?? 0,
    }));
  }, [chosen]);

  return (
    <div className="source-part">
      <form
        className="query-form"
        aria-label="Query"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <Field
          label="Query"
          help="In the language of the source. $1 and $2 stand for the start and the end of the range. A column of times, columns of numbers, and columns of texts as labels become series."
        >
          {(ids) => (
            <textarea
              {...ids}
              className="textarea mono"
              rows={5}
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={onKeyDown}
            />
          )}
        </Field>
        <div className="query-bar">
          <LastRangeField value={hours} onChange={setHours} />
          <span className="quiet" role="status">
            {running ? 'asking' : series === null ? 'It can only read.' : plural(series.length, 'series', 'series')}
          </span>
          <span className="toolbar-gap" />
          {running ? (
            <Button icon={Square} onClick={stop}>
              Stop
            </Button>
          ) : (
            <Button look="primary" icon={Play} type="submit" disabled={text.trim() === ''} title="Ctrl+Enter">
              Run
            </Button>
          )}
        </div>
      </form>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      {warnings.map((warning) => (
        <Banner key={warning} tone="warn">
          {warning}
        </Banner>
      ))}
      <div className="page-fill">
        <SplitPane
          name="source-query"
          direction="vertical"
          minFirst="6rem"
          minSecond="6rem"
          secondSize="60%"
          first={
            <DataTable
              name="query-series"
              label="Series of the answer"
              rows={series ?? []}
              rowId={rowId}
              columns={seriesColumns}
              selection={selection}
              onSelect={setSelection}
              empty={
                <EmptyState
                  title={series === null ? 'Nothing asked yet' : 'The answer has no series'}
                  text={
                    series === null
                      ? 'The answer is listed here by series. Graphs and the trend draw the tags of mapped tables without a query.'
                      : 'There are no rows in this range. Take a longer one.'
                  }
                />
              }
            />
          }
          second={
            chosen === null ? null : (
              <DataTable
                name="query-samples"
                label="Samples of the series"
                rows={samples}
                rowId={rowId}
                columns={sampleColumns}
                selection={nothing}
                onSelect={() => undefined}
                empty={<EmptyState title="No samples" text="The series has none in this range." />}
              />
            )
          }
        />
      </div>
    </div>
  );
}
