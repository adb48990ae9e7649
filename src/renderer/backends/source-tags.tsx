import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useClient } from '#renderer/client/index.ts';
import {
  Banner,
  type Column,
  DataTable,
  EmptyState,
  formatCount,
  MiddleText,
  plural,
  SearchField,
  Skeleton,
} from '#renderer/ui/index.ts';
import { type SourceTag, TAG_LABEL } from '#shared/model/index.ts';
import { labelsText } from './source-rows.tsx';

const PAGE = 1_000;
/** More are found by searching; a list of them all would help nobody. */
const MOST = 20_000;
const PAUSE_MS = 300;

interface TagRow {
  readonly id: string;
  readonly tag: SourceTag;
  readonly labels: string;
}
const rowId = (row: TagRow): string => row.id;
const nothing: ReadonlySet<string> = new Set();

const columns: readonly Column<TagRow>[] = [
  {
    id: 'name',
    title: 'Tag',
    width: 260,
    grow: true,
    text: (row) => row.tag.name,
    cell: (row) => <MiddleText text={row.tag.name} />,
  },
  { id: 'unit', title: 'Unit', width: 70, text: (row) => row.tag.unit ?? '' },
  { id: 'type', title: 'Type', width: 80, filter: 'choice', yields: 2, text: (row) => row.tag.type },
  {
    id: 'description',
    title: 'Description',
    width: 200,
    grow: true,
    yields: 1,
    text: (row) => row.tag.description ?? '',
  },
  { id: 'metric', title: 'Metric', width: 150, filter: 'choice', mono: true, yields: 3, text: (row) => row.tag.metric },
  { id: 'labels', title: 'Labels', width: 160, mono: true, yields: 4, text: (row) => row.labels },
];

/** Tags of a source as the server has them; searched there, since there may be a hundred thousand. */
export function SourceTags({ id, version }: { readonly id: string; readonly version: number }): ReactNode {
  const client = useClient();
  const [search, setSearch] = useState('');
  const [rows, setRows] = useState<readonly TagRow[] | null>(null);
  const [total, setTotal] = useState<number | null>(null);
  const [reading, setReading] = useState(true);
  const [notes, setNotes] = useState<readonly string[]>([]);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [selection, setSelection] = useState(nothing);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another version of the source may have other tags
  useEffect(() => {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      setReading(true);
      const found: TagRow[] = [];
      for (;;) {
        const page = await client.rpc.sources.tags(
          { id, text: search, offset: found.length, limit: PAGE },
          { signal: abort.signal },
        );
        for (const tag of page.tags) {
          // Its name stands in a column of its own already.
          const { [TAG_LABEL]: _, ...further } = tag.labels;
          found.push({ id: `t${found.length}`, tag, labels: labelsText(further) });
        }
        if (abort.signal.aborted) return;
        setTotal(page.total);
        setNotes(page.notes);
        setRows([...found]);
        setRefusal(null);
        if (page.tags.length < PAGE || found.length >= MOST) break;
      }
      setReading(false);
    };
    const timer = setTimeout(
      () =>
        read().catch((error: unknown) => {
          if (abort.signal.aborted) return;
          setRefusal(errorText(error));
          setReading(false);
        }),
      search === '' ? 0 : PAUSE_MS,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, id, search, version]);

  const count = rows?.length ?? 0;
  return (
    <div className="source-part">
      <div className="source-part-bar">
        <SearchField label="Search tags" value={search} onChange={setSearch} />
        <span className="quiet" role="status">
          {rows !== null &&
            (total !== null && total > count
              ? `${formatCount(count)} of ${plural(total, 'tag')}`
              : plural(count, 'tag'))}
          {reading && rows !== null && ', reading'}
          {!reading && count >= MOST && '. Search to see the others.'}
        </span>
      </div>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      {refusal === null &&
        notes.map((note) => (
          <Banner key={note} tone="warn">
            {note}
          </Banner>
        ))}
      <div className="page-fill">
        {rows === null && refusal === null ? (
          <Skeleton rows={6} />
        ) : (
          <DataTable
            name="source-tags"
            label="Tags of the source"
            rows={rows ?? []}
            rowId={rowId}
            columns={columns}
            selection={selection}
            onSelect={setSelection}
            empty={
              <EmptyState
                title={search === '' ? 'No tags yet' : 'No tag has these words'}
                text={
                  search === ''
                    ? 'Tags come of tables that are mapped, and of what was written by this program. Map a table first.'
                    : 'Words may be in any order, and parts of words.'
                }
              />
            }
          />
        )}
      </div>
    </div>
  );
}
