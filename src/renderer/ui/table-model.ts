import {
  type ColumnDef,
  columnFilteringFeature,
  columnResizingFeature,
  columnSizingFeature,
  columnVisibilityFeature,
  createFilteredRowModel,
  createSortedRowModel,
  functionalUpdate,
  type ReactTable,
  rowSortingFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import type { ReactNode } from 'react';
import { useMemo, useState } from 'react';
import { usePreference } from './preference.ts';

export interface CellEditor<Row> {
  readonly kind: 'text' | 'choice';
  readonly choices?: (row: Row) => readonly { readonly value: string; readonly label: string }[];
  /** What stands in the field to begin with. */
  readonly start: (row: Row) => string;
  readonly allowed?: (row: Row) => boolean;
  /** Null when taken, else the sentence that says what would be right. */
  readonly commit: (row: Row, text: string) => Promise<string | null>;
}

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** Pixels at 100 % text size. */
  readonly width: number;
  /** Takes what is left of the table's width, until the user gives it a width of its own. */
  readonly grow?: boolean;
  readonly align?: 'left' | 'right';
  readonly mono?: boolean;
  /** What is searched, filtered and copied. Live values give their newest. */
  readonly text: (row: Row) => string;
  /** What is sorted by; the text where it is left out. Null sorts last. */
  readonly order?: (row: Row) => number | string | null;
  readonly cell?: (row: Row) => ReactNode;
  /** The cell follows live values: rows that pass by while the table is being scrolled leave it out. */
  readonly live?: boolean;
  /** `choice` offers the values that occur; false for what can't be compared. */
  readonly filter?: 'text' | 'choice' | false;
  readonly sortable?: boolean;
  readonly hidden?: boolean;
  /** Left out while there is no room for all columns, the larger number first, unless the user has chosen to see it. */
  readonly yields?: number;
  readonly editor?: CellEditor<Row>;
}

export const features = tableFeatures({
  columnFilteringFeature,
  columnSizingFeature,
  columnResizingFeature,
  columnVisibilityFeature,
  rowSortingFeature,
  filteredRowModel: createFilteredRowModel(),
  sortedRowModel: createSortedRowModel(),
});

interface TableLayout {
  readonly sizing: Record<string, number>;
  readonly visibility: Record<string, boolean>;
  readonly sorting: { id: string; desc: boolean }[];
  readonly filterRow: boolean;
}
const PLAIN_LAYOUT: TableLayout = { sizing: {}, visibility: {}, sorting: [], filterRow: false };

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

export function compareValues(a: number | string | null, b: number | string | null): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}

/**
 * What a user types into a filter: words that must all occur, `=text` for the whole cell, `!text` for cells without it,
 * and `<`, `<=`, `>`, `>=` with a number.
 */
export function matchesFilter(cell: string, order: number | string | null, filter: string): boolean {
  const wanted = filter.trim();
  if (wanted === '') return true;
  const compare = /^(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)$/.exec(wanted);
  if (compare !== null) {
    const limit = Number(compare[2]);
    const value = typeof order === 'number' ? order : Number.parseFloat(cell);
    if (Number.isNaN(value)) return false;
    return compare[1] === '<'
      ? value < limit
      : compare[1] === '<='
        ? value <= limit
        : compare[1] === '>'
          ? value > limit
          : value >= limit;
  }
  const text = cell.toLowerCase();
  if (wanted.startsWith('=')) return text === wanted.slice(1).trim().toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => (word.startsWith('!') && word.length > 1 ? !text.includes(word.slice(1)) : text.includes(word)));
}

/** Which of the columns that would be shown have room; what the user has chosen, sorts by or filters stays in any case. */
export function columnsWithRoom<Row>(
  columns: readonly Column<Row>[],
  room: number,
  widthOf: (column: Column<Row>) => number,
  stays: (column: Column<Row>) => boolean,
): readonly Column<Row>[] {
  const kept = new Set(columns);
  let total = columns.reduce((sum, column) => sum + widthOf(column), 0);
  const leaving = columns.filter((column) => column.yields !== undefined && !stays(column));
  for (const column of leaving.sort((a, b) => (b.yields ?? 0) - (a.yields ?? 0))) {
    if (total <= room) break;
    kept.delete(column);
    total -= widthOf(column);
  }
  return columns.filter((column) => kept.has(column));
}

