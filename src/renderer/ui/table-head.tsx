// biome-ignore-all lint/a11y/useSemanticElements: a virtualised grid can't be made of table elements
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names the active cell
import { ArrowDown, ArrowUp } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import type { Column, TableModel } from './table-model.ts';

/** Titles that sort and change widths, and beneath them the filters where they are shown. */
export function TableHead<Row extends object>({
  model,
  rows,
}: {
  readonly model: TableModel<Row>;
  /** All of them, from which filters take their choices. */
  readonly rows: readonly Row[];
}): ReactNode {
  const { table, visible, layout, filters } = model;
  return (
    <div className="table-head" role="rowgroup">
      <div className="table-row table-titles" role="row" aria-rowindex={1}>
        {table.getHeaderGroups()[0]?.headers.map((tableHeader) => {
          const column = visible.find((candidate) => candidate.id === tableHeader.id);
          if (column === undefined) return null;
          const sorted = tableHeader.column.getIsSorted();
          return (
            <div
              key={column.id}
              role="columnheader"
              className="table-title"
              data-align={column.align}
              style={{ flex: `var(--flex-${column.id})` }}
              aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none'}
            >
              <button
                type="button"
                tabIndex={-1}
                disabled={column.sortable === false}
                onClick={tableHeader.column.getToggleSortingHandler()}
              >
                <span>{column.title}</span>
                {sorted === 'asc' && <ArrowUp size={11} aria-hidden />}
                {sorted === 'desc' && <ArrowDown size={11} aria-hidden />}
              </button>
              {/* biome-ignore lint/a11y/noStaticElementInteractions: widths are for the pointer; the text is whole on hover */}
              <span
                className="table-resize"
                data-resizing={tableHeader.column.getIsResizing() ? '' : undefined}
                onMouseDown={tableHeader.getResizeHandler()}
                onTouchStart={tableHeader.getResizeHandler()}
                onDoubleClick={() => tableHeader.column.resetSize()}
              />
            </div>
          );
        })}
      </div>
      {layout.filterRow && (
        <div className="table-row table-filters" role="row" aria-rowindex={2}>
          {visible.map((column) => (
            <div key={column.id} role="gridcell" className="table-filter" style={{ flex: `var(--flex-${column.id})` }}>
              {column.filter !== false && (
                <ColumnFilter
                  column={column}
                  rows={rows}
                  value={filters.get(column.id) ?? ''}
                  onChange={(text) => model.setFilter(column.id, text)}
                />
              )}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

function ColumnFilter<Row>({
  column,
  rows,
  value,
  onChange,
}: {
  readonly column: Column<Row>;
  readonly rows: readonly Row[];
  readonly value: string;
  readonly onChange: (text: string) => void;
}): ReactNode {
  const choices = useMemo(
    () => (column.filter === 'choice' ? [...new Set(rows.map((row) => column.text(row)))].sort() : []),
    [rows, column],
  );
  if (column.filter === 'choice') {
    return (
      <select
        className="select"
        aria-label={`Filter ${column.title}`}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        <option value="">All</option>
        {choices.map((choice) => (
          <option key={choice} value={`=${choice}`}>
            {choice === '' ? '(empty)' : choice}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      className="input"
      aria-label={`Filter ${column.title}`}
      title="Words that must occur; =whole cell, !without, >10"
      value={value}
      spellCheck={false}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
