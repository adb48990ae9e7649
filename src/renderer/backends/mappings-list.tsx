import { Pencil, Plus, RotateCw, Trash2 } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { useClient, useProject } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  type Column,
  DataTable,
  EmptyState,
  Mark,
  MiddleText,
  useActions,
} from '#renderer/ui/index.ts';
import type { SourceDocument, SourceStatus, TableMapping, TableProblem } from '#shared/model/index.ts';
import { layoutText, relationText } from './mapping-draft.ts';

interface MappingRow {
  readonly id: string;
  readonly mapping: TableMapping;
  readonly name: string;
  readonly problems: readonly TableProblem[];
}
const rowId = (row: MappingRow): string => row.id;

const columns: readonly Column<MappingRow>[] = [
  {
    id: 'name',
    title: 'Mapping',
    width: 150,
    grow: true,
    text: (row) => row.name,
    cell: (row) => <MiddleText text={row.name} />,
  },
  {
    id: 'relation',
    title: 'Table or view',
    width: 170,
    grow: true,
    mono: true,
    text: (row) => relationText(row.mapping.relation),
    cell: (row) => <MiddleText text={relationText(row.mapping.relation)} />,
  },
  {
    id: 'state',
    title: 'State',
    width: 105,
    text: (row) => stateOf(row).text,
    cell: (row) => {
      const { tone, shape, text } = stateOf(row);
      return (
        <Mark tone={tone} shape={shape}>
          {text}
        </Mark>
      );
    },
  },
  { id: 'layout', title: 'Layout', width: 170, grow: true, yields: 1, text: (row) => layoutText(row.mapping) },
  {
    id: 'version',
    title: 'Version',
    width: 64,
    align: 'right',
    mono: true,
    yields: 2,
    text: (row) => String(row.mapping.version),
    order: (row) => row.mapping.version,
  },
];

function stateOf({ problems }: MappingRow): {
  readonly tone: 'quiet' | 'warn' | 'error';
  readonly shape: 'square' | 'triangle' | 'cross';
  readonly text: string;
} {
  if (problems.some(({ severity }) => severity === 'error'))
    return { tone: 'error', shape: 'cross', text: 'Not readable' };
  if (problems.length > 0) return { tone: 'warn', shape: 'triangle', text: 'Changed' };
  return { tone: 'quiet', shape: 'square', text: 'As mapped' };
}

/** The mappings of a source, and what has become of their tables since. */
export function MappingsList({
  source,
  status,
  onEdit,
}: {
  readonly source: SourceDocument;
  readonly status: SourceStatus | undefined;
  /** Null: a new one. */
  readonly onEdit: (mapping: string | null) => void;
}): ReactNode {
  const client = useClient();
  const revision = useProject((state) => state.source.get(source.id)?.revision ?? null);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const [looking, setLooking] = useState(false);
  const drift = status?.drift;
  const rows = useMemo(
    (): readonly MappingRow[] =>
      source.mappings.map((mapping) => ({
        id: mapping.id,
        mapping,
        name: mapping.name === '' ? relationText(mapping.relation) : mapping.name,
        problems: drift?.find((entry) => entry.mapping === mapping.id)?.problems ?? [],
      })),
    [source.mappings, drift],
  );
  const chosen = rows.filter((row) => selection.has(row.id));
  const shown = chosen.length === 1 ? chosen[0] : undefined;

  const look = async (): Promise<void> => {
    setLooking(true);
    try {
      await client.rpc.sources.drift({ id: source.id });
    } catch (error) {
      client.fail(error, 'The tables could not be looked at');
    } finally {
      setLooking(false);
    }
  };
  const remove = async (): Promise<void> => {
    if (chosen.length === 0) return;
    const gone = new Set(chosen.map(({ id }) => id));
    const document = { ...source, mappings: source.mappings.filter(({ id }) => !gone.has(id)) };
    const what = chosen.length === 1 ? `Mapping "${chosen[0]?.name}"` : `${chosen.length} mappings`;
    try {
      await client.edits.commit(
        { label: `${what} removed`, changes: [{ kind: 'source', id: source.id, document, expected: revision }] },
        true,
      );
      setSelection(new Set());
    } catch (error) {
      client.fail(error, `${what} could not be removed`);
    }
  };
  useActions(
    [
      { id: 'backends.map', title: 'Map a table', group: 'Backends', keys: ['M'], run: () => onEdit(null) },
      {
        id: 'backends.unmap',
        title: 'Remove the mapping',
        group: 'Backends',
        enabled: () => chosen.length > 0,
        run: () => void remove(),
      },
    ],
    [chosen.length],
  );

  return (
    <div className="source-part">
      <div className="source-part-bar">
        <span className="quiet">Tables and views of others, and how their rows are read</span>
        <span className="toolbar-gap" />
        {rows.length > 0 && (
          <Button icon={RotateCw} disabled={looking} onClick={() => void look()} title="What has become of the tables">
            Look again
          </Button>
        )}
        <Button look="primary" icon={Plus} onClick={() => onEdit(null)} title="M">
          Map a table
        </Button>
      </div>
      <div className="page-fill">
        <DataTable
          name="mappings"
          label="Mapped tables"
          rows={rows}
          rowId={rowId}
          columns={columns}
          selection={selection}
          onSelect={setSelection}
          onOpen={(row) => onEdit(row.id)}
          onDelete={() => void remove()}
          menu={() => [
            { label: 'Edit', icon: Pencil, keys: 'Enter', run: () => shown !== undefined && onEdit(shown.id) },
            { label: 'Remove', icon: Trash2, keys: 'Delete', danger: true, run: () => void remove() },
          ]}
          empty={
            <EmptyState
              title="No table is mapped"
              text="A mapping says which columns of a table hold time, tag, value and quality. The tables are found by themselves, most are recognised, and real rows show what comes of them."
            >
              <Button look="primary" icon={Plus} onClick={() => onEdit(null)}>
                Map a table
              </Button>
            </EmptyState>
          }
        />
      </div>
      {shown !== undefined && (
        <section className="source-detail" aria-label={shown.name}>
          {shown.problems.map(({ path, message, severity }) => (
            <Banner key={`${path} ${message}`} tone={severity === 'error' ? 'error' : 'warn'}>
              {message}
            </Banner>
          ))}
          <div className="source-part-head">
            <span className="quiet selectable">
              {`${relationText(shown.mapping.relation)}: ${layoutText(shown.mapping)}. Its series are of the metric plant.${shown.id}.`}
            </span>
            <span className="toolbar-gap" />
            <Button icon={Pencil} onClick={() => onEdit(shown.id)}>
              Edit
            </Button>
            <Button icon={Trash2} onClick={() => void remove()}>
              Remove
            </Button>
          </div>
        </section>
      )}
    </div>
  );
}
