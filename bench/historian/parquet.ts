import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import {
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Uint16,
} from 'apache-arrow';
import {
  Compression,
  EnabledStatistics,
  Encoding,
  Table,
  transformParquetStream,
  type WriterProperties,
  WriterPropertiesBuilder,
} from 'parquet-wasm';
import type { SampleBlock } from '#shared/model/index.ts';
import type { Contestant } from './contestant.ts';
import { askDuck, wholeTimes } from './duckdb.ts';

// One file, a row group per block, read by DuckDB. Once with the writer's own choice of encodings, as programs write it,
// and once with those that suit the mix best.

const FILE = 'samples.parquet';
const schema = new Schema([
  new Field('tag', new Int32(), false),
  new Field('time', new Int64(), false),
  new Field('value', new Float64(), false),
  new Field('quality', new Uint16(), false),
]);

const usual = (): WriterProperties => new WriterPropertiesBuilder().setCompression(Compression.ZSTD).build();
const tuned = (): WriterProperties =>
  new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setDictionaryEnabled(false)
    .setColumnEncoding('time', Encoding.DELTA_BINARY_PACKED)
    .setStatisticsEnabled(EnabledStatistics.Chunk)
    .setMaxRowGroupSize(72_000)
    .build();

function toBatch(block: SampleBlock): unknown {
  const { length } = block;
  const column = { length, nullCount: 0 };
  const children = [
    makeData({ ...column, type: new Int32(), data: new Int32Array(block.tag.buffer, 0, length) }),
    makeData({ ...column, type: new Int64(), data: wholeTimes(block.time, 0, length) }),
    makeData({ ...column, type: new Float64(), data: block.value.subarray(0, length) }),
    makeData({ ...column, type: new Uint16(), data: block.quality.subarray(0, length) }),
  ];
  const batch = new RecordBatch(schema, makeData({ ...column, type: new Struct(schema.fields), children }));
  const table = Table.fromIPCStream(RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true));
  const handed = table.recordBatches()[0];
  table.free();
  return handed;
}

const parquet = (title: string, properties: () => WriterProperties): Contestant => ({
  title,
  missing: () => null,
  stream: null,
  async load(folder, _size, blocks, started) {
    const file = openSync(join(folder, FILE), 'w');
    started();
    const input = new TransformStream<unknown, unknown>(undefined, { highWaterMark: 1 }, { highWaterMark: 0 });
    const output = transformParquetStream(input.readable, properties()) as Promise<ReadableStream<Uint8Array>>;
    const drained = (async () => {
      for await (const bytes of await output) writeSync(file, bytes);
    })();
    const sink = input.writable.getWriter();
    for (const block of blocks) await Promise.race([sink.write(toBatch(block)), drained]);
    await sink.close();
    await drained;
    fsyncSync(file);
    closeSync(file);
  },
  async open(folder) {
    const instance = await DuckDBInstance.create(':memory:', { enable_object_cache: 'true' });
    const connection = await instance.connect();
    await connection.run('SET parquet_metadata_cache = true').catch(() => undefined);
    const table = `read_parquet('${join(folder, FILE)}')`;
    // The statistics of the row groups leave only those at the end to be read.
    const lastSql = `SELECT tag, max(time)::DOUBLE, arg_max(value, time) FROM ${table}
      WHERE time >= (SELECT max(time) - 60000000 FROM ${table}) GROUP BY tag`;
    return askDuck(connection, table, lastSql, () => {
      connection.closeSync();
      instance.closeSync();
    });
  },
});

export const parquetUsual = parquet('Parquet', usual);
export const parquetTuned = parquet('Parquet tuned', tuned);
