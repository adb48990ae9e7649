import {
  type Data,
  Field,
  Float64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMicrosecond,
  Utf8,
} from 'apache-arrow';
import type { ColumnSpec, TableChunk } from '#engine/exporters/exporter.ts';

/** Column names are unique in Parquet; a tag may be called like another column. */
export function uniqueNames(columns: readonly ColumnSpec[]): readonly string[] {
  const taken = new Set<string>();
  return columns.map(({ name }) => {
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name} (${n})`;
    taken.add(unique);
    return unique;
  });
}

/** The unit goes with the field, where Arrow readers find it; times are UTC. */
export function arrowSchema(columns: readonly ColumnSpec[]): Schema {
  const names = uniqueNames(columns);
  return new Schema(
    columns.map(
      (column, index) =>
        new Field(
          names[index]!,
          column.type === 'time'
            ? new TimestampMicrosecond('UTC')
            : column.type === 'number'
              ? new Float64()
              : new Utf8(),
          true,
          column.unit === null ? undefined : new Map([['unit', column.unit]]),
        ),
    ),
  );
}

/** One chunk as an Arrow IPC stream. NaN and null become nulls: an average in a query must not be NaN for one gap. */
export function toArrowStream(schema: Schema, columns: readonly ColumnSpec[], chunk: TableChunk): Uint8Array {
  const children = columns.map((column, index): Data => {
    const data = chunk.columns[index];
    if (column.type === 'text') return textData((data ?? []) as readonly (string | null)[], chunk.rows);
    const numbers = (data ?? []) as Float64Array;
    return column.type === 'time' ? timeData(numbers, chunk.rows) : numberData(numbers, chunk.rows);
  });
  const data = makeData({ type: new Struct(schema.fields), length: chunk.rows, nullCount: 0, children });
  return RecordBatchStreamWriter.writeAll([new RecordBatch(schema, data)]).toUint8Array(true);
}

interface Validity {
  readonly nullBitmap: Uint8Array;
  readonly nullCount: number;
}

function validity(rows: number, isValid: (row: number) => boolean): Validity {
  const nullBitmap = new Uint8Array((rows + 7) >> 3);
  let nullCount = 0;
  for (let row = 0; row < rows; row++) {
    if (isValid(row)) nullBitmap[row >> 3]! |= 1 << (row & 7);
    else nullCount++;
  }
  return { nullBitmap, nullCount };
}

function numberData(values: Float64Array, rows: number): Data {
  const bits = validity(rows, (row) => !Number.isNaN(values[row]));
  return makeData({ type: new Float64(), length: rows, data: values.subarray(0, rows), ...bits });
}

function timeData(values: Float64Array, rows: number): Data {
  const data = new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    const time = values[row]!;
    if (!Number.isNaN(time)) data[row] = BigInt(time);
  }
  const bits = validity(rows, (row) => !Number.isNaN(values[row]));
  return makeData({ type: new TimestampMicrosecond('UTC'), length: rows, data, ...bits });
}

const encoder = new TextEncoder();

function textData(values: readonly (string | null)[], rows: number): Data {
  // States and qualities repeat in long runs: each distinct text is encoded once in a chunk.
  const encoded = new Map<string, Uint8Array>();
  const valueOffsets = new Int32Array(rows + 1);
  let bytes = 0;
  for (let row = 0; row < rows; row++) {
    const text = values[row];
    if (typeof text === 'string') {
      let known = encoded.get(text);
      if (known === undefined) {
        known = encoder.encode(text);
        encoded.set(text, known);
      }
      bytes += known.length;
    }
    valueOffsets[row + 1] = bytes;
  }
  const data = new Uint8Array(bytes);
  for (let row = 0; row < rows; row++) {
    const text = values[row];
    if (typeof text === 'string') data.set(encoded.get(text)!, valueOffsets[row]!);
  }
  const bits = validity(rows, (row) => typeof values[row] === 'string');
  return makeData({ type: new Utf8(), length: rows, valueOffsets, data, ...bits });
}
