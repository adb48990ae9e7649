import { parse } from 'smol-toml';
import { refuse } from '#shared/errors.ts';
import type { ValueType } from '#shared/model/index.ts';
import { hostAndPort, type ModbusPlace, modbusDevice, offsetLetters } from './modbus-place.ts';
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

const MOST_CHARACTERS = 4 << 20;

const types: Readonly<Record<string, ValueType>> = {
  INT16: 'int16',
  UINT16: 'uint16',
  INT32: 'int32',
  UINT32: 'uint32',
  INT64: 'int64',
  UINT64: 'uint64',
  'FLOAT32-IEEE': 'float32',
  'FLOAT64-IEEE': 'float64',
  STRING: 'string',
  BIT: 'bit',
};
/** In the style of requests and metrics these are floats; in that of registers they are fixed-point integers. */
const floats: Readonly<Record<string, ValueType>> = { FLOAT32: 'float32', FLOAT64: 'float64' };
const fixed: Readonly<Record<string, readonly ValueType[]>> = {
  FIXED: ['int16', 'int32', 'int64'],
  UFIXED: ['uint16', 'uint32', 'uint64'],
  FLOAT32: ['uint16', 'uint32', 'uint64'],
};
const orders: Readonly<Record<string, string>> = {
  AB: 'ABCD',
  BA: 'DCBA',
  ABCD: 'ABCD',
  CDAB: 'CDAB',
  BADC: 'BADC',
  DCBA: 'DCBA',
  ABCDEFGH: 'ABCD',
  GHEFCDAB: 'CDAB',
  BADCFEHG: 'BADC',
  HGFEDCBA: 'DCBA',
};

/** The Modbus inputs of a Telegraf configuration, in all three of its styles. */
export const telegraf = {
  id: 'telegraf',
  title: 'Telegraf configuration',
  means: 'A telegraf.conf with inputs.modbus in it.',
  recognise: (text) => /^\s*\[\[\s*inputs\s*\.\s*modbus\s*\]\]/m.test(text.slice(0, MOST_CHARACTERS)),
  read(text) {
    if (text.length > MOST_CHARACTERS) refuse('text', 'A Telegraf configuration above 4 MB is not read. Split it.');
    let file: unknown;
    try {
      file = parse(text, { maxDepth: 50 });
    } catch (error) {
      const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      refuse('text', `This is no TOML that can be read: ${sentence}.`);
    }
    const inputs = isLoose(file) && isLoose(file.inputs) ? list(file.inputs.modbus) : [];
    const agent = isLoose(file) && isLoose(file.agent) ? milliseconds(file.agent.interval) : null;
    const lineOf = lineFinder(text);
    const devices = new Map<string, NamedDevice>();
    const rows: TagListRow[] = [];
    inputs.forEach((input, index) => {
      const period = milliseconds(input.interval) ?? agent;
      for (const { unit, byteOrder, fields, style } of partsOf(input)) {
        const key = `${index}/${unit ?? ''}`;
        if (!devices.has(key)) devices.set(key, deviceOf(input, index, unit, key));
        for (const { register, field } of fields) {
          if (rows.length >= MOST_ROWS) refuse('text', `A list has at most ${MOST_ROWS} tags. Split it.`);
          if (field.omit === true) continue;
          const name = looseText(field.name);
          const line = lineOf(`"${name}"`);
          rows.push(
            readRow(line, key, { name, address: shownAddress(field.address) }, () => ({
              name,
              ...readField(register, field, byteOrder, style),
              period_ms: period === null ? '' : String(period),
            })),
          );
        }
      }
    });
    return {
      devices: [...devices.values()],
      rows: distinctNames(rows, [...devices.values()]),
      separator: null,
      unknownColumns: [],
      notes: [],
    };
  },
} as const satisfies TagListFormat;

type Style = 'register' | 'request';
interface Part {
  readonly unit: number | null;
  readonly byteOrder: string;
  readonly style: Style;
  readonly fields: readonly { readonly register: string; readonly field: Loose }[];
}

const list = (value: unknown): readonly Loose[] => (Array.isArray(value) ? value.filter(isLoose) : []);

/** Fields of an input with what they have in common; of the three styles only the one that is set counts. */
function partsOf(input: Loose): readonly Part[] {
  const style = looseText(input.configuration_type) || 'register';
  if (style === 'register') {
    const tables = {
      discrete_inputs: 'discrete',
      coils: 'coil',
      holding_registers: 'holding',
      input_registers: 'input',
    };
    const fields = Object.entries(tables).flatMap(([key, register]) =>
      list(input[key]).map((field) => ({ register, field })),
    );
    return [{ unit: looseNumber(input.slave_id), byteOrder: 'ABCD', style: 'register', fields }];
  }
  return list(input[style === 'metric' ? 'metric' : 'request']).map((part) => ({
    unit: looseNumber(part.slave_id) ?? looseNumber(input.slave_id),
    byteOrder: looseText(part.byte_order) || 'ABCD',
    style: 'request',
    fields: list(part.fields).map((field) => ({
      register: looseText(field.register) || looseText(part.register) || 'holding',
      field,
    })),
  }));
}

