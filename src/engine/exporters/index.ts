import { csv } from './csv/index.ts';
import type { Exporter } from './exporter.ts';
import { parquet } from './parquet/index.ts';

export { createExportWriter, type ExportWriterOptions } from './export-writer.ts';
export type { ColumnSpec, Exporter, TableChunk, TableWriter } from './exporter.ts';

/** Every file format, in the order in which they are offered. */
export const exporters = [csv, parquet] as const satisfies readonly Exporter[];
