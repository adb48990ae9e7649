import { type DragEvent, type KeyboardEvent, type ReactNode, useLayoutEffect, useRef } from 'react';
import { type HueBook, traceColour } from '#renderer/plot/index.ts';
import { DemoMark, MiddleText, useLook } from '#renderer/ui/index.ts';
import type { TrendDocument } from '#shared/model/index.ts';
import { isOurs, readTags, readTrace, TRACE_MIME } from './drag-data.ts';
import type { LegendColumn, Readout } from './readout.ts';
import { allTagIds, type TraceRef, type TraceTag, type TraceTarget } from './trend-model.ts';

export const LEGEND_COLUMNS: readonly {
  readonly id: LegendColumn;
  readonly title: string;
  readonly statistic: boolean;
}[] = [
  { id: 'value', title: 'Value', statistic: false },
  { id: 'a', title: 'A', statistic: false },
  { id: 'b', title: 'B', statistic: false },
  { id: 'delta', title: 'B − A', statistic: false },
  { id: 'min', title: 'Min', statistic: true },
  { id: 'max', title: 'Max', statistic: true },
  { id: 'mean', title: 'Mean', statistic: true },
  { id: 'deviation', title: 'Std', statistic: true },
  { id: 'count', title: 'Count', statistic: true },
];

export interface LegendActions {
  toggle(ref: TraceRef): void;
  solo(ref: TraceRef): void;
  remove(ref: TraceRef): void;
  select(ref: TraceRef | null): void;
  move(ref: TraceRef, target: TraceTarget): void;
  add(tagIds: readonly string[], target: TraceTarget): void;
  menu(ref: TraceRef, at: { readonly x: number; readonly y: number }): void;
}

