import { expect, it } from 'vitest';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { QUALITY, type TableMapping, tableMapping } from '#shared/model/index.ts';
import { draw, never, type Place, READER } from './foreign-suite.ts';

/** Makes a schema that the reader may read. */
export const makerOf =
  (place: Place) =>
  async (schema: string, statements: string): Promise<void> => {
    await place.server().run(`CREATE SCHEMA ${schema}; GRANT USAGE ON SCHEMA ${schema} TO ${READER.user};
      ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT ON TABLES TO ${READER.user}; ${statements}`);
  };

export const narrow = (schema: string, name: string, more: object = {}): TableMapping =>
  tableMapping.parse({
    id: `${schema}_${name}`,
    relation: { schema, name },
    time: { column: 'time', kind: 'timestamptz' },
    tag: { kind: 'column', column: 'tag' },
    values: [{ column: 'value' }],
    ...more,
  });

/** What single rows and keys of plants' tables mean: none, twice, several of one name, too many. */
export function rowCases(place: Place): void {
  const make = makerOf(place);

  it('takes a narrow row without a value for a gap in the preview, in samples and in steps, in documents too', async () => {
    await make(
      'absent',
      `CREATE TABLE absent.log (ts timestamptz, tag text, i int, f float8, doc jsonb);
       INSERT INTO absent.log VALUES
         ('2026-03-01T00:00:00Z', 'a', 1, NULL, '{"rpm": 10}'), ('2026-03-01T00:00:01Z', 'a', NULL, NULL, '{"oil": 3}'),
         ('2026-03-01T00:00:02Z', 'a', NULL, 3, '{"rpm": 30}'), ('2026-03-01T00:00:03Z', 'a', NULL, NULL, '{"rpm": null}')`,
    );
    const [from, to] = [Date.parse('2026-03-01T00:00:00Z') * 1_000, Date.parse('2026-03-01T00:00:04Z') * 1_000];
    const columns = narrow('absent', 'log', {
      time: { column: 'ts', kind: 'timestamptz' },
      values: [{ column: 'i' }, { column: 'f' }],
    });
    const documents = narrow('absent', 'log', {
      id: 'documents',
      time: { column: 'ts', kind: 'timestamptz' },
      values: [{ column: 'doc', jsonPath: ['rpm'] }],
    });
    const connection = await place.open([columns, documents]);
    try {
      for (const [mapping, values] of [
        [columns, [1, Number.NaN, 3, Number.NaN]],
        [documents, [10, Number.NaN, 30, Number.NaN]],
      ] as const) {
        const { samples } = await connection.foreign!.preview(mapping, never);
        const shown = samples.toSorted((a, b) => a.time! - b.time!);
        const qualities = [0, QUALITY.badNoData, 0, QUALITY.badNoData];
        expect(shown.map(({ value }) => value ?? Number.NaN)).toEqual(values);
        expect(shown.map(({ quality }) => quality)).toEqual(qualities);
        expect(shown[1]!.problems).toEqual(['There is no value: the trace has a gap.']);
        const drawn = (stepMs: number) =>
          draw(mapping, connection, [{ labels: { tag: 'a' } }], from, to, stepMs, ['mean', 'count']);
        const each = (await drawn(1_000)).series;
        expect([...each[0]!.value]).toEqual(values);
        expect([...each[0]!.quality]).toEqual(qualities);
        expect([...each[1]!.value]).toEqual([1, 0, 1, 0]);
        const whole = (await drawn(4_000)).series;
        expect([whole[0]!.value[0], whole[0]!.quality[0], whole[1]!.value[0]]).toEqual([
          (values[0] + values[2]) / 2,
          QUALITY.uncertain,
          2,
        ]);
      }
    } finally {
      await connection.close();
    }
  });

  it('says that rows are there twice, and counts each once where the mapping says so, at every zoom', async () => {
    await make(
      'twice',
      `CREATE TABLE twice.log (time timestamptz, tag text, value float8, q int);
       INSERT INTO twice.log SELECT '2026-03-01T00:00:00Z'::timestamptz + g / 2 * interval '1 second', 'a', g, CASE g % 7 WHEN 0 THEN 0 ELSE 192 END
         FROM generate_series(0, 999) g;
       CREATE TABLE twice.once (time timestamptz, tag text, value float8, PRIMARY KEY (tag, time));
       CREATE TABLE twice.wide (time timestamptz, a float8, b float8);
       INSERT INTO twice.wide SELECT now() + g / 2 * interval '1 second', CASE g % 2 WHEN 0 THEN g END, CASE g % 2 WHEN 1 THEN g END FROM generate_series(0, 99) g`,
    );
    const quality = { column: 'q', rule: 'opc' };
    const mapping = narrow('twice', 'log', { quality });
    const once = narrow('twice', 'log', { quality, id: 'each_once', timesRepeat: true });
    const wide = narrow('twice', 'wide', {
      tag: { kind: 'columns' },
      values: [{ column: 'a' }, { column: 'b' }],
    });
    const from = Date.parse('2026-03-01T00:00:00Z') * 1_000;
    const to = from + 500e6;
    const connection = await place.open([mapping, once, wide]);
    const repeated = async (of: TableMapping) =>
      (await connection.foreign!.preview(of, never)).problems.filter(({ path }) => path === 'timesRepeat');
    try {
      expect((await repeated(mapping)).map(({ message }) => message.split(':')[0])).toEqual([
        'Of 1000 samples 500 have the tag and the time of another',
      ]);
      expect(await repeated(once)).toEqual([]);
      expect(await repeated(narrow('twice', 'once'))).toEqual([]);
      // Rows with one time, but no tag twice.
      expect(await repeated(wide)).toEqual([]);
      const figures = async (of: TableMapping, stepMs: number) =>
        (
          await draw(of, connection, [{ labels: { tag: 'a' } }], from, to, stepMs, ['mean', 'count', 'last'])
        ).series.map(({ value }) => [...value]);
      // The better of two counts, of two that are as good the smaller.
      const kept = Array.from({ length: 500 }, (_, n) => ((2 * n) % 7 === 0 ? 2 * n + 1 : 2 * n));
      const total = kept.reduce((a, b) => a + b, 0);
      const counted = (count: number[] | undefined) => count!.reduce((a, b) => a + b, 0);
      expect(counted((await figures(mapping, 500_000))[1])).toBe(857);
      for (const stepMs of [1_000, 10_000, 50_000, 500_000]) {
        const [mean, count, last] = await figures(once, stepMs);
        expect(counted(mean!.map((value, at) => value * count![at]!))).toBeCloseTo(total, 6);
        expect(counted(count)).toBe(500);
        expect(last!.at(-1)).toBe(kept.at(-1));
        if (stepMs === 1_000) expect(mean).toEqual(kept);
      }
      const query = timescale.compile(
        {
          range: { from, to },
          grid: null,
          envelope: false,
          series: [
            {
              definition: 'A',
              metric: { namespace: 'plant', name: 'each_once', unit: null, type: 'gauge' },
              override: null,
              match: { tag: 'a' },
              aggregate: 'last',
              groupBy: null,
              limit: 10,
              extension: {},
            },
          ],
        },
        connection.capabilities,
      );
      const samples: number[] = [];
      for await (const [block] of connection.client.stream(query, never)) samples.push(...block!.value);
      expect(samples).toEqual(kept);
    } finally {
      await connection.close();
    }
  });

  it('draws a tag that was made anew under its name as one, whichever of its keys a row has', async () => {
    await make(
      'anew',
      `CREATE TABLE anew.tags (id int PRIMARY KEY, path text, unit text, area text);
       INSERT INTO anew.tags VALUES (1, 'speed', NULL, 'N'), (2, 'force', 'kN', 'N'), (9, 'speed', 'm/min', 'N'), (10, 'speed', 'm/s', 'S'), (4, 'speed', 'm/h', 'N');
       CREATE TABLE anew.log (ts bigint, tag_id int, value float8);
       INSERT INTO anew.log SELECT 1774742400000 + g * 1000, CASE WHEN g < 30 THEN 1 WHEN g < 90 THEN 4 ELSE 9 END, g FROM generate_series(0, 119) g;
       INSERT INTO anew.log SELECT 1774742400000 + g * 1000, n, 1000 FROM generate_series(0, 119) g, unnest(ARRAY[2, 10]) n;
       CREATE INDEX ON anew.log (tag_id, ts)`,
    );
    const mapping = narrow('anew', 'log', {
      time: { column: 'ts', kind: 'epoch', unit: 'ms' },
      tag: {
        kind: 'table',
        column: 'tag_id',
        relation: { schema: 'anew', name: 'tags' },
        key: 'id',
        name: 'path',
        unit: 'unit',
      },
      labels: [{ column: 'area', name: 'area', of: 'tags' }],
    });
    const connection = await place.open([mapping]);
    try {
      const { tags, notes } = await connection.tags!({ text: '', ids: null, offset: 0, limit: 10 }, never);
      expect(tags.map(({ name, labels }) => [name, labels.area])).toEqual([
        ['force', 'N'],
        ['speed', 'N'],
        ['speed', 'S'],
      ]);
      expect(notes).toEqual([]);
      const from = 1774742400e6;
      const { series } = await draw(
        mapping,
        connection,
        [{ labels: { tag: 'speed', area: 'N' } }],
        from,
        from + 120e6,
        60_000,
        ['mean', 'count', 'max', 'last'],
      );
      expect(series.map(({ value }) => [...value])).toEqual([
        [29.5, 89.5],
        [60, 60],
        [59, 119],
        [59, 119],
      ]);
      expect(series.map(({ unit }) => unit)).toEqual(['m/min', null, 'm/min', 'm/min']);
      const all = await draw(mapping, connection, [{ labels: {} }], from, from + 120e6, 120_000, ['count']);
      expect(all.series.map(({ labels, value }) => [labels.tag, labels.area, value[0]])).toEqual([
        ['force', 'N', 120],
        ['speed', 'N', 120],
        ['speed', 'S', 120],
      ]);
      const planned = {
        definition: 'A',
        metric: { namespace: 'plant', name: mapping.id, unit: null, type: 'gauge' },
        override: null,
        match: { tag: 'speed', area: 'N' },
        aggregate: 'last',
        groupBy: null,
        limit: 1,
        extension: {},
      } as const;
      const stream = (match: Readonly<Record<string, string>>) =>
        connection.client.stream(
          timescale.compile(
            { range: { from, to: from + 120e6 }, grid: null, envelope: false, series: [{ ...planned, match }] },
            connection.capabilities,
          ),
          never,
        );
      const samples: number[] = [];
      for await (const blocks of stream({ tag: 'speed', area: 'N' })) {
        expect(blocks).toHaveLength(1);
        samples.push(...blocks[0]!.value);
      }
      expect(samples).toEqual(Array.from({ length: 120 }, (_, n) => n));
      // Two names are two series all the same.
      const both = async () => {
        for await (const _ of stream({ tag: 'speed' }));
      };
      await expect(both()).rejects.toMatchObject({ code: 'query.too-many-samples' });
      expect(await connection.client.series(planned, 10, never)).toHaveLength(3);
    } finally {
      await connection.close();
    }
  });

  it('says so where a list of tags is not whole, and what would make it so', async () => {
    await make(
      'partial',
      `CREATE TABLE partial.log (time timestamptz, tag text, value float8);
       INSERT INTO partial.log SELECT now() - g * interval '1 second', 'tag ' || g % 50, g FROM generate_series(0, 4999) g; ANALYZE partial.log`,
    );
    const mapping = narrow('partial', 'log');
    const gone = narrow('partial', 'gone');
    const listed = async (mappings: readonly TableMapping[]) => {
      const connection = await place.open(mappings, { rows: 1_000 });
      try {
        const { total, notes } = await connection.tags!({ text: '', ids: null, offset: 0, limit: 1 }, never);
        return { total, notes };
      } finally {
        await connection.close();
      }
    };
    const partial = await listed([mapping, gone]);
    expect(partial).toMatchObject({ total: 50, notes: { length: 2 } });
    expect(partial.notes!.join('\n')).toContain(
      'The list of "log" is not whole: no index leads from tag to tag, and reading the whole table would cost too much. Tags are those of its newest 200,000 rows. Have an index made that begins with "tag"',
    );
    expect(partial.notes!.join('\n')).toContain('The tags of "gone" cannot be read');
    await place.server().run('CREATE INDEX ON partial.log (tag, time)');
    expect(await listed([mapping])).toEqual({ total: 50, notes: [] });
  });
}
