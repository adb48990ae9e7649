import { type ReactNode, useMemo, useState } from 'react';
import { useStores } from '#renderer/client/index.ts';
import { Button, type Column, DataTable, Dialog, EmptyState, plural, SearchField } from '#renderer/ui/index.ts';
import type { RuntimeTagInfo } from '#shared/rpc/contract.ts';

const rowId = (tag: RuntimeTagInfo): string => tag.id;
const columns: readonly Column<RuntimeTagInfo>[] = [
  { id: 'name', title: 'Name', width: 260, grow: true, text: (tag) => tag.name },
  { id: 'unit', title: 'Unit', width: 80, text: (tag) => tag.unit ?? '' },
  { id: 'address', title: 'Address', width: 160, mono: true, text: (tag) => tag.address },
];
const MAX_VALUES = 48;

export function KeyValuesDialog({
  chosen,
  onChoose,
  onClose,
}: {
  readonly chosen: readonly string[];
  readonly onChoose: (ids: readonly string[]) => void;
  readonly onClose: () => void;
}): ReactNode {
  const byId = useStores('tags', (state) => state.byId);
  const rows = useMemo(() => [...byId.values()], [byId]);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set(chosen));
  const [search, setSearch] = useState('');
  const submit = (): void => {
    // Those that were there keep their order; new ones follow.
    const kept = chosen.filter((id) => selection.has(id));
    onChoose([...kept, ...[...selection].filter((id) => !kept.includes(id))].slice(0, MAX_VALUES));
    onClose();
  };
  return (
    <Dialog
      title="Key values on the overview"
      onClose={onClose}
      width="38rem"
      footer={
        <>
          <span className="quiet">
            {plural(selection.size, 'tag')} chosen
            {selection.size > MAX_VALUES ? `; the first ${MAX_VALUES} are shown` : ''}
          </span>
          <span className="toolbar-gap" />
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" onClick={submit}>
            Show these
          </Button>
        </>
      }
    >
      <div className="choose">
        <div>
          <SearchField label="Search tags" value={search} onChange={setSearch} width="100%" />
          <p className="quiet">Space or Ctrl+click adds and takes away.</p>
        </div>
        <div className="choose-table">
          <DataTable
            name="key-values"
            label="Tags"
            rows={rows}
            rowId={rowId}
            columns={columns}
            search={search}
            selection={selection}
            onSelect={setSelection}
            empty={<EmptyState title="No tags yet" text="Add tags to a connection first." />}
          />
        </div>
      </div>
    </Dialog>
  );
}
