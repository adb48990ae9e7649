import { zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import type { ColumnSpec } from '#engine/exporters/index.ts';
import type { ReadTable } from './exporter.ts';

const compressors = { ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdDecompressSync(bytes)) };

/** Reads with hyparquet, and units from the metadata of the file. */
export async function readParquet(path: string, columns: readonly ColumnSpec[]): Promise<ReadTable> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const own = metadata.key_value_metadata?.find(({ key }) => key === 'parx.columns')?.value ?? '[]';
  const described = JSON.parse(own) as { column: string; name: string; unit: string | null; type: string }[];
  const rows = await parquetReadObjects({
    file,
    metadata,
    compressors,
    utf8: true,
    parsers: { timestampFromMicroseconds: (micros: bigint) => Number(micros) } as never,
  });
  return {
    columns: described.map(({ name, unit }) => ({ name, unit })),
    rows: rows.map((row) =>
      columns.map(({ type }, index) => {
        const value = (row as Record<string, unknown>)[described[index]?.column ?? ''];
        if (value === null || value === undefined) return type === 'text' ? null : Number.NaN;
        if (typeof value === 'bigint') return Number(value);
        if (typeof value === 'number' || typeof value === 'string') return value;
        throw new Error(`Unexpected value ${String(value)} in column ${index}.`);
      }),
    ),
  };
}

export async function parquetGroups(
  path: string,
): Promise<{ readonly rows: number; readonly groups: number; readonly codec: string }> {
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  return {
    rows: Number(metadata.num_rows),
    groups: metadata.row_groups.length,
    codec: metadata.row_groups[0]?.columns[0]?.meta_data?.codec ?? 'none',
  };
}
