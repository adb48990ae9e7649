import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ColumnSpec, Exporter, TableChunk } from '#engine/exporters/index.ts';

/** A file read back by code that shares nothing with the writer. Missing numbers are NaN, missing texts null. */
export interface ReadTable {
  readonly columns: readonly { readonly name: string; readonly unit: string | null }[];
  /** Time as UTC microseconds. */
  readonly rows: readonly (readonly (number | string | null)[])[];
}

export interface ExporterCase {
  readonly exporter: Exporter;
  read(path: string, columns: readonly ColumnSpec[]): Promise<ReadTable>;
}

export const columns: readonly ColumnSpec[] = [
  { name: 'time', unit: null, type: 'time' },
  { name: 'Strip speed', unit: 'm/min', type: 'number' },
  { name: 'Coil id', unit: null, type: 'text' },
  { name: 'Dicke; "Soll", µm', unit: 'µm', type: 'number' },
];

const T0 = Date.UTC(2026, 9, 25, 0, 59, 59) * 1000 + 999_999;

/** Everything that a format may spoil: borders of doubles, missing values, separators, quotes, line ends, formulas. */
const hard: readonly (readonly [number, number, string | null, number])[] = [
  [T0, 0.1 + 0.2, 'DEMO-004711-A', 5e-324],
  [T0 + 1, Number.NaN, '', -0],
  [T0 + 2, Number.MAX_VALUE, null, Number.MIN_SAFE_INTEGER],
  [T0 + 1_000_001, -1.5e-7, 'a,b;c\td', Number.POSITIVE_INFINITY],
  [T0 + 3_600_000_000, 1e21, 'say "no"', Number.NEGATIVE_INFINITY],
  [T0 + 7_200_000_000, 123456789.123, 'two\r\nlines', 0],
  [0, 1, '=1+1', 2],
  [-1, 1, "'=kept", 2],
  [1_700_000_000_000_000, 1, ' leading and trailing ', 2],
  [1_700_000_000_000_001, 1, 'Ж 漢字 🙂', 2],
  [1_700_000_000_000_002, 1, '-5', 2],
  [1_700_000_000_000_003, 1, '\ttab first', 2],
  [1_700_000_000_000_004, 1, " ''\uff1dwide", 2],
  [1_700_000_000_000_005, 1, "it's", 2],
];

export function chunkOf(rows: readonly (readonly [number, number, string | null, number])[]): TableChunk {
  return {
    rows: rows.length,
    columns: [
      Float64Array.from(rows, (row) => row[0]),
      Float64Array.from(rows, (row) => row[1]),
      rows.map((row) => row[2]),
      Float64Array.from(rows, (row) => row[3]),
    ],
  };
}

/** What every exporter must keep; `optionSets` are the settings to run it with, by name. */
export function describeExporter(
  subject: ExporterCase,
  optionSets: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): void {
  const { exporter, read } = subject;
  describe(`the ${exporter.id} exporter`, () => {
    let folder = '';
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'parx-export-'));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));
    const target = (): string => join(folder, `out.${exporter.extension}`);
    const open = (options: unknown = {}) => exporter.open(target(), columns, exporter.options.parse(options));

    it('has defaults and an honest description', () => {
      expect(exporter.options.safeParse({}).success).toBe(true);
      expect(exporter.extension).toMatch(/^[a-z0-9]+$/);
      expect(exporter.mediaType).toContain('/');
    });

    for (const [name, options] of Object.entries(optionSets)) {
      it(`gives back what was written: ${name}`, async () => {
        const writer = await open(options);
        await writer.write(chunkOf(hard.slice(0, 4)));
        await writer.write(chunkOf([]));
        // Columns may be longer than the rows in use.
        const rest = chunkOf([...hard.slice(4), [1, 1, 'beyond', 1]]);
        await writer.write({ ...rest, rows: rest.rows - 1 });
        await writer.finish();
        const table = await read(target(), columns);
        expect(table.columns).toEqual(columns.map(({ name: column, unit }) => ({ name: column, unit })));
        expect(table.rows).toEqual(hard);
      });
    }

    it('appears only when it is finished, in place of an older file', async () => {
      writeFileSync(target(), 'older');
      const writer = await open();
      await writer.write(chunkOf(hard));
      expect(statSync(target()).size).toBe(5);
      await writer.finish();
      expect(readdirSync(folder)).toEqual([`out.${exporter.extension}`]);
      expect(statSync(target()).size).toBeGreaterThan(50);
      await writer.abort();
      expect(existsSync(target())).toBe(true);
    });

    it('leaves nothing after an abort', async () => {
      for (const chunks of [0, 1, 3]) {
        const writer = await open();
        for (let i = 0; i < chunks; i++) await writer.write(chunkOf(hard));
        await writer.abort();
        await writer.abort();
        expect(readdirSync(folder)).toEqual([]);
      }
    });

    it('writes the columns of an empty table', async () => {
      const writer = await open();
      await writer.finish();
      const table = await read(target(), columns);
      expect(table.columns).toHaveLength(columns.length);
      expect(table.rows).toEqual([]);
    });

    it('keeps columns of equal names apart', async () => {
      const twice: readonly ColumnSpec[] = [columns[0]!, columns[1]!, columns[1]!];
      const writer = await exporter.open(target(), twice, exporter.options.parse({}));
      await writer.write({ rows: 1, columns: [Float64Array.of(T0), Float64Array.of(1), Float64Array.of(2)] });
      await writer.finish();
      expect((await read(target(), twice)).rows).toEqual([[T0, 1, 2]]);
    });

    it('refuses a folder that is not there', async () => {
      const nowhere = join(folder, 'no', `out.${exporter.extension}`);
      await expect(exporter.open(nowhere, columns, exporter.options.parse({}))).rejects.toMatchObject({
        code: 'store.not-found',
      });
    });
  });
}
