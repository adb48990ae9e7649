import { useCallback, useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { type Column, formatBytes, formatCount, Mark, MiddleText, NO_VALUE } from '#renderer/ui/index.ts';
import type { CatalogueRelation, TableMapping } from '#shared/model/index.ts';
import { relationText, sameRelation } from './mapping-draft.ts';
import { keepFound, mappingStore } from './mapping-store.ts';

export interface Discovery {
  /** Null until the first of them are there. */
  readonly relations: readonly CatalogueRelation[] | null;
  readonly looking: boolean;
  readonly refusal: string | null;
  again(): void;
}

/** Relations of a source that its login may read, as they are found; looked for once, and again when asked. */
export function useDiscovery(source: string): Discovery {
  const client = useClient();
  const newSignal = useAbort();
  const relations = useStore(mappingStore, (state) => state.found.get(source)) ?? null;
  const [looking, setLooking] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const again = useCallback((): void => {
    const signal = newSignal();
    setLooking(true);
    setRefusal(null);
    const look = async (): Promise<void> => {
      const found: CatalogueRelation[] = [];
      for await (const item of client.rpc.sources.discover({ id: source }, { signal })) {
        found.push(...item.relations);
        // A list that is there already stays until the new one is whole.
        if (!mappingStore.getState().found.has(source) || found.length >= first.length) keepFound(source, [...found]);
      }
      keepFound(source, found);
      setLooking(false);
    };
    const first = mappingStore.getState().found.get(source) ?? [];
    look().catch((error: unknown) => {
      if (signal.aborted) return;
      setRefusal(errorText(error));
      setLooking(false);
    });
  }, [client, source, newSignal]);
  useEffect(() => {
    if (!mappingStore.getState().found.has(source)) again();
  }, [source, again]);
  return { relations, looking, refusal, again };
}

export interface RelationRow {
  readonly id: string;
  readonly text: string;
  readonly relation: CatalogueRelation;
  readonly mappings: readonly TableMapping[];
  readonly draft: boolean;
}

export const kindNames: Readonly<Record<CatalogueRelation['kind'], string>> = {
  table: 'table',
  view: 'view',
  materialized: 'materialised view',
  foreign: 'foreign table',
  hypertable: 'hypertable',
  rollup: 'aggregate',
};

/** How sure a guess is, in a word. */
export const sureText = (confidence: number): string =>
  confidence >= 0.85 ? 'sure' : confidence >= 0.6 ? 'likely' : confidence >= 0.3 ? 'perhaps' : 'hardly';

/** Likely samples first, larger ones before smaller. */
export function relationRows(
  relations: readonly CatalogueRelation[],
  mappings: readonly TableMapping[],
  hasDraft: (relation: CatalogueRelation) => boolean,
): readonly RelationRow[] {
  const rank = (relation: CatalogueRelation): number =>
    (mappings.some((mapping) => sameRelation(mapping.relation, relation)) ? 2 : 0) +
    (relation.looksLike?.confidence ?? -1);
  return [...relations]
    .sort((a, b) => rank(b) - rank(a) || (b.rows ?? 0) - (a.rows ?? 0) || (relationText(a) < relationText(b) ? -1 : 1))
    .map((relation, place) => ({
      id: `r${place}`,
      text: relationText(relation),
      relation,
      mappings: mappings.filter((mapping) => sameRelation(mapping.relation, relation)),
      draft: hasDraft(relation),
    }));
}

export function relationColumns(): readonly Column<RelationRow>[] {
  return [
    {
      id: 'name',
      title: 'Table or view',
      width: 200,
      grow: true,
      text: ({ text, relation }) => (relation.comment === null ? text : `${text} ${relation.comment}`),
      cell: ({ text, draft }) => (
        <span className="link-name">
          <MiddleText text={text} />
          {draft && <span className="draft-mark">not saved</span>}
        </span>
      ),
    },
    {
      id: 'mapped',
      title: 'Mapping',
      width: 130,
      filter: 'choice',
      text: mappedText,
      order: ({ mappings, relation }) =>
        mappings.length > 0 ? 2 : relation.looksLike === null ? null : relation.looksLike.confidence,
      cell: (row) => {
        const text = mappedText(row);
        if (row.mappings.length > 0) {
          return (
            <Mark tone="info" shape="square">
              {text}
            </Mark>
          );
        }
        return (
          <span className={row.relation.looksLike === null ? 'table-text quiet' : 'table-text'} title={text}>
            {text}
          </span>
        );
      },
    },
    {
      id: 'rows',
      title: 'Rows',
      width: 85,
      align: 'right',
      mono: true,
      text: ({ relation }) =>
        relation.rows === null ? NO_VALUE : `${relation.rows === 0 ? '' : '~'}${formatCount(relation.rows)}`,
      order: ({ relation }) => relation.rows,
    },
    {
      id: 'columns',
      title: 'Columns',
      width: 70,
      align: 'right',
      mono: true,
      yields: 2,
      text: ({ relation }) => formatCount(relation.columns.length),
      order: ({ relation }) => relation.columns.length,
    },
    {
      id: 'kind',
      title: 'Kind',
      width: 105,
      yields: 1,
      filter: 'choice',
      text: ({ relation }) => kindNames[relation.kind],
    },
    {
      id: 'bytes',
      title: 'Takes',
      width: 75,
      align: 'right',
      mono: true,
      yields: 3,
      text: ({ relation }) => formatBytes(relation.bytes),
      order: ({ relation }) => relation.bytes,
    },
  ];
}

const mappedText = ({ mappings, relation }: RelationRow): string =>
  mappings.length > 0
    ? mappings.length === 1
      ? 'mapped'
      : `mapped ${mappings.length} times`
    : relation.looksLike === null
      ? ''
      : `${relation.looksLike.layout}, ${sureText(relation.looksLike.confidence)}`;
