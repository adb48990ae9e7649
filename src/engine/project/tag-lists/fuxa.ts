import { refuse } from '#shared/errors.ts';
import type { ValueType, WordOrder } from '#shared/model/index.ts';
import { typeNamed } from '../type-names.ts';
import { hostAndPort, type ModbusPlace, modbusDevice } from './modbus-place.ts';
import {
  distinctNames,
  isLoose,
  type Loose,
  lineFinder,
  looseNumber,
  looseText,
  MOST_ROWS,
  type NamedDevice,
  readRow,
  refuseRow,
  type TagListFormat,
  type TagListRow,
} from './tag-list.ts';

const modbusTypes: Readonly<Record<string, ValueType>> = {
  Bool: 'bit',
  Int16: 'int16',
  UInt16: 'uint16',
  Int32: 'int32',
  UInt32: 'uint32',
  Int64: 'int64',
  UInt64: 'uint64',
  Float32: 'float32',
  Float64: 'float64',
};
/** Table by what stands in `memaddress`; its first digit and the place make our number. */
const tables: Readonly<Record<string, string>> = { 0: '0', 100000: '1', 300000: '3', 400000: '4' };

/** A FUXA project, or its devices, as JSON or as CSV: devices with their tags. */
export const fuxa = {
  id: 'fuxa',
  title: 'FUXA project or devices',
  means: 'The project or the device list that FUXA exports, as JSON or CSV.',
  recognise(text) {
    const start = text
      .slice(0, 65_536)
      .replace(/^\ufeff/, '')
      .trimStart();
    if (start.startsWith('!!') || start.startsWith('@header,') || start.startsWith('D@,')) return /^[DT]@,/m.test(text);
    if (!start.startsWith('{') && !start.startsWith('[')) return false;
    return text.includes('"tags"') && text.includes('"type"');
  },
  async read(text, giveWay) {
    const bare = text.replace(/^\ufeff/, '');
    const found = /^\s*[{[]/.test(bare) ? fromJson(bare) : fromCsv(bare);
    const devices = found.map(({ key, device }) => deviceOf(key, device));
    const rows: TagListRow[] = [];
    for (const { key, device, tags } of found) {
      const read = looseText(device.type) === 'EthernetIP' ? readLogix : readModbus;
      const period = looseNumber(device.polling);
      for (const { line, tag } of tags) {
        const others = giveWay();
        if (others !== null) await others;
        if (rows.length >= MOST_ROWS) refuse('text', `A list has at most ${MOST_ROWS} tags. Split it.`);
        const name = looseText(tag.name) || looseText(tag.label);
        const shown = { name, address: `${looseText(tag.memaddress)} ${looseText(tag.address)}`.trim() };
        rows.push(
          readRow(line, key, shown, () => ({
            name,
            ...read(tag),
            ...readScaling(tag),
            description: looseText(tag.description),
            decimals: looseText(tag.format),
            period_ms: period === null || period < 1 ? '' : String(Math.round(period)),
          })),
        );
      }
    }
    return { devices, rows: distinctNames(rows, devices), separator: null, unknownColumns: [], notes: [] };
  },
} as const satisfies TagListFormat;

interface Found {
  readonly key: string;
  readonly device: Loose;
  readonly tags: { readonly line: number; readonly tag: Loose }[];
}

function fromJson(text: string): readonly Found[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    refuse(
      'text',
      `This is no JSON that can be read: ${error instanceof Error ? error.message.slice(0, 120) : error}.`,
    );
  }
  const holder = isLoose(file) && (isLoose(file.devices) || Array.isArray(file.devices)) ? file.devices : file;
  const devices = (Array.isArray(holder) ? holder : isLoose(holder) ? Object.values(holder) : []).filter(
    (one): one is Loose => isLoose(one) && (isLoose(one.tags) || Array.isArray(one.tags)),
  );
  const lineOf = lineFinder(text);
  // Devices without tags have nothing to import: the server itself is one.
  return devices
    .filter(({ tags }) => Object.keys(tags as Loose).length > 0)
    .map((device, index) => ({
      key: looseText(device.id) || String(index),
      device,
      tags: Object.values(device.tags as Loose)
        .filter(isLoose)
        .map((tag) => ({ tag, line: lineOf(JSON.stringify(looseText(tag.name))) })),
    }));
}

/** Lines of devices begin with "D@", of tags with "T@"; "@header" names their cells. A comma in a cell is a tilde. */
function fromCsv(text: string): readonly Found[] {
  const devices = new Map<string, Found>();
  let deviceKeys: readonly string[] = 'id,name,enabled,type,polling,property.address,property.port'.split(',');
  let tagKeys: readonly string[] = [];
  text.split(/\r\n|\n|\r/).forEach((content, index) => {
    const cells = content.split(',');
    if (cells[0] === '@header') {
      const keys = cells.slice(1).filter((key) => key !== '');
      if (keys[0] === 'deviceId') tagKeys = keys;
      else deviceKeys = keys;
    }
    if (cells[0] !== 'D@' && cells[0] !== 'T@') return;
    const device = cells[0] === 'D@';
    const entry: Record<string, unknown> = Object.create(null);
    for (const [at, key] of (device ? deviceKeys : tagKeys).entries()) {
      const cell = (cells[at + 1] ?? '').replaceAll('~', ',');
      if (key.startsWith('property.')) {
        entry.property = { ...(isLoose(entry.property) ? entry.property : {}), [key.slice(9)]: cell };
      } else if (key === 'scale' && cell.startsWith('{')) entry.scale = jsonOrText(cell);
      else entry[key] = cell;
    }
    if (device) devices.set(looseText(entry.id), { key: looseText(entry.id), device: entry, tags: [] });
    else {
      const key = looseText(entry.deviceId);
      if (!devices.has(key)) devices.set(key, { key, device: { name: key }, tags: [] });
      devices.get(key)!.tags.push({ line: index + 1, tag: entry });
    }
  });
  if (devices.size === 0) {
    refuse('text', 'This is no list of FUXA that can be read: no line begins with "D@" or "T@".');
  }
  return [...devices.values()];
}

function jsonOrText(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

function readModbus(tag: Loose): TagListRow['cells'] {
  const table = looseNumber(tag.memaddress);
  const digit = table === null ? undefined : tables[String(table)];
  if (digit === undefined) return refuseRow(`"${looseText(tag.memaddress)}" is not a table of Modbus registers.`);
  const place = looseNumber(tag.address);
  if (place === null || place < 1 || place > 65_536 || !Number.isInteger(place)) {
    return refuseRow(`"${looseText(tag.address)}" is not a place in the table; FUXA counts them from 1.`);
  }
  const address = `${digit}${String(place).padStart(5, '0')}`;
  if (digit === '0' || digit === '1') return { address };
  const parts = /^(\w+?)(MLE|LE)?$/.exec(looseText(tag.type));
  const type = parts !== null && Object.hasOwn(modbusTypes, parts[1]!) ? modbusTypes[parts[1]!] : undefined;
  if (type === undefined) return refuseRow(`The type "${looseText(tag.type)}" is not supported for registers.`);
  if (type === 'bit') return refuseRow('A register is not one bit. Add the tag here with its bit, such as 400001.0.');
  const order: WordOrder = parts![2] === 'LE' ? 'DCBA' : parts![2] === 'MLE' ? 'CDAB' : 'ABCD';
  return { address, type, order };
}

function readLogix(tag: Loose): TagListRow['cells'] {
  const type = typeNamed(looseText(tag.type)) ?? refuseRow(`The type "${looseText(tag.type)}" is not supported.`);
  return { address: looseText(tag.address), type };
}

/** The value is divided first, then scaled. */
function readScaling(tag: Loose): TagListRow['cells'] {
  if (looseText(tag.scaleReadFunction) !== '')
    refuseRow('The value is scaled by a script, which cannot be taken over.');
  const divisor = looseNumber(tag.divisor) ?? 1;
  const factor = divisor === 0 ? 1 : divisor;
  const scale = isLoose(tag.scale) ? tag.scale : {};
  const mode = looseText(scale.mode);
  if (mode === '' || mode === 'undefined') return factor === 1 ? {} : { gain: String(1 / factor) };
  if (mode !== 'linear') refuseRow(`The value is scaled by "${mode}", which cannot be taken over; only linear can.`);
  const [rawLow, rawHigh] = [looseNumber(scale.rawLow), looseNumber(scale.rawHigh)];
  const [low, high] = [looseNumber(scale.scaledLow), looseNumber(scale.scaledHigh)];
  if (rawLow === null || rawHigh === null || low === null || high === null) {
    return refuseRow('The linear scaling lacks one of its four numbers.');
  }
  return {
    raw_low: String(rawLow * factor),
    raw_high: String(rawHigh * factor),
    scaled_low: String(low),
    scaled_high: String(high),
    clamp: 'no',
  };
}

function deviceOf(key: string, device: Loose): NamedDevice {
  const property = isLoose(device.property) ? device.property : {};
  const name = looseText(device.name) || key;
  const kind = looseText(device.type);
  const address = looseText(property.address);
  if (kind === 'EthernetIP') {
    const place = hostAndPort(address, 44_818);
    return {
      key,
      name,
      connection: name,
      protocol: 'ethernet-ip',
      same: { connection: { host: place?.host ?? address }, device: { route: `1,${looseNumber(property.slot) ?? 0}` } },
      more: { connection: {}, device: {} },
      problem: address === '' ? 'The list names no address of the controller.' : null,
    };
  }
  return modbusDevice({
    key,
    name,
    connection: name,
    link: linkOf(kind, address, property),
    unitId: looseNumber(property.slaveid),
    more: { device: { pauseMs: looseNumber(property.delay) } },
  });
}

function linkOf(kind: string, address: string, property: Loose): ModbusPlace['link'] {
  if (kind !== 'ModbusTCP' && kind !== 'ModbusRTU') {
    return { kind: 'unknown', problem: `Devices of the type "${kind || 'unknown'}" cannot be taken over from FUXA.` };
  }
  if (address === '') return { kind: 'unknown', problem: 'The list names no address of the device.' };
  const option = looseText(property.connectionOption);
  if (/ascii|udp|telnet/i.test(option)) {
    return { kind: 'unknown', problem: `The link "${option}" is not supported. Set the device to RTU or TCP.` };
  }
  if (kind === 'ModbusTCP') {
    const place = hostAndPort(address, looseNumber(property.port) ?? 502);
    if (place === null) return { kind: 'unknown', problem: `"${address.slice(0, 60)}" is not an address.` };
    return { kind: 'tcp', rtu: /rtu/i.test(option), ...place };
  }
  const parity = looseText(property.parity).toLowerCase();
  return {
    kind: 'serial',
    path: address,
    baudRate: looseNumber(property.baudrate),
    parity: parity === 'none' || parity === 'even' || parity === 'odd' ? parity : null,
    stopBits: looseNumber(property.stopbits),
  };
}
