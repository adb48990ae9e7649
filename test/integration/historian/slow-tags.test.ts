import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDatabase } from '#engine/platform/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { openDirect, registration } from './direct.ts';
import { expectRollups } from './expect-rollups.ts';

const START = 1_700_000_000_000_000;
const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;

it('makes no chunk of slow tags that is much longer than a day, unless it has few samples', async () => {
  const file = join(temporaryDirectory(), 'history.parx');
  const periods = [1, 10, 60, 3_600].map((seconds) => seconds * SECOND);
  const days = 6;
  const hourly = 2_500;
  const counts = periods.map((period) => (period === 3_600 * SECOND ? hourly : (days * DAY) / period));
  let store = await openDirect(file);
  for (const half of [0, 1]) {
    // Restarts close what is open: the parts grow together again, but not beyond a day.
    if (half === 1) store = await openDirect(file);
    store.writer.register(periods.map((_, tag) => registration(tag)));
    for (const [tag, period] of periods.entries()) {
      const count = counts[tag]! / 2;
      for (let at = half * count; at < (half + 1) * count; at += 500) {
        const end = Math.min(at + 500, (half + 1) * count);
        store.append(
          Array.from({ length: end - at }, (_, i) => ({
            tag,
            time: START + (at + i) * period,
            value: i,
            quality: 0,
          })),
        );
      }
    }
    await store.writer.flush();
    await store.close();
  }
  expectRollups(file);
  const database = openDatabase(file, { readonly: true });
  const chunks = database.prepare<[number], { span: number; count: number }>(
    'SELECT last - first AS span, count FROM chunks WHERE tag = ? ORDER BY first',
  );
  for (const [tag, period] of periods.entries()) {
    const rows = chunks.all(tag + 1);
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(counts[tag]);
    for (const { span } of rows) expect(span).toBeLessThan(DAY + 1_088 * period);
    // Parts at the start, at the restart and at the end are short.
    expect(rows.length).toBeLessThanOrEqual(3 + counts[tag]! / Math.min(16_384, Math.max(1_024, DAY / period)));
  }
  database.close();
  const again = await openDirect(file);
  const before = START + 4 * DAY;
  await again.writer.prune(before);
  for (const [tag, period] of periods.entries()) {
    const first = again.writer.tags()[tag]!.first!;
    expect(before - first).toBeLessThan(DAY + 1_088 * period);
  }
  await again.close();
});
