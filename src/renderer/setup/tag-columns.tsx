import { TriangleAlert } from 'lucide-react';
import { type AppClient, errorText } from '#renderer/client/index.ts';
import { LiveAge, LiveQuality, LiveSparkline, LiveValue, shownValue } from '#renderer/tags/index.ts';
import { type CellEditor, type Column, DemoMark, formatPeriod, MiddleText, parsePeriod } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { TagDocument } from '#shared/model/index.ts';
import { qualityText } from '#shared/model/index.ts';
import { checkName, checkPeriod, ORDERS, scalingText, TYPES, tagChange, textOrNull } from './tag-edits.ts';
import type { TagRow } from './tag-rows.ts';

/** Asks the engine what an address text means; a sentence where it means nothing. */
export async function readAddress(
  client: AppClient,
  deviceId: string,
  text: string,
): Promise<{ readonly canonical: string; readonly type: TagDocument['type'] | null } | string> {
  const { results } = await client.rpc.tags.checkAddresses({ deviceId, texts: [text] });
  const [result] = results;
  if (result === undefined) return 'The address could not be checked.';
  return result.ok ? { canonical: result.canonical, type: result.type } : (result.message ?? 'This is not an address.');
}

function editor(
  client: AppClient,
  parts: Pick<CellEditor<TagRow>, 'kind' | 'choices' | 'start'> & {
    readonly change: (tag: TagDocument, text: string) => Promise<TagDocument | string> | TagDocument | string;
  },
): CellEditor<TagRow> {
  return {
    ...parts,
    allowed: (row) => row.tag !== null,
    async commit(row, text) {
      if (row.tag === null) return null;
      try {
        const next = await parts.change(row.tag, text);
        if (typeof next === 'string') return next;
        const project = client.stores.project.getState();
        await client.edits.commit({ label: `Tag "${row.name}" changed`, changes: [tagChange(project, next)] });
        return null;
      } catch (error) {
        return isAppError(error, 'store.conflict')
          ? 'The tag was changed in another window meanwhile. Its newest version is in the table now.'
          : errorText(error);
      }
    },
  };
}

