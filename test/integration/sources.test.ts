import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { graphDefinition } from '#shared/model/graph/index.ts';
import { type SourceDocument, type SourceStatus, sourceDocument, tableMapping } from '#shared/model/index.ts';
import { allItems, type EngineClient, firstItem, startEngine, type TestEngine } from '#test/support/engine.ts';
import { freePort } from '#test/support/free-port.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';

const PASSWORD = 'Sesam öffne dich';
const START = Date.parse('2026-01-05T06:00:00Z');
const TABLE = `
  CREATE TABLE "Werte" (zeit timestamptz NOT NULL, messstelle text NOT NULL, wert float8, PRIMARY KEY (messstelle, zeit));
  INSERT INTO "Werte" SELECT '2026-01-05T06:00:00Z'::timestamptz + s * interval '1 second', t, s
    FROM generate_series(0, 3599) s, unnest(ARRAY['Druck 1', 'Druck 2']) t;
  CREATE USER engineer PASSWORD '${PASSWORD}';
  GRANT SELECT ON "Werte" TO engineer;
`;
const mapping = tableMapping.parse({
  id: 'werte',
  name: 'Values',
  relation: { schema: 'public', name: 'Werte' },
  time: { column: 'zeit', kind: 'timestamptz' },
  tag: { kind: 'column', column: 'messstelle' },
  values: [{ column: 'wert' }],
});

const put = async (screen: EngineClient, document: SourceDocument, expected: number | null = null) =>
  (await screen.project.commit({ changes: [{ kind: 'source', id: document.id, document, expected }] })).written[0]!
    .revision;
const until = async (
  screen: EngineClient,
  id: string,
  wanted: (one: SourceStatus) => boolean,
): Promise<SourceStatus> => {
  const stop = new AbortController();
  const { sources } = await firstItem(screen.sources.watch(undefined, { signal: stop.signal }), (item) =>
    item.sources.some((one) => one.id === id && wanted(one)),
  );
  stop.abort();
  return sources.find((one) => one.id === id)!;
};
const failure = async (work: Promise<unknown>): Promise<{ code: string; message: string }> => {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  return { code: 'none', message: '' };
};
const graphOf = (...sources: string[]) =>
  graphDefinition.parse({
    version: 1,
    range: { from: '2026-01-05T06:00:00Z', to: '2026-01-05T07:00:00Z' },
    resolution: { stepMs: 60_000 },
    series: sources.map((source, at) => ({
      id: `S${at}`,
      source,
      metric: 'plant.werte',
      match: { tag: 'Druck 1' },
      aggregate: 'mean',
    })),
  });

describe('sources of an engine', () => {
  it('that are far away hold up nothing, keep their passwords apart, and are removed and put back', async () => {
    const folder = temporaryDirectory();
    writeFileSync(
      join(folder, 'sources.yaml'),
      'version: 1\nsources:\n  lab: { name: Lab, backend: local }\n  odd:\n    name: Odd\n    backend: nothing\n',
    );
    const away = sourceDocument.parse({
      id: 'away',
      name: 'Away',
      backend: 'timescale',
      enabled: true,
      settings: { host: '127.0.0.1', port: await freePort(), user: 'x', database: 'y', tls: 'off' },
    });
    const first = await startEngine(folder);
    const screen = first.client();
    expect(await failure(put(screen, { ...away, settings: { ...away.settings, password: PASSWORD } }))).toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('holds no passwords'),
    });
    const revision = await put(screen, away);
    await screen.sources.setSecret({ id: 'away', field: 'password', value: PASSWORD });
    expect(await screen.sources.secrets({ id: 'away' })).toEqual({ fields: ['password'] });
    const lost = await until(screen, 'away', ({ state }) => state === 'lost');
    expect(lost.message).toContain('refused the connection');
    expect(lost).toMatchObject({ configured: false, can: { tags: false }, health: { breaker: { state: 'open' } } });
    expect(await failure(screen.sources.tags({ id: 'away' }))).toMatchObject({ code: 'tsdb.unavailable' });
    const { removed } = await screen.project.commit({
      changes: [{ kind: 'source', id: 'away', document: null, expected: revision }],
    });
    expect(await failure(screen.sources.tags({ id: 'away' }))).toMatchObject({ code: 'store.not-found' });
    await put(screen, removed[0]!.document as SourceDocument);
    expect(await screen.sources.secrets({ id: 'away' })).toEqual({ fields: ['password'] });
    const { name, bytes } = await screen.engine.supportFile();
    expect(name).toContain('support');
    expect(Buffer.from(bytes).includes(PASSWORD)).toBe(false);
    await first.engine.stop();
    expect(readFileSync(join(folder, 'project.parxproject')).includes(PASSWORD)).toBe(false);

    // A source that is not reached at the start does not keep the engine from starting.
    const began = performance.now();
    const again = await startEngine(folder, { without: ['egd'] });
    expect(performance.now() - began).toBeLessThan(10_000);
    const later = again.client();
    await until(later, 'away', ({ state }) => state === 'lost');
    const lab = await until(later, 'lab', ({ state }) => state === 'running');
    expect(lab).toMatchObject({ configured: true, backend: 'local', endpoint: null });
    const { alerts } = await firstItem(later.engine.alerts(undefined), (item) => item.alerts.length > 1);
    expect(alerts.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^sources\.yaml:6:5 sources\.odd\.backend: There is no backend "nothing" here\./),
    );
    await again.engine.stop();
  });
});

