import { ScanSearch } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { errorText, useClient, useProject, useStores } from '#renderer/client/index.ts';
import { LiveAge, LiveQuality, LiveValue } from '#renderer/tags/index.ts';
import {
  Banner,
  Button,
  Check,
  formatPeriod,
  MiddleText,
  parsePeriod,
  plural,
  SelectField,
  TextField,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { Scaling, TagDocument } from '#shared/model/index.ts';
import { readAddress } from './tag-columns.tsx';
import {
  checkName,
  checkPeriod,
  numberOrNull,
  ORDERS,
  TYPES,
  tagChange,
  textOrNull,
  timeKindNames,
} from './tag-edits.ts';
import { type TagRow, useOrdered } from './tag-rows.ts';

/** Fields as text; undefined is "they differ, leave them as they are". */
interface Draft {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly address?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly type?: TagDocument['type'] | undefined;
  readonly order?: string | undefined;
  readonly unit?: string | undefined;
  readonly decimals?: string | undefined;
  readonly low?: string | undefined;
  readonly high?: string | undefined;
  readonly period?: string | undefined;
  readonly timeKind?: TagDocument['timeKind'] | undefined;
  readonly enabled?: boolean | undefined;
  readonly scaling?: 'none' | 'gain' | 'range' | undefined;
  readonly gain?: string | undefined;
  readonly offset?: string | undefined;
  readonly rawLow?: string | undefined;
  readonly rawHigh?: string | undefined;
  readonly scaledLow?: string | undefined;
  readonly scaledHigh?: string | undefined;
  readonly clamp?: boolean | undefined;
}

const textOf = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : String(value);

function draftOf(tag: TagDocument): Required<Draft> {
  const { scaling } = tag;
  const range = scaling?.kind === 'range' ? scaling : null;
  const gain = scaling?.kind === 'gain' ? scaling : null;
  return {
    name: tag.name,
    description: tag.description,
    address: tag.address,
    deviceId: tag.deviceId,
    type: tag.type,
    order: tag.order ?? '',
    unit: tag.unit ?? '',
    decimals: textOf(tag.decimals),
    low: textOf(tag.range?.low),
    high: textOf(tag.range?.high),
    period: formatPeriod(tag.periodMs),
    timeKind: tag.timeKind,
    enabled: tag.enabled,
    scaling: scaling?.kind ?? 'none',
    gain: textOf(gain?.gain),
    offset: textOf(gain?.offset),
    rawLow: textOf(range?.rawLow),
    rawHigh: textOf(range?.rawHigh),
    scaledLow: textOf(range?.low),
    scaledHigh: textOf(range?.high),
    clamp: range?.clamp ?? false,
  };
}

/** What all the tags have in common; the rest is undefined. */
function commonDraft(tags: readonly TagDocument[]): Draft {
  const [first, ...rest] = tags.map(draftOf);
  if (first === undefined) return {};
  const common: Record<string, unknown> = { ...first };
  for (const other of rest) {
    for (const key of Object.keys(common)) if (common[key] !== other[key as keyof Draft]) common[key] = undefined;
  }
  return common as Draft;
}

type Errors = Partial<Record<keyof Draft, string>>;

const numberError = (text: string | undefined, needed: boolean): string | undefined => {
  if (text === undefined) return undefined;
  const value = numberOrNull(text);
  if (value === undefined) return 'A number is needed.';
  return value === null && needed ? 'A number is needed.' : undefined;
};

function checkDraft(draft: Draft): Errors {
  const errors: Errors = {};
  const put = (key: keyof Draft, message: string | undefined | null): void => {
    if (message != null) errors[key] = message;
  };
  if (draft.period !== undefined) put('period', checkPeriod(draft.period));
  const decimals = draft.decimals === undefined ? null : numberOrNull(draft.decimals);
  if (decimals === undefined || (decimals !== null && (!Number.isInteger(decimals) || decimals < 0 || decimals > 12))) {
    put('decimals', 'From 0 to 12, or empty.');
  }
  put('low', numberError(draft.low, false));
  put('high', numberError(draft.high, false));
  if (draft.low !== undefined && draft.high !== undefined && (draft.low.trim() === '') !== (draft.high.trim() === '')) {
    put(draft.low.trim() === '' ? 'low' : 'high', 'Both ends of the range, or none.');
  }
  if (draft.scaling === 'gain') {
    put('gain', numberError(draft.gain, true));
    put('offset', numberError(draft.offset, false));
  } else if (draft.scaling === 'range') {
    for (const key of ['rawLow', 'rawHigh', 'scaledLow', 'scaledHigh'] as const)
      put(key, numberError(draft[key], true));
    if (
      errors.rawLow === undefined &&
      errors.rawHigh === undefined &&
      draft.rawLow !== undefined &&
      Number(draft.rawLow) === Number(draft.rawHigh)
    ) {
      put('rawHigh', 'The raw range needs two different ends.');
    }
  }
  return errors;
}

function scalingFrom(draft: Draft, old: Scaling | null): Scaling | null {
  const number = (text: string | undefined, kept: number): number =>
    text === undefined ? kept : (numberOrNull(text) ?? 0);
  if (draft.scaling === undefined) return old;
  if (draft.scaling === 'none') return null;
  if (draft.scaling === 'gain') {
    const known = old?.kind === 'gain' ? old : { gain: 1, offset: 0 };
    return { kind: 'gain', gain: number(draft.gain, known.gain), offset: number(draft.offset, known.offset) };
  }
  const known = old?.kind === 'range' ? old : { rawLow: 0, rawHigh: 1, low: 0, high: 1, clamp: false };
  return {
    kind: 'range',
    rawLow: number(draft.rawLow, known.rawLow),
    rawHigh: number(draft.rawHigh, known.rawHigh),
    low: number(draft.scaledLow, known.low),
    high: number(draft.scaledHigh, known.high),
    clamp: draft.clamp ?? known.clamp,
  };
}

/** The tag with the draft's fields; those that differ among the selected stay as they are. */
function applied(tag: TagDocument, draft: Draft): TagDocument {
  const low = draft.low === undefined ? undefined : numberOrNull(draft.low);
  const high = draft.high === undefined ? undefined : numberOrNull(draft.high);
  return {
    ...tag,
    name: draft.name?.trim() ?? tag.name,
    description: draft.description?.trim() ?? tag.description,
    deviceId: draft.deviceId ?? tag.deviceId,
    type: draft.type ?? tag.type,
    order: draft.order === undefined ? tag.order : (ORDERS.find((order) => order === draft.order) ?? null),
    unit: draft.unit === undefined ? tag.unit : textOrNull(draft.unit),
    decimals: draft.decimals === undefined ? tag.decimals : (numberOrNull(draft.decimals) ?? null),
    range: low == null || high == null ? (low === null && high === null ? null : tag.range) : { low, high },
    periodMs: draft.period === undefined ? tag.periodMs : (parsePeriod(draft.period) ?? tag.periodMs),
    timeKind: draft.timeKind ?? tag.timeKind,
    enabled: draft.enabled ?? tag.enabled,
    scaling: scalingFrom(draft, tag.scaling),
  };
}

/** Properties of the selected tags; several are edited together, field by field. */
export function TagPanel({
  rows,
  onOrder,
}: {
  readonly rows: readonly TagRow[];
  /** Opens the search for a tag's type and order. */
  readonly onOrder: (tag: TagDocument) => void;
}): ReactNode {
  const tags = useMemo(() => rows.flatMap((row) => (row.tag === null ? [] : [row.tag])), [rows]);
  const ordered = useOrdered(rows);
  const [only] = rows;
  if (only === undefined) {
    return (
      <aside className="tag-panel" aria-label="Properties">
        <p className="list-note quiet" style={{ padding: '0.75rem' }}>
          Select a tag to see and change its properties; several are changed together.
        </p>
      </aside>
    );
  }
  return (
    <aside className="tag-panel" aria-label="Properties">
      {rows.length === 1 && <TagNow row={only} />}
      {tags.length > 0 ? (
        <TagForm
          key={tags.map((tag) => tag.id).join()}
          tags={tags}
          onOrder={ordered === null ? null : () => onOrder(ordered)}
        />
      ) : (
        <p className="list-note quiet" style={{ padding: '0.75rem' }}>
          Diagnostic tags are made by the engine. They can be recorded and drawn, not changed.
        </p>
      )}
    </aside>
  );
}

function TagNow({ row }: { readonly row: TagRow }): ReactNode {
  const { info } = row;
  return (
    <div className="tag-panel-body" style={{ flex: 'none', paddingBottom: 0 }}>
      <div className="tag-now">
        <strong>
          <MiddleText text={row.name} />
        </strong>
        {info !== undefined && (
          <>
            <div className="tag-now-value">
              <span style={{ fontSize: '0.75rem', minWidth: 0 }}>
                <LiveQuality tag={info} />
              </span>
              <span>
                <LiveValue tag={info} withUnit />
              </span>
            </div>
            <dl className="facts">
              <dt>Age</dt>
              <dd>
                <LiveAge tag={info} periodMs={info.periodMs} />
              </dd>
              <dt>On the wire</dt>
              <dd className="selectable">{info.wire}</dd>
              <dt>Decoding</dt>
              <dd className="mono">
                {info.recipe.type} {info.recipe.order}, version {info.recipe.version}
              </dd>
              {info.problem !== null && (
                <>
                  <dt>Problem</dt>
                  <dd className="field-error selectable">{info.problem}</dd>
                </>
              )}
            </dl>
          </>
        )}
      </div>
    </div>
  );
}

function TagForm({
  tags,
  onOrder,
}: {
  readonly tags: readonly TagDocument[];
  /** Null where there is no order to look for. */
  readonly onOrder: (() => void) | null;
}): ReactNode {
  const client = useClient();
  const devices = useProject((state) => state.device);
  const connections = useProject((state) => state.connection);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const start = useMemo(() => commonDraft(tags), [tags]);
  const [edits, setEdits] = useState<Draft>({});
  const [serverErrors, setServerErrors] = useState<Errors>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const draft: Draft = { ...start, ...edits };
  const changed = (Object.keys(edits) as (keyof Draft)[]).some((key) => edits[key] !== start[key]);
  const errors: Errors = { ...checkDraft(draft), ...serverErrors };
  const single = tags.length === 1 ? tags[0] : undefined;
  // What all the protocols of these tags can read, and what is set now, be it one of those or not.
  const protocols = tags.map((tag) => {
    const device = devices.get(draft.deviceId ?? tag.deviceId)?.document;
    const id = device === undefined ? undefined : connections.get(device.connectionId)?.document.protocol;
    return catalogue?.protocols.find((entry) => entry.id === id);
  });
  const types = TYPES.filter(
    (type) => type === draft.type || protocols.every((entry) => entry?.valueTypes.includes(type) !== false),
  );
  const times = (['receive', 'source', 'server'] as const).filter(
    (kind) =>
      kind === 'receive' ||
      kind === draft.timeKind ||
      protocols.every((entry) => entry?.ownTimes.includes(kind) !== false),
  );

  useEffect(() => setServerErrors({}), []);
  const set = (change: Draft): void => {
    setEdits((known) => ({ ...known, ...change }));
    setServerErrors({});
  };
  const field = (key: keyof Draft) => ({
    value: String(draft[key] ?? ''),
    error: errors[key],
    placeholder: draft[key] === undefined ? 'differs' : undefined,
    onChange: (text: string) => set({ [key]: text } as Draft),
  });

  const save = async (): Promise<void> => {
    if (!changed || busy || Object.keys(checkDraft(draft)).length > 0) return;
    setBusy(true);
    setRefusal(null);
    try {
      const project = client.stores.project.getState();
      let next = tags.map((tag) => applied(tag, draft));
      const [first] = next;
      if (single !== undefined && first !== undefined) {
        const nameError = checkName(draft.name ?? '', project, single.id);
        if (nameError !== null) {
          setServerErrors({ name: nameError });
          return;
        }
        if (draft.address !== undefined && (draft.address !== single.address || first.deviceId !== single.deviceId)) {
          const found = await readAddress(client, first.deviceId, draft.address);
          if (typeof found === 'string') {
            setServerErrors({ address: found });
            return;
          }
          next = [{ ...first, address: found.canonical, type: found.type ?? first.type }];
        }
      }
      await client.edits.commit({
        label: single === undefined ? `${plural(tags.length, 'tag')} changed` : `Tag "${next[0]?.name ?? ''}" changed`,
        changes: next.map((tag) => tagChange(project, tag)),
      });
      setEdits({});
    } catch (error) {
      setRefusal(
        isAppError(error, 'store.conflict')
          ? 'Nothing was saved: another window changed these tags meanwhile. The newest values are shown; save again to go on top of them.'
          : errorText(error),
      );
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      className="editor"
      style={{ flex: 1, minHeight: 0 }}
      aria-label={single === undefined ? `Properties of ${plural(tags.length, 'tag')}` : `Properties of ${single.name}`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && changed) {
          event.stopPropagation();
          setEdits({});
        }
      }}
    >
      <div className="tag-panel-body">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        {single === undefined && (
          <p>
            <strong>{plural(tags.length, 'tag')}</strong>
            <span className="quiet"> Fields that differ stay as they are unless they are filled in.</span>
          </p>
        )}
        {single !== undefined && <TextField label="Name" maxLength={200} {...field('name')} />}
        {single !== undefined && <TextField label="Address" mono {...field('address')} />}
        <div className="pair">
          <SelectField
            label="Type"
            value={draft.type ?? ''}
            onChange={(type) => type !== '' && set({ type })}
            choices={[
              ...(draft.type === undefined ? [{ value: '' as const, label: 'differs' }] : []),
              ...types.map((type) => ({ value: type, label: type })),
            ]}
          />
          <SelectField
            label="Word order"
            value={draft.order ?? 'differs'}
            onChange={(order) => order !== 'differs' && set({ order })}
            choices={[
              ...(draft.order === undefined ? [{ value: 'differs', label: 'differs' }] : []),
              { value: '', label: 'As the device' },
              ...ORDERS.map((order) => ({ value: order as string, label: order as string })),
            ]}
          />
        </div>
        {onOrder !== null && (
          <Button icon={ScanSearch} disabled={changed} onClick={onOrder}>
            Find type and order
          </Button>
        )}
        <div className="pair">
          <TextField label="Period" mono {...field('period')} />
          <TextField label="Unit" {...field('unit')} maxLength={40} />
        </div>
        <div className="triple">
          <TextField
            label="Decimals"
            mono
            {...field('decimals')}
            placeholder={draft.decimals === undefined ? 'differs' : 'auto'}
          />
          <TextField label="Range from" mono {...field('low')} />
          <TextField label="to" mono {...field('high')} />
        </div>
        <SelectField
          label="Scaling"
          value={draft.scaling ?? 'differs'}
          onChange={(scaling) => scaling !== 'differs' && set({ scaling })}
          help="Applied on reading; what is stored is the value as the device gave it."
          choices={[
            ...(draft.scaling === undefined ? [{ value: 'differs' as const, label: 'differs' }] : []),
            { value: 'none', label: 'None' },
            { value: 'gain', label: 'Gain and offset' },
            { value: 'range', label: 'From range to range' },
          ]}
        />
        {draft.scaling === 'gain' && (
          <div className="pair">
            <TextField label="Gain" mono {...field('gain')} />
            <TextField label="Offset" mono {...field('offset')} />
          </div>
        )}
        {draft.scaling === 'range' && (
          <>
            <div className="pair">
              <TextField label="Raw from" mono {...field('rawLow')} />
              <TextField label="to" mono {...field('rawHigh')} />
            </div>
            <div className="pair">
              <TextField label="Scaled from" mono {...field('scaledLow')} />
              <TextField label="to" mono {...field('scaledHigh')} />
            </div>
            <Check
              label="Cut off outside the range"
              checked={draft.clamp ?? false}
              mixed={draft.clamp === undefined}
              onChange={(clamp) => set({ clamp })}
            />
          </>
        )}
        <SelectField
          label="Device"
          value={draft.deviceId ?? ''}
          onChange={(deviceId) => deviceId !== '' && set({ deviceId })}
          choices={[
            ...(draft.deviceId === undefined ? [{ value: '', label: 'differs' }] : []),
            ...[...devices.values()].map(({ document }) => ({
              value: document.id as string,
              label: `${connections.get(document.connectionId)?.document.name ?? ''} / ${document.name}`,
            })),
          ]}
        />
        <SelectField
          label="Time of a sample"
          value={draft.timeKind ?? 'differs'}
          onChange={(timeKind) => timeKind !== 'differs' && set({ timeKind })}
          choices={[
            ...(draft.timeKind === undefined ? [{ value: 'differs' as const, label: 'differs' }] : []),
            ...times.map((kind) => ({ value: kind, label: timeKindNames[kind] })),
          ]}
        />
        <TextField label="Description" {...field('description')} maxLength={1000} />
        <Check
          label="Switched on"
          checked={draft.enabled ?? false}
          mixed={draft.enabled === undefined}
          onChange={(enabled) => set({ enabled })}
        />
      </div>
      <div className="editor-footer">
        <span className="toolbar-gap" />
        <Button disabled={!changed} onClick={() => setEdits({})}>
          Undo the changes
        </Button>
        <Button look="primary" type="submit" disabled={!changed || busy || Object.keys(checkDraft(draft)).length > 0}>
          {single === undefined ? `Save ${plural(tags.length, 'tag')}` : 'Save'}
        </Button>
      </div>
    </form>
  );
}