const shownAddress = (address: unknown): string =>
  Array.isArray(address) ? address.slice(0, 4).map(looseText).join(', ') : looseText(address);

function readField(register: string, field: Loose, byteOrder: string, style: Style): TagListRow['cells'] {
  const letter = Object.hasOwn(offsetLetters, register) ? offsetLetters[register] : undefined;
  if (letter === undefined) return refuseRow(`"${register}" is not a kind of register.`);
  const places = Array.isArray(field.address) ? field.address.map(looseNumber) : [looseNumber(field.address)];
  const [first = null] = places;
  if (first === null || places.some((place, index) => place !== first + index)) {
    return refuseRow('The address is not a number, or a row of consecutive numbers.');
  }
  if (letter === 'c' || letter === 'd') return { address: `${letter}${first}` };
  const typeText = looseText(style === 'register' ? field.data_type : field.type).toUpperCase();
  const type = typeOf(typeText, style, places.length);
  const orderText = (style === 'register' ? looseText(field.byte_order) : byteOrder).toUpperCase() || 'ABCD';
  const order = Object.hasOwn(orders, orderText) ? orders[orderText] : undefined;
  if (order === undefined) return refuseRow(`"${orderText}" is not an order of bytes.`);
  if (type === 'bit') return { address: `${letter}${first}.${looseNumber(field.bit) ?? 0}`, type };
  if (type === 'string') {
    const registers = looseNumber(field.length) ?? places.length;
    return {
      address: `${letter}${first}:string${registers * 2}`,
      type,
      order: order === 'ABCD' || order === 'CDAB' ? 'ABCD' : 'BADC',
    };
  }
  const scale = looseNumber(field.scale);
  return {
    address: `${letter}${first}`,
    type,
    order,
    ...(scale === null || scale === 1 || scale === 0 ? {} : { gain: String(scale) }),
  };
}

function typeOf(text: string, style: Style, registers: number): ValueType {
  if (style === 'register' && Object.hasOwn(fixed, text)) {
    const type = fixed[text]![[1, 2, 4].indexOf(registers)];
    return type ?? refuseRow(`${text} takes 1, 2 or 4 registers, ${registers} are given.`);
  }
  if (style === 'request' && Object.hasOwn(floats, text)) return floats[text]!;
  if (Object.hasOwn(types, text)) return types[text]!;
  return refuseRow(`The type "${text}" is not supported. Read the register as UINT16.`);
}

/** "1s", "100ms", "1m30s"; a number alone is seconds. Null where it is none. */
function milliseconds(value: unknown): number | null {
  const text = looseText(value);
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000) || null;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return null;
  let sum = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(h|ms|m|s)/g)) sum += Number(number) * units[unit!]!;
  return Math.round(sum) || null;
}

function deviceOf(input: Loose, index: number, unit: number | null, key: string): NamedDevice {
  const workarounds = isLoose(input.workarounds) ? input.workarounds : {};
  const own = looseText(input.name) || `Telegraf ${index + 1}`;
  return modbusDevice({
    key,
    name:
      unit === null || !/^(request|metric)$/.test(looseText(input.configuration_type)) ? own : `${own} unit ${unit}`,
    connection: own,
    link: linkOf(input),
    unitId: unit,
    more: {
      connection: { pauseAfterConnectMs: milliseconds(workarounds.pause_after_connect) },
      device: {
        responseTimeoutMs: milliseconds(input.timeout),
        pauseMs: milliseconds(workarounds.pause_between_requests),
        oneValuePerRequest: workarounds.one_request_per_field === true ? true : null,
      },
    },
  });
}

function linkOf(input: Loose): ModbusPlace['link'] {
  const controller = looseText(input.controller);
  const mode = looseText(input.transmission_mode);
  if (/^ascii/i.test(mode)) {
    return { kind: 'unknown', problem: 'Modbus ASCII is not supported. Set the device to RTU or TCP.' };
  }
  const tcp = /^tcp:\/\/(.+)$/i.exec(controller);
  const place = tcp === null ? null : hostAndPort(tcp[1]!.replace(/\/$/, ''), 502);
  if (place !== null) return { kind: 'tcp', rtu: /^rtuovertcp$/i.test(mode), ...place };
  const path = tcp === null ? controller.replace(/^file:\/\//i, '') : '';
  if (path === '') return { kind: 'unknown', problem: 'The list names no controller that can be understood.' };
  const parity = { N: 'none', E: 'even', O: 'odd' } as const;
  const letter = looseText(input.parity).toUpperCase();
  return {
    kind: 'serial',
    path,
    baudRate: looseNumber(input.baud_rate),
    parity: letter === 'N' || letter === 'E' || letter === 'O' ? parity[letter] : null,
    stopBits: looseNumber(input.stop_bits),
  };
}