describe.skipIf(needs('postgresql'))('a source on a PostgreSQL server', () => {
  const directory = suiteDirectory();
  let server: PostgresServer;
  let port: number;
  let test: TestEngine;
  let screen: EngineClient;
  beforeAll(async () => {
    port = await freePort();
    server = await startPostgres('none', { port });
    await server.run(TABLE);
    test = await startEngine(join(directory.path, 'data'));
    screen = test.client();
    await put(
      screen,
      sourceDocument.parse({
        id: 'plant',
        name: 'Plant',
        backend: 'timescale',
        enabled: true,
        settings: { host: server.host, port, user: 'engineer', database: server.database, tls: 'off', schema: '' },
        mappings: [mapping],
      }),
    );
    await screen.sources.setSecret({ id: 'plant', field: 'password', value: PASSWORD });
  });
  afterAll(async () => {
    await test?.engine.stop();
    await server?.stop();
  });

  it('is found, listed, drawn beside the recording, explained, and answered from what is kept', async () => {
    const plant = await until(screen, 'plant', ({ state, server: found }) => state === 'running' && found !== null);
    expect(plant).toMatchObject({
      message: null,
      can: { tags: true, foreign: true },
      server: { product: 'PostgreSQL' },
    });
    const { tags } = await screen.sources.tags({ id: 'plant' });
    expect(tags.map(({ name, metric }) => [name, metric])).toEqual([
      ['Druck 1', 'plant.werte'],
      ['Druck 2', 'plant.werte'],
    ]);
    const relations = (await allItems(screen.sources.discover({ id: 'plant' }))).flatMap((item) => item.relations);
    expect(relations.map(({ name }) => name)).toContain('Werte');
    const { guesses } = await screen.sources.guess({ id: 'plant', relation: mapping.relation });
    expect(guesses[0]!.mapping.time.column).toBe('zeit');
    const preview = await screen.sources.preview({ id: 'plant', mapping });
    expect(preview.samples.length).toBeGreaterThan(0);
    expect(await screen.sources.drift({ id: 'plant' })).toEqual({ drift: [] });

    const run = async () => (await allItems(screen.graphs.run({ source: 'history', graph: graphOf('plant') })))[0]!;
    const drawn = await run();
    expect(drawn.series!.value[1]).toBe(89.5);
    expect(drawn.series!.value.length).toBe(60);
    expect([...(await run()).series!.value]).toEqual([...drawn.series!.value]);
    const { health } = await until(screen, 'plant', ({ health: now }) => now.cache.hits > 0);
    expect(health.cache.ratio).toBeGreaterThan(0);
    const told = { source: 'plant', backend: 'timescale', text: expect.stringContaining('"Werte"'), canPlan: true };
    const explained = async (planOf: string | null) =>
      (await screen.sources.explain({ source: 'history', graph: graphOf('plant'), planOf })).parts;
    expect(await explained(null)).toEqual([{ ...told, plan: null }]);
    expect(await explained('history')).toEqual([{ ...told, plan: null }]);
    expect(await explained('plant')).toEqual([{ ...told, plan: expect.stringContaining('Scan') }]);
    expect(
      (await screen.graphs.metrics({ source: 'plant', text: '', namespace: null, offset: 0, limit: 10 })).metrics[0],
    ).toMatchObject({ key: 'plant.werte' });
  });

  it('takes queries in its own words, and names those that were slow with what to do', async () => {
    const range = { from: START * 1_000, to: (START + 3_600_000) * 1_000 };
    const ask = (text: string, limit = 1_000) => allItems(screen.sources.raw({ id: 'plant', text, range, limit }));
    const answer = await ask(
      'SELECT zeit, messstelle, avg(wert) AS wert FROM "Werte" WHERE zeit >= $1 AND zeit < $2 AND extract(minute FROM zeit) = 1 GROUP BY 1, 2 ORDER BY 1',
    );
    expect(answer.map(({ series }) => [series!.labels, series!.value.length])).toEqual([
      [{ messstelle: 'Druck 1' }, 60],
      [{ messstelle: 'Druck 2' }, 60],
    ]);
    expect(answer[0]!.series!.value[0]).toBe(60);
    expect(await failure(ask('DELETE FROM "Werte"'))).toMatchObject({ code: 'tsdb.refused' });
    expect(await failure(ask('SELECT zeit, wert FROM "Werte"', 10))).toMatchObject({ code: 'query.too-many-samples' });
    const text = 'SELECT zeit, wert FROM "Werte", pg_sleep(0.7) WHERE wert = 7';
    await ask(text);
    const { thresholdMs, queries } = await screen.sources.slowQueries({ id: 'plant' });
    expect(thresholdMs).toBe(500);
    expect(queries[0]).toMatchObject({ text, rows: expect.any(Number) });
    expect(queries[0]!.ms).toBeGreaterThan(700);
    const planned = async (): Promise<string | null> =>
      (await screen.sources.slowQueries({ id: 'plant' })).queries[0]!.plan;
    await expect.poll(planned).toContain('Scan');
  });

  it('says that a mapping no longer fits its table, until it does again', async () => {
    await server.run('ALTER TABLE "Werte" RENAME COLUMN wert TO messwert');
    const { drift } = await screen.sources.drift({ id: 'plant' });
    expect(drift).toMatchObject([{ mapping: 'werte', problems: [{ severity: 'error' }] }]);
    const changed = await until(screen, 'plant', ({ state }) => state === 'degraded');
    expect(changed.drift).toEqual(drift);
    // A new connection looks by itself.
    await server.run('ALTER TABLE "Werte" RENAME COLUMN messwert TO wert');
    await screen.sources.retry({ id: 'plant' });
    expect((await until(screen, 'plant', ({ state }) => state === 'running')).drift).toEqual([]);
  });

  it('is marked at once when a query meets a changed table, with what has changed, and by itself no more after it', async () => {
    const run = async () => (await allItems(screen.graphs.run({ source: 'plant', graph: graphOf('plant') })))[0]!;
    await server.run('ALTER TABLE "Werte" RENAME COLUMN wert TO messwert');
    await screen.sources.retry({ id: 'plant' });
    await until(screen, 'plant', ({ state }) => state === 'degraded');
    await server.run('ALTER TABLE "Werte" RENAME COLUMN messwert TO wert');
    await screen.sources.drift({ id: 'plant' });
    expect((await until(screen, 'plant', ({ state }) => state === 'running')).drift).toEqual([]);

    // Nobody looks now but who draws.
    await server.run('ALTER TABLE "Werte" RENAME COLUMN wert TO messwert');
    expect((await run()).warnings.join()).toContain('has changed since it was mapped');
    const told = await until(screen, 'plant', ({ message }) => message?.includes('has no column "wert"') === true);
    expect(told).toMatchObject({ state: 'degraded', drift: [{ mapping: 'werte' }] });
    expect(told.message).toContain('The mapping "Values" no longer fits its table.');
    await server.run('ALTER TABLE "Werte" RENAME COLUMN messwert TO wert');
    await screen.sources.drift({ id: 'plant' });
    await until(screen, 'plant', ({ state }) => state === 'running');

    // The catalogue tells nothing of a column that holds what is no number; the next read that succeeds ends it.
    await server.run('ALTER TABLE "Werte" RENAME TO "WerteAlt"');
    await server.run(
      `CREATE VIEW "Werte" AS SELECT zeit, messstelle, (CASE WHEN wert IS NULL THEN 1.5 ELSE 'x'::text::float8 END) AS wert FROM "WerteAlt";
       GRANT SELECT ON "Werte" TO engineer`,
    );
    await run();
    const unread = await until(screen, 'plant', ({ state }) => state === 'degraded');
    expect(unread.message).toContain('a column of it holds what cannot be read so');
    await server.run('DROP VIEW "Werte"');
    await server.run('ALTER TABLE "WerteAlt" RENAME TO "Werte"');
    await run();
    expect((await until(screen, 'plant', ({ state }) => state === 'running')).drift).toEqual([]);
  });

  it('tests settings that are not saved, with a password that is typed', async () => {
    const settings = { host: server.host, port, user: 'engineer', database: server.database, tls: 'off' };
    const asked = { id: null, backend: 'timescale', settings, limits: null };
    const good = await allItems(screen.sources.test({ ...asked, secrets: { password: PASSWORD } }));
    expect(good.filter(({ ok }) => !ok)).toEqual([]);
    const bad = await allItems(screen.sources.test({ ...asked, secrets: { password: 'wrong' } }));
    expect(bad.find(({ ok }) => !ok)).toMatchObject({ skipped: false });
    expect(JSON.stringify([good, bad])).not.toContain(PASSWORD);
    expect(await screen.sources.check({ backend: 'timescale', settings: { ...settings, port: -1 } })).toMatchObject({
      issues: [{ path: 'settings.port' }],
    });
    const { url } = await screen.sources.check({ backend: 'timescale', settings });
    expect(await screen.sources.fromUrl({ backend: 'timescale', url: url! })).toMatchObject({ settings: { port } });
  });

  it('goes on by itself when its server was killed in the middle of a query and has come back', async () => {
    await server.run("ALTER USER engineer SET statement_timeout = '20s'");
    const slow = `CREATE VIEW slow_values AS SELECT zeit, messstelle, wert FROM "Werte", pg_sleep(20)`;
    await server.run(`${slow}; GRANT SELECT ON slow_values TO engineer`);
    const sleepy = { ...mapping, id: 'sleepy', relation: { schema: 'public', name: 'slow_values' } };
    const id = randomUUID();
    await put(
      screen,
      sourceDocument.parse({
        id,
        name: 'Slow',
        backend: 'timescale',
        enabled: true,
        settings: { host: server.host, port, user: server.user, database: server.database, tls: 'off', schema: '' },
        mappings: [mapping, sleepy],
      }),
    );
    await screen.sources.setSecret({ id, field: 'password', value: server.password });
    await until(screen, id, ({ state }) => state === 'running');
    const graph = graphOf(id);
    const dying = failure(
      allItems(
        screen.graphs.run({
          source: id,
          graph: { ...graph, series: [{ ...graph.series[0]!, metric: 'plant.sleepy' }] },
        }),
      ),
    );
    await wait(500);
    await server.kill();
    const { code, message } = await dying;
    expect(code).toBe('tsdb.unavailable');
    expect(message).not.toBe('');
    await until(screen, id, ({ state }) => state === 'lost');
    expect((await failure(screen.sources.preview({ id: 'plant', mapping }))).code).toBe('tsdb.unavailable');
    await until(screen, 'plant', ({ state }) => state === 'lost');
    expect((await failure(screen.sources.tags({ id: 'plant' }))).message).toContain('is tried again by itself');

    server = await startPostgres('none', { port });
    await server.run(TABLE);
    await until(screen, 'plant', ({ state }) => state === 'running');
    const items = await allItems(screen.graphs.run({ source: id, graph: graphOf('plant') }));
    expect(items[0]!.series!.value[1]).toBe(89.5);
  });
});
