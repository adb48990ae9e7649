import { ArrowDown, ArrowUp, Plus, X } from 'lucide-react';
import { type ReactNode, useMemo, useRef, useState } from 'react';
import {
  Button,
  type Column,
  DataTable,
  EmptyState,
  IconButton,
  MiddleText,
  SearchField,
  SelectField,
  type TableHandle,
  TextField,
} from '#renderer/ui/index.ts';
import { type MappedValue, mappedValueName, type TableMapping } from '#shared/model/index.ts';
import { faultsUnder, plainValue, type RelationShape, valueTypeOf, wideCandidates } from './mapping-draft.ts';
import { ColumnField } from './mapping-fields.tsx';

const types = [
  { value: 'number', label: 'Number' },
  { value: 'boolean', label: 'On and off' },
  { value: 'text', label: 'Text' },
] as const;
const typeName = (type: MappedValue['type']): string => types.find(({ value }) => value === type)?.label ?? type;

/** Keys of a JSON column as one text: "data/value". */
const pathText = (path: readonly string[]): string => path.join('/');
const pathOf = (text: string): string[] => text.split('/').filter((key) => key !== '');

interface ValuesProps {
  readonly mapping: TableMapping;
  readonly shape: RelationShape;
  readonly problems: ReadonlyMap<string, string>;
  readonly onChange: (values: TableMapping['values']) => void;
}

const changed = (values: TableMapping['values'], at: number, change: Partial<MappedValue>): TableMapping['values'] =>
  values.map((value, index) => (index === at ? { ...value, ...change } : value));

/** Values of a relation whose rows name their tag: the first that is not empty counts. */
export function NarrowValues({ mapping, shape, problems, onChange }: ValuesProps): ReactNode {
  const { values } = mapping;
  const set = (at: number, change: Partial<MappedValue>): void => onChange(changed(values, at, change));
  const move = (from: number, to: number): void => {
    const next = [...values];
    const [moved] = next.splice(from, 1);
    if (moved !== undefined) next.splice(to, 0, moved);
    onChange(next);
  };
  const kindOf = (column: string) => shape.columns.find(({ name }) => name === column)?.kind;
  const add = (): void => {
    const used = new Set(values.map(({ column }) => column));
    const free =
      shape.columns.find(({ name, kind }) => !used.has(name) && valueTypeOf(kind) === 'number') ?? shape.columns[0];
    if (free !== undefined) onChange([...values, plainValue(free.name, free.kind)]);
  };
  return (
    <div className="map-list">
      {values.map((value, at) => {
        const own = faultsUnder(problems, `values.${at}`);
        const json = kindOf(value.column) === 'json' || value.jsonPath.length > 0;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row has no other identity, and may occur twice
          <div key={at} className="map-row" data-json={json ? '' : undefined}>
            <ColumnField
              label={at === 0 ? 'Column' : 'else column'}
              shape={shape}
              value={value.column}
              error={own.get('column') ?? own.get('')}
              onChange={(column) => set(at, { column, type: valueTypeOf(kindOf(column) ?? 'number'), jsonPath: [] })}
            />
            {json && (
              <TextField
                label="Keys in the JSON"
                help="The way to the value, its keys separated by a slash: data/value."
                mono
                value={pathText(value.jsonPath)}
                error={own.get('jsonPath')}
                onChange={(text) => set(at, { jsonPath: pathOf(text) })}
              />
            )}
            <SelectField label="Read as" value={value.type} choices={types} onChange={(type) => set(at, { type })} />
            <TextField
              label="Unit"
              value={value.unit ?? ''}
              maxLength={40}
              placeholder="none"
              error={own.get('unit')}
              onChange={(unit) => set(at, { unit: unit === '' ? null : unit })}
            />
            <div className="map-row-tools">
              <IconButton icon={ArrowUp} label="Earlier" disabled={at === 0} onClick={() => move(at, at - 1)} />
              <IconButton
                icon={ArrowDown}
                label="Later"
                disabled={at === values.length - 1}
                onClick={() => move(at, at + 1)}
              />
              <IconButton
                icon={X}
                label={`Leave out ${value.column}`}
                disabled={values.length === 1}
                onClick={() => onChange(values.filter((_, index) => index !== at))}
              />
            </div>
          </div>
        );
      })}
      {problems.has('values') && <p className="field-error">{problems.get('values')}</p>}
      <div>
        <Button icon={Plus} onClick={add} title="The first column that is not empty counts">
          Another column
        </Button>
      </div>
    </div>
  );
}

