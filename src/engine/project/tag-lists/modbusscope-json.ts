import { refuse } from '#shared/errors.ts';
import { isLoose, type Loose, lineFinder, looseText, MOST_ROWS } from './tag-list.ts';

/** A part of a ModbusScope project with its texts, by the names that they have in XML. */
export interface ProjectEntry {
  readonly line: number;
  readonly fields: Record<string, string>;
  active: boolean;
}
export interface ProjectParts {
  readonly connections: readonly ProjectEntry[];
  readonly devices: readonly ProjectEntry[];
  readonly registers: readonly ProjectEntry[];
  readonly period: string;
}

/** Letters that newer adapters have for the numbers of Qt. */
const PARITY: Readonly<Record<string, string>> = { N: '0', E: '2', O: '3' };

export const isJsonProject = (text: string): boolean =>
  /^\ufeff?\s*\{/.test(text.slice(0, 4096)) && text.includes('"adapters"') && text.includes('"scope"');

/**
 * Level 6 and later: devices with their names, and for the adapter "modbus" its connections and what it knows of the
 * devices. Their names of settings are those of XML, in either case.
 */
export function parseJsonProject(text: string): ProjectParts {
  const line = lineFinder(text);
  const root = parse(text);
  const adapter = listOf(root.adapters).find((one) => looseText(one.type).toLowerCase() === 'modbus');
  const settings = isLoose(adapter?.settings) ? adapter.settings : {};
  const connections = listOf(settings.connections).map((one): ProjectEntry => {
    const fields = fieldsOf(one);
    fields.connectionid = fields.id ?? '';
    fields.type = fields.connectiontype ?? fields.type ?? 'tcp';
    fields.parity = PARITY[fields.parity ?? ''] ?? fields.parity ?? '';
    return { line: 1, fields, active: true };
  });
  const details = listOf(settings.devices).map(fieldsOf);
  const named = listOf(root.devices).filter((one) => {
    const kind = isLoose(one.adapter) ? looseText(one.adapter.type) : 'modbus';
    return kind.toLowerCase() === 'modbus';
  });
  // Some versions number the adapter's devices by themselves: then they stand in one order.
  const byId = named.every((one) => details.some(({ id }) => id === looseText(one.id)));
  const devices = named.map((one, index): ProjectEntry => {
    const detail = byId ? details.find(({ id }) => id === looseText(one.id)) : details[index];
    return { line: 1, fields: { ...detail, ...fieldsOf(one), deviceid: looseText(one.id) }, active: true };
  });
  const scope = listOf(root.scope);
  if (scope.length > MOST_ROWS) refuse('text', `A list has at most ${MOST_ROWS} tags. Split it.`);
  const registers = scope.map((one): ProjectEntry => {
    const fields = fieldsOf(one);
    return { line: line(JSON.stringify(one.text ?? '')), fields, active: one.active !== false };
  });
  return { connections, devices, registers, period: isLoose(root.log) ? looseText(root.log.polltime) : '' };
}

function parse(text: string): Loose {
  let root: unknown;
  try {
    root = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
    return refuse('text', `This is no JSON that can be read: ${error.message.slice(0, 160)}.`);
  }
  return isLoose(root) ? root : refuse('text', 'This is no project of ModbusScope that can be read.');
}

const listOf = (value: unknown): readonly Loose[] => (Array.isArray(value) ? value.filter(isLoose) : []);

/** Texts, numbers and flags by their names in lower case. */
function fieldsOf(entry: Loose): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(entry)) {
    const text = typeof value === 'boolean' ? String(value) : looseText(value);
    if (text !== '') fields[key.toLowerCase()] = text;
  }
  return fields;
}
