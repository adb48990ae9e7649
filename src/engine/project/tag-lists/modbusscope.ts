import { SaxesParser } from 'saxes';
import { refuse } from '#shared/errors.ts';
import { readExpression } from './linear-expression.ts';
import { type ModbusPlace, modbusDevice } from './modbus-place.ts';
import { type ProjectEntry as Entry, isJsonProject, type ProjectParts, parseJsonProject } from './modbusscope-json.ts';
import {
  type GiveWay,
  looseNumber,
  MOST_ROWS,
  type NamedDevice,
  readRow,
  refuseRow,
  type TagListFormat,
  type TagListRow,
} from './tag-list.ts';

const MOST_CHARACTERS = 8 << 20;
const MOST_DEPTH = 32;
const MOST_TEXT = 1_000;
/** Characters that are read in a millisecond or two. */
const SLICE = 32_768;

/** The registers of a ModbusScope project (.mbs; XML up to level 5, JSON from 6), each with the expression that reads it. */
export const modbusScope = {
  id: 'modbusscope',
  title: 'ModbusScope project',
  means: 'A .mbs file of ModbusScope, as XML or as JSON.',
  recognise: (text) => /<modbusscope[\s>]/.test(text.slice(0, 4096)) || isJsonProject(text),
  async read(text, giveWay) {
    const { connections, devices, registers, period } = await parseProject(text, giveWay);
    // Before level 5 a connection was one device too, numbered from 1.
    const named = devices.length > 0 ? devices : connections.map((one) => ({ ...one, device: true }));
    const places = named.map((entry, index) => {
      const number = entry.fields.deviceid ?? String((looseNumber(entry.fields.connectionid) ?? index) + 1);
      const link = connections.find(
        (one, at) =>
          entry === one || (one.fields.connectionid ?? String(at)) === (entry.fields.connectionid ?? String(index)),
      );
      return deviceOf(number, entry.fields, link?.fields ?? {});
    });
    const first = places[0]?.device.key ?? null;
    const rows = registers.map(({ line, fields, active }): TagListRow => {
      const name = fields.text ?? '';
      const expression = fields.expression ?? '';
      let device = first;
      const shown = { name, address: expression === '' ? (fields.address ?? '') : expression };
      const row = readRow(line, device, shown, () => {
        const { cells, deviceNumber } = expression === '' ? readOld(fields) : readNew(expression);
        device = deviceNumber ?? first;
        const place = places.find((one) => one.device.key === device);
        if (place === undefined) refuseRow(`The project has no device ${device ?? 1}.`);
        return {
          name,
          ...cells,
          order: cells.type?.endsWith('32') === true ? place.order : '',
          enabled: active ? 'yes' : 'no',
          period_ms: period,
        };
      });
      return { ...row, device };
    });
    return { devices: places.map(({ device }) => device), rows, separator: null, unknownColumns: [], notes: [] };
  },
} as const satisfies TagListFormat;

