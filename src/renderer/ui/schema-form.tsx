import { type ReactNode, useEffect, useId, useMemo, useState } from 'react';
import { Check, Field, unitWidth } from './controls.tsx';
import {
  checkField,
  effective,
  enteredAt,
  type FormValues,
  fieldText,
  isShown,
  parseField,
  placeholder,
  readFields,
  type SchemaField,
  withEntered,
  wordsOf,
} from './schema-fields.ts';
import './schema-form.css';

/** Groups that are open from the start; the others open by a click, or by themselves when something in them is wrong. */
const OPEN_GROUPS = 2;

/** Lines of a list that are in sight at once; a longer one scrolls. */
const LIST_ROWS = { least: 2, most: 8 };

/** What a list of the engine's offers for a field. */
export interface Suggestion {
  readonly value: string;
  readonly label: string;
}
const noneKept: ReadonlySet<string> = new Set();
const noSuggestions: ReadonlyMap<string, readonly Suggestion[]> = new Map();

/**
 * A form drawn from a JSON Schema. What is typed is checked at once against the schema's own bounds; `errors` carries
 * what the engine found, by path: `port`, `forbidden.0`, `security.mode`.
 */
export function SchemaForm({
  schema,
  values,
  onChange,
  errors,
  example,
  suggest,
  kept = noneKept,
  disabled = false,
}: {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly values: FormValues;
  readonly onChange: (values: FormValues) => void;
  readonly errors: ReadonlyMap<string, string>;
  /** Settings of an example, for placeholders of what has no default. */
  readonly example?: FormValues;
  /** Reads the list that a field's `choicesFrom` names; without it such a field is one to type into. */
  readonly suggest?: (list: string) => Promise<readonly Suggestion[]>;
  /** Secrets that are kept elsewhere and never shown: what is typed takes their place. */
  readonly kept?: ReadonlySet<string>;
  readonly disabled?: boolean;
}): ReactNode {
  const fields = useMemo(() => readFields(schema), [schema]);
  const suggestions = useSuggestions(fields, suggest);
  const shown = fields.filter((field) => isShown(field, fields, values));
  const groups = new Map<string, SchemaField[]>();
  for (const field of shown) groups.set(field.group, [...(groups.get(field.group) ?? []), field]);
  const problem = (field: SchemaField): string | undefined =>
    checkTyped(field, enteredAt(values, field.name)) ?? errorOf(field, shown, values, errors);

  return [...groups].map(([group, members], index) => {
    const control = (field: SchemaField): ReactNode => (
      <SchemaControl
        key={field.name}
        field={field}
        value={enteredAt(values, field.name)}
        shownValue={effective(field, values)}
        example={example === undefined ? undefined : enteredAt(example, field.name)}
        suggestions={suggestions.get(field.choicesFrom ?? '')}
        error={problem(field)}
        kept={kept.has(field.name)}
        disabled={disabled}
        onChange={(value) => onChange(withEntered(values, field.name, value))}
      />
    );
    if (group === '') {
      return (
        <div key={group} className="schema-grid">
          {members.map(control)}
        </div>
      );
    }
    const wrong = members.some((field) => problem(field) !== undefined);
    const changed = members.some((field) => {
      const value = enteredAt(values, field.name);
      return value !== undefined && value !== field.fallback;
    });
    return (
      <details key={group} className="schema-group" open={index < OPEN_GROUPS || wrong || changed}>
        <summary className="section-title">
          {group}
          {!changed && index >= OPEN_GROUPS && <span className="quiet"> defaults</span>}
        </summary>
        <div className="schema-grid">{members.map(control)}</div>
      </details>
    );
  });
}

/** The engine's word on a field; what it says of an object as a whole stands at the first field in it. */
function errorOf(
  field: SchemaField,
  shown: readonly SchemaField[],
  values: FormValues,
  errors: ReadonlyMap<string, string>,
): string | undefined {
  for (const [path, message] of errors) {
    if (path === field.name) return message;
    if (path.startsWith(`${field.name}.`)) {
      // Of one entry of a list, which the sentence itself does not name.
      const entered = enteredAt(values, field.name);
      const entry = Array.isArray(entered) ? entered[Number(path.slice(field.name.length + 1))] : undefined;
      return entry === undefined ? message : `"${entry}": ${message}`;
    }
    const first = shown.find((other) => other.name.startsWith(`${path}.`));
    if (first === field) return message;
  }
  return undefined;
}

