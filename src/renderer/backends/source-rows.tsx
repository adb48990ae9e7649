import { type ReactNode, useMemo } from 'react';
import { useStore } from 'zustand';
import { useNow, useProject, useStores } from '#renderer/client/index.ts';
import {
  type Column,
  formatAge,
  formatCount,
  formatNumber,
  MiddleText,
  NO_VALUE,
  type ShownState,
  StateMark,
  stateMarks,
} from '#renderer/ui/index.ts';
import type { SourceStatus } from '#shared/model/index.ts';
import { sourceDrafts } from './source-draft.ts';

export type ShownSourceState = Exclude<ShownState, 'idle'>;
const stateText = (state: ShownSourceState): string => (state === 'running' ? 'Connected' : stateMarks[state].text);

export function SourceMark({ state }: { readonly state: ShownSourceState }): ReactNode {
  return <StateMark state={state} text={stateText(state)} />;
}

/** A source as the list shows it. */
export interface SourceRow {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly state: ShownSourceState;
  readonly status: SourceStatus | undefined;
  readonly mappings: number;
  /** It has changes that are not saved. */
  readonly draft: boolean;
  /** Where the configuration gives it; null for one of the project. */
  readonly place: SourceStatus['place'];
  /** Rounded, so that rows are drawn anew once a second at most. */
  readonly age: string;
}

/** Sources of the project in its order, those from configuration, and drafts of new ones at the end. */
export function useSourceRows(): readonly SourceRow[] {
  const documents = useProject((state) => state.source);
  const statuses = useStores('sources', (state) => state.byId);
  const drafts = useStore(sourceDrafts, (state) => state.drafts);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const now = useNow(1000);
  return useMemo(() => {
    const kindOf = (backend: string): string =>
      catalogue?.backends.find((entry) => entry.id === backend)?.title ?? backend;
    const row = (id: string, name: string, backend: string, mappings: number): SourceRow => {
      const status = statuses.get(id);
      const enabled = documents.get(id)?.document.enabled ?? true;
      return {
        id,
        name,
        kind: kindOf(backend),
        state: status?.state ?? (documents.has(id) ? (enabled ? 'unknown' : 'disabled') : 'draft'),
        status,
        mappings,
        draft: drafts.has(id),
        place: status?.place ?? null,
        age: status === undefined ? NO_VALUE : formatAge((now - status.since) / 1000, 'seconds'),
      };
    };
    return [
      ...[...documents.values()].map(({ document }) =>
        row(document.id, document.name, document.backend, document.mappings.length),
      ),
      ...[...statuses.values()]
        .filter(({ id, configured }) => configured && !documents.has(id))
        .map(({ id, name, backend }) => row(id, name, backend, 0)),
      ...[...drafts.values()]
        .filter(({ isNew, source }) => isNew && !documents.has(source.id))
        .map(({ source }) => row(source.id, source.name, source.backend, 0)),
    ];
  }, [documents, statuses, drafts, catalogue, now]);
}

/** "PostgreSQL 15.18, Apache edition". */
export function serverText(status: SourceStatus | undefined): string {
  const server = status?.server ?? null;
  if (server === null) return '';
  return [`${server.product} ${server.version}`, server.edition].filter((part) => part !== null).join(', ');
}

export const ratioText = (ratio: number | null | undefined): string =>
  ratio === null || ratio === undefined ? NO_VALUE : `${formatNumber(ratio * 100, { decimals: 0 })} %`;
export const msText = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? NO_VALUE : `${formatNumber(ms, { decimals: ms < 100 ? 1 : 0 })} ms`;

/** `line=2 stand=4`. */
export const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

export function sourceColumns(): readonly Column<SourceRow>[] {
  const number = { align: 'right', mono: true, filter: false } as const;
  const asked = (row: SourceRow): boolean => row.status !== undefined;
  return [
    {
      id: 'name',
      title: 'Name',
      width: 140,
      grow: true,
      text: (row) => row.name,
      cell: (row) => (
        <span className="link-name">
          <MiddleText text={row.name === '' ? 'Without a name' : row.name} />
          {row.place !== null && (
            <span
              className="quiet"
              title={`Given by the configuration, not by the project: ${row.place.file}, line ${row.place.line}`}
            >
              configured
            </span>
          )}
          {row.draft && row.state !== 'draft' && <span className="draft-mark">not saved</span>}
        </span>
      ),
    },
    {
      id: 'state',
      title: 'State',
      width: 112,
      filter: 'choice',
      text: (row) => stateText(row.state),
      cell: (row) => <SourceMark state={row.state} />,
    },
    { ...number, id: 'since', title: 'Since', width: 90, yields: 6, text: (row) => row.age },
    { id: 'kind', title: 'Kind', width: 120, yields: 5, filter: 'choice', text: (row) => row.kind },
    { id: 'server', title: 'Server', width: 150, grow: true, yields: 1, text: (row) => serverText(row.status) },
    {
      id: 'endpoint',
      title: 'Endpoint',
      width: 170,
      yields: 4,
      mono: true,
      text: (row) => row.status?.endpoint ?? NO_VALUE,
    },
    {
      ...number,
      id: 'answer',
      title: 'Answer',
      width: 72,
      text: (row) => (asked(row) ? msText(row.status?.health.queries.p50Ms) : ''),
      order: (row) => row.status?.health.queries.p50Ms ?? null,
    },
    {
      ...number,
      id: 'pool',
      title: 'Pool',
      width: 56,
      yields: 3,
      text: (row) => {
        const pool = row.status?.server?.pool;
        return pool === undefined ? '' : `${pool.used} / ${pool.limit}`;
      },
    },
    {
      ...number,
      id: 'cache',
      title: 'Cache hits',
      width: 78,
      yields: 2,
      text: (row) => (asked(row) ? ratioText(row.status?.health.cache.ratio) : ''),
      order: (row) => row.status?.health.cache.ratio ?? null,
    },
    { ...number, id: 'tables', title: 'Tables', width: 65, yields: 7, text: (row) => formatCount(row.mappings) },
    {
      id: 'message',
      title: 'Message',
      width: 200,
      grow: true,
      yields: 8,
      text: (row) => row.status?.message ?? (row.status?.drift.length ? 'Tables have changed' : ''),
    },
  ];
}
