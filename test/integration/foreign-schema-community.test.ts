import { expect, it } from 'vitest';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { type TableMapping, tableMapping } from '#shared/model/index.ts';
import { SIGNAL } from './foreign-layouts.ts';
import { describeForeign, draw, everything, holdsLimit, never } from './foreign-suite.ts';

describeForeign('community', false, (place) => {
  it('reads an aggregate that the plant keeps where a graph is zoomed out, and says why it leaves others alone', async () => {
    const before = await place.open();
    let mapping: TableMapping;
    try {
      const [guess] = await before.foreign!.guess({ schema: 'kept', name: 'samples' }, never);
      const said = guess!.reasons.filter(({ part }) => part === 'rollups').map(({ text }) => text);
      expect(said).toEqual([
        expect.stringContaining('"means" is not used when zoomed out: it does not count the values of "value"'),
        '"samples_1m" holds the same in steps of 1 min, for long ranges.',
        expect.stringContaining(
          '"samples_5m" is not used when zoomed out: what came since its last refresh is missing',
        ),
      ]);
      const relations = await everything(before);
      const packed = relations.find(({ schema, name }) => schema === 'packed' && name === 'samples');
      expect(packed).toMatchObject({ kind: 'hypertable', partition: { column: 'time', parts: 4, compressed: 4 } });
      expect(packed!.range).toEqual({ column: 'time', from: SIGNAL.start, to: SIGNAL.start + 7_200e6 });
      const kept = relations.find(({ name }) => name === 'samples_1m');
      expect(kept).toMatchObject({ kind: 'rollup', rollupOf: { step: { ms: 60_000 }, live: true, filtered: false } });
      mapping = guess!.mapping as TableMapping;
    } finally {
      await before.close();
    }
    // What nobody has refreshed yet is there all the same. This server takes one connection at a time.
    const row = `(to_timestamp(${SIGNAL.start / 1e6 + 7_200}), 'Line 1/Temp', 77)`;
    await place.server().run(`INSERT INTO kept.samples VALUES ${row}`);
    const connection = await place.open([mapping]);
    try {
      const planned = (stepMs: number): string => {
        const metric = { namespace: 'plant', name: mapping.id, unit: null, type: 'gauge' } as const;
        const range = { from: SIGNAL.start, to: SIGNAL.start + 7_200e6 };
        const grid = { start: range.from, step: stepMs * 1_000, length: 7_200_000 / stepMs };
        const series = {
          definition: 'A',
          metric,
          override: null,
          match: {},
          aggregate: 'mean',
          groupBy: null,
          limit: 10,
          extension: {},
        } as const;
        return timescale.compile({ range, grid, envelope: false, series: [series] }, connection.capabilities).explain();
      };
      expect(planned(600_000)).toContain('"kept"."samples_1m"');
      expect(planned(10_000)).not.toContain('samples_1m');
      const end = SIGNAL.start + 7_800e6;
      const { series } = await draw(
        mapping,
        connection,
        [{ labels: { tag: 'Line 1/Temp' } }],
        end - 600e6,
        end,
        600_000,
        ['mean'],
      );
      expect([...series[0]!.value]).toEqual([77]);
    } finally {
      await connection.close();
    }
  });

  it('knows what a range would read of a hypertable that is compressed', async () => {
    const mapping = tableMapping.parse({
      id: 'packed',
      relation: { schema: 'packed', name: 'samples' },
      time: { column: 'time', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value' }],
    });
    // Of the tag's 720 rows a quarter lies in the part that is asked for.
    await holdsLimit(place, mapping, 400);
  });
});
