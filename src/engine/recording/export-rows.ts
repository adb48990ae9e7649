import type { ColumnSpec, TableChunk } from '#engine/exporters/index.ts';
import { isBad, qualityText, type Series } from '#shared/model/index.ts';

/** One trace of an export. */
export interface ExportColumn {
  /** Names its series in the blocks. */
  readonly key: string;
  readonly name: string;
  readonly unit: string | null;
  readonly text: boolean;
}

/** Rows of a chunk of a narrow table; wide ones have fewer, so that a chunk takes this thread some milliseconds. */
const ROWS_PER_CHUNK = 8_192;
const CELLS_PER_CHUNK = 131_072;

export function columnsOf(wanted: readonly ExportColumn[], quality: boolean): ColumnSpec[] {
  const columns: ColumnSpec[] = [{ name: 'time', unit: null, type: 'time' }];
  for (const { name, unit, text } of wanted) {
    columns.push({ name, unit, type: text ? 'text' : 'number' });
    if (quality) columns.push({ name: `${name} quality`, unit: null, type: 'text' });
  }
  return columns;
}

/**
 * Puts the samples of many tags on rows of equal time. Each block holds all samples of one stretch of time, so rows are
 * complete when a block ends. A bad sample leaves its value empty; its quality says why.
 */
export function createRowMerger(
  wanted: readonly Pick<ExportColumn, 'key' | 'text'>[],
  quality: boolean,
  write: (chunk: TableChunk, upTo: number) => Promise<void>,
): { add(block: readonly Series[]): Promise<void>; flush(): Promise<void> } {
  const perTag = quality ? 2 : 1;
  const rowsPerChunk = Math.max(
    16,
    Math.min(ROWS_PER_CHUNK, Math.floor(CELLS_PER_CHUNK / (1 + wanted.length * perTag))),
  );
  const text = wanted.map((one) => one.text);
  const fresh = (): (Float64Array<ArrayBuffer> | (string | null)[])[] => {
    const columns: (Float64Array<ArrayBuffer> | (string | null)[])[] = [new Float64Array(rowsPerChunk)];
    for (const isText of text) {
      columns.push(
        isText ? new Array<string | null>(rowsPerChunk).fill(null) : new Float64Array(rowsPerChunk).fill(Number.NaN),
      );
      if (quality) columns.push(new Array<string | null>(rowsPerChunk).fill(null));
    }
    return columns;
  };
  let columns = fresh();
  let rows = 0;
  const flush = async (): Promise<void> => {
    if (rows === 0) return;
    const full = columns;
    const count = rows;
    const upTo = (full[0] as Float64Array)[count - 1]!;
    columns = fresh();
    rows = 0;
    await write(
      { rows: count, columns: full.map((column) => (count === rowsPerChunk ? column : column.slice(0, count))) },
      upTo,
    );
  };
  return {
    async add(block) {
      const byKey = new Map(block.map((series) => [series.tag, series]));
      const bySlot = wanted.map(({ key }) => byKey.get(key) ?? null);
      const at = new Array<number>(wanted.length).fill(0);
      for (;;) {
        let time = Number.POSITIVE_INFINITY;
        for (let slot = 0; slot < bySlot.length; slot++) {
          const next = bySlot[slot]?.time[at[slot]!];
          if (next !== undefined && next < time) time = next;
        }
        if (time === Number.POSITIVE_INFINITY) return;
        (columns[0] as Float64Array)[rows] = time;
        for (let slot = 0; slot < bySlot.length; slot++) {
          const series = bySlot[slot];
          const index = at[slot]!;
          if (series === null || series === undefined || series.time[index] !== time) continue;
          at[slot] = index + 1;
          const code = series.quality[index]!;
          const target = columns[1 + slot * perTag]!;
          if (!isBad(code))
            target[rows] = text[slot] ? (series.texts?.[series.value[index]!] ?? '') : series.value[index]!;
          if (quality) columns[2 + slot * perTag]![rows] = qualityText(code);
        }
        rows += 1;
        if (rows === rowsPerChunk) await flush();
      }
    },
    flush,
  };
}
