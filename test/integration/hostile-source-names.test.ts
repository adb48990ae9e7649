import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecording } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { sourceDocument, tableMapping } from '#shared/model/index.ts';
import type { RecordingJob } from '#shared/rpc/recordings.ts';
import { all, EVER, never } from '#test/contracts/store-samples.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { type EngineClient, firstItem, startEngine, type TestEngine } from '#test/support/engine.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';

// Names that somebody has made up in a plant's database, all the way to files: as tag, column, label, source, recording
// and export.

const START = Date.parse('2026-01-05T06:00:00Z') * 1_000;
const SAMPLES = 60;
const RANGE = { from: START, to: START + SAMPLES * 1_000_000 };
const NAMES = [
  `'; DROP TABLE victims; --`,
  `"); DROP TABLE victims; --`,
  '../../../outside',
  '..\\..\\outside',
  '/tmp/parx-outside',
  '..',
  'CON',
  '$1',
  '\\',
  '%2e%2e%2foutside',
  `=cmd|' /C calc'!A1`,
  '<img src=x onerror=alert(1)>',
  'txt.\u202Eexe',
  'first\r\nsecond',
  '日本 Öl',
];
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const COLUMN = `va"lue'); DROP TABLE victims; --`;
const LABEL = `../la"bel'; DROP TABLE victims; --`;

describe.skipIf(needs('postgresql'))('names that mean harm', () => {
  const directory = suiteDirectory();
  const data = (...names: string[]): string => join(directory.path, 'deep', 'data', ...names);
  let server: PostgresServer;
  let test: TestEngine;
  let screen: EngineClient;
  let tags: readonly { readonly id: string; readonly name: string }[];
  beforeAll(async () => {
    server = await startPostgres('none');
    await server.run('CREATE TABLE victims (a int)');
    await server.run(
      `CREATE TABLE history (ts timestamptz NOT NULL, tag text NOT NULL, ${quoted(LABEL)} text, ${quoted(COLUMN)} float8)`,
    );
    await server.run(
      `INSERT INTO history SELECT '2026-01-05T06:00:00Z'::timestamptz + s * interval '1 second', name, name, s + 1000 * n
       FROM generate_series(0, ${SAMPLES - 1}) s, unnest($1::text[]) WITH ORDINALITY AS given(name, n)`,
      [NAMES],
    );
    test = await startEngine(data());
    screen = test.client();
    const mapping = tableMapping.parse({
      id: 'history',
      relation: { schema: 'public', name: 'history' },
      time: { column: 'ts', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: COLUMN }],
      labels: [{ name: 'label', column: LABEL, of: 'samples' }],
    });
    const { host, port, user, database, password } = server;
    const document = sourceDocument.parse({
      id: 'plant',
      name: NAMES[2],
      backend: 'timescale',
      enabled: true,
      settings: { host, port, user, database, tls: 'off', schema: '' },
      mappings: [mapping],
    });
    await screen.project.commit({ changes: [{ kind: 'source', id: 'plant', document, expected: null }] });
    await screen.sources.setSecret({ id: 'plant', field: 'password', value: password });
    await firstItem(screen.sources.watch(), ({ sources }) => sources.some(({ state }) => state === 'running'));
    ({ tags } = await screen.sources.tags({ id: 'plant' }));
  }, 60_000);
  afterAll(async () => {
    await test?.engine.stop();
    await server?.stop();
  });

  const nothingOutside = async (): Promise<void> => {
    expect(readdirSync(directory.path)).toEqual(['deep']);
    expect(readdirSync(join(directory.path, 'deep'))).toEqual(['data']);
    expect(readdirSync('/tmp')).not.toContain('parx-outside');
    expect(await server.run("SELECT to_regclass('victims') IS NOT NULL AS there")).toEqual([{ there: true }]);
  };
  const fetched = async (name: string, some = tags): Promise<RecordingJob> => {
    const { id } = await screen.recordingJobs.start({
      kind: 'fetch',
      source: 'plant',
      sourceName: NAMES[2]!,
      tags: some.map(({ id: tag }) => tag),
      range: RANGE,
      name,
    });
    const { jobs } = await firstItem(screen.recordingJobs.watch(), (item) =>
      item.jobs.some((job) => job.id === id && job.state !== 'running' && job.state !== 'waiting'),
    );
    return jobs.find((job) => job.id === id)!;
  };

  it('are tags as they are written, each with its own values', async () => {
    expect(tags.map(({ name }) => name).toSorted()).toEqual(NAMES.toSorted());
    await nothingOutside();
  });

  it('name recordings that lie in their folder, whose tags are who they were', { timeout: 60_000 }, async () => {
    const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
    for (const name of ['..', '/tmp/parx-outside', 'CON', NAMES[12]!]) {
      const { state, files } = await fetched(name, tags.slice(0, 1));
      expect([name, state]).toEqual([name, 'done']);
      expect(readdirSync(data('recordings')), name).toContain(files[0]!.id);
    }
    const job = await fetched('../../outside');
    expect(job).toMatchObject({ state: 'done', samples: NAMES.length * SAMPLES });
    const file = await openRecording(data('recordings', job.files[0]!.id), deps);
    try {
      const found = await file.tags(never);
      expect(found.map(({ name }) => name).toSorted()).toEqual(NAMES.toSorted());
      for (const { id, name } of found) {
        expect(id).toMatch(/^[A-Za-z0-9_.-]+$/);
        const n = NAMES.indexOf(name) + 1;
        expect((await all(file, id, EVER)).map(([, value]) => value)).toEqual(
          Array.from({ length: SAMPLES }, (_, s) => s + 1_000 * n),
        );
      }
    } finally {
      await file.close();
    }
    await nothingOutside();
  });

  it('name exports that lie in their folder', async () => {
    const traces = tags.map(({ id }) => ({ source: 'plant', tag: id, shiftMs: 0, label: NAMES[0]! }));
    const { id } = await screen.exports.start({
      ...{ traces, range: RANGE, format: 'csv', name: '../../outside', quality: false, options: {} },
    });
    const { jobs } = await firstItem(screen.exports.watch(), (item) =>
      item.jobs.some((job) => job.id === id && job.state !== 'running' && job.state !== 'waiting'),
    );
    expect(jobs.find((job) => job.id === id)).toMatchObject({ state: 'done', rows: SAMPLES });
    await nothingOutside();
  });
});