function useSuggestions(
  fields: readonly SchemaField[],
  suggest: ((list: string) => Promise<readonly Suggestion[]>) | undefined,
): ReadonlyMap<string, readonly Suggestion[]> {
  const [known, setKnown] = useState(noSuggestions);
  const lists = [...new Set(fields.flatMap((field) => field.choicesFrom ?? []))].join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: read once per form, whatever function the caller hands in
  useEffect(() => {
    if (suggest === undefined || lists === '') return;
    let gone = false;
    for (const list of lists.split(' ')) {
      suggest(list).then(
        (found) => {
          if (!gone) setKnown((before) => new Map(before).set(list, found));
        },
        // A suggestion that can't be had leaves a field to type into.
        () => undefined,
      );
    }
    return () => {
      gone = true;
    };
  }, [lists]);
  return known;
}

/** While typing, an empty field is not yet a fault; the check on saving names what is missing. */
function checkTyped(field: SchemaField, value: unknown): string | undefined {
  return value === undefined || value === '' ? undefined : checkField(field, value);
}

function SchemaControl({
  field,
  value,
  shownValue,
  example,
  suggestions,
  error,
  kept,
  disabled,
  onChange,
}: {
  readonly field: SchemaField;
  readonly value: unknown;
  readonly shownValue: unknown;
  readonly example: unknown;
  readonly suggestions: readonly Suggestion[] | undefined;
  readonly error: string | undefined;
  readonly kept: boolean;
  readonly disabled: boolean;
  readonly onChange: (value: unknown) => void;
}): ReactNode {
  const listId = useId();
  if (field.kind === 'boolean') {
    return (
      <div className="field schema-check" title={field.help}>
        <Check label={field.title} checked={shownValue === true} disabled={disabled} onChange={onChange} />
        {error !== undefined && <p className="field-error">{error}</p>}
      </div>
    );
  }
  return (
    <Field label={field.title} help={field.help} error={error}>
      {(ids) => {
        if (field.kind === 'choice') {
          return (
            <select
              {...ids}
              className="select"
              disabled={disabled}
              value={String(shownValue ?? '')}
              onChange={(event) => onChange(event.target.value)}
            >
              {shownValue === undefined && <option value="">Choose</option>}
              {field.choices.map((choice) => (
                <option key={choice} value={choice}>
                  {field.choiceNames.get(choice) ?? (/^[a-z]/.test(choice) ? wordsOf(choice) : choice)}
                  {choice === field.fallback ? ' (default)' : ''}
                </option>
              ))}
            </select>
          );
        }
        if (field.kind === 'list') {
          return (
            <textarea
              {...ids}
              className="textarea mono"
              rows={Math.min(LIST_ROWS.most, Math.max(LIST_ROWS.least, fieldText(value).split('\n').length))}
              disabled={disabled}
              placeholder="none; one per line"
              spellCheck={false}
              value={fieldText(value)}
              onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value.split('\n'))}
              onBlur={(event) => onChange(parseField(field, event.target.value))}
            />
          );
        }
        if (field.multiline) {
          return (
            <textarea
              {...ids}
              className="textarea mono"
              rows={Math.min(LIST_ROWS.most, Math.max(LIST_ROWS.least, fieldText(value).split('\n').length))}
              disabled={disabled}
              placeholder={placeholder(field, example)}
              spellCheck={false}
              value={fieldText(value)}
              onChange={(event) => onChange(parseField(field, event.target.value))}
            />
          );
        }
        const input = (
          <input
            {...ids}
            list={suggestions === undefined ? undefined : listId}
            className={field.kind === 'number' ? 'input mono' : 'input'}
            type={field.secret ? 'password' : 'text'}
            inputMode={field.kind === 'number' ? 'decimal' : undefined}
            autoComplete="off"
            spellCheck={false}
            disabled={disabled}
            placeholder={
              kept
                ? 'kept; type to replace it'
                : value === null && field.nullable
                  ? (field.empty ?? 'none')
                  : placeholder(field, example)
            }
            value={fieldText(value)}
            onChange={(event) => onChange(parseField(field, event.target.value))}
          />
        );
        return (
          <>
            {field.unit === undefined ? (
              input
            ) : (
              <div className="input-unit" style={unitWidth(field.unit)}>
                {input}
                <span>{field.unit}</span>
              </div>
            )}
            {suggestions !== undefined && (
              <datalist id={listId}>
                {suggestions.map((one) => (
                  <option key={one.value} value={one.value}>
                    {one.label}
                  </option>
                ))}
              </datalist>
            )}
          </>
        );
      }}
    </Field>
  );
}