interface WideRow {
  readonly id: string;
  readonly column: string;
  readonly type: string;
  readonly kind: RelationShape['columns'][number]['kind'];
  /** Place among the mapping's values; -1: the column is not read. */
  readonly at: number;
  readonly value: MappedValue | null;
  readonly problem: string;
}
const rowId = (row: WideRow): string => row.id;

/** Values of a relation with a column for each tag; any number of them. */
export function WideValues({ mapping, shape, problems, onChange }: ValuesProps): ReactNode {
  const [search, setSearch] = useState('');
  const table = useRef<TableHandle>(null);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo((): readonly WideRow[] => {
    const byColumn = new Map<string, number[]>();
    for (const [at, { column }] of mapping.values.entries()) {
      byColumn.set(column, [...(byColumn.get(column) ?? []), at]);
    }
    const candidates = wideCandidates(mapping, shape);
    const there = new Set(candidates.map(({ name }) => name));
    const gone = [...byColumn.keys()]
      .filter((name) => !there.has(name))
      .map((name) => ({ name, type: 'not there', kind: 'other' as const }));
    const messages = new Map<number, string>();
    for (const [path, message] of problems) {
      const at = /^values\.(\d+)/.exec(path)?.[1];
      if (at !== undefined) messages.set(Number(at), message);
    }
    return [...gone, ...candidates]
      .flatMap(({ name, type, kind }) =>
        (byColumn.get(name) ?? [-1]).map((at) => ({
          column: name,
          type,
          kind,
          at,
          value: mapping.values[at] ?? null,
          problem: messages.get(at) ?? '',
        })),
      )
      .map((row, place) => ({ ...row, id: `v${place}` }));
  }, [mapping, shape, problems]);

  const set = (at: number, change: Partial<MappedValue>): void => onChange(changed(mapping.values, at, change));
  /** Reads the columns of these rows, or leaves them out; in the relation's order, so that tags keep theirs. */
  const read = (chosen: readonly WideRow[], on: boolean): void => {
    const ids = new Set(chosen.map(rowId));
    onChange(
      rows.flatMap((row) => {
        const wanted = ids.has(rowId(row)) ? on : row.at >= 0;
        return wanted ? [row.value ?? plainValue(row.column, row.kind)] : [];
      }),
    );
  };
  const chosen = (): readonly WideRow[] => rows.filter((row) => selection.has(rowId(row)));

  // biome-ignore lint/correctness/useExhaustiveDependencies: `read` and `set` in the editors are made of these
  const columns = useMemo((): readonly Column<WideRow>[] => {
    const isRead = (row: WideRow): boolean => row.at >= 0;
    return [
      {
        id: 'read',
        title: 'Read',
        width: 60,
        filter: 'choice',
        text: (row) => (isRead(row) ? 'yes' : 'no'),
        editor: {
          kind: 'choice',
          choices: () => [
            { value: 'yes', label: 'yes' },
            { value: 'no', label: 'no' },
          ],
          start: (row) => (isRead(row) ? 'yes' : 'no'),
          commit: async (row, text) => {
            read([row], text === 'yes');
            return null;
          },
        },
        cell: (row) => (
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Read ${row.column}`}
            checked={isRead(row)}
            onChange={(event) => read([row], event.target.checked)}
          />
        ),
      },
      {
        id: 'column',
        title: 'Column',
        width: 200,
        grow: true,
        text: (row) => row.column,
        cell: (row) => <MiddleText text={row.column} />,
      },
      { id: 'type', title: 'Type', width: 110, filter: 'choice', mono: true, text: (row) => row.type },
      {
        id: 'name',
        title: 'Tag',
        width: 190,
        grow: true,
        text: (row) => (row.value === null ? '' : mappedValueName(row.value)),
        editor: {
          kind: 'text',
          start: (row) => row.value?.name ?? '',
          allowed: isRead,
          commit: async (row, text) => {
            set(row.at, { name: text.trim() });
            return null;
          },
        },
      },
      {
        id: 'unit',
        title: 'Unit',
        width: 70,
        text: (row) => row.value?.unit ?? '',
        editor: {
          kind: 'text',
          start: (row) => row.value?.unit ?? '',
          allowed: isRead,
          commit: async (row, text) => {
            if (text.length > 40) return 'A unit has at most 40 characters.';
            set(row.at, { unit: text.trim() === '' ? null : text.trim() });
            return null;
          },
        },
      },
      {
        id: 'as',
        title: 'Read as',
        width: 90,
        filter: 'choice',
        text: (row) => (row.value === null ? '' : typeName(row.value.type)),
        editor: {
          kind: 'choice',
          choices: () => types,
          start: (row) => row.value?.type ?? 'number',
          allowed: isRead,
          commit: async (row, text) => {
            set(row.at, { type: types.find(({ value }) => value === text)?.value ?? 'number' });
            return null;
          },
        },
      },
      {
        id: 'path',
        title: 'Keys in the JSON',
        width: 110,
        mono: true,
        yields: 1,
        text: (row) => pathText(row.value?.jsonPath ?? []),
        editor: {
          kind: 'text',
          start: (row) => pathText(row.value?.jsonPath ?? []),
          allowed: (row) => isRead(row) && row.kind === 'json',
          commit: async (row, text) => {
            set(row.at, { jsonPath: pathOf(text) });
            return null;
          },
        },
      },
      {
        id: 'quality',
        title: 'Own quality',
        width: 110,
        yields: 2,
        text: (row) => row.value?.quality ?? '',
        editor: {
          kind: 'text',
          start: (row) => row.value?.quality ?? '',
          allowed: isRead,
          commit: async (row, text) => {
            const name = text.trim();
            if (name !== '' && !shape.columns.some((column) => column.name === name)) {
              return `The relation has no column "${name}".`;
            }
            set(row.at, { quality: name === '' ? null : name });
            return null;
          },
        },
      },
      {
        id: 'problem',
        title: 'Problem',
        width: 120,
        grow: true,
        text: (row) => row.problem,
        cell: (row) => (
          <span className="table-text map-problem" title={row.problem}>
            {row.problem}
          </span>
        ),
      },
    ];
  }, [mapping, rows, shape]);

  const numbers = rows.filter((row) => valueTypeOf(row.kind) === 'number' && row.kind !== 'json');
  return (
    <div className="map-wide">
      <div className="map-wide-bar">
        <SearchField label="Search columns" value={search} onChange={setSearch} />
        <span className="quiet">
          {mapping.values.length} of {rows.length} are tags
        </span>
        <span className="toolbar-gap" />
        <Button onClick={() => read(numbers, true)} disabled={numbers.every((row) => row.at >= 0)}>
          Read all numbers
        </Button>
        <Button onClick={() => read(chosen(), true)} disabled={selection.size === 0}>
          Read the selected
        </Button>
        <Button onClick={() => read(chosen(), false)} disabled={selection.size === 0}>
          Leave out
        </Button>
      </div>
      {problems.has('values') && <p className="field-error">{problems.get('values')}</p>}
      <div className="source-table">
        <DataTable
          name="mapping-values"
          label="Columns that are tags"
          rows={rows}
          rowId={rowId}
          columns={columns}
          search={search}
          selection={selection}
          onSelect={setSelection}
          onDelete={() => read(chosen(), false)}
          onOpen={() => table.current?.edit()}
          handle={table}
          rowClass={(row) => (row.at < 0 ? 'off' : undefined)}
          empty={
            <EmptyState title="No columns left" text="Every column of the relation has another meaning already." />
          }
        />
      </div>
    </div>
  );
}
