import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ColumnSpec, createExportWriter, exporters, type TableChunk } from '#engine/exporters/index.ts';
import { isAppError } from '#shared/errors.ts';
import { chunkOf, columns, describeExporter, type ExporterCase } from './exporter.ts';
import { type CsvLayout, readCsv } from './read-csv.ts';
import { parquetGroups, readParquet } from './read-parquet.ts';

const [csv, parquet] = exporters;

const layout = (path: string): CsvLayout => {
  const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  const hint = text.startsWith('sep=');
  const names = text.split('\r\n')[hint ? 1 : 0] ?? '';
  const separator = ([',', ';', '\t'] as const).find((sign) => names.startsWith(`time${sign}`)) ?? ',';
  const body = text.split('\r\n').slice(hint ? 2 : 1);
  const unitRow = body[0]?.includes('m/min') ?? false;
  const first = (body[unitRow ? 1 : 0] ?? '').split(separator)[0] ?? '';
  const fraction = /^-?\d+[.,](\d+)$/.exec(first)?.[1]?.length ?? 0;
  return { separator, decimal: separator === ';' ? ',' : '.', skip: hint ? 1 : 0, unitRow, epochDigits: fraction as 0 };
};

type ExporterId = (typeof exporters)[number]['id'];
/** A format without a reader of its own does not compile. */
const cases: Record<ExporterId, Pick<ExporterCase, 'read'>> = {
  csv: { read: async (path, specs) => readCsv(path, specs, layout(path)) },
  parquet: { read: readParquet },
};

describeExporter(
  { exporter: csv, ...cases.csv },
  {
    defaults: {},
    'semicolons and decimal commas': { numbers: 'semicolon-separated', timeZone: 'Europe/Berlin' },
    'tabs, zone west of Greenwich': { numbers: 'tab-separated', timeZone: 'America/St_Johns' },
    'seconds since 1970': { time: 'epoch-seconds' },
    'milliseconds since 1970, decimal comma': { time: 'epoch-milliseconds', numbers: 'semicolon-separated' },
    'byte order mark and separator hint': { byteOrderMark: true, separatorHint: true, timeZone: 'UTC' },
  },
);
describeExporter(
  { exporter: parquet, ...cases.parquet },
  { defaults: {}, snappy: { compression: 'snappy' }, 'no compression': { compression: 'none' } },
);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parx-export-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function csvText(
  options: Record<string, unknown>,
  rows: Parameters<typeof chunkOf>[0],
  specs: readonly ColumnSpec[] = columns,
): Promise<string> {
  const path = join(folder, 'a.csv');
  const writer = await csv.open(path, specs, csv.options.parse(options));
  await writer.write(chunkOf(rows));
  await writer.finish();
  return readFileSync(path, 'utf8');
}
const times = (text: string): string[] =>
  text
    .split('\r\n')
    .slice(1, -1)
    .map((line) => line.split(',')[0] ?? '');

