import { expect, it } from 'vitest';
import { runGraph } from '#engine/analytics/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { createMetricRegistry, gauge, graph, metricDeclaration, registeredMetric } from '#shared/model/graph/index.ts';
import { QUALITY, type TableMapping } from '#shared/model/index.ts';
import { needs } from '#test/support/needs.ts';
import { SIGNAL } from './foreign-layouts.ts';
import { makerOf, narrow, rowCases } from './foreign-rows.ts';
import { describeForeign, draw, everything, never, READER } from './foreign-suite.ts';

const HOUR = 3_600e6;
const END = SIGNAL.start + 2 * HOUR;

describeForeign('none', needs('postgresql'), (place) => {
  const make = makerOf(place);
  rowCases(place);

  it('cannot write, not even by a view that somebody made for it', async () => {
    await make(
      'traps',
      `CREATE TABLE traps.loot (a int); GRANT INSERT ON traps.loot TO ${READER.user};
       CREATE FUNCTION traps.write() RETURNS float8 LANGUAGE sql VOLATILE AS 'INSERT INTO traps.loot VALUES (1) RETURNING a::float8';
       CREATE VIEW traps.view AS SELECT now() AS time, 'a'::text AS tag, traps.write() AS value`,
    );
    const mapping = narrow('traps', 'view');
    const connection = await place.open([mapping]);
    try {
      const preview = await connection.foreign!.preview(mapping, never).catch((error: Error) => error.message);
      expect(JSON.stringify(preview)).toContain('read-only transaction');
      const now = Date.now() * 1_000;
      const drawing = draw(mapping, connection, [{ labels: {} }], now - HOUR, now + HOUR, 60_000);
      await expect(drawing).rejects.toMatchObject({ code: 'tsdb.refused' });
      expect(await place.server().run('SELECT * FROM traps.loot')).toEqual([]);
    } finally {
      await connection.close();
    }
  });

  it('keeps to two connections, however many graphs are asked for at once', async () => {
    const mapping = narrow('narrow', 'history');
    const connection = await place.open([mapping]);
    const count = async (): Promise<number> =>
      Number(
        (await place.server().run(`SELECT count(*) AS n FROM pg_stat_activity WHERE usename = '${READER.user}'`))[0]!.n,
      );
    try {
      const work = Array.from({ length: 8 }, () =>
        draw(mapping, connection, [{ labels: { tag: 'Line 1/Temp' } }], SIGNAL.start, END, 60_000),
      );
      const most = await Promise.all([count(), ...work.map((one) => one.then(count))]);
      expect(Math.max(...most)).toBeGreaterThan(0);
      expect(Math.max(...most)).toBeLessThanOrEqual(2);
    } finally {
      await connection.close();
    }
  });

  it('refuses to read a whole table above the limit of the source, and does so once that is raised', async () => {
    await make(
      'heavy',
      `CREATE TABLE heavy.log AS SELECT to_timestamp(${SIGNAL.start / 1e6} + n * 0.05) AS time, 'a'::text AS tag, n::float8 AS value FROM generate_series(0, 140000) AS n;
       ANALYZE heavy.log`,
    );
    const mapping = narrow('heavy', 'log');
    const ask = async (rows: number) => {
      const connection = await place.open([mapping], { rows });
      try {
        const preview = await connection.foreign!.preview(mapping, never);
        expect(preview.newest).toBe(true);
        expect(preview.problems.map(({ message }) => message).join()).toContain('No index begins with "time"');
        return await draw(mapping, connection, [{ labels: { tag: 'a' } }], SIGNAL.start, SIGNAL.start + 60e6, 1_000, [
          'count',
        ]);
      } finally {
        await connection.close();
      }
    };
    await expect(ask(100_000)).rejects.toMatchObject({
      code: 'query.too-many-samples',
      message: expect.stringMatching(
        /about 140 thousand rows .*"log" would be read whole.* limit of this source is 100 thousand.*raise "Rows a query may read"/,
      ),
    });
    const { series } = await ask(200_000);
    expect([...series[0]!.value]).toEqual(Array.from({ length: 60 }, () => 20));
  });

  it('tells what has become of a table, and goes on with the others', async () => {
    await make(
      'moving',
      ['one', 'two', 'three', 'four']
        .map(
          (name) => `CREATE TABLE moving.${name} (time timestamptz NOT NULL, tag text, value float8, quality int);
          CREATE INDEX ON moving.${name} (tag, time); INSERT INTO moving.${name} SELECT to_timestamp(${SIGNAL.start / 1e6} + n), 'a', n, 192 FROM generate_series(0, 59) AS n`,
        )
        .join(';'),
    );
    const before = await place.open();
    const mappings: TableMapping[] = [];
    for (const name of ['one', 'two', 'three', 'four']) {
      const [guess] = await before.foreign!.guess({ schema: 'moving', name }, never);
      mappings.push(guess!.mapping as TableMapping);
    }
    await before.close();
    const connection = await place.open(mappings);
    try {
      expect(await connection.foreign!.drift(mappings, never)).toEqual([]);
      await place.server().run(`ALTER TABLE moving.one RENAME COLUMN value TO reading;
        ALTER TABLE moving.two DROP COLUMN quality;
        ALTER TABLE moving.three ALTER COLUMN value TYPE text`);
      const drift = await connection.foreign!.drift(mappings, never);
      expect(drift.map(({ mapping, problems }) => [mapping, problems.map(({ message }) => message)])).toEqual([
        ['moving_one', ['"moving"."one" has no column "value". It is called "reading" now: choose that.']],
        ['moving_two', ['"moving"."two" has no column "quality". Choose another column.']],
        [
          'moving_three',
          [
            '"value" was of the type double precision when it was mapped and is text now. Look at the preview, and save the mapping if it is right.',
            '"value" is of the type text: read it as text. Numbers in a text are numbers all the same.',
          ],
        ],
      ]);
      await place.server().run('DROP TABLE moving.three');
      expect((await connection.foreign!.drift(mappings, never))[2]!.problems[0]!.message).toContain(
        'There is no table "moving"."three", or this login may not read it.',
      );
      const metrics = mappings.map(
        ({ id }) => registeredMetric(`plant.${id}`, metricDeclaration.parse({ type: 'gauge', labels: ['tag'] })).metric,
      );
      let definition = graph()
        .between(SIGNAL.start, SIGNAL.start + 60e6)
        .step(60_000);
      for (const [at, { id }] of mappings.entries()) definition = definition.add(`s${at}`, gauge(`plant.${id}`).mean());
      const result = await runGraph(
        definition.build(),
        {
          registry: createMetricRegistry(metrics),
          source: () => ({ backend: timescale, connection }),
          now: END,
          zone: 'UTC',
        },
        never,
      );
      expect(result.series.map(({ definition: of, value }) => [of, [...value]])).toEqual([['s3', [29.5]]]);
      const words = ['s0: .*a column of it is gone', 's1: .*a column of it is gone', 's2: .*a table of it is gone'];
      for (const text of words) expect(result.warnings).toContainEqual(expect.stringMatching(text));
    } finally {
      await connection.close();
    }
  });

  it('takes wall clocks of the night in which summer time ends as well as they allow, and says how', async () => {
    // 00:00 UTC is 02:00 in summer time; the clock shows 02:00 to 03:00 twice. A row a minute, as it was written.
    const start = Date.UTC(2026, 9, 24, 23) * 1_000;
    await make(
      'autumn',
      `CREATE TABLE autumn.log (time timestamp NOT NULL, tag text, value float8); CREATE INDEX ON autumn.log (tag, time);
       INSERT INTO autumn.log SELECT to_timestamp(${start / 1e6} + n * 60) AT TIME ZONE 'Europe/Berlin', 'a', n FROM generate_series(0, 239) AS n`,
    );
    const mapping = narrow('autumn', 'log', { time: { column: 'time', kind: 'timestamp', zone: 'Europe/Berlin' } });
    const connection = await place.open([mapping]);
    try {
      const ask = async (from: number, to: number, stepMs: number) =>
        (await draw(mapping, connection, [{ labels: { tag: 'a' } }], from, to, stepMs, ['count'])).series.map(
          ({ value }) => [...value],
        );
      // Rows of the first of the two hours are taken as of the second: none is lost, none lies outside of the night.
      expect(await ask(start, start + 4 * HOUR, 3_600_000)).toEqual([[60, 0, 120, 60]]);
      expect(await ask(start + 2 * HOUR, start + 2.5 * HOUR, 900_000)).toEqual([[30, 30]]);
      expect(await ask(start + 1.5 * HOUR, start + 2.25 * HOUR, 900_000)).toEqual([[0, 0, 30]]);
      const preview = await connection.foreign!.preview(mapping, never);
      expect(preview.problems).toContainEqual(
        expect.objectContaining({ path: 'time.zone', message: expect.stringContaining('has summer time') }),
      );
      await place
        .server()
        .run(`INSERT INTO autumn.log VALUES ('2099-03-29 02:30', 'a', 1), ('2098-10-26 02:30', 'a', 1)`);
      const words = (await connection.foreign!.preview(mapping, never)).samples
        .slice(0, 2)
        .map(({ problems }) => problems);
      expect(words[0]).toEqual([
        expect.stringMatching(/^It lies .* in the future: look at the zone\.$/),
        'There was no such time in Europe/Berlin, when summer time began: it is taken as an hour later.',
      ]);
      expect(words[1]![1]).toContain('This hour came twice in Europe/Berlin');
    } finally {
      await connection.close();
    }
  });

  it('says of each row what keeps it from being a sample', async () => {
    await make(
      'odd',
      `CREATE TABLE odd.tags (id int PRIMARY KEY, name text); INSERT INTO odd.tags VALUES (1, 'a');
       CREATE TABLE odd.log (ts bigint, tag_id int, value text);
       INSERT INTO odd.log VALUES (1774742400, 1, '5'), (1774742400, 9, '6'), (1774742401, 1, 'open'), (1774742402, 1, NULL), (NULL, 1, '7'), (12, 1, '8'), (1774742403, 1, '1e999')`,
    );
    const mapping = narrow('odd', 'log', {
      time: { column: 'ts', kind: 'epoch', unit: 's' },
      tag: { kind: 'table', column: 'tag_id', relation: { schema: 'odd', name: 'tags' }, key: 'id', name: 'name' },
      values: [{ column: 'value', type: 'text' }],
    });
    const connection = await place.open([mapping]);
    try {
      const { samples, rows, problems } = await connection.foreign!.preview(mapping, never);
      const said = Object.fromEntries(samples.map(({ row, problems: own }) => [rows[row]!.join(), own]));
      expect(said).toEqual({
        '1774742400,1,5': [],
        '1774742400,9,6': ['"tag_id" 9 is not in "tags": no sample.'],
        '1774742401,1,open': [],
        '1774742402,1,': ['There is no value: the trace has a gap.'],
        '12,1,8': ['It lies before 1990: look at what the number counts.'],
        '1774742403,1,1e999': [],
      });
      expect(problems).toEqual([]);
      const { series } = await draw(
        mapping,
        connection,
        [{ labels: { tag: 'a' } }],
        1774742400e6,
        1774742404e6,
        1_000,
        ['mean', 'count'],
      );
      expect([...series[1]!.value]).toEqual([1, 0, 0, 0]);
      // The row without a value is a sample of its time, as the preview says it.
      const gap = samples.find(({ row }) => rows[row]!.join() === '1774742402,1,')!;
      expect(gap).toMatchObject({ time: 1774742402e6, value: null, quality: QUALITY.badNoData });
      expect(series[0]!.quality[2]).toBe(QUALITY.badNoData);
      const wrong = {
        ...mapping,
        tag: { kind: 'column', column: 'tga_id' },
        time: { ...mapping.time, kind: 'timestamptz' },
      } as const;
      const preview = await connection.foreign!.preview(wrong, never);
      expect(preview.samples).toEqual([]);
      expect(preview.rows).toHaveLength(6);
      expect(preview.problems).toMatchObject([
        { path: 'time.kind', message: '"ts" is of the type bigint. It is a number: state what it counts since 1970.' },
        { path: 'tag.column', message: '"odd"."log" has no column "tga_id". Perhaps "tag_id" is meant.' },
      ]);
    } finally {
      await connection.close();
    }
  });

  it('lists 5,000 columns of several tables as tags, and thousands of tables in pages', async () => {
    for (let from = 0; from < 2_000; from += 500) {
      // A transaction may not lock all of them at once.
      await place.server().run(`DO $$ BEGIN FOR n IN ${from}..${from + 499} LOOP
        EXECUTE format('CREATE TABLE public.t_%s (id int PRIMARY KEY, at timestamptz, name text, value float8, area text, note text)', n);
        EXECUTE format('GRANT SELECT ON public.t_%s TO ${READER.user}', n);
        END LOOP; END $$`);
    }
    const before = await place.open();
    const mappings: TableMapping[] = [];
    const begun = performance.now();
    try {
      const pages: number[] = [];
      for await (const page of before.foreign!.discover(never)) {
        expect(page.length).toBeLessThanOrEqual(500);
        pages.push(page.length);
      }
      expect(pages.reduce((sum, one) => sum + one)).toBeGreaterThan(2_000);
      // Seconds on any machine; minutes would be a question for each table.
      expect(performance.now() - begun).toBeLessThan(20_000);
      for (const table of [0, 1, 2, 3]) {
        const [guess] = await before.foreign!.guess({ schema: 'broad', name: `line_${table}` }, never);
        mappings.push(guess!.mapping as TableMapping);
      }
    } finally {
      await before.close();
    }
    const connection = await place.open(mappings);
    try {
      const search = { text: '', ids: null, offset: 4_990, limit: 100 };
      const { tags, total } = await connection.tags!(search, never);
      expect(total).toBe(5_000);
      expect(tags.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, at) => `m3_${1_240 + at}`));
      expect((await connection.tags!({ ...search, text: 'M1_00 0', offset: 0 }, never)).total).toBe(100);
    } finally {
      await connection.close();
    }
  });

  it('reads a list of tags once for all that ask at once, and ends the read when nobody waits any more', async () => {
    await make(
      'slowly',
      `CREATE FUNCTION slowly.name(n int) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN ''a'' || n; END';
       CREATE VIEW slowly.log AS SELECT now() AS time, slowly.name(n) AS tag, 1.0::float8 AS value FROM generate_series(1, 40) AS n`,
    );
    const connection = await place.open([narrow('slowly', 'log')]);
    const running = async (): Promise<number> =>
      Number(
        (
          await place
            .server()
            .run(
              `SELECT count(*) AS n FROM pg_stat_activity WHERE usename = '${READER.user}' AND state = 'active' AND query LIKE '%DISTINCT%slowly%'`,
            )
        )[0]!.n,
      );
    const search = { text: '', ids: null, offset: 0, limit: 10 };
    const until = async (wanted: number): Promise<void> => {
      for (const begun = performance.now(); (await running()) !== wanted && performance.now() - begun < 10_000; );
    };
    try {
      const going = new AbortController();
      const left = Array.from({ length: 4 }, () => connection.tags!(search, going.signal).catch(() => 'left'));
      await until(1);
      expect(await running()).toBe(1);
      going.abort(new Error('enough'));
      expect(await Promise.all(left)).toEqual(['left', 'left', 'left', 'left']);
      const ended = performance.now();
      await until(0);
      expect(performance.now() - ended, 'not its whole eight seconds').toBeLessThan(5_000);
      const quick = "CREATE OR REPLACE FUNCTION slowly.name(n int) RETURNS text LANGUAGE sql AS 'SELECT ''a'' || n'";
      await place.server().run(quick);
      const found = await Promise.all([connection.tags!(search, never), connection.tags!(search, never)]);
      expect(found.map(({ total }) => total)).toEqual([40, 40]);
    } finally {
      await connection.close();
    }
  });

  it('is told nothing of what its login may not read', async () => {
    await make('half', 'CREATE TABLE half.log (time timestamptz, tag text, value float8, secret text)');
    await place
      .server()
      .run(`REVOKE ALL ON half.log FROM ${READER.user}; GRANT SELECT (time, tag, value) ON half.log TO ${READER.user};
      CREATE TABLE half.closed (time timestamptz, tag text, value float8); REVOKE ALL ON half.closed FROM ${READER.user}`);
    const connection = await place.open();
    try {
      const found = (await everything(connection)).filter(({ schema }) => schema === 'half');
      expect(found.map(({ name, columns }) => [name, columns.map((column) => column.name)])).toEqual([
        ['log', ['time', 'tag', 'value']],
      ]);
      const preview = await connection.foreign!.preview(narrow('half', 'log'), never);
      expect(preview.columns).toEqual(['time', 'tag', 'value']);
      expect((await connection.foreign!.preview(narrow('half', 'closed'), never)).problems).toMatchObject([
        { path: 'relation', severity: 'error' },
      ]);
    } finally {
      await connection.close();
    }
  });
});