/** Entries with their texts. No entity is expanded but XML's own five, and what is nested too deep is refused. */
async function parseProject(text: string, giveWay: GiveWay): Promise<ProjectParts> {
  if (text.length > MOST_CHARACTERS) refuse('text', 'A project above 8 MB is not read.');
  if (/^\ufeff?\s*\{/.test(text)) {
    const { period: polled, ...parts } = parseJsonProject(text);
    return { ...parts, period: periodOf(polled) };
  }
  const connections: Entry[] = [];
  const devices: Entry[] = [];
  const registers: Entry[] = [];
  const lists: Readonly<Record<string, Entry[]>> = { connection: connections, device: devices, register: registers };
  const path: string[] = [];
  let entry: Entry | null = null;
  let content = '';
  let period = '';
  const parser = new SaxesParser({});
  parser.on('opentag', ({ name, attributes }) => {
    path.push(name);
    content = '';
    if (path.length > MOST_DEPTH) refuse('text', 'The elements of this file are nested too deep for a project.');
    if (path.length !== 3 || !Object.hasOwn(lists, name)) return;
    if (lists[name]!.length >= MOST_ROWS) refuse('text', `A list has at most ${MOST_ROWS} tags. Split it.`);
    entry = { line: parser.line, fields: Object.create(null), active: attributes.active !== 'false' };
    lists[name]!.push(entry);
  });
  const onText = (part: string): void => {
    if (content.length <= MOST_TEXT) content += part;
  };
  parser.on('text', onText);
  parser.on('cdata', onText);
  parser.on('closetag', ({ name }) => {
    if (entry !== null && path.length === 4) {
      const value = content.trim();
      if (value.length > MOST_TEXT) refuse('text', `Line ${parser.line}: a text has at most ${MOST_TEXT} characters.`);
      entry.fields[name] = value;
      if (name === 'active' && value === 'false') entry.active = false;
    }
    if (name === 'polltime') period = content.trim();
    if (path.length === 3) entry = null;
    path.pop();
    content = '';
  });
  parser.on('error', (error) => refuse('text', `This is no XML that can be read: ${error.message.slice(0, 160)}.`));
  for (let at = 0; at < text.length; at += SLICE) {
    const others = giveWay();
    if (others !== null) await others;
    parser.write(text.slice(at, at + SLICE));
  }
  parser.close();
  return { connections, devices, registers, period: periodOf(period) };
}

const periodOf = (text: string): string => ((looseNumber(text) ?? 0) >= 1 ? text : '');

interface Read {
  readonly cells: TagListRow['cells'];
  /** Null: the first. */
  readonly deviceNumber: string | null;
}
const typeNames: Readonly<Record<string, string>> = {
  '16b': 'uint16',
  s16b: 'int16',
  '32b': 'uint32',
  s32b: 'int32',
  f32b: 'float32',
};

/** `${40001@2:s16b} / 10`: one register, its device and type, and a line through it. */
function readNew(expression: string): Read {
  const { reference, gain, offset } = readExpression(expression);
  const parts = /^([A-Za-z]?\d+)(?:@(\d+))?(?::(\w+))?$/.exec(reference.replace(/\s+/g, ''));
  if (parts === null) return refuseRow(`"${reference.slice(0, 40)}" is not a register such as 40001@1:s16b.`);
  const [, place = '', device, typeText = '16b'] = parts;
  const bits = /^([01cd]|[CD])/.test(place) && !/^\d{1,4}$/.test(place);
  if (!bits && !Object.hasOwn(typeNames, typeText)) return refuseRow(`"${typeText}" is not a type of a register.`);
  const type = bits ? {} : { type: typeNames[typeText]! };
  const scaling = gain === 1 && offset === 0 ? {} : { gain: String(gain), offset: String(offset) };
  return { cells: { address: place.toLowerCase(), ...type, ...scaling }, deviceNumber: device ?? null };
}

/** Level 1 and 2: an address and numbers to calculate with. */
function readOld(fields: Readonly<Record<string, string>>): Read {
  const mask = fields.bitmask ?? '';
  if ((looseNumber(fields.shift) ?? 0) !== 0 || (mask !== '' && !/^0x0*ffff$/i.test(mask))) {
    return refuseRow('The value is masked or shifted. Add the tag here with its bits.');
  }
  const gain = (looseNumber(fields.multiply) ?? 1) / (looseNumber(fields.divide) ?? 1);
  if (!Number.isFinite(gain)) return refuseRow('The value is divided by 0.');
  const type = fields.unsigned === 'false' ? 'int16' : 'uint16';
  const connection = fields.connectionid;
  return {
    cells: { address: fields.address ?? '', type, ...(gain === 1 ? {} : { gain: String(gain) }) },
    deviceNumber: connection === undefined ? null : String(Number(connection) + 1),
  };
}

function deviceOf(
  number: string,
  fields: Readonly<Record<string, string>>,
  connection: Readonly<Record<string, string>>,
): { readonly device: NamedDevice; readonly order: string } {
  const order = fields.int32littleendian === 'false' ? 'ABCD' : 'CDAB';
  const serial = connection.type !== undefined && connection.type !== 'tcp';
  const link: ModbusPlace['link'] = serial
    ? {
        kind: 'serial',
        path: connection.portname ?? '',
        baudRate: looseNumber(connection.baudrate),
        // Numbers of Qt: 0 none, 2 even, 3 odd.
        parity: ({ 0: 'none', 2: 'even', 3: 'odd' } as const)[looseNumber(connection.parity) as 0 | 2 | 3] ?? null,
        stopBits: looseNumber(connection.stopbits),
      }
    : (connection.ip ?? '') === ''
      ? { kind: 'unknown', problem: `The project names no address for device ${number}.` }
      : { kind: 'tcp', rtu: false, host: connection.ip!, port: looseNumber(connection.port) ?? 502 };
  const device = modbusDevice({
    key: number,
    name: fields.name || `Device ${number}`,
    connection: fields.name || `ModbusScope ${number}`,
    link,
    unitId: looseNumber(fields.slaveid) ?? 1,
    more: {
      device: {
        wordOrder: order,
        maxRegisters: looseNumber(fields.consecutivemax),
        responseTimeoutMs: looseNumber(connection.timeout),
      },
    },
  });
  return { device, order };
}