/** Numbers of all traces. The cells are filled by the readout, in the frame of the drawing. */
export function LegendTable({
  trend,
  tags,
  hues,
  columns,
  selected,
  readout,
  actions,
  problemOf,
}: {
  readonly trend: TrendDocument;
  readonly tags: ReadonlyMap<string, TraceTag>;
  readonly hues: HueBook;
  readonly columns: readonly LegendColumn[];
  readonly selected: TraceRef | null;
  readonly readout: Readout | null;
  readonly actions: LegendActions;
  /** Why a trace's source does not answer; null while it does. */
  readonly problemOf: (key: string) => string | null;
}): ReactNode {
  const body = useRef<HTMLTableSectionElement>(null);
  const { theme } = useLook();
  const shown = LEGEND_COLUMNS.filter((column) => columns.includes(column.id));
  const all = allTagIds(trend);
  const rows = trend.plots.flatMap((plot, plotIndex) =>
    plot.traces.map((trace) => ({
      plot,
      plotIndex,
      trace,
      tag: tags.get(trace.tagId),
      ref: { plotId: plot.id, tagId: trace.tagId },
    })),
  );
  const key = `${rows.map(({ ref }) => `${ref.plotId}/${ref.tagId}`).join(' ')}|${shown.map((column) => column.id).join(' ')}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for rows and columns
  useLayoutEffect(() => {
    if (readout === null || body.current === null) return;
    const elements = [...body.current.querySelectorAll<HTMLElement>('tr[data-trace]')];
    readout.setRows(
      elements.flatMap((element) => {
        const tag = tags.get(element.dataset.trace ?? '');
        return tag === undefined ? [] : [{ tag, element }];
      }),
    );
  }, [readout, key, tags]);

  const onKeyDown = (event: KeyboardEvent, index: number): void => {
    const row = rows[index];
    if (row === undefined) return;
    const focusRow = (to: number): void => {
      event.preventDefault();
      const next = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (next === undefined) return;
      actions.select(next.ref);
      body.current
        ?.querySelectorAll<HTMLElement>('tr[data-trace]')
        [Math.max(0, Math.min(rows.length - 1, to))]?.focus();
    };
    const shift = (by: 1 | -1): void => {
      event.preventDefault();
      const siblings = row.plot.traces;
      const at = siblings.findIndex((trace) => trace.tagId === row.ref.tagId);
      const place = at + by;
      if (place >= 0 && place < siblings.length) {
        const before = by < 0 ? siblings[place]?.tagId : siblings[place + 1]?.tagId;
        actions.move(row.ref, { plotId: row.plot.id, axisId: row.trace.axisId, beforeTagId: before ?? null });
        return;
      }
      const other = trend.plots[row.plotIndex + by];
      actions.move(row.ref, { plotId: other?.id ?? (by > 0 ? null : row.plot.id), axisId: null, beforeTagId: null });
    };
    if (event.key === 'ArrowDown') event.altKey ? shift(1) : focusRow(index + 1);
    else if (event.key === 'ArrowUp') event.altKey ? shift(-1) : focusRow(index - 1);
    else if (event.key === ' ') {
      event.preventDefault();
      actions.toggle(row.ref);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      actions.solo(row.ref);
    } else if (event.key === 'Delete') {
      event.preventDefault();
      actions.remove(row.ref);
    } else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      event.preventDefault();
      const box = event.currentTarget.getBoundingClientRect();
      actions.menu(row.ref, { x: box.left + 24, y: box.bottom });
    }
  };
  const onDrop = (event: DragEvent, plotId: string, axisId: string | null, beforeTagId: string | null): void => {
    if (!isOurs(event.dataTransfer)) return;
    event.preventDefault();
    const trace = readTrace(event.dataTransfer);
    if (trace !== null) {
      // On a row of another axis the trace joins that axis; inside its plot it only changes its place.
      actions.move(trace, { plotId, axisId: trace.plotId === plotId ? null : axisId, beforeTagId });
    } else actions.add(readTags(event.dataTransfer), { plotId, axisId: null, beforeTagId });
  };
  const allow = (event: DragEvent): void => {
    if (isOurs(event.dataTransfer)) event.preventDefault();
  };

  return (
    <div className="legend">
      <table className="legend-table" style={{ '--columns': shown.length } as React.CSSProperties}>
        <thead>
          <tr>
            <th scope="col" className="legend-name">
              Tag
            </th>
            {shown.map((column) => (
              <th key={column.id} scope="col" className="legend-number">
                {column.title}
              </th>
            ))}
            <th scope="col" className="legend-unit">
              Unit
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map(({ plot, plotIndex, trace, tag, ref }, index) => {
            const chosen = selected?.plotId === ref.plotId && selected.tagId === ref.tagId;
            const first = index === 0 || rows[index - 1]?.plot.id !== plot.id;
            return (
              <tr
                key={`${ref.plotId}/${ref.tagId}`}
                data-trace={ref.tagId}
                data-first={first && plotIndex > 0 ? '' : undefined}
                data-hidden={trace.visible ? undefined : ''}
                aria-selected={chosen}
                tabIndex={chosen || (selected === null && index === 0) ? 0 : -1}
                draggable
                onDragStart={(event) => {
                  event.dataTransfer.setData(TRACE_MIME, JSON.stringify(ref));
                  event.dataTransfer.effectAllowed = 'move';
                }}
                onDragOver={allow}
                onDrop={(event) => onDrop(event, plot.id, trace.axisId, ref.tagId)}
                onClick={() => actions.select(ref)}
                onDoubleClick={() => actions.solo(ref)}
                onKeyDown={(event) => onKeyDown(event, index)}
                onContextMenu={(event) => {
                  event.preventDefault();
                  actions.select(ref);
                  actions.menu(ref, { x: event.clientX, y: event.clientY });
                }}
              >
                <td className="legend-name">
                  <div>
                    <button
                      type="button"
                      className="legend-swatch"
                      aria-pressed={trace.visible}
                      aria-label={`${tag?.name ?? ref.tagId}: ${trace.visible ? 'shown' : 'hidden'}`}
                      tabIndex={-1}
                      style={{ '--trace': traceColour(hues.hueOf(ref.tagId, all), theme) } as React.CSSProperties}
                      onClick={(event) => {
                        event.stopPropagation();
                        actions.toggle(ref);
                      }}
                      onDoubleClick={(event) => event.stopPropagation()}
                    />
                    <MiddleText text={tag?.name ?? ref.tagId} />
                    {tag?.origin !== undefined && (
                      <span className="quiet legend-origin" title={`Read from ${tag.origin}`}>
                        {tag.origin}
                      </span>
                    )}
                    {problemOf(ref.tagId) !== null && (
                      <span className="legend-problem" title={problemOf(ref.tagId) ?? undefined}>
                        no answer: {problemOf(ref.tagId)}
                      </span>
                    )}
                    {tag?.demo === true && <DemoMark />}
                    {tag === undefined && <span className="quiet">not in this source</span>}
                    {trend.plots.length > 1 && <span className="quiet legend-plot">plot {plotIndex + 1}</span>}
                  </div>
                </td>
                {shown.map((column) => (
                  <td key={column.id} className="legend-number mono">
                    <div className="legend-cell" data-col={column.id} />
                  </td>
                ))}
                <td className="legend-unit quiet">{tag?.unit ?? ''}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
