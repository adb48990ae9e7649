import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chunkTableOf } from '#engine/historian/chunk-table.ts';
import { createReader, type Reader } from '#engine/historian/reader.ts';
import { type Database, openDatabase } from '#engine/platform/index.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { EVER, openDirect, registration } from './direct.ts';

const START = 1_700_000_000_000_000;
const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
const PERIOD = 100_000;
const PIXELS = 1_000;
const goOn = (): void => undefined;
const folder = suiteDirectory();

/** One slow reading with noise, every 100 ms with a jitter, sealed. */
async function history(hours: number): Promise<string> {
  const path = join(folder.path, `${hours}.parx`);
  const store = await openDirect(path);
  store.writer.register([registration(0)]);
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const samples = (hours * HOUR) / PERIOD;
  for (let at = 0, id = 1; at < samples; at += 65_536, id++) {
    const length = Math.min(65_536, samples - at);
    const time = new Float64Array(length);
    const value = new Float64Array(length);
    for (let i = 0; i < length; i++) {
      time[i] = START + (at + i) * PERIOD + Math.floor(random() * 5) * 1_000;
      value[i] = Math.round((50 + 40 * Math.sin((at + i) / 3_000) + random()) * 100) / 100;
    }
    const quality = new Uint16Array(length);
    store.writer.append(id, { length, tag: new Uint32Array(length), time, value, quality, received: null });
    await store.writer.flush();
  }
  await store.writer.seal([], EVER);
  await store.close();
  return path;
}

/** A reader that counts the blobs that SQLite gives it, and the rows of its lists. */
function counting(path: string, cacheBytes: number) {
  const database = openDatabase(path, { readonly: true });
  const read = { blobs: 0, bytes: 0, rows: 0 };
  const prepare = database.prepare.bind(database) as (sql: string) => ReturnType<Database['prepare']>;
  database.prepare = ((sql: string) => {
    const statement = prepare(sql);
    const get = statement.get.bind(statement) as (...parameters: unknown[]) => unknown;
    statement.get = (...parameters: unknown[]) => {
      const row = get(...parameters);
      for (const cell of Array.isArray(row) ? row : []) {
        if (!(cell instanceof Uint8Array)) continue;
        read.blobs++;
        read.bytes += cell.length;
      }
      return row;
    };
    const all = statement.all.bind(statement) as (...parameters: unknown[]) => unknown[];
    statement.all = (...parameters: unknown[]) => {
      const rows = all(...parameters);
      read.rows += rows.length;
      return rows;
    };
    return statement;
  }) as Database['prepare'];
  const table = chunkTableOf(database);
  const reader = createReader({ database, table, broken: false, onDamage: goOn, cacheBytes });
  return { database, reader, read };
}

function costOf(
  { reader, read }: { reader: Reader; read: { blobs: number; bytes: number; rows: number } },
  from: number,
  to: number,
) {
  read.blobs = 0;
  read.bytes = 0;
  read.rows = 0;
  const [series] = reader.view(['tag-0'], { from, to }, PIXELS, [], goOn);
  expect(series!.time.length).toBeGreaterThan(Math.min(500, (to - from) / PERIOD - 2));
  return { ...read };
}

describe('what a view reads', () => {
  it('is bounded at any range, however long the history is', async () => {
    const spans = [1, 10, 30, 60, 99, 134, 240, 600].map((minutes) => minutes * MINUTE);
    const most: number[] = [];
    const partly: number[] = [];
    const wholly: number[] = [];
    let rows = 0;
    for (const hours of [12, 120]) {
      const path = await history(hours);
      const cost = (from: number, to: number): number => {
        const fresh = counting(path, 4 << 20);
        const one = costOf(fresh, from, to);
        fresh.database.close();
        rows = Math.max(rows, one.rows);
        return one.bytes;
      };
      let highest = 0;
      for (const span of [...spans, 12 * HOUR, 48 * HOUR, 120 * HOUR]) {
        if (span > hours * HOUR) continue;
        for (const part of [0, 0.37, 1]) {
          const from = START + Math.floor((hours * HOUR - span) * part) + 1;
          const bytes = cost(from, from + span);
          highest = Math.max(highest, bytes);
        }
      }
      most.push(highest);
      // The dearest overview of between a quarter of the history and all of it: how widths round makes no difference.
      let overview = 0;
      for (let span = hours * HOUR; span > (hours * HOUR) / 4; span *= 0.83) {
        overview = Math.max(overview, cost(START, START + Math.floor(span)));
      }
      partly.push(overview);
      wholly.push(cost(START, START + hours * HOUR));
    }
    // Samples are read up to the range whose buckets are as wide as those of the rollups, some two hours here.
    expect(Math.max(...most)).toBeLessThan(110_000);
    expect(Math.max(...partly)).toBeLessThan(48_000);
    // Ten times the samples add one or two tiers, with up to three rows of each at the newest end.
    expect(wholly[1]! - wholly[0]!).toBeLessThan(14_000);
    // Of 264 chunks none but a few is even looked up.
    expect(rows).toBeLessThan(40);
  }, 120_000);

  it('is mostly remembered where views lie side by side', async () => {
    const open = counting(join(folder.path, '12.parx'), 4 << 20);
    for (const span of [MINUTE, HOUR, 4 * HOUR]) {
      const step = Math.floor(span / 10);
      costOf(open, START + HOUR, START + HOUR + span);
      let again = 0;
      for (let i = 1; i <= 20; i++)
        again += costOf(open, START + HOUR + i * step, START + HOUR + i * step + span).bytes;
      // Twenty pans see twice the range once more.
      const fresh = counting(join(folder.path, '12.parx'), 0);
      let without = 0;
      for (let i = 1; i <= 20; i++)
        without += costOf(fresh, START + HOUR + i * step, START + HOUR + i * step + span).bytes;
      fresh.database.close();
      expect(again).toBeLessThan(without / 5);
    }
    const { hits, misses, bytes } = open.reader.cache;
    expect(bytes).toBeLessThanOrEqual(4 << 20);
    expect(hits).toBeGreaterThan(4 * misses);
    open.database.close();
  }, 60_000);
});
