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
import { parseNumber } from './csv-text.ts';
import type { ColumnName } from './tag-columns.ts';
import { findDevices, type ListedDevice, type NewDocuments, type SettingsReader } from './tag-import-devices.ts';
import { formatOf } from './tag-lists/index.ts';
import { MOST_ROWS, RowRefused, refuseRow } from './tag-lists/tag-list.ts';
import { typeNamed } from './type-names.ts';

export interface TagListContext extends SettingsReader {
  readonly connections: readonly ConnectionDocument[];
  readonly devices: readonly DeviceDocument[];
  readonly tags: readonly TagDocument[];
  /** Canonical address and what the text says of type and order; throws `config.invalid`. */
  resolveAddress(
    text: string,
    device: DeviceDocument,
    connection: ConnectionDocument | null,
  ): { readonly canonical: string; readonly type: ValueType | null; readonly order: WordOrder | null };
  /** Throws `config.invalid` when the tag as a whole can't be read from its device. */
  checkTag(tag: TagDocument, device: DeviceDocument, connection: ConnectionDocument | null): void;
  newId(): string;
}

export interface TagListInput {
  readonly text: string;
  /** Null: as the content tells. */
  readonly format: string | null;
  /** For rows that name no device. */
  readonly deviceId: string | null;
  /** Devices of the project that stand for the list's own, by key; null makes a new one. What is not named is matched. */
  readonly assigned: Readonly<Record<string, string | null>>;
}

export interface TagImportRow {
  /** Position in the list, from 0. */
  readonly row: number;
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
  readonly format: string;
  readonly unknownColumns: readonly string[];
  readonly separator: string | null;
  readonly notes: readonly string[];
  readonly devices: readonly ListedDevice[];
  /** What the devices that are made consist of; rows name their ids. */
  readonly made: NewDocuments;
}

/** Rows of one page; their tags make a frame of about a megabyte. */
const ROWS_PER_PAGE = 2_000;

/**
 * In pages, of which there is at least one. `giveWay` is asked before each row, and waited for when it answers: a list
 * has tens of thousands of rows. Throws `config.invalid` for a text that is not of the format that was asked for.
 */
export async function* previewTagList(
  input: TagListInput,
  context: TagListContext,
  giveWay: () => Promise<void> | null,
): AsyncGenerator<TagImportPreview, void> {
  const format = formatOf(input.text, input.format);
  const list = await format.read(input.text, giveWay);
  const separator = list.separator ?? ',';
  const found = findDevices(list.devices, input.assigned, context, context.newId);
  const { unknownColumns } = list;
  const notes = [...list.notes, ...found.notes];
  const head = { format: format.id, unknownColumns, separator: list.separator, notes, ...found.listed };
  const findDevice = createDeviceFinder(context);
  const byId = new Map(context.tags.map((tag) => [tag.id, tag]));
  const byName = new Map(context.tags.map((tag) => [tag.name, tag]));
  const names = new Map<string, number>();
  let rows: TagImportRow[] = [];
  let count = 0;
  for (const { line, cells, device: key, problem } of list.rows) {
    const others = giveWay();
    if (others !== null) await others;
    if (rows.length === ROWS_PER_PAGE) {
      yield { ...head, rows };
      rows = [];
    }
    const cell = (column: ColumnName): string => cells[column] ?? '';
    const named = key === null ? null : found.of(key);
    const base = {
      row: count++,
      line,
      name: cell('name'),
      address: cell('address'),
      device: named?.name ?? cell('device'),
    };
    try {
      if (count > MOST_ROWS) refuseRow(`A list has at most ${MOST_ROWS} rows. Split it.`);
      if (named !== null && named.problem !== null) refuseRow(named.problem);
      if (problem !== null) refuseRow(problem);
      const earlier = names.get(base.name);
      if (earlier !== undefined) refuseRow(`The name "${base.name}" stands in line ${earlier} already.`);
      const known = byId.get(cell('id')) ?? byName.get(base.name);
      const place = named ?? {
        device: findDevice(cell('connection'), cell('device'), known?.deviceId ?? input.deviceId),
        connection: null,
        problem: null,
      };
      const device = place.device ?? refuseRow(place.problem ?? 'The list does not say what device this is.');
      const tag = readTag(cell, separator, known, { device, connection: place.connection }, context);
      const owner = byName.get(tag.name);
      if (owner !== undefined && owner.id !== tag.id) refuseRow(`The name "${tag.name}" belongs to another tag.`);
      names.set(base.name, line);
      const status = known === undefined ? 'new' : JSON.stringify(known) === JSON.stringify(tag) ? 'same' : 'change';
      rows.push({ ...base, status, reason: null, tag });
    } catch (error) {
      if (!(error instanceof RowRefused) && !isAppError(error)) throw error;
      rows.push({ ...base, status: 'bad', reason: error.message, tag: null });
    }
  }
  yield { ...head, rows };
}

