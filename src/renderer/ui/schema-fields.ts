/** What a form draws from a JSON Schema and the keys that settings carry as metadata. */
export interface SchemaField {
  /** Where the setting is: `port`, or `security.mode` in a nested object. */
  readonly name: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'choice' | 'list';
  readonly title: string;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly group: string;
  readonly secret: boolean;
  /** A text of lines, such as a certificate. */
  readonly multiline: boolean;
  readonly required: boolean;
  /** The nearest object around it that may be left out: `required` holds once something in that object is set. */
  readonly optionalIn: string | null;
  /** Objects around it that must be there, be they empty. */
  readonly requiredIn: readonly string[];
  readonly whole: boolean;
  /** Nothing is a value of its own, other than the default: emptied by hand, the field means it. */
  readonly nullable: boolean;
  /** Shown as placeholder; holds while the field is empty. */
  readonly fallback: unknown;
  /** What it means that nothing is entered, as placeholder; undefined where a default or an example says enough. */
  readonly empty: string | undefined;
  /** The fallback is that of an object around it, which no longer holds once something else in the object is set. */
  readonly inherited: boolean;
  readonly choices: readonly string[];
  /** What a choice is called on the screen, where its own word would not do. */
  readonly choiceNames: ReadonlyMap<string, string>;
  /** A list of the engine's that suggests what to enter; anything else may be entered as well. */
  readonly choicesFrom: string | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly pattern: string | undefined;
  readonly maxItems: number | undefined;
  /** Shown only while other settings have these values; a list means one of them. */
  readonly showIf: readonly { readonly name: string; readonly wanted: unknown }[];
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

/** Where a walk through the schema is: the object around the properties, as seen from the outermost. */
interface Place {
  readonly path: string;
  readonly group: string;
  readonly optionalIn: string | null;
  readonly requiredIn: readonly string[];
  readonly showIf: SchemaField['showIf'];
  readonly fallback: Readonly<Record<string, unknown>> | undefined;
}

/** The fields in the order of the schema; what is in a nested object stands in a group under the object's title. */
export function readFields(schema: Readonly<Record<string, unknown>>): readonly SchemaField[] {
  const fields: SchemaField[] = [];
  const outermost = isObject(schema.properties) ? schema.properties : {};
  const walk = (object: Readonly<Record<string, unknown>>, at: Place): void => {
    const properties = isObject(object.properties) ? object.properties : {};
    const needed = new Set(Array.isArray(object.required) ? object.required : []);
    const inside = (name: string): string => (at.path === '' ? name : `${at.path}.${name}`);
    for (const [key, property] of Object.entries(properties)) {
      if (!isObject(property)) continue;
      const own = withoutNull(property);
      const name = inside(key);
      const title = text(property.title) ?? wordsOf(key);
      const required = needed.has(key) && property.default === undefined && own === property;
      const inherited = at.fallback !== undefined && Object.hasOwn(at.fallback, key);
      const fallback = inherited ? at.fallback?.[key] : property.default;
      // A condition names a neighbour, or else a setting of the outermost object.
      const conditions = Object.entries(isObject(property.showIf) ? property.showIf : {}).map(([other, wanted]) => ({
        name: Object.hasOwn(properties, other) || !Object.hasOwn(outermost, other) ? inside(other) : other,
        wanted,
      }));
      const showIf = [...at.showIf, ...conditions];
      if (isObject(own.properties)) {
        walk(own, {
          path: name,
          group: at.group === '' ? title : `${at.group}, ${title}`,
          optionalIn: required ? at.optionalIn : name,
          requiredIn: required ? [...at.requiredIn, name] : at.requiredIn,
          showIf,
          fallback: isObject(fallback) ? fallback : undefined,
        });
        continue;
      }
      const kind = kindOf(own);
      if (kind === null) continue;
      fields.push({
        name,
        kind,
        title,
        help: text(property.help) ?? text(property.description),
        unit: text(property.unit),
        group: at.path === '' ? (text(property.group) ?? '') : at.group,
        secret: property.secret === true,
        multiline: property.multiline === true,
        required: required && !inherited,
        optionalIn: at.optionalIn,
        requiredIn: at.requiredIn,
        whole: own.type === 'integer',
        nullable: own !== property && fallback !== undefined && fallback !== null,
        fallback,
        empty: text(property.empty),
        inherited,
        choices: choicesOf(own),
        choiceNames: new Map(
          Object.entries(isObject(property.choiceNames) ? property.choiceNames : {}).flatMap(([choice, name]) =>
            typeof name === 'string' ? [[choice, name] as const] : [],
          ),
        ),
        choicesFrom: text(property.choicesFrom),
        minimum: bound(own.minimum) ?? bound(own.exclusiveMinimum),
        maximum: bound(own.maximum) ?? bound(own.exclusiveMaximum),
        minLength: number(own.minLength),
        maxLength: number(own.maxLength),
        pattern: text(own.pattern),
        maxItems: number(own.maxItems),
        showIf,
      });
    }
  };
  walk(schema, { path: '', group: '', optionalIn: null, requiredIn: [], showIf: [], fallback: undefined });
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

/** The setting as it was entered; undefined where nothing was. */
export function enteredAt(values: FormValues, name: string): unknown {
  let value: unknown = values;
  for (const key of name.split('.')) value = isObject(value) ? value[key] : undefined;
  return value;
}

/** The settings with one of them changed; an object that has nothing left in it goes. */
export function withEntered(values: FormValues, name: string, value: unknown): FormValues {
  const [key = '', ...rest] = name.split('.');
  if (rest.length === 0) return { ...values, [key]: value };
  const inner = isObject(values[key]) ? values[key] : {};
  const changed = withEntered(inner, rest.join('.'), value);
  return { ...values, [key]: Object.values(changed).every((entry) => entry === undefined) ? undefined : changed };
}

/** The value that holds: what was entered, else the default. */
export function effective(field: SchemaField, values: FormValues): unknown {
  const value = enteredAt(values, field.name);
  return value === undefined ? field.fallback : value;
}

export function isShown(field: SchemaField, fields: readonly SchemaField[], values: FormValues): boolean {
  return field.showIf.every(({ name, wanted }) => {
    const other = fields.find((candidate) => candidate.name === name);
    const value = other === undefined ? enteredAt(values, name) : effective(other, values);
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
    if (trimmed === '') return field.nullable ? null : undefined;
    const value = Number(trimmed);
    return Number.isNaN(value) ? entered : value;
  }
  if (entered === '' && field.nullable) return null;
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
  if (field.empty !== undefined && !field.required) return field.empty;
  // An empty default stands for a setting that is needed only beside others.
  const wanted = field.required || field.fallback === '';
  if (wanted && example !== '' && (typeof example === 'string' || typeof example === 'number')) {
    return `such as ${example}`;
  }
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
      return `${field.title} has a character that is not allowed here.${field.help === undefined ? '' : ` ${field.help}`}`;
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

const hasContent = (value: unknown): boolean =>
  isObject(value) ? Object.values(value).some(hasContent) : value !== undefined && value !== null && value !== '';

/** What the schema itself says of all settings that are shown, by name. `missing`: also of what is still empty. */
export function checkFields(
  fields: readonly SchemaField[],
  values: FormValues,
  missing: boolean,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const field of fields) {
    if (!isShown(field, fields, values)) continue;
    const value = enteredAt(values, field.name);
    const empty = value === undefined || value === null || value === '';
    if (empty && (!missing || (field.optionalIn !== null && !hasContent(enteredAt(values, field.optionalIn)))))
      continue;
    const message = checkField(field, value);
    if (message !== undefined) found.set(field.name, message);
  }
  return found;
}

/** Settings without what is hidden or empty; what the engine is given to check and to keep. */
export function settingsOf(fields: readonly SchemaField[], values: FormValues): Record<string, unknown> {
  // What this screen has no field for is kept as it is.
  let settings = structuredClone(values) as FormValues;
  for (const field of fields) {
    if (!isShown(field, fields, values) && enteredAt(settings, field.name) !== undefined) {
      settings = withEntered(settings, field.name, undefined);
    }
  }
  for (const field of fields) {
    if (!isShown(field, fields, values)) continue;
    const around = field.optionalIn === null || hasContent(enteredAt(settings, field.optionalIn));
    if (around && field.inherited && enteredAt(settings, field.name) === undefined) {
      settings = withEntered(settings, field.name, field.fallback);
    }
    for (const object of around ? field.requiredIn : []) {
      if (enteredAt(settings, object) === undefined) settings = withObject(settings, object);
    }
  }
  return withoutUndefined(settings);
}

function withObject(values: FormValues, name: string): FormValues {
  const [key = '', ...rest] = name.split('.');
  const inner = isObject(values[key]) ? values[key] : {};
  return { ...values, [key]: rest.length === 0 ? inner : withObject(inner, rest.join('.')) };
}

function withoutUndefined(values: FormValues): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) kept[key] = isObject(value) ? withoutUndefined(value) : value;
  }
  return kept;
}
