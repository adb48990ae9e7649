import { z } from 'zod';
import {
  type ColumnSpec,
  type Exporter,
  openPartFile,
  type PartFile,
  type TableWriter,
} from '#engine/exporters/exporter.ts';

const options = z.object({
  compression: z.enum(['zstd', 'snappy', 'none']).default('zstd').meta({
    title: 'Compression',
    help: 'zstd gives the smallest files; snappy is read by older programs as well.',
  }),
});
export type ParquetOptions = z.infer<typeof options>;

/** Values in one row group; bounds what the writer holds in memory, whatever the number of columns. */
const VALUES_PER_GROUP = 4_000_000;
const MAX_GROUP_ROWS = 131_072;

/**
 * Parquet with UTC timestamps in microseconds, doubles and UTF-8 texts. Units are in the metadata of the fields and,
 * for readers that do not see those, as JSON under `parx.columns` in that of the file.
 */
export const parquet: Exporter<ParquetOptions> & { readonly id: 'parquet' } = {
  id: 'parquet',
  title: 'Parquet',
  extension: 'parquet',
  mediaType: 'application/vnd.apache.parquet',
  options,
  async open(path, columns, chosen) {
    // Loaded on use: the WebAssembly and Arrow cost tens of megabytes, which only the exporting worker has to pay.
    const [{ arrowSchema, toArrowStream, uniqueNames }, wasm] = await Promise.all([
      import('./arrow-batch.ts'),
      import('parquet-wasm'),
    ]);
    const names = uniqueNames(columns);
    const properties = new wasm.WriterPropertiesBuilder()
      .setCompression(
        chosen.compression === 'zstd'
          ? wasm.Compression.ZSTD
          : chosen.compression === 'snappy'
            ? wasm.Compression.SNAPPY
            : wasm.Compression.UNCOMPRESSED,
      )
      .setMaxRowGroupSize(Math.max(8_192, Math.min(MAX_GROUP_ROWS, Math.floor(VALUES_PER_GROUP / columns.length))))
      .setCreatedBy('ParX Workstation')
      .setKeyValueMetadata(
        new Map([
          [
            'parx.columns',
            JSON.stringify(columns.map(({ name, unit, type }, i) => ({ column: names[i], name, unit, type }))),
          ],
        ]),
      )
      .build();
    const schema = arrowSchema(columns);
    const input = new TransformStream<unknown, unknown>(undefined, { highWaterMark: 1 }, { highWaterMark: 0 });
    const file = await openPartFile(path);
    const toBatch = (bytes: Uint8Array): unknown => {
      const table = wasm.Table.fromIPCStream(bytes);
      const batch = table.recordBatches()[0];
      table.free();
      return batch;
    };
    return batchWriter(
      file,
      input,
      wasm.transformParquetStream(input.readable, properties) as Promise<ReadableStream<Uint8Array>>,
      (rows, data) => toBatch(toArrowStream(schema, columns, { rows, columns: data })),
      columns,
    );
  },
};

function batchWriter(
  file: PartFile,
  input: TransformStream<unknown, unknown>,
  output: Promise<ReadableStream<Uint8Array>>,
  batch: (rows: number, columns: readonly (Float64Array | readonly (string | null)[])[]) => unknown,
  columns: readonly ColumnSpec[],
): TableWriter {
  const sink = input.writable.getWriter();
  let written = false;
  const drained = (async (): Promise<void> => {
    const reader = (await output).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        await file.write(value);
      }
    } catch (error) {
      // Not waited for: the encoder may be in the middle of a batch that it can't get rid of.
      reader.cancel().catch(() => undefined);
      throw error;
    }
  })();
  // A full disk shows here first; whoever writes next gets the reason instead of waiting for a reader that is gone.
  const failed = new Promise<never>((_resolve, reject) => drained.catch(reject));
  failed.catch(() => undefined);

  const put = async (rows: number, data: readonly (Float64Array | readonly (string | null)[])[]): Promise<void> => {
    written = true;
    await Promise.race([failed, sink.write(batch(rows, data))]);
  };
  return {
    async write(chunk) {
      if (chunk.rows > 0) await put(chunk.rows, chunk.columns);
    },
    async finish() {
      // The columns of a file without rows come from an empty batch.
      if (!written)
        await put(
          0,
          columns.map(({ type }) => (type === 'text' ? [] : new Float64Array(0))),
        );
      await Promise.race([failed, sink.close()]);
      await drained;
      await file.finish();
    },
    async abort() {
      // What the encoder still gives finds the file closed; both ends of it are let go of, and collected.
      sink.abort().catch(() => undefined);
      await file.abort();
    },
  };
}
