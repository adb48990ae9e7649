/** The one way that a name gets into a statement. Line breaks are escaped, so that a statement may be set in lines. */
export function identifier(name: string): string {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  if (!/[\n\r]/.test(name)) return quoted;
  const code = (sign: string): string => `\\${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `U&${quoted.replaceAll('\\', '\\\\').replaceAll(/[\n\r]/g, code)}`;
}

/** A text in a statement that takes no parameters, which those that make and change tables do not. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

export const relation = (schema: string, name: string): string => `${identifier(schema)}.${identifier(name)}`;

/** Microseconds since 1970 as the database reads them exactly; whole numbers of them lie between the years 1684 and 2255. */
export function instant(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const rest = String(micros - seconds * 1e6).padStart(6, '0');
  return new Date(seconds * 1_000).toISOString().replace('.000Z', `.${rest}Z`);
}
