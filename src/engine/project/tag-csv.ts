import { isAppError } from '#shared/errors.ts';
import {
  type ConnectionDocument,
  type DeviceDocument,
  type Scaling,
  type TagDocument,
  tagDocument,
  timeKind,
  type ValueType,
  valueType,
  type WordOrder,
  wordOrder,
} from '#shared/model/index.ts';
import { detectSeparator, formatText, parseCsv, parseNumber, unprotectText } from './csv-text.ts';

/** The tag list as CSV: what is exported comes back the same, and lists from spreadsheets are taken as they are. */

interface ColumnRule {
  readonly column: string;
  /** Other headings for the same column, lower case, without blanks and punctuation. */
  readonly aliases: readonly string[];
  readonly means: string;
}

export const TAG_COLUMNS = [
  {
    column: 'name',
    aliases: ['tag', 'tagname', 'symbol', 'signal', 'bezeichnung'],
    means: 'Name of the tag, unique in the project. Needed.',
  },
  {
    column: 'connection',
    aliases: ['link', 'channel'],
    means: 'Name of the connection. Needed only where two devices have the same name.',
  },
  { column: 'device', aliases: ['devicename', 'unit name', 'station', 'plc'], means: 'Name of the device.' },
  {
    column: 'address',
    aliases: ['register', 'adresse', 'location'],
    means: "Address in any of the protocol's notations. Needed.",
  },
  {
    column: 'type',
    aliases: ['datatype', 'format', 'datentyp'],
    means: 'int16, uint16, int32, float32, bit, string, ... Empty: from the address.',
  },
  {
    column: 'order',
    aliases: ['byteorder', 'wordorder', 'endianness'],
    means: "ABCD, CDAB, BADC or DCBA. Empty: the device's order.",
  },
  { column: 'gain', aliases: ['factor', 'multiplier', 'scale'], means: 'Engineering value = raw x gain + offset.' },
  { column: 'offset', aliases: ['bias'], means: 'See gain.' },
  {
    column: 'raw_low',
    aliases: ['rawmin'],
    means: 'Scaling by ranges: raw_low to raw_high becomes scaled_low to scaled_high.',
  },
  { column: 'raw_high', aliases: ['rawmax'], means: 'See raw_low.' },
  { column: 'scaled_low', aliases: ['scaledlow', 'engmin', 'eumin'], means: 'See raw_low.' },
  { column: 'scaled_high', aliases: ['scaledhigh', 'engmax', 'eumax'], means: 'See raw_low.' },
  { column: 'clamp', aliases: ['clamped', 'limit'], means: 'yes: values outside the scaled range are limited to it.' },
  { column: 'unit', aliases: ['units', 'engineeringunit', 'eu', 'einheit'], means: 'Unit, as text.' },
  { column: 'decimals', aliases: ['digits', 'precision'], means: 'Digits after the decimal sign, 0 to 12.' },
  { column: 'range_low', aliases: ['displaymin', 'min', 'low'], means: 'Lower end of the display range.' },
  { column: 'range_high', aliases: ['displaymax', 'max', 'high'], means: 'Upper end of the display range.' },
  {
    column: 'period_ms',
    aliases: ['period', 'scanrate', 'rate', 'interval', 'cycle', 'timebase'],
    means: 'Milliseconds between two reads, 1 to 86400000. Empty: 1000.',
  },
  { column: 'time', aliases: ['timekind', 'timestamp'], means: 'source, server or receive. Empty: receive.' },
  { column: 'enabled', aliases: ['active', 'used'], means: 'yes or no. Empty: yes.' },
  { column: 'description', aliases: ['comment', 'desc', 'text', 'kommentar'], means: 'Free text.' },
  {
    column: 'id',
    aliases: ['tagid'],
    means: 'Identity of an existing tag: lets an import rename it. Empty for new tags.',
  },
] as const satisfies readonly ColumnRule[];
type ColumnName = (typeof TAG_COLUMNS)[number]['column'];

export interface TagListContext {
  readonly connections: readonly ConnectionDocument[];
  readonly devices: readonly DeviceDocument[];
  readonly tags: readonly TagDocument[];
  /** Canonical address and what the text says of type and order; throws `config.invalid`. */
  resolveAddress(
    text: string,
    device: DeviceDocument,
  ): { readonly canonical: string; readonly type: ValueType | null; readonly order: WordOrder | null };
  /** Throws `config.invalid` when the tag as a whole can't be read from its device. */
  checkTag(tag: TagDocument, device: DeviceDocument): void;
  newId(): string;
}

export interface TagImportRow {
  readonly line: number;
  readonly status: 'new' | 'change' | 'same' | 'bad';
  readonly reason: string | null;
  readonly name: string;
  readonly address: string;
  readonly device: string;
  readonly tag: TagDocument | null;
}

export interface TagImportPreview {
  readonly rows: readonly TagImportRow[];
  readonly unknownColumns: readonly string[];
  readonly separator: string;
}

