import { describe, expect, it } from 'vitest';
import type { TableChunk } from '#engine/exporters/index.ts';
import { QUALITY, type Series } from '#shared/model/index.ts';
import { createRowMerger } from './export-rows.ts';

const number = { key: 'n', text: false };
const text = { key: 't', text: true };
const series = (
  tag: string,
  rows: readonly (readonly [number, number, number?])[],
  texts: Record<number, string> | null = null,
): Series => ({
  tag,
  time: Float64Array.from(rows, ([time]) => time),
  value: Float64Array.from(rows, ([, value]) => value),
  quality: Uint16Array.from(rows, ([, , quality]) => quality ?? 0),
  envelope: null,
  gaps: [],
  texts,
});

async function merge(quality: boolean, ...blocks: readonly (readonly Series[])[]): Promise<TableChunk[]> {
  const chunks: TableChunk[] = [];
  const merger = createRowMerger([number, text], quality, async (chunk) => void chunks.push(chunk));
  for (const block of blocks) await merger.add(block);
  await merger.flush();
  return chunks;
}

describe('rows of an export', () => {
  it('puts equal times on one row and leaves the other tags empty', async () => {
    const [chunk] = await merge(false, [
      series('n', [
        [1, 10],
        [3, 30],
      ]),
      series(
        't',
        [
          [1, 0],
          [2, 1],
        ],
        { 0: 'a', 1: 'b' },
      ),
    ]);
    expect(chunk?.rows).toBe(3);
    expect([...(chunk?.columns[0] ?? [])]).toEqual([1, 2, 3]);
    expect([...(chunk?.columns[1] ?? [])]).toEqual([10, Number.NaN, 30]);
    expect([...(chunk?.columns[2] ?? [])]).toEqual(['a', 'b', null]);
  });

  it('leaves a bad value empty and says why in the quality column', async () => {
    const [chunk] = await merge(true, [
      series('n', [
        [1, 5, QUALITY.badTimeout],
        [2, 6, QUALITY.uncertain],
      ]),
    ]);
    expect([...(chunk?.columns[1] ?? [])]).toEqual([Number.NaN, 6]);
    expect([...(chunk?.columns[2] ?? [])]).toEqual(['Bad: no answer in time', 'Uncertain']);
    expect([...(chunk?.columns[4] ?? [])]).toEqual([null, null]);
  });

  it('writes in chunks of bounded size and loses no row between blocks', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => [index, index] as const);
    const chunks = await merge(false, [series('n', rows.slice(0, 9_999))], [series('n', rows.slice(9_999))]);
    expect(Math.max(...chunks.map((chunk) => chunk.rows))).toBe(8_192);
    expect(chunks.flatMap((chunk) => [...(chunk.columns[0] as Float64Array)])).toEqual(rows.map(([time]) => time));
  });

  it('takes fewer rows at once the more columns there are', async () => {
    const wide = Array.from({ length: 1_000 }, (_, index) => ({ key: `t${index}`, text: false }));
    const cells: number[] = [];
    let rows = 0;
    const merger = createRowMerger(wide, true, async (chunk) => {
      cells.push(chunk.rows * chunk.columns.length);
      rows += chunk.rows;
    });
    await merger.add([
      series(
        't7',
        Array.from({ length: 500 }, (_, index) => [index, index] as const),
      ),
    ]);
    await merger.flush();
    expect(rows).toBe(500);
    expect(Math.max(...cells)).toBeLessThanOrEqual(131_072);
  });

  it('writes nothing for nothing', async () => {
    expect(await merge(true, [])).toEqual([]);
  });
});