describe('CSV as text', () => {
  const at = (iso: string): [number, number, string | null, number] => [Date.parse(iso) * 1000, 1, null, 2];

  it('looks as people expect it', async () => {
    const time = Date.UTC(2026, 10, 21, 4, 10, 0) * 1000 + 123_456;
    expect(await csvText({ timeZone: 'Europe/Berlin' }, [[time, 1.5, 'A', Number.NaN]])).toBe(
      'time,Strip speed,Coil id,"Dicke; ""Soll"", µm"\r\n,m/min,,µm\r\n2026-11-21T05:10:00.123456+01:00,1.5,A,\r\n',
    );
    expect(
      await csvText({ timeZone: 'Europe/Berlin', numbers: 'semicolon-separated', unitRow: false }, [
        [time, 1.5, '', 2],
      ]),
    ).toBe('time;Strip speed;Coil id;"Dicke; ""Soll"", µm"\r\n2026-11-21T05:10:00.123456+01:00;1,5;"";2\r\n');
    expect(
      await csvText({ separatorHint: true, byteOrderMark: true, time: 'epoch-seconds', unitRow: false }, [
        [time, 1, null, 2],
      ]),
    ).toBe('\ufeffsep=,\r\ntime,Strip speed,Coil id,"Dicke; ""Soll"", µm"\r\n1795234200.123456,1,,2\r\n');
  });

  it('tells the repeated hour of autumn apart', async () => {
    const text = await csvText({ timeZone: 'Europe/Berlin', unitRow: false }, [
      at('2026-10-25T00:30:00Z'),
      at('2026-10-25T00:59:59Z'),
      at('2026-10-25T01:00:00Z'),
      at('2026-10-25T01:30:00Z'),
    ]);
    expect(times(text)).toEqual([
      '2026-10-25T02:30:00.000000+02:00',
      '2026-10-25T02:59:59.000000+02:00',
      '2026-10-25T02:00:00.000000+01:00',
      '2026-10-25T02:30:00.000000+01:00',
    ]);
  });

  it('leaves the missing hour of spring out, and knows half hours and southern summers', async () => {
    const spring = await csvText({ timeZone: 'Europe/Berlin', unitRow: false }, [
      at('2026-03-29T00:59:59Z'),
      at('2026-03-29T01:00:00Z'),
    ]);
    expect(times(spring)).toEqual(['2026-03-29T01:59:59.000000+01:00', '2026-03-29T03:00:00.000000+02:00']);
    // Lord Howe Island moves its clocks by half an hour.
    const howe = await csvText({ timeZone: 'Australia/Lord_Howe', unitRow: false }, [
      at('2026-04-04T14:59:00Z'),
      at('2026-04-04T15:00:00Z'),
    ]);
    expect(times(howe)).toEqual(['2026-04-05T01:59:00.000000+11:00', '2026-04-05T01:30:00.000000+10:30']);
  });

  it('never lets a text start a formula, in names and units as well', async () => {
    const specs: ColumnSpec[] = columns.map((column) => ({ ...column }));
    specs[1] = { name: '=cmd()', unit: '@m', type: 'number' };
    for (const evil of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\uff1d1', '\r=1', '  =1', "'=1", '%x', '|x']) {
      const text = await csvText({ timeZone: 'UTC' }, [[0, -1, evil, 2]], specs);
      for (const record of text.split(/\r\n(?=\d|,|$)/)) {
        const texts = record.split(',').filter((_, index) => index !== 1 || record.startsWith('time'));
        for (const cell of texts) expect(cell.replace(/^"/, '')).not.toMatch(/^\s*[=+@|%\uff1d]/);
      }
      expect(text).toContain("'=cmd()");
    }
    // A number is a number: its minus sign stays.
    expect(await csvText({ timeZone: 'UTC', unitRow: false }, [[0, -1, null, 2]])).toContain(',-1,,2');
  });

  it('refuses a time zone that does not exist', () => {
    const result = csv.options.safeParse({ timeZone: 'Europe/Atlantis' });
    expect(result.success).toBe(false);
  });
});

describe('Parquet', () => {
  it('is compressed with zstd in bounded row groups, with units where Arrow readers look', async () => {
    const path = join(folder, 'a.parquet');
    const writer = await parquet.open(path, columns, parquet.options.parse({}));
    for (let i = 0; i < 40; i++) await writer.write(rowsFrom(i * 10_000, 10_000));
    await writer.finish();
    expect(await parquetGroups(path)).toEqual({ rows: 400_000, groups: 4, codec: 'ZSTD' });
    const { readParquet: readWasm, wasmSchemaUnits } = await arrowReader();
    expect(readWasm(path)).toBe(400_000);
    expect(wasmSchemaUnits(path)).toEqual([null, 'm/min', null, 'µm']);
  });
});

describe('the exporting worker', () => {
  const worker = new URL('../../src/engine/exporters/worker.ts', import.meta.url);

  for (const exporter of exporters) {
    it(`writes ${exporter.id} off this thread, the same file as in it`, async () => {
      const inside = join(folder, `inside.${exporter.extension}`);
      const outside = join(folder, `outside.${exporter.extension}`);
      const direct = await exporter.open(inside, columns, exporter.options.parse({}) as never);
      const moved = await createExportWriter({ worker, exporter: exporter.id, path: outside, columns, options: {} });
      for (let i = 0; i < 5; i++) {
        await direct.write(rowsFrom(i * 1_000, 1_000));
        const chunk = rowsFrom(i * 1_000, 1_000);
        await moved.write(chunk);
        // Moved, not copied.
        expect((chunk.columns[0] as Float64Array).length).toBe(0);
      }
      await direct.finish();
      await moved.finish();
      expect(readFileSync(outside).equals(readFileSync(inside))).toBe(true);
    });

    it(`leaves nothing of ${exporter.id} after an abort in full run`, async () => {
      const path = join(folder, `out.${exporter.extension}`);
      const writer = await createExportWriter({ worker, exporter: exporter.id, path, columns, options: {} });
      for (let i = 0; i < 3; i++) await writer.write(rowsFrom(i, 50_000));
      await writer.abort();
      await writer.abort();
      expect(readdirSync(folder)).toEqual([]);
    });
  }

  it('takes columns that share one buffer', async () => {
    const path = join(folder, 'shared.csv');
    const both = Float64Array.of(0, 1, 10, 11);
    const specs: ColumnSpec[] = [columns[0]!, columns[1]!];
    const writer = await createExportWriter({
      worker,
      exporter: 'csv',
      path,
      columns: specs,
      options: { timeZone: 'UTC' },
    });
    await writer.write({ rows: 2, columns: [both.subarray(0, 2), both.subarray(2)] });
    await writer.finish();
    expect(both).toHaveLength(4);
    expect(readFileSync(path, 'utf8')).toContain('1970-01-01T00:00:00.000001+00:00,11');
  });

  it('reports refusals with their code, and a thread that dies', async () => {
    const bad = createExportWriter({
      worker,
      exporter: 'csv',
      path: join(folder, 'no', 'a.csv'),
      columns,
      options: {},
    });
    await expect(bad).rejects.toSatisfy((error) => isAppError(error, 'store.not-found'));
    const dead = new URL('data:text/javascript,process.exit(3)');
    await expect(
      createExportWriter({ worker: dead, exporter: 'csv', path: join(folder, 'a.csv'), columns, options: {} }),
    ).rejects.toThrow('ended before the export was complete');
    expect(existsSync(join(folder, 'a.csv'))).toBe(false);
  });
});

describe('memory', () => {
  // A process of its own with a small heap, so that neither the test runner nor lazy collection is measured.
  const peakMegabytes = (exporter: string, rows: number): number => {
    const program = `
      const [id, path, rows] = process.argv.slice(1);
      const { exporters } = await import('#engine/exporters/index.ts');
      const exporter = exporters.find((one) => one.id === id);
      const writer = await exporter.open(path, [
        { name: 'time', unit: null, type: 'time' },
        { name: 'speed', unit: 'm/min', type: 'number' },
        { name: 'force', unit: 'kN', type: 'number' },
        { name: 'coil', unit: null, type: 'text' },
      ], exporter.options.parse({}));
      for (let at = 0; at < Number(rows); at += 8192) {
        const time = Float64Array.from({ length: 8192 }, (_, i) => 1.79e15 + (at + i) * 1000);
        const speed = Float64Array.from({ length: 8192 }, (_, i) => Math.sin(at + i));
        const force = Float64Array.from({ length: 8192 }, (_, i) => Math.cos(at + i));
        const coil = Array.from({ length: 8192 }, (_, i) => 'coil ' + ((at + i) >> 12));
        await writer.write({ rows: 8192, columns: [time, speed, force, coil] });
      }
      await writer.finish();
      console.log(process.resourceUsage().maxRSS);`;
    const path = join(folder, `memory.${exporter}`);
    const run = spawnSync(
      process.execPath,
      [
        '--max-old-space-size=64',
        '--max-semi-space-size=2',
        '--input-type=module',
        '-e',
        program,
        exporter,
        path,
        String(rows),
      ],
      { encoding: 'utf8' },
    );
    if (run.status !== 0) throw new Error(run.stderr);
    expect(statSync(path).size).toBeGreaterThan(rows * 8);
    return Number(run.stdout) / 1024;
  };

  for (const { id } of exporters) {
    it(`of ${id} does not grow from 400,000 rows to 1,600,000`, () => {
      const small = peakMegabytes(id, 400_000);
      const large = peakMegabytes(id, 1_600_000);
      // The other rows are 29 MB of numbers alone, and 70 MB as text, if they were kept.
      expect(large - small).toBeLessThan(25);
    }, 60_000);
  }
});

/** A repeatable series, the same rows wherever a chunk begins. */
function rowsFrom(first: number, count: number): TableChunk {
  const time = new Float64Array(count);
  const speed = new Float64Array(count);
  const text: (string | null)[] = [];
  const thickness = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const n = first + i;
    time[i] = 1_795_234_200_000_000 + n * 10_000;
    speed[i] = 600 + 50 * Math.sin(n / 100) + ((n * 7919) % 101) / 10;
    text.push(n % 500 === 0 ? null : `DEMO-${Math.floor(n / 1_000)}`);
    thickness[i] = n % 777 === 0 ? Number.NaN : 0.5 + ((n * 104_729) % 1_009) / 100_000;
  }
  return { rows: count, columns: [time, speed, text, thickness] };
}

async function arrowReader(): Promise<{
  readParquet(path: string): number;
  wasmSchemaUnits(path: string): (string | null)[];
}> {
  const [wasm, arrow] = await Promise.all([import('parquet-wasm'), import('apache-arrow')]);
  const table = (path: string) => arrow.tableFromIPC(wasm.readParquet(readFileSync(path)).intoIPCStream());
  return {
    readParquet: (path) => table(path).numRows,
    wasmSchemaUnits: (path) => table(path).schema.fields.map((field) => field.metadata.get('unit') ?? null),
  };
}
