// Settings of connections and devices as cells of a table. A text stands as it is; what a text alone would not tell,
// such as an empty one or a list, stands as JSON.

/** Headings of columns with settings: `connection.host`, `device.unitId`. */
export const settingHeading = (part: SettingPart, key: string): string => `${part}.${key}`;
const HEADING = /^\s*(connection|device)\.(.+?)\s*$/;

export type SettingPart = 'connection' | 'device';

export function readHeading(text: string): { readonly part: SettingPart; readonly key: string } | null {
  const [, part, key] = HEADING.exec(text) ?? [];
  return part === undefined || key === undefined ? null : { part: part as SettingPart, key };
}

export function settingText(value: unknown): string {
  if (typeof value === 'string') {
    return value === '' || value !== value.trim() || /^["[{]/.test(value) ? JSON.stringify(value) : value;
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : (JSON.stringify(value) ?? '');
}

/** A text where the cell says no more; what it means as a number is for whoever knows the setting. */
export function settingValue(cell: string): unknown {
  if (!/^["[{]/.test(cell)) return cell;
  try {
    return JSON.parse(cell);
  } catch (error) {
    if (error instanceof SyntaxError) return cell;
    throw error;
  }
}

const YES = ['true', 'yes', '1', 'on', 'x'];
const NO = ['false', 'no', '0', 'off'];

/** A text as the type of JSON Schema that its setting has; what does not fit stays, so that it is refused by its name. */
export function settingOfType(value: unknown, type: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (type === 'number' || type === 'integer') return text === '' || Number.isNaN(Number(text)) ? value : Number(text);
  if (type !== 'boolean') return value;
  if (YES.includes(text.toLowerCase())) return true;
  return NO.includes(text.toLowerCase()) ? false : value;
}
