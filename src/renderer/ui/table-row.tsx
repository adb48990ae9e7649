// biome-ignore-all lint/a11y/useSemanticElements: a virtualised grid can't be made of table elements
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names the active cell
import { type KeyboardEvent, memo, type ReactNode, useEffect, useRef, useState } from 'react';
import type { CellEditor, Column } from './table-model.ts';

interface TableRowProps<Row> {
  readonly row: Row;
  readonly id: string;
  readonly table: string;
  readonly index: number;
  readonly start: number;
  readonly columns: readonly Column<Row>[];
  readonly selected: boolean;
  /** Column of the active cell when it is in this row. */
  readonly activeColumn: string | undefined;
  readonly editing: boolean;
  readonly draggable: boolean;
  /** The row came into sight while the table is being scrolled: cells that cost more than text wait. */
  readonly passing: boolean;
  readonly className: string | undefined;
  readonly onEditEnd: () => void;
}

function PlainRow<Row>(props: TableRowProps<Row>): ReactNode {
  const { row, id, table, index, start, columns, selected, activeColumn, editing, draggable, passing } = props;
  return (
    <div
      role="row"
      className={props.className === undefined ? 'table-row' : `table-row ${props.className}`}
      data-index={index}
      data-active={activeColumn === undefined ? undefined : ''}
      aria-rowindex={index + 2}
      aria-selected={selected}
      draggable={draggable && !editing}
      style={{ top: start }}
    >
      {columns.map((column) => {
        const active = column.id === activeColumn;
        return (
          <div
            key={column.id}
            id={`${table}-${id}-${column.id}`}
            role="gridcell"
            data-column={column.id}
            data-align={column.align}
            data-active={active ? '' : undefined}
            className={column.mono === true ? 'table-cell mono' : 'table-cell'}
            style={{ flex: `var(--flex-${column.id})` }}
          >
            {active && editing && column.editor !== undefined ? (
              <CellInput row={row} editor={column.editor} label={column.title} onEnd={props.onEditEnd} />
            ) : passing && column.live === true ? null : column.cell === undefined ? (
              <span className="table-text" title={column.text(row)}>
                {column.text(row)}
              </span>
            ) : (
              column.cell(row)
            )}
          </div>
        );
      })}
    </div>
  );
}

/** Drawn anew only when its own row, selection or columns change; live cells write themselves. */
export const TableRow = memo(PlainRow, (a, b) => {
  for (const key of Object.keys(b) as (keyof TableRowProps<unknown>)[]) {
    if (key !== 'onEditEnd' && a[key] !== b[key]) return false;
  }
  return true;
}) as typeof PlainRow;

function CellInput<Row>({
  row,
  editor,
  label,
  onEnd,
}: {
  readonly row: Row;
  readonly editor: CellEditor<Row>;
  readonly label: string;
  readonly onEnd: () => void;
}): ReactNode {
  const [text, setText] = useState(() => editor.start(row));
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement & HTMLSelectElement>(null);
  const done = useRef(false);
  useEffect(() => {
    field.current?.focus();
    if (field.current instanceof HTMLInputElement) field.current.select();
  }, []);
  const finish = async (value: string): Promise<void> => {
    if (done.current) return;
    if (value === editor.start(row)) {
      done.current = true;
      onEnd();
      return;
    }
    const refusal = await editor.commit(row, value);
    if (refusal === null) {
      done.current = true;
      onEnd();
    } else setError(refusal);
  };
  const cancel = (): void => {
    done.current = true;
    onEnd();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === 'Enter') void finish(text);
    else if (event.key === 'Escape') cancel();
  };
  const shared = {
    ref: field,
    className: 'cell-input',
    'aria-label': label,
    'aria-invalid': error !== null,
    title: error ?? undefined,
    value: text,
    onKeyDown,
    // Leaving the cell keeps what was typed if it is right, and gives up if it is not.
    onBlur: () => (error === null ? void finish(text) : cancel()),
  };
  return (
    <>
      {editor.kind === 'choice' ? (
        <select
          {...shared}
          onChange={(event) => {
            setText(event.target.value);
            void finish(event.target.value);
          }}
        >
          {(editor.choices?.(row) ?? []).map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          spellCheck={false}
          onChange={(event) => {
            setText(event.target.value);
            setError(null);
          }}
        />
      )}
      {error !== null && (
        <span className="cell-error" role="alert">
          {error}
        </span>
      )}
    </>
  );
}
