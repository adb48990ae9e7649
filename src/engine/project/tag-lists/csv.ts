import { type CsvRow, detectSeparator, parseCsv, unprotectText } from '../csv-text.ts';
import { readHeading, type SettingPart, settingValue } from '../setting-text.ts';
import { type ColumnName, TAG_COLUMNS } from '../tag-columns.ts';
import type { GiveWay, NamedDevice, TagListFormat, TagListRow } from './tag-list.ts';

/** Our own list, and any list from a spreadsheet with headings that are understood. Takes what no other format knows. */
export const csv = {
  id: 'csv',
  title: 'Tag list (CSV)',
  means: 'The list that ParX exports, or any table with a heading line.',
  recognise: () => true,
  async read(text, giveWay) {
    const separator = detectSeparator(text);
    const lines = parseCsv(text, separator);
    const header = lines.next();
    const head = readHead(header.done === true ? { line: 0, cells: [] } : header.value);
    const devices = await readDevices(parseCsv(text, separator), head, giveWay);
    return {
      devices: [...devices.values()].flatMap(({ device }) => device ?? []),
      rows: readRows(lines, head, devices),
      separator,
      unknownColumns: head.unknownColumns,
      notes: [],
    };
  },
} as const satisfies TagListFormat;

/** Devices that one list makes; each is compared with those of the project. */
const MOST_DEVICES = 1_000;
const LONGEST_NAME = 200;

interface Head {
  readonly line: number;
  readonly columns: ReadonlyMap<ColumnName, number>;
  /** Where the protocol of the row's device stands; -1 where the list does not tell. */
  readonly protocol: number;
  readonly settings: readonly { readonly part: SettingPart; readonly key: string; readonly index: number }[];
  readonly unknownColumns: readonly string[];
}

/** Our columns, and with the protocol those of the settings. */
function readHead({ line, cells }: Pick<CsvRow, 'line' | 'cells'>): Head {
  const protocol = cells.findIndex((heading) => bareHeading(heading) === 'protocol');
  const settings = cells.flatMap((heading, index) => {
    const found = protocol < 0 ? null : readHeading(unprotectText(heading));
    return found === null ? [] : [{ ...found, index }];
  });
  const own = new Set([protocol, ...settings.map(({ index }) => index)]);
  const { columns, unknownColumns } = readHeader(cells.map((heading, index) => (own.has(index) ? '' : heading)));
  return { line, columns, protocol, settings, unknownColumns };
}

interface ListedDevice {
  /** Null where it can't be one of the list. */
  readonly device: NamedDevice | null;
  readonly line: number;
  readonly said: string;
  readonly problem: string | null;
}

const cellOf = (cells: readonly string[], index: number | undefined): string =>
  index === undefined || index < 0 ? '' : unprotectText((cells[index] ?? '').trim());
const namesOf = ({ columns }: Head, cells: readonly string[]): readonly [connection: string, device: string] => [
  cellOf(cells, columns.get('connection')),
  cellOf(cells, columns.get('device')),
];
const keyOf = (head: Head, cells: readonly string[]): string => namesOf(head, cells).join(' / ');
/** All that a row says of its device, to be compared with what another row says. */
const saidOf = ({ protocol, settings }: Head, cells: readonly string[]): string =>
  JSON.stringify([cellOf(cells, protocol), ...settings.map(({ index }) => cellOf(cells, index))]);

/** The devices of rows that tell the protocol, by the names of connection and device; the first row of each counts. */
async function readDevices(
  lines: Iterable<CsvRow>,
  head: Head,
  giveWay: GiveWay,
): Promise<ReadonlyMap<string, ListedDevice>> {
  const devices = new Map<string, ListedDevice>();
  if (head.protocol < 0) return devices;
  for (const { line, cells } of lines) {
    const others = giveWay();
    if (others !== null) await others;
    const protocol = cellOf(cells, head.protocol);
    const key = keyOf(head, cells);
    const [connection, name] = namesOf(head, cells);
    // What names no connection can only be a device that the project has. The first line is the heading.
    if (protocol === '' || connection === '' || name === '' || devices.has(key) || line === head.line) continue;
    const problem =
      devices.size >= MOST_DEVICES
        ? `A list has at most ${MOST_DEVICES} devices. Split it.`
        : Math.max(connection.length, name.length) > LONGEST_NAME
          ? `Names of connections and devices have at most ${LONGEST_NAME} characters.`
          : null;
    const settings = { connection: {} as Record<string, unknown>, device: {} as Record<string, unknown> };
    for (const { part, key: setting, index } of head.settings) {
      const cell = cellOf(cells, index);
      if (cell === '') continue;
      Object.defineProperty(settings[part], setting, { value: settingValue(cell), enumerable: true });
    }
    const device: NamedDevice | null =
      problem === null
        ? {
            key,
            name,
            connection,
            protocol,
            named: true,
            same: settings,
            more: { connection: {}, device: {} },
            problem: null,
          }
        : null;
    devices.set(key, { device, line, said: saidOf(head, cells), problem });
    if (devices.size > MOST_DEVICES) break;
  }
  return devices;
}

function* readRows(
  lines: Iterable<CsvRow>,
  head: Head,
  devices: ReadonlyMap<string, ListedDevice>,
): Generator<TagListRow, void> {
  const { columns, protocol } = head;
  const complete = columns.has('name') && columns.has('address');
  for (const { line, cells, unclosed } of lines) {
    const named: Partial<Record<ColumnName, string>> = {};
    for (const [column, index] of columns) named[column] = cellOf(cells, index);
    const listed = devices.get(keyOf(head, cells));
    const differs =
      listed !== undefined && cellOf(cells, protocol) !== '' && listed.said !== saidOf(head, cells)
        ? `Line ${listed.line} has other settings for the same device. Make them equal, or name the devices apart.`
        : null;
    const problem = unclosed
      ? 'A quotation mark is opened in this row and never closed.'
      : complete
        ? (listed?.problem ?? differs)
        : 'The first line must name the columns; "name" and "address" are needed.';
    yield { line, cells: named, device: listed?.device?.key ?? null, problem };
  }
}

export const bareHeading = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Which of our columns stand where, by their headings. */
export function readHeader(cells: readonly string[]): { columns: Map<ColumnName, number>; unknownColumns: string[] } {
  const columns = new Map<ColumnName, number>();
  const unknownColumns: string[] = [];
  cells.forEach((heading, index) => {
    const rule = TAG_COLUMNS.find(
      (candidate) =>
        bareHeading(candidate.column) === bareHeading(heading) ||
        candidate.aliases.some((alias) => bareHeading(alias) === bareHeading(heading)),
    );
    if (rule !== undefined && !columns.has(rule.column)) columns.set(rule.column, index);
    else if (heading.trim() !== '') unknownColumns.push(heading.trim());
  });
  return { columns, unknownColumns };
}
