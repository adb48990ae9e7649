import { Plus, X } from 'lucide-react';
import { type ReactNode, useEffect, useId, useState } from 'react';
import { useClient } from '#renderer/client/index.ts';
import { Button, Field, IconButton, SelectField, TextField } from '#renderer/ui/index.ts';
import { type CatalogueRelation, isMappedZone, type MappedQuality, type TableMapping } from '#shared/model/index.ts';
import {
  faultsUnder,
  freeMappingId,
  type RelationShape,
  relationText,
  sameRelation,
  type TagKind,
  timeKindOf,
  valueTypeOf,
  withTagKind,
} from './mapping-draft.ts';
import { ColumnField, RelationField } from './mapping-fields.tsx';
import { MappingRollups } from './mapping-rollups.tsx';
import { NarrowValues, WideValues } from './mapping-values.tsx';

const tagKinds: readonly { readonly value: TagKind; readonly label: string }[] = [
  { value: 'column', label: 'Each row names its tag' },
  { value: 'table', label: 'Each row has a key of a table of tags' },
  { value: 'columns', label: 'Each column is a tag' },
  { value: 'fixed', label: 'All rows are one tag' },
];
const timeKinds = [
  { value: 'timestamptz', label: 'An instant, with its zone' },
  { value: 'timestamp', label: 'A wall clock, without a zone' },
  { value: 'epoch', label: 'A number since 1970' },
] as const;
const epochUnits = [
  { value: 's', label: 'Seconds' },
  { value: 'ms', label: 'Milliseconds' },
  { value: 'us', label: 'Microseconds' },
  { value: 'ns', label: 'Nanoseconds' },
] as const;
const rules: readonly { readonly value: MappedQuality['rule']; readonly label: string }[] = [
  { value: 'opc', label: '192 and more is good (OPC)' },
  { value: 'status-code', label: 'Status code of OPC UA' },
  { value: 'boolean', label: 'True is good' },
  { value: 'values', label: 'These values are good' },
  { value: 'own', label: 'As ParX writes it' },
];

export interface MappingEditorProps {
  readonly mapping: TableMapping;
  /** Null while the relation is gone from the server. */
  readonly relation: CatalogueRelation | null;
  readonly relations: readonly CatalogueRelation[];
  readonly isNew: boolean;
  /** Ids of the source's other mappings. */
  readonly taken: ReadonlySet<string>;
  /** What is wrong, by path of the mapping. */
  readonly problems: ReadonlyMap<string, string>;
  readonly onChange: (mapping: TableMapping) => void;
}

/** Everything that a mapping says of a relation, in the order in which one finds it out. */
export function MappingEditor(props: MappingEditorProps): ReactNode {
  const { mapping, relation, relations, isNew, taken, problems, onChange } = props;
  const shape: RelationShape = relation ?? { ...mapping.relation, columns: [] };
  const set = (change: Partial<TableMapping>): void => onChange({ ...mapping, ...change });
  const setName = (name: string): void =>
    // A new mapping's id follows its name; later it stands in graphs.
    set({ name, ...(isNew ? { id: freeMappingId(name || mapping.relation.name, taken) } : {}) });
  return (
    <div className="map-form">
      <Section title="Mapping">
        <TextField
          label="Name"
          value={mapping.name}
          maxLength={200}
          placeholder={mapping.relation.name}
          error={problems.get('name')}
          onChange={setName}
        />
        <TextField
          label="Known as"
          help="Graphs name its series by this word. It stays when the name changes."
          mono
          value={mapping.id}
          disabled={!isNew}
          error={
            problems.get('id') ?? (taken.has(mapping.id) ? 'Another mapping of this source is known so.' : undefined)
          }
          onChange={(id) => set({ id })}
        />
      </Section>
      <TimePart mapping={mapping} shape={shape} problems={problems} set={set} />
      <TagPart
        mapping={mapping}
        shape={shape}
        relations={relations}
        problems={problems}
        onChange={onChange}
        set={set}
      />
      <Section title="Values" wide>
        {mapping.tag.kind === 'columns' ? (
          <WideValues mapping={mapping} shape={shape} problems={problems} onChange={(values) => set({ values })} />
        ) : (
          <NarrowValues mapping={mapping} shape={shape} problems={problems} onChange={(values) => set({ values })} />
        )}
      </Section>
      <QualityPart mapping={mapping} shape={shape} problems={problems} set={set} />
      <LabelPart mapping={mapping} shape={shape} relations={relations} problems={problems} set={set} />
      {mapping.tag.kind !== 'columns' && (
        <MappingRollups
          mapping={mapping}
          relations={relations}
          problems={problems}
          onChange={(rollups) => set({ rollups })}
        />
      )}
    </div>
  );
}

