// biome-ignore-all lint/a11y/useSemanticElements: a virtualised grid can't be made of table elements
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names the active cell
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type ClipboardEvent,
  type CSSProperties,
  type DragEvent,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { Button } from './controls.tsx';
import { Menu, type MenuEntry, type MenuPlace } from './menu.tsx';
import { TableHead } from './table-head.tsx';
import { type Column, useTableModel } from './table-model.ts';
import { TableRow } from './table-row.tsx';
import { fromTsv, toTsv } from './table-text.ts';
import { useRem } from './theme.tsx';
import './data-table.css';

/** Pixels per key press. */
const WIDTH_STEP = 16;

export interface TableHandle {
  focus(): void;
  scrollTo(rowId: string): void;
  /** Opens the editor of the active cell, as F2 does. */
  edit(): void;
  showColumns(at: MenuPlace): void;
  toggleFilters(): void;
}

export interface DataTableProps<Row extends object> {
  /** Under which widths, order and columns are remembered. */
  readonly name: string;
  readonly label: string;
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
  readonly selection: ReadonlySet<string>;
  readonly onSelect: (ids: ReadonlySet<string>) => void;
  /** Words that must occur somewhere in a row. */
  readonly search?: string;
  /** Enter and double-click. */
  readonly onOpen?: (row: Row) => void;
  readonly onDelete?: () => void;
  /** Cells pasted from a spreadsheet. */
  readonly onPaste?: (cells: readonly (readonly string[])[]) => void;
  readonly menu?: () => readonly MenuEntry[];
  /** Rows can be dragged: media type and text of what is dragged. */
  readonly drag?: (rows: readonly Row[]) => { readonly type: string; readonly text: string };
  /** Class names of a row by its state: `disabled`. */
  readonly rowClass?: (row: Row) => string | undefined;
  /** Shown when there are no rows at all. */
  readonly empty: ReactNode;
  readonly handle?: React.Ref<TableHandle>;
  /** How many rows are left after search and filters. */
  readonly onCount?: (shown: number) => void;
}

/**
 * A table of any length: only rows in sight are in the document. One Tab stop; arrows move, Shift extends, Ctrl+A takes
 * all, F2 edits, Enter opens, Delete removes, Ctrl+C and Ctrl+V talk to spreadsheets.
 */
