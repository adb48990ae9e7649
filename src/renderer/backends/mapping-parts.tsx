import { Plus, X } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { Button, Field, IconButton, SelectField, TextField } from '#renderer/ui/index.ts';
import type { CatalogueRelation, MappedQuality, TableMapping } from '#shared/model/index.ts';
import { faultsUnder, type RelationShape, relationText, sameRelation, valueTypeOf } from './mapping-draft.ts';
import { ColumnField } from './mapping-fields.tsx';

const rules: readonly { readonly value: MappedQuality['rule']; readonly label: string }[] = [
  { value: 'opc', label: '192 and more is good (OPC)' },
  { value: 'status-code', label: 'Status code of OPC UA' },
  { value: 'boolean', label: 'True is good' },
  { value: 'values', label: 'These values are good' },
  { value: 'own', label: 'As ParX writes it' },
];

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

export interface PartProps {
  readonly mapping: TableMapping;
  readonly shape: RelationShape;
  readonly problems: ReadonlyMap<string, string>;
  readonly set: (change: Partial<TableMapping>) => void;
}

const lines = (text: string): string[] => text.split('\n').map((line) => line.trim());

export function QualityPart({ mapping, shape, problems, set }: PartProps): ReactNode {
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

export function LabelPart({
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