export function Section({
  title,
  wide = false,
  children,
}: {
  readonly title: string;
  readonly wide?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const id = useId();
  return (
    <section className="map-section" aria-labelledby={id}>
      <h3 className="section-title" id={id}>
        {title}
      </h3>
      <div className={wide ? undefined : 'map-grid'}>{children}</div>
    </section>
  );
}

interface PartProps {
  readonly mapping: TableMapping;
  readonly shape: RelationShape;
  readonly problems: ReadonlyMap<string, string>;
  readonly set: (change: Partial<TableMapping>) => void;
}

function TimePart({ mapping, shape, problems, set }: PartProps): ReactNode {
  const { time } = mapping;
  const own = faultsUnder(problems, 'time');
  const kindOf = (column: string) =>
    timeKindOf(shape.columns.find(({ name }) => name === column)?.kind ?? 'other') ?? time.kind;
  return (
    <Section title="Time">
      <ColumnField
        label="Column"
        shape={shape}
        value={time.column}
        error={own.get('column') ?? own.get('')}
        fits={({ kind }) => timeKindOf(kind) !== null}
        onChange={(column) => set({ time: { ...time, column, kind: kindOf(column) } })}
      />
      <SelectField
        label="It holds"
        value={time.kind}
        choices={timeKinds}
        error={own.get('kind')}
        onChange={(kind) => set({ time: { ...time, kind } })}
      />
      {time.kind === 'epoch' && (
        <SelectField
          label="Counted in"
          value={time.unit}
          choices={epochUnits}
          error={own.get('unit')}
          onChange={(unit) => set({ time: { ...time, unit } })}
        />
      )}
      {time.kind === 'timestamp' && (
        <ZoneField value={time.zone} error={own.get('zone')} onChange={(zone) => set({ time: { ...time, zone } })} />
      )}
    </Section>
  );
}

function ZoneField({
  value,
  error,
  onChange,
}: {
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (zone: string) => void;
}): ReactNode {
  const client = useClient();
  const listId = useId();
  const [zones, setZones] = useState<readonly string[]>([]);
  useEffect(() => {
    client.suggest('time-zones').then(
      (found) => setZones(found.map((one) => one.value).filter(isMappedZone)),
      // Without suggestions it is a field to type into.
      () => undefined,
    );
  }, [client]);
  return (
    <Field label="Clock of" help="Whose wall clock the column shows: an IANA name such as Europe/Berlin." error={error}>
      {(ids) => (
        <>
          <input
            {...ids}
            className="input"
            list={listId}
            value={value}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => onChange(event.target.value)}
          />
          <datalist id={listId}>
            {zones.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

function TagPart({
  mapping,
  shape,
  relations,
  problems,
  onChange,
  set,
}: PartProps & {
  readonly relations: readonly CatalogueRelation[];
  readonly onChange: (mapping: TableMapping) => void;
}): ReactNode {
  const { tag } = mapping;
  const own = faultsUnder(problems, 'tag');
  const tagTable =
    tag.kind === 'table' ? relations.find((relation) => sameRelation(relation, tag.relation)) : undefined;
  return (
    <Section title="Tags">
      <SelectField
        label="How they are told apart"
        value={tag.kind}
        choices={tagKinds}
        error={own.get('')}
        onChange={(kind) => onChange(withTagKind(mapping, kind, shape))}
      />
      {tag.kind === 'column' && (
        <ColumnField
          label="Column with the name"
          shape={shape}
          value={tag.column}
          error={own.get('column')}
          fits={({ kind }) => kind === 'text'}
          onChange={(column) => set({ tag: { ...tag, column } })}
        />
      )}
      {tag.kind === 'fixed' && (
        <TextField
          label="Name of the tag"
          value={tag.name}
          error={own.get('name')}
          onChange={(name) => set({ tag: { ...tag, name } })}
        />
      )}
      {tag.kind === 'table' && (
        <>
          <ColumnField
            label="Column with the key"
            shape={shape}
            value={tag.column}
            error={own.get('column')}
            onChange={(column) => set({ tag: { ...tag, column } })}
          />
          <RelationField
            label="Table of tags"
            relations={relations}
            value={tag.relation}
            error={own.get('relation') ?? own.get('relation.name')}
            onChange={(relation) => {
              const found = relations.find((one) => sameRelation(one, relation));
              const first = (fits: (kind: string) => boolean): string =>
                found?.columns.find(({ kind }) => fits(kind))?.name ?? '';
              set({
                tag: {
                  ...tag,
                  relation,
                  key: found?.key[0] ?? first((kind) => kind === 'integer'),
                  name: first((kind) => kind === 'text'),
                  unit: found?.columns.find(({ name }) => /^(?:eng_?)?units?$|^eu$/i.test(name))?.name ?? null,
                  description: found?.columns.find(({ name }) => /^desc|comment/i.test(name))?.name ?? null,
                },
              });
            }}
          />
          <ColumnField
            label="Its key"
            shape={tagTable ?? null}
            value={tag.key}
            error={own.get('key')}
            onChange={(key) => set({ tag: { ...tag, key } })}
          />
          <ColumnField
            label="Its name"
            shape={tagTable ?? null}
            value={tag.name}
            error={own.get('name')}
            fits={({ kind }) => kind === 'text'}
            onChange={(name) => set({ tag: { ...tag, name } })}
          />
          <ColumnField
            label="Its unit"
            none="none"
            shape={tagTable ?? null}
            value={tag.unit}
            error={own.get('unit')}
            fits={({ kind }) => kind === 'text'}
            onChange={(unit) => set({ tag: { ...tag, unit } })}
          />
          <ColumnField
            label="Its description"
            none="none"
            shape={tagTable ?? null}
            value={tag.description}
            error={own.get('description')}
            fits={({ kind }) => kind === 'text'}
            onChange={(description) => set({ tag: { ...tag, description } })}
          />
        </>
      )}
    </Section>
  );
}

const lines = (text: string): string[] => text.split('\n').map((line) => line.trim());

function QualityPart({ mapping, shape, problems, set }: PartProps): ReactNode {
  const { quality } = mapping;
  const own = faultsUnder(problems, 'quality');
  const change = (part: Partial<MappedQuality>): void => {
    if (quality !== null) set({ quality: { ...quality, ...part } });
  };
  return (
    <Section title="Quality">
      <ColumnField
        label="Column"
        none="none, every value is good"
        shape={shape}
        value={quality?.column ?? null}
        error={own.get('column') ?? own.get('')}
        onChange={(column) => {
          if (column === null) return set({ quality: null });
          const kind = shape.columns.find(({ name }) => name === column)?.kind;
          const rule = kind === 'boolean' ? 'boolean' : kind === 'text' ? 'values' : 'opc';
          set({ quality: { rule, good: rule === 'values' ? ['GOOD'] : [], uncertain: [], ...quality, column } });
        }}
      />
      {quality !== null && (
        <SelectField
          label="Rule"
          value={quality.rule}
          choices={rules}
          error={own.get('rule')}
          onChange={(rule) => change({ rule })}
        />
      )}
      {quality?.rule === 'values' && (
        <>
          <ListField label="Good" value={quality.good} error={own.get('good')} onChange={(good) => change({ good })} />
          <ListField
            label="Uncertain"
            value={quality.uncertain}
            error={own.get('uncertain')}
            onChange={(uncertain) => change({ uncertain })}
          />
        </>
      )}
    </Section>
  );
}

function ListField({
  label,
  value,
  error,
  onChange,
}: {
  readonly label: string;
  readonly value: readonly string[];
  readonly error: string | undefined;
  readonly onChange: (value: string[]) => void;
}): ReactNode {
  return (
    <Field label={label} help="One value per line, as text. All else is bad." error={error}>
      {(ids) => (
        <textarea
          {...ids}
          className="textarea mono"
          rows={2}
          spellCheck={false}
          value={value.join('\n')}
          onChange={(event) => onChange(event.target.value === '' ? [] : event.target.value.split('\n'))}
          onBlur={(event) => onChange(lines(event.target.value).filter((line) => line !== ''))}
        />
      )}
    </Field>
  );
}

function LabelPart({
  mapping,
  shape,
  relations,
  problems,
  set,
}: PartProps & { readonly relations: readonly CatalogueRelation[] }): ReactNode {
  const { labels, tag } = mapping;
  const tagTable = tag.kind === 'table' ? relations.find((one) => sameRelation(one, tag.relation)) : undefined;
  const change = (at: number, part: Partial<TableMapping['labels'][number]>): void =>
    set({ labels: labels.map((label, index) => (index === at ? { ...label, ...part } : label)) });
  const nameOf = (column: string): string =>
    column
      .replace(/[^A-Za-z0-9_]+/g, '_')
      .replace(/^(\d)/, '_$1')
      .toLowerCase();
  return (
    <Section title="Further labels" wide>
      <div className="map-list">
        {labels.map((label, at) => {
          const own = faultsUnder(problems, `labels.${at}`);
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row has no other identity
            <div key={at} className="map-row">
              {tag.kind === 'table' && (
                <SelectField
                  label="In"
                  value={label.of}
                  choices={[
                    { value: 'samples', label: relationText(mapping.relation) },
                    { value: 'tags', label: relationText(tag.relation) },
                  ]}
                  error={own.get('of')}
                  onChange={(of) => change(at, { of })}
                />
              )}
              <ColumnField
                label="Column"
                shape={label.of === 'tags' ? (tagTable ?? null) : shape}
                value={label.column}
                error={own.get('column')}
                onChange={(column) =>
                  change(at, {
                    column,
                    ...(label.name === '' || label.name === nameOf(label.column) ? { name: nameOf(column) } : {}),
                  })
                }
              />
              <TextField
                label="Label"
                mono
                value={label.name}
                error={own.get('name')}
                onChange={(name) => change(at, { name })}
              />
              <div className="map-row-tools">
                <IconButton
                  icon={X}
                  label={`Remove the label ${label.name}`}
                  onClick={() => set({ labels: labels.filter((_, index) => index !== at) })}
                />
              </div>
            </div>
          );
        })}
        <div>
          <Button
            icon={Plus}
            title="A column that tells series apart, such as the line or the plant"
            onClick={() => {
              const free = shape.columns.find(
                ({ name, kind }) => valueTypeOf(kind) === 'text' && labels.every(({ column }) => column !== name),
              );
              const column = free?.name ?? '';
              set({ labels: [...labels, { column, name: nameOf(column), of: 'samples' }] });
            }}
          >
            Add a label
          </Button>
        </div>
      </div>
    </Section>
  );
}
