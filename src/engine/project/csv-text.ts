/**
 * RFC 4180 text to rows of cells, with any one-character separator. Line ends may be CRLF, LF or CR; a quoted cell may
 * hold them. `line` is the 1-based line of the file where the row starts, as an editor shows it. Empty lines are left
 * out. A quote that never closes takes the rest of the file into its cell; `unclosed` says so, of the last row. One row
 * is read at a time, so that a long list can be read in slices.
 */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
  readonly unclosed: boolean;
}

export function* parseCsv(text: string, separator: string): Generator<CsvRow, void> {
  const end = text.length;
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  let unclosed = false;
  while (at < end) {
    const startLine = line;
    const cells: string[] = [];
    let more = true;
    while (more) {
      let cell = '';
      if (text[at] === '"') {
        at += 1;
        for (;;) {
          const quote = text.indexOf('"', at);
          const stop = quote === -1 ? end : quote;
          const part = text.slice(at, stop);
          line += countLineEnds(part);
          cell += part;
          at = stop + 1;
          if (quote === -1) {
            unclosed = true;
            break;
          }
          if (text[at] !== '"') break;
          cell += '"';
          at += 1;
        }
      }
      const from = at;
      while (at < end && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r') at += 1;
      cell += text.slice(from, at);
      cells.push(cell);
      more = at < end && text[at] === separator;
      if (more) at += 1;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 2;
    else at += 1;
    line += 1;
    if (cells.length > 1 || cells[0]!.trim() !== '') yield { line: startLine, cells, unclosed };
  }
}

function countLineEnds(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\n' || (text[i] === '\r' && text[i + 1] !== '\n')) count += 1;
  }
  return count;
}

/** The separator of a file, told by its first line: the one of tab, semicolon and comma that occurs most outside quotes. */
export function detectSeparator(text: string): string {
  const firstLine = (text.match(/^[^\r\n]*/)?.[0] ?? '').replace(/"[^"]*"/g, '');
  let best = ',';
  let most = 0;
  for (const separator of ['\t', ';', ',']) {
    const count = firstLine.split(separator).length - 1;
    if (count > most) {
      most = count;
      best = separator;
    }
  }
  return best;
}

const FORMULA_START = /^'*[=+\-@\t\r]/;

/**
 * One cell of text. A text that a spreadsheet would take for a formula gets an apostrophe in front, which
 * `unprotectText` takes off again, so that a round trip is lossless and opening the file is safe.
 */
export function formatText(text: string, separator: string): string {
  return quote(FORMULA_START.test(text) ? `'${text}` : text, separator);
}

export function unprotectText(cell: string): string {
  return cell.startsWith("'") && FORMULA_START.test(cell) ? cell.slice(1) : cell;
}

function quote(cell: string, separator: string): string {
  return cell.includes(separator) || /["\r\n]/.test(cell) || cell !== cell.trim()
    ? `"${cell.replaceAll('"', '""')}"`
    : cell;
}

/** A number as people write it: decimal point, or decimal comma where the separator is not the comma. Null when it is none. */
export function parseNumber(cell: string, separator: string): number | null {
  const text = cell.trim();
  const plain = separator === ',' ? text : text.replace(',', '.');
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
}