export function formatTagCsv(
  tags: readonly TagDocument[],
  context: Pick<TagListContext, 'connections' | 'devices'>,
): string {
  const devices = new Map(context.devices.map((device) => [device.id, device]));
  const connections = new Map(context.connections.map((connection) => [connection.id, connection]));
  const lines = [TAG_COLUMNS.map((rule) => rule.column).join(',')];
  for (const tag of tags) {
    const device = devices.get(tag.deviceId);
    const connection = device === undefined ? undefined : connections.get(device.connectionId);
    const text = (value: string | null | undefined): string => formatText(value ?? '', ',');
    const number = (value: number | null | undefined): string =>
      value === null || value === undefined ? '' : String(value);
    const gain = tag.scaling?.kind === 'gain' ? tag.scaling : null;
    const range = tag.scaling?.kind === 'range' ? tag.scaling : null;
    const cells: Record<ColumnName, string> = {
      name: text(tag.name),
      connection: text(connection?.name),
      device: text(device?.name),
      address: text(tag.address),
      type: tag.type,
      order: tag.order ?? '',
      gain: number(gain?.gain),
      offset: number(gain?.offset),
      raw_low: number(range?.rawLow),
      raw_high: number(range?.rawHigh),
      scaled_low: number(range?.low),
      scaled_high: number(range?.high),
      clamp: range === null ? '' : range.clamp ? 'yes' : 'no',
      unit: text(tag.unit),
      decimals: number(tag.decimals),
      range_low: number(tag.range?.low),
      range_high: number(tag.range?.high),
      period_ms: number(tag.periodMs),
      time: tag.timeKind,
      enabled: tag.enabled ? 'yes' : 'no',
      description: text(tag.description),
      id: tag.id,
    };
    lines.push(TAG_COLUMNS.map((rule) => cells[rule.column]).join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** Rows of one page; their tags make a frame of about a megabyte. */
const ROWS_PER_PAGE = 2_000;

/**
 * In pages, of which there is at least one. `giveWay` is asked before each row, and waited for when it answers: a list
 * has tens of thousands of rows.
 */
export async function* previewTagCsv(
  text: string,
  defaultDeviceId: string | null,
  context: TagListContext,
  giveWay: () => Promise<void> | null,
): AsyncGenerator<TagImportPreview, void> {
  const separator = detectSeparator(text);
  const lines = parseCsv(text, separator);
  const header = lines.next();
  if (header.done === true) {
    yield { rows: [], unknownColumns: [], separator };
    return;
  }
  const { columns, unknownColumns } = readHeader(header.value.cells);
  const findDevice = createDeviceFinder(context);
  const byId = new Map(context.tags.map((tag) => [tag.id, tag]));
  const byName = new Map(context.tags.map((tag) => [tag.name, tag]));
  const names = new Map<string, number>();
  let rows: TagImportRow[] = [];
  for (const { line, cells, unclosed } of lines) {
    const others = giveWay();
    if (others !== null) await others;
    if (rows.length === ROWS_PER_PAGE) {
      yield { rows, unknownColumns, separator };
      rows = [];
    }
    const cell = (column: ColumnName): string => {
      const index = columns.get(column);
      return index === undefined ? '' : unprotectText((cells[index] ?? '').trim());
    };
    const base = { line, name: cell('name'), address: cell('address'), device: cell('device') };
    try {
      if (unclosed) refuse('A quotation mark is opened in this row and never closed.');
      if (!columns.has('name') || !columns.has('address'))
        refuse('The first line must name the columns; "name" and "address" are needed.');
      const earlier = names.get(base.name);
      if (earlier !== undefined) refuse(`The name "${base.name}" stands in line ${earlier} already.`);
      const known = byId.get(cell('id')) ?? byName.get(base.name);
      const tag = readTag(cell, separator, known, defaultDeviceId, findDevice, context);
      const owner = byName.get(tag.name);
      if (owner !== undefined && owner.id !== tag.id) refuse(`The name "${tag.name}" belongs to another tag.`);
      names.set(base.name, line);
      const status = known === undefined ? 'new' : JSON.stringify(known) === JSON.stringify(tag) ? 'same' : 'change';
      rows.push({ ...base, status, reason: null, tag });
    } catch (error) {
      if (!(error instanceof RowRefused) && !isAppError(error)) throw error;
      rows.push({ ...base, status: 'bad', reason: error.message, tag: null });
    }
  }
  yield { rows, unknownColumns, separator };
}

class RowRefused extends Error {}
function refuse(reason: string): never {
  throw new RowRefused(reason);
}

function readHeader(cells: readonly string[]): { columns: Map<ColumnName, number>; unknownColumns: string[] } {
  const bare = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const columns = new Map<ColumnName, number>();
  const unknownColumns: string[] = [];
  cells.forEach((heading, index) => {
    const rule = TAG_COLUMNS.find(
      (candidate) =>
        bare(candidate.column) === bare(heading) || candidate.aliases.some((alias) => bare(alias) === bare(heading)),
    );
    if (rule !== undefined && !columns.has(rule.column)) columns.set(rule.column, index);
    else if (heading.trim() !== '') unknownColumns.push(heading.trim());
  });
  return { columns, unknownColumns };
}

function readTag(
  cell: (column: ColumnName) => string,
  separator: string,
  known: TagDocument | undefined,
  defaultDeviceId: string | null,
  findDevice: DeviceFinder,
  context: TagListContext,
): TagDocument {
  const device = findDevice(cell('connection'), cell('device'), known?.deviceId ?? defaultDeviceId);
  const number = (column: ColumnName): number | null => {
    const text = cell(column);
    if (text === '') return null;
    return parseNumber(text, separator) ?? refuse(`"${text}" in column ${column} is not a number.`);
  };
  const yes = (column: ColumnName, fallback: boolean): boolean => {
    const text = cell(column).toLowerCase();
    if (text === '') return fallback;
    if (['yes', 'true', '1', 'on', 'y', 'x', 'ja'].includes(text)) return true;
    if (['no', 'false', '0', 'off', 'n', 'nein'].includes(text)) return false;
    return refuse(`"${text}" in column ${column} is neither yes nor no.`);
  };
  const oneOf = <T extends string>(column: ColumnName, options: readonly T[], fallback: T | null): T | null => {
    const text = cell(column);
    if (text === '') return fallback;
    return (
      options.find((option) => option.toLowerCase() === text.toLowerCase()) ??
      refuse(`"${text}" in column ${column} is not one of ${options.join(', ')}.`)
    );
  };
  const address = context.resolveAddress(cell('address'), device);
  const low = number('range_low');
  const high = number('range_high');
  const tag = {
    id: known?.id ?? context.newId(),
    deviceId: device.id,
    name: cell('name'),
    description: cell('description'),
    address: address.canonical,
    type:
      oneOf('type', valueType.options, null) ??
      address.type ??
      refuse(`Column type is empty, and the address does not tell the type.`),
    order: oneOf('order', wordOrder.options, address.order),
    scaling: readScaling(number, yes),
    unit: cell('unit') === '' ? null : cell('unit'),
    decimals: number('decimals'),
    range: low === null || high === null ? null : { low, high },
    periodMs: number('period_ms') ?? 1000,
    timeKind: oneOf('time', timeKind.options, 'receive'),
    enabled: yes('enabled', true),
  };
  const parsed = tagDocument.safeParse(tag);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refuse(`${issue?.path.join('.') ?? 'Row'}: ${issue?.message ?? 'not valid'}`);
  }
  context.checkTag(parsed.data, device);
  return parsed.data;
}

function readScaling(
  number: (column: ColumnName) => number | null,
  yes: (column: ColumnName, fallback: boolean) => boolean,
): Scaling | null {
  const [rawLow, rawHigh, low, high] = [
    number('raw_low'),
    number('raw_high'),
    number('scaled_low'),
    number('scaled_high'),
  ];
  if (rawLow !== null && rawHigh !== null && low !== null && high !== null) {
    if (rawLow === rawHigh) refuse('raw_low and raw_high are equal; a scaling needs two different raw values.');
    return { kind: 'range', rawLow, rawHigh, low, high, clamp: yes('clamp', false) };
  }
  if (rawLow !== null || rawHigh !== null || low !== null || high !== null) {
    refuse('A scaling by ranges needs all of raw_low, raw_high, scaled_low and scaled_high.');
  }
  const gain = number('gain');
  const offset = number('offset');
  return gain === null && offset === null ? null : { kind: 'gain', gain: gain ?? 1, offset: offset ?? 0 };
}

type DeviceFinder = (connection: string, device: string, fallback: string | null) => DeviceDocument;

function createDeviceFinder({ connections, devices }: TagListContext): DeviceFinder {
  const byId = new Map(devices.map((device) => [device.id, device]));
  const byName = new Map<string, DeviceDocument[]>();
  for (const device of devices) byName.set(device.name, [...(byName.get(device.name) ?? []), device]);
  const connectionNames = new Map(connections.map(({ id, name }) => [id, name]));
  return (connection, device, fallback) => {
    if (device === '') {
      return (
        byId.get(fallback ?? '') ?? refuse('Column device is empty. Name the device, or choose one for rows without.')
      );
    }
    const found = (byName.get(device) ?? []).filter(
      ({ connectionId }) => connection === '' || connectionNames.get(connectionId) === connection,
    );
    if (found.length > 1) return refuse(`Several devices are named "${device}". Add the column connection.`);
    const where = connection === '' ? '' : ` on the connection "${connection}"`;
    return found[0] ?? refuse(`There is no device "${device}"${where}. Add it first, or correct the name.`);
  };
}
