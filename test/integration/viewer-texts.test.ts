import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecording, openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRangeFetcher } from '#engine/recording/index.ts';
import { type TsdbBackend, type TsdbConnection, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { type Series, tableMapping } from '#shared/model/index.ts';
import { EVER } from '#test/contracts/store-samples.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

// Tags whose values are texts, beside numbers in the same tables.

const never = new AbortController().signal;
const backend: TsdbBackend = timescale;
const folder = suiteDirectory();
const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;
const at = (seconds: number): number => START + seconds * 1e6;
const when = (n: string): string => `to_timestamp(${START / 1e6} + ${n})`;
const STATES = ['idle', 'thread; "slow"', "roll'); DROP TABLE texts; --", '圧延'];

const SETUP = `
CREATE TABLE mixed (tag text, at timestamptz, value_int int, value_float float8, value_text text, quality int);
INSERT INTO mixed SELECT 'state', ${when('n')}, NULL, NULL, ($1::text[])[1 + (n / 100) % 4], CASE WHEN n BETWEEN 250 AND 259 THEN 0 ELSE 192 END FROM generate_series(0, 3599) n;
INSERT INTO mixed SELECT 'speed', ${when('n')}, NULL, n, NULL, 192 FROM generate_series(0, 3599) n;
INSERT INTO mixed SELECT 'written', ${when('n')}, NULL, NULL, n || '.5', 192 FROM generate_series(0, 3599) n;
INSERT INTO mixed SELECT 'broken', ${when('n')}, NULL, 'NaN', NULL, 192 FROM generate_series(0, 10) n;
CREATE INDEX ON mixed (tag, at);
CREATE TABLE wide (at timestamptz PRIMARY KEY, coil text, weight text, speed float8);
INSERT INTO wide SELECT ${when('n')}, CASE WHEN n % 60 = 0 THEN 'C-' || (n / 60) END, CASE WHEN n % 2 = 0 THEN n::text END, n FROM generate_series(0, 3599) n;
CREATE TABLE tags (id int PRIMARY KEY, name text);
INSERT INTO tags VALUES (1, 'alarm'), (2, 'force'), (3, 'again'), (4, 'again');
CREATE TABLE joined (tag int, at timestamptz, value text);
INSERT INTO joined SELECT 1, ${when('n * 60')}, 'E' || (n % 3) FROM generate_series(0, 59) n;
INSERT INTO joined SELECT 3, ${when('n * 60')}, 'E' || (n % 3) FROM generate_series(0, 59) n;
INSERT INTO joined SELECT 4, ${when('7200 + n * 60')}, 'F' || (n % 3) FROM generate_series(0, 59) n;
INSERT INTO joined SELECT 4, ts, 'for ever' FROM (VALUES ('9999-12-31'::timestamptz), ('infinity')) v (ts);
INSERT INTO joined SELECT 2, ${when('n')}, n::text FROM generate_series(0, 599) n;
CREATE INDEX ON joined (tag, at);
CREATE TABLE many (at timestamptz PRIMARY KEY, message text);
INSERT INTO many SELECT ${when('n * 0.01')}, 'message ' || n FROM generate_series(0, 250000) n;
ANALYZE;`;

const relation = (name: string) => ({ schema: 'public', name });
const MAPPINGS = [
  {
    id: 'mixed',
    relation: relation('mixed'),
    tag: { kind: 'column', column: 'tag' },
    values: [{ column: 'value_int', unit: 'kN' }, { column: 'value_float' }, { column: 'value_text', type: 'text' }],
    quality: { column: 'quality', rule: 'opc' },
  },
  {
    id: 'wide',
    relation: relation('wide'),
    tag: { kind: 'columns' },
    values: [{ column: 'coil', type: 'text' }, { column: 'weight', type: 'text' }, { column: 'speed' }],
  },
  {
    id: 'joined',
    relation: relation('joined'),
    tag: { kind: 'table', column: 'tag', relation: relation('tags'), key: 'id', name: 'name' },
    values: [{ column: 'value', type: 'text' }],
  },
  { id: 'many', relation: relation('many'), tag: { kind: 'columns' }, values: [{ column: 'message', type: 'text' }] },
].map((one) => tableMapping.parse({ time: { column: 'at', kind: 'timestamptz' }, ...one }));

describe.skipIf(needs('postgresql'))('tags of texts in a database', () => {
  let server: PostgresServer;
  let connection: TsdbConnection;
  let viewer: ViewerSource;
  const ids = new Map<string, string>();

  beforeAll(async () => {
    server = await startPostgres('none');
    const [first, ...rest] = SETUP.split(';\n').map((sql) => sql.trim());
    for (const sql of [first!, ...rest]) {
      if (sql.includes('$1')) await server.run(sql, [STATES]);
      else if (sql !== '') await server.run(sql);
    }
    const context = tsdbContext({ secrets: { password: server.password }, mappings: MAPPINGS });
    connection = await backend.connect(settingsOf(server), context, never);
    viewer = viewerOf(backend, connection);
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  const shown = ({ time, value, quality, texts }: Series): [number, string | null][] =>
    [...time].map((one, i) => [(one - START) / 1e6, quality[i]! >= 0x8000 ? null : texts![value[i]!]!]);

  it('are told from numbers by what they hold, whichever column that stands in', async () => {
    const { tags } = await viewer.findTags({ text: '', ids: null, offset: 0, limit: 100 }, never);
    for (const { id, name, device } of tags) ids.set(`${device.replace('plant.', '')} ${name}`, id);
    expect(Object.fromEntries(tags.map(({ device, name, type }) => [`${device} ${name}`, type]))).toEqual({
      'plant.mixed state': 'string',
      'plant.mixed speed': 'float64',
      'plant.mixed written': 'float64',
      'plant.mixed broken': 'float64',
      'plant.wide coil': 'string',
      'plant.wide weight': 'float64',
      'plant.wide speed': 'float64',
      'plant.joined alarm': 'string',
      'plant.joined again': 'string',
      'plant.joined force': 'float64',
      'plant.many message': 'string',
    });
    expect(tags.filter(({ unit }) => unit === 'kN').map(({ name }) => name)).toEqual(['broken', 'speed', 'written']);
  });

  it('are drawn as states from their samples, with the one before and the one after, beside numbers', async () => {
    const range = { from: at(150), to: at(450) };
    const found = await viewer.view([ids.get('mixed state')!, ids.get('mixed speed')!], range, 400, never);
    const state = found.find(({ tag }) => tag === ids.get('mixed state'))!;
    expect(shown(state)).toEqual([
      [149, STATES[1]],
      [150, STATES[1]],
      [200, STATES[2]],
      [250, null],
      [260, STATES[2]],
      [300, STATES[3]],
      [400, STATES[0]],
      [450, STATES[0]],
    ]);
    expect(state.gaps).toEqual([]);
    expect(found.find(({ tag }) => tag === ids.get('mixed speed'))!.time.length).toBeGreaterThan(290);
    // A wide table has the text of one row, and nothing in those between.
    const [coil] = await viewer.view([ids.get('wide coil')!], { from: at(100), to: at(200) }, 400, never);
    expect(shown(coil!)).toEqual([
      [60, 'C-1'],
      [120, 'C-2'],
      [180, 'C-3'],
      [240, 'C-4'],
    ]);
    const [alarm] = await viewer.view([ids.get('joined alarm')!], { from: at(60), to: at(200) }, 400, never);
    expect(shown(alarm!).map(([, text]) => text)).toEqual(['E0', 'E1', 'E2', 'E0', 'E1']);
  });

  it('have a number for each text that is the same in every picture, and neighbours', async () => {
    const id = ids.get('mixed state')!;
    const numbers = new Map<string, number>();
    for (const from of [0, 900, 2_000]) {
      const [series] = await viewer.view([id], { from: at(from), to: at(from + 500) }, 100, never);
      for (const [number, text] of Object.entries(series!.texts!)) {
        expect(numbers.get(text) ?? Number(number)).toBe(Number(number));
        numbers.set(text, Number(number));
      }
    }
    expect(numbers.size).toBe(4);
    const { before, after } = await viewer.neighbours(id, at(100), never);
    expect([before, after]).toEqual([
      { time: at(99), value: numbers.get('idle'), quality: 0 },
      { time: at(101), value: numbers.get(STATES[1]!), quality: 0 },
    ]);
  });

  it('that were made anew under their old name go on, and what is valid for ever is no end', async () => {
    const id = ids.get('joined again')!;
    expect(await viewer.ends([id], never)).toEqual([{ from: at(0), to: at(7_200 + 59 * 60) + 1 }]);
    const found: [number, string | null][] = [];
    for await (const [part] of viewer.raw([id], { from: at(3_500), to: at(7_300) }, never)) found.push(...shown(part!));
    expect(found).toEqual([
      [3_540, 'E2'],
      [7_200, 'F0'],
      [7_260, 'F1'],
    ]);
  });

  it('of more than can be drawn are refused in words; in between the last of each pixel stands', async () => {
    const id = ids.get('many message')!;
    const [some] = await viewer.view([id], { from: at(0), to: at(50) }, 100, never);
    expect(some!.time.length).toBeLessThanOrEqual(202);
    expect(shown(some!)[50]![1]).toMatch(/^message \d+49$/);
    await expect(viewer.view([id], { from: at(0), to: at(2_500) }, 100, never)).rejects.toMatchObject({
      code: 'query.too-many-samples',
      message: expect.stringContaining('message has more than'),
    });
  });

  it('are fetched to a recording with every text and quality', async () => {
    const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
    const fetcher = createRangeFetcher({
      viewer: async () => viewer,
      openStore: async (path) => (await openStore({ path, flushMs: 0 }, deps)).store,
      directory: join(folder.path, 'fetching'),
      clock: systemClock(),
    });
    const request = {
      source: 'plant',
      sourceName: 'Plant',
      tags: [ids.get('mixed state')!, ids.get('wide coil')!, ids.get('mixed speed')!],
      range: { from: at(0), to: at(600) },
      name: 'x',
    };
    expect(await fetcher.estimate(request, never)).toMatchObject({ tags: 3, samples: null });
    const path = join(folder.path, 'fetched.parx');
    const done = await fetcher.fetch(request, path, () => undefined, never);
    expect(done.samples).toBe(600 + 10 + 600);
    const file = await openRecording(path, deps);
    const found: Record<string, (string | null)[]> = {};
    const tags = await file.tags(never);
    for await (const block of file.raw(
      tags.map(({ id }) => id),
      EVER,
      never,
    )) {
      for (const series of block) {
        if (series.texts === null) continue;
        const { name } = tags.find(({ id }) => id === series.tag)!;
        found[name] = [...(found[name] ?? []), ...shown(series).map(([, text]) => text)];
      }
    }
    await file.close();
    expect(found.coil).toEqual(Array.from({ length: 10 }, (_, n) => `C-${n}`));
    expect(found.state).toEqual(
      Array.from({ length: 600 }, (_, n) => (n >= 250 && n < 260 ? null : STATES[Math.floor(n / 100) % 4])),
    );
  });
});
