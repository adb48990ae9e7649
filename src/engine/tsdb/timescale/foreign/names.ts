/**
 * What columns are called in plants, as far as a name alone says something. Names are compared in lower case with their
 * parts joined by "_": `TagName`, `tag name` and `_TAG-NAME` are all `tag_name`.
 */
export function plain(name: string): string {
  let made = known.get(name);
  if (made === undefined) {
    made = name
      .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2')
      .toLowerCase()
      .replace(/[\s\-./]+/g, '_')
      .replace(/^_+|_+$/g, '');
    if (known.size >= 50_000) known.clear();
    known.set(name, made);
  }
  return made;
}
/** The same names come again in every table. */
const known = new Map<string, string>();

const things =
  'tags?|meters?|z[aä]hler|counters?|points?|signals?|sensors?|metrics?|variables?|vars?|channels?|items?|series|measurements?|parameters?|params?|attributes?|fields?|messstellen?|messpunkte?|kan[aä]le?|datenpunkte?|signale?|entity|register';

export const NAMES = {
  time: /^_?(time|ts|t|time_?stamp|t_?stamp|date_?(and_?)?time|clock|zeit|zeit_?stempel|zeitpunkt|datum|datum_?zeit|datum_?uhrzeit|epoch|unix_?time|(sample|event|source|log|logged|recorded|record|measured|meas|reading)_?(time|ts|at|time_?stamp|date)|bucket|moment|when)(_?(utc|ms|us|ns|s|sec|millis|epoch|local))?$/,
  /** When a row was written, not when it was measured. */
  booked:
    /(created|updated|inserted|modified|changed|received|ingest|arriv|stored|deleted|valid|retired|expires|booked)/,
  tag: new RegExp(
    `^((${things})(_?(id|name|key|path|no|nr|num|index|idx|code|ref|fk))?|name|path|topic|node_?id|kks|key|full_?name|object_?name|address)$`,
  ),
  /** A number called so refers to a table of such things, whatever that is called. */
  refers: new RegExp(`^(${things})(_?(id|key|no|nr|num|index|idx|code|ref|fk))?$`),
  /** What holds several measured things: tells series apart, but is rarely the tag. */
  place:
    /^(devices?|machines?|assets?|lines?|plants?|sites?|areas?|stations?|stands?|locations?|hosts?|servers?|equipment|gateways?|plcs?|anlagen?|maschinen?|linien?|werke?|hallen?|rooms?|buildings?|zones?|regions?|sources?|groups?|ger[aä]te?|units?|mills?|furnaces?|[oö]fen|ofen)(_?(id|name|key|no|nr|code))?$/,
  value:
    /^(values?|val|v|wert|messwert|istwert|reading|data|payload|y|num|dbl|(float|int|integer|double|dbl|real|num|numeric|number|bool|boolean|string|text|str|long|bigint|analog|digital|discrete|json|raw|measured|d|f|i|s|b)_?(value|val|wert|v)|(value|val|v|wert)_?(float|double|real|num|numeric|number|int|integer|bigint|long|bool|boolean|text|string|str|txt|json|raw|analog|digital|discrete|f|d|i|s|b|n|t))$/,
  quality:
    /^(quality|qual|q|qc|qualit[aä]t|g[uü]te|opc_?quality|quality_?(code|flag|id|status)|data_?(integrity|quality)|integrity|status_?(code|flag)?|statuscode|state_?code|(is_?)?(good|valid|bad|invalid|ok)|valid_?flag|flag)$/,
  unit: /^(unit|units|uom|eu|eng_?units?|engineering_?units?|einheit|dimension|unit_?(name|of_?measure|symbol))$/,
  description:
    /^(descr?|description|comment|remark|note|text|long_?(name|text)|title|beschreibung|bezeichnung|kommentar|display_?name)$/,
  /** Of a tag in a table of tags, the best first. */
  name: [
    /^(tag_?(name|path)|full_?name|path|kks|signal_?name|point_?name|sensor_?name|tag)$/,
    /^(name|code|key|label|identifier|bezeichner|item|channel|kennung)$/,
    /(name|path|code|key)$/,
    /^(title|display_?name|bezeichnung|description)$/,
  ],
  /** What goes on in the plant, which few words can say too, but which tells no series apart. */
  state:
    /^(status|state|mode|zustand|betriebsart|messages?|msg|severity|level|priority|shift|schicht|alarm|event|reason|operator|user|batch.*|charge.*|recipe|rezept|product.*|produkt.*|material.*)$/,
  /** Keeps the table in order and says nothing of the plant. */
  technical:
    /^(id|row_?id|uid|uuid|guid|seq(uence)?(_?(no|nr|id|num))?|version|hash|checksum|batch_?no|lsn|oid|pk|created.*|updated.*|inserted.*|modified.*|ingest.*|received.*)$/,
} as const;

/** A name as a label or an id may have it, without its accents; empty where no letter of it is left. */
export function slug(name: string): string {
  return plain(name)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .replace(/[^a-z0-9_]+/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_|_$/g, '');
}