export interface TableModel<Row extends object> {
  readonly table: ReactTable<typeof features, Row>;
  readonly layout: TableLayout;
  readonly setLayout: (layout: TableLayout) => void;
  readonly visible: readonly Column<Row>[];
  readonly filters: ReadonlyMap<string, string>;
  readonly setFilter: (columnId: string, text: string) => void;
  readonly clearFilters: () => void;
}

/**
 * Sorting, filters, widths and visible columns of one table; all but the filters are remembered under `name`. `room` is
 * the table's width in pixels at 100 % text size, null while it is not known.
 */
export function useTableModel<Row extends object>(
  name: string,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  rowId: (row: Row) => string,
  search: string,
  room: number | null,
): TableModel<Row> {
  const [layout, setLayout] = usePreference<TableLayout>(`table.${name}`, PLAIN_LAYOUT);
  const [filters, setFilters] = useState<{ id: string; value: string }[]>([]);

  const defs = useMemo(
    () =>
      columns.map((column): ColumnDef<typeof features, Row> => {
        const order = column.order ?? column.text;
        return {
          id: column.id,
          accessorFn: (row: Row) => order(row) ?? undefined,
          sortUndefined: 'last',
          sortFn: (a, b) => compareValues(order(a.original) ?? null, order(b.original) ?? null),
          filterFn: (row, _id, text: string) => matchesFilter(column.text(row.original), order(row.original), text),
          enableSorting: column.sortable !== false,
          size: column.width,
          minSize: 36,
        };
      }),
    [columns],
  );

  const searched = useMemo(() => {
    if (search.trim() === '') return [...rows];
    return rows.filter((row) => matchesFilter(columns.map((column) => column.text(row)).join('\u0001'), null, search));
  }, [rows, columns, search]);

  const visibility = useMemo(() => {
    const shown: Record<string, boolean> = {};
    for (const column of columns) shown[column.id] = layout.visibility[column.id] ?? column.hidden !== true;
    if (room === null) return shown;
    const wanted = columns.filter((column) => shown[column.id] === true);
    const fitting = columnsWithRoom(
      wanted,
      room,
      (column) => layout.sizing[column.id] ?? column.width,
      ({ id }) =>
        layout.visibility[id] === true ||
        layout.sorting.some((sort) => sort.id === id) ||
        filters.some((filter) => filter.id === id),
    );
    for (const column of wanted) shown[column.id] = fitting.includes(column);
    return shown;
  }, [columns, layout.visibility, layout.sizing, layout.sorting, filters, room]);

  const table = useTable<typeof features, Row>({
    features,
    columns: defs,
    data: searched,
    getRowId: rowId,
    columnResizeMode: 'onChange',
    enableSortingRemoval: true,
    enableMultiSort: true,
    state: {
      sorting: layout.sorting,
      columnFilters: filters,
      columnVisibility: visibility,
      columnSizing: layout.sizing,
    },
    onSortingChange: (update) => setLayout({ ...layout, sorting: functionalUpdate(update, layout.sorting) }),
    onColumnFiltersChange: (update) => setFilters(functionalUpdate(update, filters) as typeof filters),
    onColumnVisibilityChange: (update) => setLayout({ ...layout, visibility: functionalUpdate(update, visibility) }),
    onColumnSizingChange: (update) => setLayout({ ...layout, sizing: functionalUpdate(update, layout.sizing) }),
  });

  const visible = useMemo(() => columns.filter((column) => visibility[column.id] === true), [columns, visibility]);
  const filterMap = useMemo(() => new Map(filters.map((filter) => [filter.id, filter.value])), [filters]);
  return {
    table,
    layout,
    setLayout,
    visible,
    filters: filterMap,
    setFilter: (id, text) =>
      setFilters((known) => {
        const others = known.filter((filter) => filter.id !== id);
        return text === '' ? others : [...others, { id, value: text }];
      }),
    clearFilters: () => setFilters([]),
  };
}
