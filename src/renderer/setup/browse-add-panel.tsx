import { ListPlus } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { errorText, useClient, useProject } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  type Column,
  DataTable,
  EmptyState,
  formatPeriod,
  MiddleText,
  parsePeriod,
  plural,
  SelectField,
  TextField,
} from '#renderer/ui/index.ts';
import type { TagDocument } from '#shared/model/index.ts';
import type { BrowseEntry } from '#shared/rpc/browsing.ts';
import { type KnownAs, type Naming, type PlannedTag, planTags } from './browse-add.ts';
import { checkPeriod, tagChange } from './tag-edits.ts';

/** Addresses that are checked in one call. */
const CHECK_AT_ONCE = 5_000;
const nothing: ReadonlySet<string> = new Set();
const rowId = (row: PlannedTag): string => row.id;

const name: Column<PlannedTag> = {
  id: 'name',
  title: 'Name',
  width: 150,
  grow: true,
  text: (row) => row.name,
  cell: (row) => <MiddleText text={row.name} />,
};
const type: Column<PlannedTag> = {
  id: 'type',
  title: 'Type',
  width: 72,
  mono: true,
  text: (row) => row.entry.type ?? '',
};
const reason: Column<PlannedTag> = {
  id: 'reason',
  title: 'Left out',
  width: 180,
  text: (row) => row.reason ?? '',
  cell: (row) => (
    <span className="table-text quiet" title={row.reason ?? undefined}>
      {row.reason ?? ''}
    </span>
  ),
};
const address = (width: number): Column<PlannedTag> => ({
  id: 'address',
  title: 'Address',
  width,
  mono: true,
  text: (row) => row.entry.address ?? '',
  // Names of one structure differ at their ends.
  cell: (row) => <MiddleText text={row.entry.address ?? ''} />,
});
const columns: readonly Column<PlannedTag>[] = [name, address(230), type];
const columnsWithReason: readonly Column<PlannedTag>[] = [name, address(120), type, reason];

/** What is ticked in the tree, as the tags it will be. */
export function BrowseAddPanel({
  entries,
  known,
  onAdded,
}: {
  readonly entries: readonly BrowseEntry[];
  readonly known: KnownAs;
  readonly onAdded: () => void;
}): ReactNode {
  const client = useClient();
  const project = useProject((state) => state);
  const [from, setFrom] = useState<Naming['from']>('full');
  const [prefix, setPrefix] = useState('');
  const [period, setPeriod] = useState('500 ms');
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [selection, setSelection] = useState(nothing);
  const periodError = checkPeriod(period) ?? undefined;
  const periodMs = parsePeriod(period) ?? 500;

  const rows = useMemo(
    () => planTags(entries, { from, prefix }, periodMs, project, known),
    [entries, from, prefix, periodMs, project, known],
  );
  const tags = useMemo(() => rows.flatMap(({ tag }) => (tag === null ? [] : [tag])), [rows]);
  const groups = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { deviceId } of tags) counts.set(deviceId, (counts.get(deviceId) ?? 0) + 1);
    return [...counts].map(([id, count]) => {
      const device = project.device.get(id)?.document.name ?? '';
      return `${plural(count, 'tag')} of "${device}" every ${formatPeriod(periodMs)}`;
    });
  }, [tags, project.device, periodMs]);

  const add = async (): Promise<void> => {
    if (busy || tags.length === 0 || periodError !== undefined) return;
    setBusy(true);
    setRefusal(null);
    try {
      await checkAll(client, tags);
      await client.edits.commit(
        {
          label: tags.length === 1 ? `Tag "${tags[0]?.name ?? ''}" added` : `${plural(tags.length, 'tag')} added`,
          changes: tags.map((tag) => tagChange(project, tag)),
        },
        true,
      );
      onAdded();
    } catch (error) {
      setRefusal(errorText(error));
    } finally {
      setBusy(false);
    }
  };

  if (entries.length === 0) {
    return (
      <EmptyState
        icon={ListPlus}
        title="Nothing is ticked"
        text="Tick values in the tree with a click or the space bar; a tick on a structure, an array or a program takes all values below it. What is ticked is listed here before it is added."
      />
    );
  }
  const left = rows.length - tags.length;
  return (
    <form
      className="browse-add"
      aria-label="Tags to add"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <div className="browse-add-fields">
        <SelectField
          label="Names"
          value={from}
          onChange={setFrom}
          choices={[
            { value: 'full', label: 'Whole path' },
            { value: 'last', label: 'Last part' },
          ]}
        />
        <TextField label="Prefix" optional value={prefix} onChange={setPrefix} maxLength={60} />
        <TextField label="Period" mono value={period} onChange={setPeriod} error={periodError} />
      </div>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      <div className="browse-add-table">
        <DataTable
          name="browse-add"
          label="Tags to add"
          rows={rows}
          rowId={rowId}
          columns={left > 0 ? columnsWithReason : columns}
          selection={selection}
          onSelect={setSelection}
          rowClass={(row) => (row.tag === null ? 'off' : undefined)}
          empty={null}
        />
      </div>
      <div className="browse-add-foot">
        <p className="quiet">
          {groups.length === 0 ? 'Nothing is left to add.' : groups.slice(0, 4).join('; ')}
          {groups.length > 4 && `; and ${groups.length - 4} more groups`}
          {left > 0 && `${groups.length === 0 ? ' ' : '; '}${plural(left, 'row')} left out`}
        </p>
        <Button
          look="primary"
          icon={ListPlus}
          type="submit"
          disabled={busy || tags.length === 0 || periodError !== undefined}
        >
          Add {plural(tags.length, 'tag')}
        </Button>
      </div>
    </form>
  );
}

/** The devices named these addresses themselves, but only the engine can say that it will read them. */
async function checkAll(client: ReturnType<typeof useClient>, tags: readonly TagDocument[]): Promise<void> {
  const byDevice = new Map<string, TagDocument[]>();
  for (const tag of tags) {
    const list = byDevice.get(tag.deviceId);
    if (list === undefined) byDevice.set(tag.deviceId, [tag]);
    else list.push(tag);
  }
  for (const [deviceId, own] of byDevice) {
    for (let at = 0; at < own.length; at += CHECK_AT_ONCE) {
      const part = own.slice(at, at + CHECK_AT_ONCE);
      const { results } = await client.rpc.tags.checkAddresses({ deviceId, texts: part.map((tag) => tag.address) });
      const bad = results.find((result) => !result.ok);
      if (bad !== undefined) throw new Error(`Nothing was added: ${bad.message ?? `${bad.text} is not an address.`}`);
    }
  }
}
