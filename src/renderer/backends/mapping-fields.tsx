import { type ReactNode, useEffect, useId, useState } from 'react';
import { Field } from '#renderer/ui/index.ts';
import type { CatalogueRelation, RelationName } from '#shared/model/index.ts';
import { type RelationShape, relationText } from './mapping-draft.ts';

/** Up to here a list to choose from is handier than a field that suggests. */
const LIST_LIMIT = 300;
/** More suggestions than this only slow the field down; typing narrows them. */
const MOST_SUGGESTED = 1_000;

/** One column of a relation. Null where it may be none. */
export function ColumnField<Value extends string | null>({
  label,
  help,
  shape,
  value,
  error,
  none,
  fits,
  onChange,
}: {
  readonly label: string;
  readonly help?: string;
  readonly shape: RelationShape | null;
  readonly value: Value;
  readonly error?: string | undefined;
  /** What it means that none is chosen; left out where one is needed. */
  readonly none?: Value extends null ? string : string | undefined;
  /** Columns that are likely meant stand first. */
  readonly fits?: (column: RelationShape['columns'][number]) => boolean;
  readonly onChange: (value: Value) => void;
}): ReactNode {
  const listId = useId();
  const columns = shape?.columns ?? [];
  const sorted = fits === undefined ? columns : [...columns.filter(fits), ...columns.filter((column) => !fits(column))];
  const known = columns.some(({ name }) => name === value);
  const set = (text: string): void => onChange((text === '' && none !== undefined ? null : text) as Value);
  return (
    <Field label={label} help={help} error={error}>
      {(ids) =>
        columns.length <= LIST_LIMIT ? (
          <select {...ids} className="select" value={value ?? ''} onChange={(event) => set(event.target.value)}>
            {(none !== undefined || value === '') && <option value="">{none ?? 'Choose'}</option>}
            {!known && value !== '' && value !== null && <option value={value}>{value} (not there)</option>}
            {sorted.map(({ name, type }) => (
              <option key={name} value={name}>
                {name} · {type}
              </option>
            ))}
          </select>
        ) : (
          <>
            <input
              {...ids}
              className="input"
              list={listId}
              value={value ?? ''}
              placeholder={none ?? 'Type a part of its name'}
              spellCheck={false}
              autoComplete="off"
              onChange={(event) => set(event.target.value)}
            />
            <datalist id={listId}>
              {matching(sorted, value ?? '').map(({ name, type }) => (
                <option key={name} value={name}>
                  {type}
                </option>
              ))}
            </datalist>
          </>
        )
      }
    </Field>
  );
}

const matching = (columns: RelationShape['columns'], text: string): RelationShape['columns'] => {
  const words = text.toLowerCase();
  const whole = columns.some(({ name }) => name === text);
  return (whole ? columns : columns.filter(({ name }) => name.toLowerCase().includes(words))).slice(0, MOST_SUGGESTED);
};

/** A relation, found by typing a part of its name. What is typed counts once there is a relation of that name. */
export function RelationField({
  label,
  help,
  relations,
  value,
  error,
  onChange,
}: {
  readonly label: string;
  readonly help?: string;
  readonly relations: readonly CatalogueRelation[];
  readonly value: RelationName;
  readonly error?: string | undefined;
  readonly onChange: (value: RelationName) => void;
}): ReactNode {
  const listId = useId();
  const given = value.name === '' ? '' : relationText(value);
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  const words = text.toLowerCase();
  const found = relations.filter((relation) => relationText(relation).toLowerCase().includes(words));
  const wrong = text !== given && text !== '' ? `There is no relation "${text}" that this login may read.` : undefined;
  return (
    <Field label={label} help={help} error={wrong ?? error}>
      {(ids) => (
        <>
          <input
            {...ids}
            className="input"
            list={listId}
            value={text}
            placeholder="Type a part of its name"
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => {
              setText(event.target.value);
              const chosen = relations.find((relation) => relationText(relation) === event.target.value);
              if (chosen !== undefined) onChange({ schema: chosen.schema, name: chosen.name });
            }}
          />
          <datalist id={listId}>
            {(text === given ? relations : found).slice(0, MOST_SUGGESTED).map((relation) => (
              <option key={relationText(relation)} value={relationText(relation)}>
                {relation.comment ?? ''}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