export function DataTable<Row extends object>(props: DataTableProps<Row>): ReactNode {
  const { name, label, rows, rowId, columns, selection, onSelect, search = '', onOpen, rowClass } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useRem(1.5);
  const scale = useRem(1 / 16);
  const width = useWidth(
    scroller,
    columns.some((column) => column.yields !== undefined),
  );
  const model = useTableModel(name, rows, columns, rowId, search, width === null ? null : width / scale);
  const { table, visible, layout, setLayout, filters } = model;
  const shown = table.getRowModel().rows;
  const [active, setActive] = useState<{ readonly row: string; readonly column: string } | null>(null);
  const [editing, setEditing] = useState(false);
  const anchor = useRef<string | null>(null);
  const [menu, setMenu] = useState<{ readonly at: MenuPlace; readonly kind: 'row' | 'columns' } | null>(null);

  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 6,
    getItemKey: (index) => shown[index]?.id ?? index,
    paddingStart: layout.filterRow ? rowHeight * 2 : rowHeight,
    scrollPaddingStart: layout.filterRow ? rowHeight * 2 : rowHeight,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the row height changes with the text size and the filter row
  useEffect(() => virtual.measure(), [rowHeight, layout.filterRow]);

  // Another order or another selection of rows is read from its start.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what changes is what moves the table
  useEffect(() => virtual.scrollToOffset(0), [search, model.filters, layout.sorting]);

  const { onCount } = props;
  useEffect(() => onCount?.(shown.length), [onCount, shown.length]);

  const indexOf = useMemo(() => {
    const map = new Map<string, number>();
    for (const [index, row] of shown.entries()) map.set(row.id, index);
    return map;
  }, [shown]);

  useImperativeHandle(
    props.handle,
    () => ({
      focus: () => scroller.current?.focus(),
      scrollTo(id) {
        const index = indexOf.get(id);
        if (index !== undefined) virtual.scrollToIndex(index, { align: 'auto' });
      },
      edit: () => setEditing(true),
      showColumns: (at) => setMenu({ at, kind: 'columns' }),
      toggleFilters() {
        if (layout.filterRow) model.clearFilters();
        setLayout({ ...layout, filterRow: !layout.filterRow });
      },
    }),
    [indexOf, virtual, layout, setLayout, model],
  );

  const rangeTo = (index: number): Set<string> => {
    const from = indexOf.get(anchor.current ?? '') ?? index;
    const ids = new Set<string>();
    for (let i = Math.min(from, index); i <= Math.max(from, index); i++) ids.add(shown[i]!.id);
    return ids;
  };
  const pick = (index: number, column: string, how: { readonly range: boolean; readonly toggle: boolean }): void => {
    const row = shown[index];
    if (row === undefined) return;
    setEditing(false);
    setActive({ row: row.id, column });
    if (how.range) onSelect(how.toggle ? new Set([...selection, ...rangeTo(index)]) : rangeTo(index));
    else if (how.toggle) {
      const next = new Set(selection);
      if (!next.delete(row.id)) next.add(row.id);
      anchor.current = row.id;
      onSelect(next);
    } else {
      anchor.current = row.id;
      onSelect(new Set([row.id]));
    }
  };

  const cellAt = (event: MouseEvent | DragEvent): { readonly index: number; readonly column: string } | null => {
    if (!(event.target instanceof Element)) return null;
    const row = event.target.closest<HTMLElement>('[data-index]');
    if (row === null) return null;
    const cell = event.target.closest<HTMLElement>('[data-column]');
    return { index: Number(row.dataset.index), column: cell?.dataset.column ?? visible[0]?.id ?? '' };
  };

  const startEdit = (): void => {
    const row = active === null ? undefined : shown[indexOf.get(active.row) ?? -1];
    const editor = visible.find((column) => column.id === active?.column)?.editor;
    const first = visible.find((column) => column.editor !== undefined);
    if (row === undefined) return;
    if (editor === undefined || editor.allowed?.(row.original) === false) {
      if (first === undefined || first.editor?.allowed?.(row.original) === false) return;
      setActive({ row: row.id, column: first.id });
    }
    setEditing(true);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== scroller.current) return;
    const index = indexOf.get(active?.row ?? '') ?? -1;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
    const columnIndex = Math.max(
      0,
      visible.findIndex((column) => column.id === active?.column),
    );
    const column = visible[columnIndex]?.id ?? '';
    const move = (to: number): void => {
      event.preventDefault();
      if (shown.length === 0) return;
      const target = Math.min(shown.length - 1, Math.max(0, to));
      pick(target, column, { range: event.shiftKey, toggle: false });
      virtual.scrollToIndex(target, { align: 'auto' });
    };
    const sideways = (by: number): void => {
      event.preventDefault();
      const next = visible[Math.min(visible.length - 1, Math.max(0, columnIndex + by))];
      if (next !== undefined && active !== null) setActive({ ...active, column: next.id });
    };
    const ctrl = event.ctrlKey || event.metaKey;
    if (event.altKey && event.key.toLowerCase() === 's') {
      event.preventDefault();
      table.getColumn(column)?.toggleSorting();
    } else if (event.altKey && event.shiftKey && (event.key === 'ArrowRight' || event.key === 'ArrowLeft')) {
      event.preventDefault();
      const width = layout.sizing[column] ?? visible[columnIndex]?.width ?? 100;
      const wider = Math.max(36, width + (event.key === 'ArrowRight' ? WIDTH_STEP : -WIDTH_STEP));
      setLayout({ ...layout, sizing: { ...layout.sizing, [column]: wider } });
    } else if (event.key === 'ArrowDown' && !event.altKey) move(index + 1);
    else if (event.key === 'ArrowUp' && !event.altKey) move(index < 0 ? 0 : index - 1);
    else if (event.key === 'PageDown') move(index + page);
    else if (event.key === 'PageUp') move(index - page);
    else if (event.key === 'Home' && !event.altKey) move(0);
    else if (event.key === 'End' && !event.altKey) move(shown.length - 1);
    else if (event.key === 'ArrowRight') sideways(1);
    else if (event.key === 'ArrowLeft') sideways(-1);
    else if (ctrl && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      onSelect(new Set(shown.map((row) => row.id)));
    } else if (event.key === ' ' && index >= 0) {
      event.preventDefault();
      pick(index, column, { range: false, toggle: true });
    } else if (event.key === 'Escape' && selection.size > 0) {
      event.preventDefault();
      onSelect(new Set());
    } else if (event.key === 'F2') {
      event.preventDefault();
      startEdit();
    } else if (event.key === 'Enter' && onOpen !== undefined && index >= 0) {
      event.preventDefault();
      onOpen(shown[index]!.original);
    } else if (
      (event.key === 'Delete' || event.key === 'Backspace') &&
      props.onDelete !== undefined &&
      selection.size > 0
    ) {
      event.preventDefault();
      props.onDelete();
    } else if ((event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10')) && props.menu !== undefined) {
      event.preventDefault();
      const box = scroller.current?.querySelector('[data-active]')?.getBoundingClientRect();
      setMenu({ at: { x: (box?.left ?? 200) + 16, y: box?.bottom ?? 200 }, kind: 'row' });
    }
  };

  const onCopy = (event: ClipboardEvent): void => {
    if (event.target !== scroller.current) return;
    const chosen = shown.filter((row) => selection.has(row.id));
    if (chosen.length === 0) return;
    event.preventDefault();
    const cells = chosen.map((row) => visible.map((column) => column.text(row.original)));
    event.clipboardData.setData('text/plain', toTsv([visible.map((column) => column.title), ...cells]));
  };
  const onPaste = (event: ClipboardEvent): void => {
    if (event.target !== scroller.current || props.onPaste === undefined) return;
    const text = event.clipboardData.getData('text/plain');
    if (text === '') return;
    event.preventDefault();
    props.onPaste(fromTsv(text));
  };

  const sizes: Record<string, string> = {};
  let total = 0;
  for (const column of visible) {
    const width = Math.round((layout.sizing[column.id] ?? column.width) * scale);
    const grows = column.grow === true && layout.sizing[column.id] === undefined;
    sizes[`--flex-${column.id}`] = `${grows ? 1 : 0} 0 ${width}px`;
    total += width;
  }

  const activeColumn = active?.column;
  // Rows that were complete before the scrolling began stay so; the others are completed when it rests.
  const items = virtual.getVirtualItems();
  const complete = useRef<ReadonlySet<string>>(new Set());
  if (!virtual.isScrolling) complete.current = new Set(items.map((item) => shown[item.index]?.id ?? ''));
  const nothingMatches = rows.length > 0 && shown.length === 0;
  return (
    <div className="table-outer">
      <div
        ref={scroller}
        className="table"
        role="grid"
        aria-label={label}
        aria-rowcount={shown.length + 1}
        aria-colcount={visible.length}
        aria-multiselectable
        aria-activedescendant={
          active !== null && indexOf.has(active.row) ? `${name}-${active.row}-${active.column}` : undefined
        }
        tabIndex={0}
        onKeyDown={onKeyDown}
        onCopy={onCopy}
        onPaste={onPaste}
        onClick={(event) => {
          const hit = cellAt(event);
          if (hit !== null && !editing) {
            pick(hit.index, hit.column, { range: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
          }
        }}
        onDoubleClick={(event) => {
          const hit = cellAt(event);
          const row = hit === null ? undefined : shown[hit.index];
          if (row !== undefined && !editing) onOpen?.(row.original);
        }}
        onContextMenu={(event) => {
          const hit = cellAt(event);
          if (hit === null || props.menu === undefined) return;
          event.preventDefault();
          const row = shown[hit.index];
          if (row !== undefined && !selection.has(row.id)) pick(hit.index, hit.column, { range: false, toggle: false });
          setMenu({ at: { x: event.clientX, y: event.clientY }, kind: 'row' });
        }}
        onDragStart={(event) => {
          const hit = cellAt(event);
          const row = hit === null ? undefined : shown[hit.index];
          if (row === undefined || props.drag === undefined) return;
          const dragged = selection.has(row.id)
            ? shown.filter((candidate) => selection.has(candidate.id)).map((candidate) => candidate.original)
            : [row.original];
          const { type, text } = props.drag(dragged);
          event.dataTransfer.effectAllowed = 'copy';
          event.dataTransfer.setData(type, text);
        }}
        style={{ ...sizes, '--table-width': `${total}px`, '--row-height': `${rowHeight}px` } as CSSProperties}
      >
        <div className="table-canvas" role="presentation" style={{ height: virtual.getTotalSize() }}>
          <TableHead model={model} rows={rows} />
          <div role="rowgroup">
            {items.map((item) => {
              const row = shown[item.index];
              if (row === undefined) return null;
              const isActive = active?.row === row.id;
              return (
                <TableRow
                  key={row.id}
                  row={row.original}
                  id={row.id}
                  table={name}
                  index={item.index}
                  start={item.start}
                  columns={visible}
                  selected={selection.has(row.id)}
                  activeColumn={isActive ? activeColumn : undefined}
                  editing={isActive && editing}
                  draggable={props.drag !== undefined}
                  passing={virtual.isScrolling && !complete.current.has(row.id)}
                  className={rowClass?.(row.original)}
                  onEditEnd={() => {
                    setEditing(false);
                    scroller.current?.focus();
                  }}
                />
              );
            })}
          </div>
        </div>
      </div>
      {rows.length === 0 && <div className="table-empty">{props.empty}</div>}
      {nothingMatches && (
        <div className="table-empty table-nothing">
          <p>No row matches the search and the filters.</p>
          {filters.size > 0 && <Button onClick={() => model.clearFilters()}>Clear the filters</Button>}
        </div>
      )}
      {menu !== null && (
        <Menu
          at={menu.at}
          label={menu.kind === 'row' ? 'Commands' : 'Columns'}
          keepOpen={menu.kind === 'columns'}
          onClose={() => setMenu(null)}
          entries={
            menu.kind === 'row'
              ? (props.menu?.() ?? [])
              : columns.map((column) => ({
                  label: column.title === '' ? column.id : column.title,
                  checked: visible.includes(column),
                  disabled: visible.length === 1 && visible.includes(column),
                  run: () =>
                    setLayout({
                      ...layout,
                      visibility: { ...layout.visibility, [column.id]: !visible.includes(column) },
                    }),
                }))
          }
        />
      )}
    </div>
  );
}

/** The width that the element has inside, followed where `wanted`; null before it is known. */
function useWidth(element: RefObject<HTMLElement | null>, wanted: boolean): number | null {
  const [width, setWidth] = useState<number | null>(null);
  useLayoutEffect(() => {
    const { current } = element;
    if (!wanted || current === null) return;
    const measure = (): void => setWidth(current.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, [element, wanted]);
  return width;
}
