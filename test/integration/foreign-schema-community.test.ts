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
        '"samples_5m" holds the same in steps of 5 min, for long ranges. What came since its last refresh is read from the samples.',
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
      expect(planned(600_000)).toContain('"kept"."samples_5m"');
      expect(planned(60_000)).toContain('"kept"."samples_1m"');
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

  it('reads an aggregate that is as new as its last refresh up to there, and the rest from the samples', async () => {
    await place.server().run(
      `CREATE SCHEMA stale; CREATE TABLE stale.log (time timestamptz NOT NULL, tag text, value float8);
       SELECT create_hypertable('stale.log', 'time');
       INSERT INTO stale.log SELECT '2026-02-01T00:00:00Z'::timestamptz + g * interval '7 seconds', 't' || g % 3, sin(g) FROM generate_series(0, 1999) g`,
    );
    await place.server().run(
      `CREATE MATERIALIZED VIEW stale.minutes WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
         SELECT time_bucket('1 minute', time) AS t, tag, count(value) AS n, sum(value) AS s, min(value) AS lo, max(value) AS hi, last(value, time) AS z
         FROM stale.log GROUP BY 1, 2 WITH NO DATA`,
    );
    await place
      .server()
      .run(`GRANT USAGE ON SCHEMA stale TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA stale TO PUBLIC`);
    const before = await place.open();
    let guessed: TableMapping;
    try {
      guessed = (await before.foreign!.guess({ schema: 'stale', name: 'log' }, never))[0]!.mapping as TableMapping;
    } finally {
      await before.close();
    }
    expect(guessed.rollups).toMatchObject([{ live: false, stepMs: 60_000 }]);
    const mapping = { ...guessed, id: 'rolled' };
    const plain = { ...guessed, id: 'plain', rollups: [] };
    const START = Date.parse('2026-02-01T00:00:00Z') * 1_000;
    const both = async (from: number, to: number, stepMs: number) => {
      const connection = await place.open([mapping, plain]);
      const drawn = async (of: TableMapping) =>
        (await draw(of, connection, [{ labels: { tag: 't1' } }], from, to, stepMs, ['mean', 'count', 'max', 'last']))
          .series;
      try {
        const [rolled, read] = [await drawn(mapping), await drawn(plain)];
        return rolled.map(({ value, quality }, at) => {
          expect([...quality]).toEqual([...read[at]!.quality]);
          return [[...value], [...read[at]!.value]] as const;
        });
      } finally {
        await connection.close();
      }
    };
    const equal = async (): Promise<void> => {
      for (const [from, to, stepMs] of [
        [0, 14_000, 60_000],
        [17, 9_999, 120_000],
        [3_601, 3_700, 60_000],
        [7_200, 14_000, 300_000],
      ] as const) {
        for (const [rolled, read] of await both(START + from * 1e6, START + to * 1e6, stepMs)) {
          expect(rolled).toHaveLength(read.length);
          for (const [at, value] of rolled.entries()) {
            if (Number.isNaN(value)) expect(read[at]).toBeNaN();
            else expect(value).toBeCloseTo(read[at]!, 9);
          }
        }
      }
    };
    // Empty, half, and to its end.
    await equal();
    await place.server().run(`CALL refresh_continuous_aggregate('stale.minutes', NULL, '2026-02-01T02:00:00Z')`);
    await equal();
    // It is read indeed: what came late is not in it.
    await place.server().run("INSERT INTO stale.log VALUES ('2026-02-01T01:00:01Z', 't1', 1)");
    const [, count] = await both(START + 3_600e6, START + 3_660e6, 60_000);
    expect(count![0][0]).toBe(count![1][0]! - 1);
    await place.server().run(`CALL refresh_continuous_aggregate('stale.minutes', NULL, NULL)`);
    await place
      .server()
      .run(
        "INSERT INTO stale.log SELECT '2026-02-01T03:53:13Z'::timestamptz + g * interval '7 seconds', 't1', g FROM generate_series(0, 50) g",
      );
    await equal();
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
