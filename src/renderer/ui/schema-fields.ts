/** What a form draws from a JSON Schema and the keys that settings carry as metadata. */
export interface SchemaField {
  readonly name: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'choice' | 'list';
  readonly title: string;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly group: string;
  readonly secret: boolean;
  readonly required: boolean;
  readonly whole: boolean;
  /** Shown as placeholder; holds while the field is empty. */
  readonly fallback: unknown;
  readonly choices: readonly string[];
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly pattern: string | undefined;
  readonly maxItems: number | undefined;
  /** Shown only while other fields have these values; a list means one of them. */
  readonly showIf: Readonly<Record<string, unknown>> | undefined;
}

export type FormValues = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
/** Zod writes its safe-integer bounds into every integer; they say nothing to a person. */
const bound = (value: unknown): number | undefined =>
  typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;

/** `connectTimeoutMs` as words, for settings without a title. */
export function wordsOf(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The fields in the order of the schema. Nested objects are not drawn; settings are flat. */
export function readFields(schema: Readonly<Record<string, unknown>>): readonly SchemaField[] {
  if (!isObject(schema.properties)) return [];
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const fields: SchemaField[] = [];
  for (const [name, property] of Object.entries(schema.properties)) {
    if (!isObject(property)) continue;
    const own = withoutNull(property);
    const kind = kindOf(own);
    if (kind === null) continue;
    fields.push({
      name,
      kind,
      title: text(property.title) ?? wordsOf(name),
      help: text(property.help) ?? text(property.description),
      unit: text(property.unit),
      group: text(property.group) ?? '',
      secret: property.secret === true,
      required: required.has(name) && property.default === undefined && own === property,
      whole: own.type === 'integer',
      fallback: property.default,
      choices: choicesOf(own),
      minimum: bound(own.minimum) ?? bound(own.exclusiveMinimum),
      maximum: bound(own.maximum) ?? bound(own.exclusiveMaximum),
      minLength: number(own.minLength),
      maxLength: number(own.maxLength),
      pattern: text(own.pattern),
      maxItems: number(own.maxItems),
      showIf: isObject(property.showIf) ? property.showIf : undefined,
    });
  }
  return fields;
}

function withoutNull(property: Record<string, unknown>): Record<string, unknown> {
  if (Array.isArray(property.type)) {
    const types = property.type.filter((type) => type !== 'null');
    return types.length === 1 ? { ...property, type: types[0] } : property;
  }
  if (!Array.isArray(property.anyOf)) return property;
  const some = property.anyOf.filter((entry) => isObject(entry) && entry.type !== 'null');
  return some.length === 1 && isObject(some[0]) ? some[0] : property;
}

function choicesOf(property: Record<string, unknown>): readonly string[] {
  if (Array.isArray(property.enum)) return property.enum.map(String);
  if (Array.isArray(property.anyOf)) {
    return property.anyOf.flatMap((entry) =>
      isObject(entry) && entry.const !== undefined ? [String(entry.const)] : [],
    );
  }
  return [];
}

function kindOf(property: Record<string, unknown>): SchemaField['kind'] | null {
  if (choicesOf(property).length > 0) return 'choice';
  switch (property.type) {
    case 'string':
      return 'text';
    case 'number':
    case 'integer':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return isObject(property.items) && property.items.type === 'string' ? 'list' : null;
    default:
      return null;
  }
}

/** The value that holds: what was entered, else the default. */
export function effective(field: SchemaField, values: FormValues): unknown {
  const value = values[field.name];
  return value === undefined ? field.fallback : value;
}

export function isShown(field: SchemaField, fields: readonly SchemaField[], values: FormValues): boolean {
  if (field.showIf === undefined) return true;
  return Object.entries(field.showIf).every(([name, wanted]) => {
    const other = fields.find((candidate) => candidate.name === name);
    const value = other === undefined ? values[name] : effective(other, values);
    return Array.isArray(wanted) ? wanted.includes(value) : value === wanted;
  });
}

/** What a text field means for the setting. Text that is no number stays text, so that it is refused by name. */
export function parseField(field: SchemaField, entered: string): unknown {
  if (field.kind === 'list') {
    const lines = entered.split(/[\n,;]/).map((line) => line.trim());
    return lines.filter((line) => line !== '');
  }
  if (field.kind === 'number') {
    const trimmed = entered.trim().replace(',', '.');
    if (trimmed === '') return undefined;
    const value = Number(trimmed);
    return Number.isNaN(value) ? entered : value;
  }
  return entered === '' && (field.fallback !== undefined || !field.required) ? undefined : entered;
}

/** How a setting stands in its text field. */
export function fieldText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.join('\n') : String(value);
}

export function placeholder(field: SchemaField, example: unknown): string {
  if (
    field.fallback !== undefined &&
    field.fallback !== null &&
    field.fallback !== '' &&
    !Array.isArray(field.fallback)
  )
    return String(field.fallback);
  if (field.required && (typeof example === 'string' || typeof example === 'number')) return `such as ${example}`;
  return '';
}

const withUnit = (value: number, unit: string | undefined): string =>
  unit === undefined ? `${value}` : `${value} ${unit}`;

/** What is wrong with one setting, in a sentence that says what would be right; undefined when nothing is. */
export function checkField(field: SchemaField, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') {
    return field.required ? `${field.title} is needed.` : undefined;
  }
  if (field.kind === 'number') {
    if (typeof value !== 'number' || !Number.isFinite(value)) return `${field.title} is a number.`;
    if (field.whole && !Number.isInteger(value)) return `${field.title} is a whole number.`;
    const { minimum, maximum, unit } = field;
    if (minimum !== undefined && maximum !== undefined && (value < minimum || value > maximum)) {
      return `${field.title} is from ${minimum} to ${withUnit(maximum, unit)}.`;
    }
    if (minimum !== undefined && value < minimum) return `${field.title} is at least ${withUnit(minimum, unit)}.`;
    if (maximum !== undefined && value > maximum) return `${field.title} is at most ${withUnit(maximum, unit)}.`;
  }
  if (field.kind === 'text' && typeof value === 'string') {
    if (field.maxLength !== undefined && value.length > field.maxLength) {
      return `${field.title} has at most ${field.maxLength} characters.`;
    }
    if (field.minLength !== undefined && value.trim().length < field.minLength) {
      return `${field.title} has at least ${field.minLength} characters.`;
    }
    if (field.pattern !== undefined && !new RegExp(field.pattern, 'u').test(value.trim())) {
      return `${field.title} has a character that is not allowed here.`;
    }
  }
  if (field.kind === 'choice' && !field.choices.includes(String(value))) {
    return `${field.title} is one of ${field.choices.join(', ')}.`;
  }
  if (field.kind === 'list' && Array.isArray(value) && field.maxItems !== undefined && value.length > field.maxItems) {
    return `${field.title} has at most ${field.maxItems} entries.`;
  }
  return undefined;
}

/** Settings without what is hidden, empty or equal to nothing; what the engine is given to check and to keep. */
export function settingsOf(fields: readonly SchemaField[], values: FormValues): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  const known = new Set(fields.map((field) => field.name));
  // What this screen has no field for is kept as it is.
  for (const [name, value] of Object.entries(values))
    if (!known.has(name) && value !== undefined) settings[name] = value;
  for (const field of fields) {
    const value = values[field.name];
    if (value === undefined || !isShown(field, fields, values)) continue;
    settings[field.name] = value;
  }
  return settings;
}