function readTag(
  cell: (column: ColumnName) => string,
  separator: string,
  known: TagDocument | undefined,
  { device, connection }: { readonly device: DeviceDocument; readonly connection: ConnectionDocument | null },
  context: TagListContext,
): TagDocument {
  const number = (column: ColumnName): number | null => {
    const text = cell(column);
    if (text === '') return null;
    return parseNumber(text, separator) ?? refuseRow(`"${text}" in column ${column} is not a number.`);
  };
  const yes = (column: ColumnName, fallback: boolean): boolean => {
    const text = cell(column).toLowerCase();
    if (text === '') return fallback;
    if (['yes', 'true', '1', 'on', 'y', 'x', 'ja'].includes(text)) return true;
    if (['no', 'false', '0', 'off', 'n', 'nein'].includes(text)) return false;
    return refuseRow(`"${text}" in column ${column} is neither yes nor no.`);
  };
  const oneOf = <T extends string>(column: ColumnName, options: readonly T[], fallback: T | null): T | null => {
    const text = cell(column);
    if (text === '') return fallback;
    return (
      options.find((option) => option.toLowerCase() === text.toLowerCase()) ??
      refuseRow(`"${text}" in column ${column} is not one of ${options.join(', ')}.`)
    );
  };
  const address = context.resolveAddress(cell('address'), device, connection);
  const low = number('range_low');
  const high = number('range_high');
  const tag = {
    id: known?.id ?? context.newId(),
    deviceId: device.id,
    name: cell('name'),
    description: cell('description'),
    address: address.canonical,
    type:
      (cell('type') === '' ? address.type : typeNamed(cell('type'))) ??
      refuseRow(
        cell('type') === ''
          ? 'Column type is empty, and the address does not tell the type.'
          : `"${cell('type')}" in column type is not one of ${valueType.options.join(', ')}.`,
      ),
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
    return refuseRow(`${issue?.path.join('.') ?? 'Row'}: ${issue?.message ?? 'not valid'}`);
  }
  context.checkTag(parsed.data, device, connection);
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
    if (rawLow === rawHigh) refuseRow('raw_low and raw_high are equal; a scaling needs two different raw values.');
    return { kind: 'range', rawLow, rawHigh, low, high, clamp: yes('clamp', false) };
  }
  if (rawLow !== null || rawHigh !== null || low !== null || high !== null) {
    refuseRow('A scaling by ranges needs all of raw_low, raw_high, scaled_low and scaled_high.');
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
        byId.get(fallback ?? '') ??
        refuseRow('Column device is empty. Name the device, or choose one for rows without.')
      );
    }
    const found = (byName.get(device) ?? []).filter(
      ({ connectionId }) => connection === '' || connectionNames.get(connectionId) === connection,
    );
    if (found.length > 1) return refuseRow(`Several devices are named "${device}". Add the column connection.`);
    const where = connection === '' ? '' : ` on the connection "${connection}"`;
    return found[0] ?? refuseRow(`There is no device "${device}"${where}. Add it first, or correct the name.`);
  };
}
