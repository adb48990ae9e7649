import { type ReactNode, useMemo } from 'react';
import { Check, Field, unitWidth } from './controls.tsx';
import {
  checkField,
  effective,
  type FormValues,
  fieldText,
  isShown,
  parseField,
  placeholder,
  readFields,
  type SchemaField,
  wordsOf,
} from './schema-fields.ts';
import './schema-form.css';

/** Groups that are open from the start; the others open by a click, or by themselves when something in them is wrong. */
const OPEN_GROUPS = 2;

/**
 * A form drawn from a JSON Schema. What is typed is checked at once against the schema's own bounds; `errors` carries
 * what the engine found, by field name.
 */
export function SchemaForm({
  schema,
  values,
  onChange,
  errors,
  example,
  disabled = false,
}: {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly values: FormValues;
  readonly onChange: (values: FormValues) => void;
  readonly errors: ReadonlyMap<string, string>;
  /** Settings of an example, for placeholders of what has no default. */
  readonly example?: FormValues;
  readonly disabled?: boolean;
}): ReactNode {
  const fields = useMemo(() => readFields(schema), [schema]);
  const shown = fields.filter((field) => isShown(field, fields, values));
  const groups = new Map<string, SchemaField[]>();
  for (const field of shown) groups.set(field.group, [...(groups.get(field.group) ?? []), field]);
  const problem = (field: SchemaField): string | undefined =>
    checkTyped(field, values[field.name]) ?? errors.get(field.name);

  return [...groups].map(([group, members], index) => {
    const control = (field: SchemaField): ReactNode => (
      <SchemaControl
        key={field.name}
        field={field}
        value={values[field.name]}
        shownValue={effective(field, values)}
        example={example?.[field.name]}
        error={problem(field)}
        disabled={disabled}
        onChange={(value) => onChange({ ...values, [field.name]: value })}
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
    const changed = members.some((field) => values[field.name] !== undefined && values[field.name] !== field.fallback);
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

/** While typing, an empty field is not yet a fault; the check on saving names what is missing. */
function checkTyped(field: SchemaField, value: unknown): string | undefined {
  return value === undefined || value === '' ? undefined : checkField(field, value);
}

function SchemaControl({
  field,
  value,
  shownValue,
  example,
  error,
  disabled,
  onChange,
}: {
  readonly field: SchemaField;
  readonly value: unknown;
  readonly shownValue: unknown;
  readonly example: unknown;
  readonly error: string | undefined;
  readonly disabled: boolean;
  readonly onChange: (value: unknown) => void;
}): ReactNode {
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
                  {/^[a-z]/.test(choice) ? wordsOf(choice) : choice}
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
              rows={2}
              disabled={disabled}
              placeholder="none"
              spellCheck={false}
              value={fieldText(value)}
              onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value.split('\n'))}
              onBlur={(event) => onChange(parseField(field, event.target.value))}
            />
          );
        }
        const input = (
          <input
            {...ids}
            className={field.kind === 'number' ? 'input mono' : 'input'}
            type={field.secret ? 'password' : 'text'}
            inputMode={field.kind === 'number' ? 'decimal' : undefined}
            autoComplete="off"
            spellCheck={false}
            disabled={disabled}
            placeholder={placeholder(field, example)}
            value={fieldText(value)}
            onChange={(event) => onChange(parseField(field, event.target.value))}
          />
        );
        if (field.unit === undefined) return input;
        return (
          <div className="input-unit" style={unitWidth(field.unit)}>
            {input}
            <span>{field.unit}</span>
          </div>
        );
      }}
    </Field>
  );
}