export function tagColumns(client: AppClient): readonly Column<TagRow>[] {
  const { live } = client;
  return [
    {
      id: 'name',
      title: 'Name',
      width: 230,
      grow: true,
      text: (row) => row.name,
      cell: (row) => (
        <span className="tag-name">
          {row.problem !== null && (
            <span className="tag-problem" title={row.problem}>
              <TriangleAlert size={12} aria-label={row.problem} />
            </span>
          )}
          <MiddleText text={row.name} />
          {row.demo && <DemoMark />}
        </span>
      ),
      editor: editor(client, {
        kind: 'text',
        start: (row) => row.name,
        change: (tag, text) =>
          checkName(text, client.stores.project.getState(), tag.id) ?? { ...tag, name: text.trim() },
      }),
    },
    {
      id: 'value',
      title: 'Value',
      width: 110,
      align: 'right',
      mono: true,
      sortable: false,
      filter: false,
      text: (row) => {
        const sample = live.latest(row.id);
        return row.info === undefined || sample === undefined ? '' : shownValue(row.info, sample.value, sample.text);
      },
      live: true,
      cell: (row) => (row.info === undefined ? null : <LiveValue tag={row.info} />),
    },
    {
      id: 'unit',
      title: 'Unit',
      width: 64,
      filter: 'choice',
      text: (row) => row.tag?.unit ?? row.info?.unit ?? '',
      cell: (row) => <span className="quiet">{row.tag?.unit ?? row.info?.unit ?? ''}</span>,
      editor: editor(client, {
        kind: 'text',
        start: (row) => row.tag?.unit ?? '',
        change: (tag, text) =>
          text.trim().length > 40 ? 'A unit has at most 40 characters.' : { ...tag, unit: textOrNull(text) },
      }),
    },
    {
      id: 'quality',
      title: 'Quality',
      width: 150,
      sortable: false,
      text: (row) => {
        const sample = live.latest(row.id);
        return sample === undefined ? '' : qualityText(sample.quality);
      },
      live: true,
      cell: (row) => (row.info === undefined ? null : <LiveQuality tag={row.info} />),
    },
    {
      id: 'age',
      title: 'Age',
      width: 90,
      align: 'right',
      mono: true,
      sortable: false,
      filter: false,
      text: (row) => {
        const sample = live.latest(row.id);
        return sample === undefined ? '' : `${((client.now() - sample.time) / 1e6).toFixed(1)} s`;
      },
      live: true,
      cell: (row) => (row.info === undefined ? null : <LiveAge tag={row.info} periodMs={row.info.periodMs} />),
    },
    {
      id: 'minute',
      title: 'Last minute',
      width: 120,
      sortable: false,
      filter: false,
      text: () => '',
      live: true,
      cell: (row) => (row.info === undefined ? null : <LiveSparkline tag={row.info} />),
    },
    {
      id: 'address',
      title: 'Address',
      width: 120,
      mono: true,
      text: (row) => row.tag?.address ?? row.info?.address ?? '',
      cell: (row) => <MiddleText text={row.tag?.address ?? row.info?.address ?? ''} />,
      editor: editor(client, {
        kind: 'text',
        start: (row) => row.tag?.address ?? '',
        async change(tag, text) {
          const found = await readAddress(client, tag.deviceId, text);
          return typeof found === 'string' ? found : { ...tag, address: found.canonical, type: found.type ?? tag.type };
        },
      }),
    },
    {
      id: 'wire',
      title: 'On the wire',
      width: 270,
      text: (row) => row.info?.wire ?? '',
      cell: (row) => <WireCell row={row} />,
    },
    { id: 'device', title: 'Device', width: 120, filter: 'choice', text: (row) => row.device },
    {
      id: 'connection',
      title: 'Connection',
      width: 140,
      filter: 'choice',
      hidden: true,
      text: (row) => row.connection,
    },
    {
      id: 'period',
      title: 'Period',
      width: 80,
      align: 'right',
      mono: true,
      filter: 'choice',
      text: (row) => formatPeriod(row.tag?.periodMs ?? row.info?.periodMs ?? 0),
      order: (row) => row.tag?.periodMs ?? row.info?.periodMs ?? null,
      editor: editor(client, {
        kind: 'text',
        start: (row) => formatPeriod(row.tag?.periodMs ?? 0),
        change: (tag, text) => checkPeriod(text) ?? { ...tag, periodMs: parsePeriod(text) ?? tag.periodMs },
      }),
    },
    {
      id: 'type',
      title: 'Type',
      width: 80,
      mono: true,
      filter: 'choice',
      text: (row) => row.tag?.type ?? row.info?.type ?? '',
      editor: editor(client, {
        kind: 'choice',
        choices: () => TYPES.map((type) => ({ value: type, label: type })),
        start: (row) => row.tag?.type ?? '',
        change: (tag, text) => ({ ...tag, type: TYPES.find((type) => type === text) ?? tag.type }),
      }),
    },
    {
      id: 'order',
      title: 'Order',
      width: 84,
      mono: true,
      filter: 'choice',
      text: (row) => row.tag?.order ?? (row.info === undefined ? '' : row.info.recipe.order),
      cell: (row) => (
        <span
          className={row.tag?.order === null ? 'quiet' : undefined}
          title={row.tag?.order === null ? "The device's order" : undefined}
        >
          {row.tag?.order ?? row.info?.recipe.order ?? ''}
        </span>
      ),
      editor: editor(client, {
        kind: 'choice',
        choices: () => [
          { value: '', label: 'as the device' },
          ...ORDERS.map((order) => ({ value: order, label: order })),
        ],
        start: (row) => row.tag?.order ?? '',
        change: (tag, text) => ({ ...tag, order: ORDERS.find((order) => order === text) ?? null }),
      }),
    },
    { id: 'scaling', title: 'Scaling', width: 160, hidden: true, text: (row) => scalingText(row.tag?.scaling ?? null) },
    {
      id: 'description',
      title: 'Description',
      width: 260,
      hidden: true,
      text: (row) => row.tag?.description ?? row.info?.description ?? '',
      editor: editor(client, {
        kind: 'text',
        start: (row) => row.tag?.description ?? '',
        change: (tag, text) =>
          text.length > 1000 ? 'A description has at most 1000 characters.' : { ...tag, description: text.trim() },
      }),
    },
    { id: 'problem', title: 'Problem', width: 260, hidden: true, text: (row) => row.problem ?? '' },
  ];
}

function WireCell({ row }: { readonly row: TagRow }): React.ReactNode {
  if (row.problem !== null) {
    return (
      <span className="table-text tag-problem" title={row.problem}>
        {row.problem}
      </span>
    );
  }
  return (
    <span className="table-text quiet">
      <MiddleText text={row.info?.wire ?? ''} />
    </span>
  );
}
