import { type ReactNode, useEffect, useId, useState } from 'react';
import { useClient } from '#renderer/client/index.ts';
import { Field, SelectField, TextField } from '#renderer/ui/index.ts';
import { type CatalogueRelation, isMappedZone, type TableMapping } from '#shared/model/index.ts';
import {
  faultsUnder,
  freeMappingId,
  type RelationShape,
  sameRelation,
  type TagKind,
  timeKindOf,
  withTagKind,
} from './mapping-draft.ts';
import { ColumnField, RelationField } from './mapping-fields.tsx';
import { LabelPart, type PartProps, QualityPart, Section } from './mapping-parts.tsx';
import { MappingRollups } from './mapping-rollups.tsx';
import { NarrowValues, WideValues } from './mapping-values.tsx';

const tagKinds: readonly { readonly value: TagKind; readonly label: string }[] = [
  { value: 'column', label: 'Each row names its tag' },
  { value: 'table', label: 'Each row has the key of its tag' },
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
const repeats = [
  { value: 'no', label: 'No: each row is a sample' },
  { value: 'yes', label: 'Yes: rows of one tag and time are one sample' },
] as const;
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
      <SelectField
        label="Times repeat"
        value={mapping.timesRepeat ? 'yes' : 'no'}
        choices={repeats}
        error={problems.get('timesRepeat')}
        onChange={(repeat) => set({ timesRepeat: repeat === 'yes' })}
      />
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
                  metric: null,
                  labels: null,
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
          <ColumnField
            label="Its metric"
            help="A column that names the metric of each tag, with dots: mill.speed. Its series are told apart by their labels then, not by their names."
            none="that of the mapping"
            shape={tagTable ?? null}
            value={tag.metric}
            error={own.get('metric')}
            fits={({ kind }) => kind === 'text'}
            onChange={(metric) => set({ tag: { ...tag, metric } })}
          />
          <ColumnField
            label="Its labels"
            help="A column of JSON with further labels of each tag, as names and texts."
            none="none"
            shape={tagTable ?? null}
            value={tag.labels}
            error={own.get('labels')}
            fits={({ kind }) => kind === 'json'}
            onChange={(labels) => set({ tag: { ...tag, labels } })}
          />
        </>
      )}
    </Section>
  );
}
