import { ArrowLeft, RotateCw } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { useProject } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  DataTable,
  EmptyState,
  formatCount,
  MiddleText,
  SearchField,
  Skeleton,
  SplitPane,
  useActions,
} from '#renderer/ui/index.ts';
import type { CatalogueRelation, SourceDocument, TableMapping } from '#shared/model/index.ts';
import { MappingDesk } from './mapping-desk.tsx';
import { relationText, sameRelation } from './mapping-draft.ts';
import { mappingStore } from './mapping-store.ts';
import { type RelationRow, relationColumns, relationRows, useDiscovery } from './relation-rows.tsx';

const rowId = (row: RelationRow): string => row.id;
const noRelations: readonly CatalogueRelation[] = [];

/** What is being mapped: a relation, and which of its mappings; null for a new one. */
interface Chosen {
  readonly relation: { readonly schema: string; readonly name: string };
  readonly mapping: string | null;
}

/** The tables of a source and the mapping of the one that is chosen, with real rows below it. */
export function MappingPage({
  source,
  start,
  onClose,
}: {
  readonly source: SourceDocument;
  /** The mapping to begin with; null: none. */
  readonly start: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const stored = useProject((state) => state.source.get(source.id)) ?? null;
  const { relations, looking, refusal, again } = useDiscovery(source.id);
  const drafts = useStore(mappingStore, (state) => state.drafts);
  const first = source.mappings.find(({ id }) => id === start);
  const [chosen, setChosen] = useState<Chosen | null>(
    first === undefined ? null : { relation: first.relation, mapping: first.id },
  );
  const [search, setSearch] = useState('');
  const [shown, setShown] = useState<number | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (start === null) field.current?.focus();
  }, [start]);

  const rows = useMemo(
    () =>
      relationRows(relations ?? noRelations, source.mappings, (relation) =>
        [...drafts].some(
          ([key, { mapping }]) =>
            (key.startsWith(`${source.id}/`) || key.startsWith(`${source.id}:`)) &&
            sameRelation(mapping.relation, relation),
        ),
      ),
    [relations, source.mappings, source.id, drafts],
  );
  const columns = useMemo(() => relationColumns(), []);
  const row = chosen === null ? undefined : rows.find(({ relation }) => sameRelation(relation, chosen.relation));
  const selection = useMemo(() => new Set(row === undefined ? [] : [row.id]), [row]);
  const choose = (relation: CatalogueRelation): void => {
    const { schema, name } = relation;
    const [known] = source.mappings.filter((mapping) => sameRelation(mapping.relation, relation));
    setChosen({ relation: { schema, name }, mapping: known?.id ?? null });
  };

  useActions(
    [
      { id: 'backends.mapped', title: 'Back to the sources', group: 'Backends', keys: ['Alt+ArrowLeft'], run: onClose },
      {
        id: 'backends.find-table',
        title: 'Search tables',
        group: 'Backends',
        keys: ['Ctrl+F'],
        inFields: true,
        run: () => field.current?.focus(),
      },
      {
        id: 'backends.discover',
        title: 'Look for tables again',
        group: 'Backends',
        enabled: () => !looking,
        run: again,
      },
    ],
    [looking],
  );

  const table = (
    <DataTable
      name="relations"
      label="Tables and views"
      rows={rows}
      rowId={rowId}
      columns={columns}
      search={search}
      selection={selection}
      onCount={setShown}
      onSelect={(ids) => {
        const found = rows.find(({ id }) => id === [...ids].at(-1));
        if (found !== undefined) choose(found.relation);
      }}
      empty={
        looking || (relations === null && refusal === null) ? (
          <Skeleton rows={8} />
        ) : (
          <EmptyState
            title="No tables to be read"
            text="This login may read no table or view with columns. Ask for the right to SELECT on those that hold the plant's values, then look again."
          >
            <Button icon={RotateCw} onClick={again}>
              Look again
            </Button>
          </EmptyState>
        )
      }
    />
  );
  const desk =
    chosen === null ? (
      <EmptyState
        title="Choose a table"
        text="Tables that look like samples stand first. What is chosen is recognised as far as it can be, and real rows show what comes of it."
      />
    ) : (
      <MappingDesk
        key={`${relationText(chosen.relation)} ${chosen.mapping ?? ''}`}
        source={source}
        revision={stored?.revision ?? null}
        relation={row?.relation ?? null}
        relationName={chosen.relation}
        relations={relations ?? noRelations}
        mappingId={chosen.mapping}
        onShow={(mapping: TableMapping | null) => setChosen({ ...chosen, mapping: mapping?.id ?? null })}
      />
    );

  return (
    <div className="page">
      <div className="toolbar">
        <Button icon={ArrowLeft} onClick={onClose} title="Alt+ArrowLeft">
          Backends
        </Button>
        <h1 className="map-title">
          <span>Tables of</span>
          <MiddleText text={source.name} />
        </h1>
        <SearchField ref={field} label="Search tables" value={search} onChange={setSearch} />
        <span className="quiet" role="status">
          {relations !== null &&
            `${shown !== null && shown !== rows.length ? `${formatCount(shown)} of ` : ''}${formatCount(rows.length)} tables and views`}
          {looking && (relations === null ? 'looking' : ', looking')}
        </span>
        <span className="toolbar-gap" />
        <Button icon={RotateCw} disabled={looking} onClick={again}>
          Look again
        </Button>
      </div>
      {refusal !== null && (
        <Banner tone="error" actions={<Button onClick={again}>Try again</Button>}>
          {refusal}
        </Banner>
      )}
      <div className="page-fill">
        <SplitPane name="mapping" first={table} second={desk} secondSize="66%" minFirst="18rem" minSecond="34rem" />
      </div>
    </div>
  );
}
