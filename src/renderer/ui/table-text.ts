/** Cells as a spreadsheet takes them: tab separated, quoted where a cell holds a tab, a quote or a line break. */
export function toTsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(quote).join('\t')).join('\r\n');
}

function quote(cell: string): string {
  return /["\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** The inverse, as spreadsheets put it on the clipboard. A last line break is not a row. */
export function fromTsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  let begun = false;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!;
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (sign === '"' && !begun) {
      quoted = true;
      begun = true;
    } else if (sign === '\t') {
      row.push(cell);
      cell = '';
      begun = false;
    } else if (sign === '\n' || sign === '\r') {
      if (sign === '\r' && text[i + 1] === '\n') i++;
      rows.push([...row, cell]);
      row = [];
      cell = '';
      begun = false;
    } else {
      cell += sign;
      begun = true;
    }
  }
  if (cell !== '' || row.length > 0 || begun) rows.push([...row, cell]);
  return rows;
}

const counting = /^(.*?)(\d+)(\D*)$/s;

/**
 * Continues a series downwards: the last run of digits counts up by `step`, keeping leading zeros; text without digits
 * repeats. `HR100` gives `HR102`, `HR104` with step 2; `Temp 08` gives `Temp 09`, `Temp 10`.
 */
export function countUp(start: string, index: number, step: number): string {
  const match = counting.exec(start);
  if (match === null) return start;
  const [, head = '', digits = '', tail = ''] = match;
  const value = Number(digits) + index * step;
  if (!Number.isSafeInteger(value) || value < 0) return start;
  return `${head}${String(value).padStart(digits.length, '0')}${tail}`;
}

/**
 * The same for addresses, whose type or order may stand behind a colon: `HR100:f32` gives `HR102:f32`. Where `bits` lie
 * at each place, a count of bits goes on with the next place: `400012.15` gives `400013.0` of 16.
 */
export function countAddress(start: string, index: number, step: number, bits: number | null = null): string {
  const bit = bits === null ? null : /^(.*?)(\d+)\.(\d+)$/.exec(start);
  if (bits !== null && bit !== null && Number(bit[3]) < bits) {
    const [, head = '', place = '', at = ''] = bit;
    const moved = Number(at) + index * step;
    return `${countUp(head + place, Math.floor(moved / bits), 1)}.${moved - Math.floor(moved / bits) * bits}`;
  }
  const colon = start.lastIndexOf(':');
  if (colon <= 0 || !/\d/.test(start.slice(0, colon))) return countUp(start, index, step);
  return countUp(start.slice(0, colon), index, step) + start.slice(colon);
}
