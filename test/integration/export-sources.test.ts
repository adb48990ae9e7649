import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ColumnSpec, createExportWriter, exporters } from '#engine/exporters/index.ts';
import { openStore, type SampleStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createExportJobs, type ExportJobs, type ExportRequest } from '#engine/recording/index.ts';
import { findBackend, type TsdbConnection, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import { PLAIN_RECIPE, type Series, tableMapping } from '#shared/model/index.ts';
import { parseRecords } from '#test/contracts/read-csv.ts';
import { readParquet } from '#test/contracts/read-parquet.ts';
import { block, never, SECOND, START, tag } from '#test/contracts/store-samples.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

// Traces of a recording, of a database and shifted ones on the rows of one file.

const folder = suiteDirectory();
const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
const worker = new URL(import.meta.resolve('#engine/exporters/worker.ts'));
const HOUR = 3_600 * SECOND;
const directory = (): string => join(folder.path, 'exports');

function jobsOf(viewer: (source: string) => Promise<ViewerSource>): ExportJobs {
  let ids = 0;
  return createExportJobs({
    directory: directory(),
    exporters,
    openWriter: (exporter, path, columns, options) =>
      createExportWriter({ worker, exporter: exporter.id, path, columns, options }),
    viewer,
    clock: systemClock(),
    log: createLogger(() => undefined),
    newId: () => `job-${(ids += 1)}`,
  });
}

const request = (change: Partial<ExportRequest>): ExportRequest => ({
  traces: [],
  range: { from: START, to: START + 60 * SECOND },
  format: 'csv',
  name: 'x',
  quality: false,
  options: { timeZone: 'UTC', time: 'epoch-seconds' },
  ...change,
});

async function ended(jobs: ExportJobs, id: string) {
  const of = () => jobs.list().find((job) => job.id === id)!;
  await expect.poll(() => of().state, { timeout: 30_000 }).toMatch(/done|failed|cancelled/);
  return of();
}

/** A source of one tag with so many samples at each of these seconds, handed over in blocks; it counts nothing. */
function bursts(perSecond: (second: number) => number, seconds: number): ViewerSource {
  return {
    history: null,
    findTags: async () => ({
      tags: [{ id: 'b', name: 'Burst', unit: 'A', type: 'float64' }],
      total: 1,
    }),
    count: async () => null,
    async *raw(_tags: readonly string[], range: { from: number; to: number }) {
      for (let second = 0; second < seconds; second++) {
        const count = perSecond(second);
        const at = START + second * SECOND;
        if (at >= range.to || at + SECOND <= range.from) continue;
        const all = Array.from({ length: count }, (_, n) => at + Math.floor((n * SECOND) / count));
        const time = Float64Array.from(all.filter((one) => one >= range.from && one < range.to));
        for (let from = 0; from < time.length; from += 5_000) {
          const part = time.slice(from, from + 5_000);
          const series: Series = {
            tag: 'b',
            time: part,
            value: part.map((one) => one - START),
            quality: new Uint16Array(part.length),
            envelope: null,
            gaps: [],
            texts: null,
          };
          yield [series];
        }
      }
    },
  } as unknown as ViewerSource;
}

describe.skipIf(needs('postgresql'))('an export of several sources', () => {
  let server: PostgresServer;
  let store: SampleStore;
  let connection: TsdbConnection;
  let own: ViewerSource;
  let plant: ViewerSource;
  let speed: string;
  let force: string;

  beforeAll(async () => {
    server = await startPostgres('none');
    await server.run(`CREATE TABLE logged (tag text, at timestamptz, value float8, quality int);
      INSERT INTO logged SELECT 'Speed', to_timestamp(${START / 1e6} + n), n * 2, CASE WHEN n = 7 THEN 0 ELSE 192 END FROM generate_series(-4000, 4000) n;
      INSERT INTO logged SELECT 'Force', to_timestamp(${START / 1e6} + n + 0.5), -n, 192 FROM generate_series(-4000, 4000) n;
      CREATE INDEX ON logged (tag, at);`);
    const mapping = tableMapping.parse({
      id: 'logged',
      relation: { schema: 'public', name: 'logged' },
      time: { column: 'at', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value', unit: 'm/min' }],
      quality: { column: 'quality', rule: 'opc' },
    });
    const context = tsdbContext({ secrets: { password: server.password }, mappings: [mapping] });
    const timescale = findBackend('timescale')!;
    connection = await timescale.connect(timescale.config.parse(settingsOf(server)), context, never);
    plant = viewerOf(timescale, connection);
    ({ store } = await openStore({ path: join(folder.path, 'history.parx'), flushMs: 0 }, deps));
    store.register([
      tag(0, { ...PLAIN_RECIPE, unit: 'kN' }),
      { ...tag(1, { ...PLAIN_RECIPE, form: 'text', type: 'string' }), name: 'Text' },
    ]);
    const word = store.intern('rolling; "fast"');
    await store.append(
      block([
        ...Array.from({ length: 120 }, (_, n) => [0, START + n * 500_000, n] as const),
        [1, START + 10 * SECOND, word],
      ]),
    );
    const local = findBackend('local')!;
    own = viewerOf(local, await local.connect({ source: 'history' }, tsdbContext({ history: () => store }), never));
    const { tags } = await plant.findTags({ text: '', ids: null, offset: 0, limit: 10 }, never);
    speed = tags.find(({ name }) => name === 'Speed')!.id;
    force = tags.find(({ name }) => name === 'Force')!.id;
  });
  afterAll(async () => {
    await connection.close();
    await store.close();
    await server.stop();
  });

  const traces = () => [
    { source: 'history', tag: 'tag-0', shiftMs: 0, label: '' },
    { source: 'plant', tag: speed, shiftMs: 0, label: 'Plant' },
    { source: 'plant', tag: speed, shiftMs: 3_600_000, label: 'Plant, +1 h' },
    { source: 'history', tag: 'tag-1', shiftMs: 0, label: '' },
    { source: 'plant', tag: force, shiftMs: 0, label: 'Plant' },
  ];
  /** What each row holds, by formula. */
  const expected = () => {
    const rows = new Map<number, (number | string | null)[]>();
    const put = (at: number, column: number, value: number | string | null): void => {
      const row = rows.get(at) ?? [Number.NaN, Number.NaN, Number.NaN, null, Number.NaN];
      row[column] = value;
      rows.set(at, row);
    };
    for (let n = 0; n < 120; n++) put(START + n * 500_000, 0, n);
    for (let n = 0; n < 60; n++) {
      put(START + n * SECOND, 1, n === 7 ? Number.NaN : n * 2);
      put(START + n * SECOND, 2, (n - 3_600) * 2);
      put(START + n * SECOND + 500_000, 4, 0 - n);
    }
    put(START + 10 * SECOND, 3, 'rolling; "fast"');
    return [...rows].sort(([a], [b]) => a - b).map(([at, row]) => [at, ...row]);
  };
  const names = ['time', 'Stand 0 speed', 'Speed (Plant)', 'Speed (Plant, +1 h)', 'Text', 'Force (Plant)'];
  const units = ['', 'kN', 'm/min', 'm/min', '', 'm/min'];
  const both = async (source: string): Promise<ViewerSource> => (source === 'history' ? own : plant);

  // A source that does not count is read in many portions, and gives the same file.
  it.each([
    ['counted', false],
    ['not counted', true],
  ])(
    'puts all on one time, shifted where they are shown so, with names and units told apart, %s',
    async (_name, blind) => {
      const uncounted = { ...plant, count: async () => null };
      const jobs = jobsOf(async (source) => (source === 'plant' && blind ? uncounted : both(source)));
      const job = await ended(jobs, jobs.start(request({ traces: traces() })));
      expect(job).toMatchObject({ state: 'done', message: null, rows: expected().length });
      const [head, unitRow, ...rows] = parseRecords(readFileSync(jobs.artifact(job.id)!.path, 'utf8'), ',');
      expect(head!.map(({ text }) => text)).toEqual(names);
      expect(unitRow!.map(({ text }) => text).slice(1)).toEqual(units.slice(1));
      expect(
        rows.map((cells) =>
          cells.map(({ text, quoted }, at) =>
            at === 0
              ? Math.round(Number(text) * 1e6)
              : at === 4
                ? quoted
                  ? text
                  : null
                : text === ''
                  ? Number.NaN
                  : Number(text),
          ),
        ),
      ).toEqual(expected());
      await jobs.close();
    },
  );

  it('and as Parquet, with a quality beside each', async () => {
    const jobs = jobsOf(both);
    const id = jobs.start(request({ traces: traces(), format: 'parquet', quality: true, options: {} }));
    const job = await ended(jobs, id);
    expect(job).toMatchObject({ state: 'done', message: null });
    const specs = names.flatMap((name, at): ColumnSpec[] => {
      const type = at === 0 ? 'time' : at === 4 ? 'text' : 'number';
      const column = { name, unit: null, type } as const;
      return at === 0 ? [column] : [column, { name: `${name} quality`, unit: null, type: 'text' }];
    });
    const table = await readParquet(jobs.artifact(id)!.path, specs);
    expect(table.columns.filter((_, at) => at === 0 || at % 2 === 1).map(({ name }) => name)).toEqual(names);
    expect(table.columns[3]).toEqual({ name: 'Speed (Plant)', unit: 'm/min' });
    expect(table.rows.map((row) => row.filter((_, at) => at === 0 || at % 2 === 1))).toEqual(expected());
    const seventh = table.rows.find(([at]) => at === START + 7 * SECOND)!;
    expect(seventh[4]).toMatch(/^Bad/);
    await jobs.close();
  });

  it('says which traces are not in the file, and refuses where none is', async () => {
    const jobs = jobsOf(both);
    const gone = { source: 'plant', tag: 'plant.logged{tag="gone"}', shiftMs: 0, label: 'Plant' };
    const job = await ended(jobs, jobs.start(request({ traces: [...traces(), gone] })));
    expect(job).toMatchObject({ state: 'done', message: expect.stringContaining('tag="gone"} (Plant).') });
    const none = await ended(jobs, jobs.start(request({ traces: [gone] })));
    expect(none).toMatchObject({ state: 'failed', message: 'None of the chosen tags has samples in its source.' });
    await jobs.close();
  });

  it('fails with the reason when a source is lost in the middle, and leaves no file', async () => {
    let parts = 0;
    const lost: ViewerSource = {
      ...plant,
      async *raw(tags, range, signal) {
        if (++parts > 1) {
          const message = 'No answer from "Plant". Check the link.';
          throw new AppError('tsdb.unavailable', message, { details: { backend: 'timescale' }, retryable: true });
        }
        yield* plant.raw(tags, range, signal);
      },
    };
    const jobs = jobsOf(async (source) => (source === 'history' ? own : lost));
    const job = await ended(jobs, jobs.start(request({ traces: traces() })));
    expect(job).toMatchObject({ state: 'failed', artifact: null });
    expect(job.message).toBe(
      'No answer from "Plant". Check the link. The export has ended and no file is left. Export again when the source answers.',
    );
    expect(job.rows).toBe(0);
    expect(readdirSync(directory())).toEqual([]);
    await jobs.close();
  });

  it('ends at once when it is cancelled while a source keeps it waiting', async () => {
    let began = false;
    const slow: ViewerSource = {
      ...plant,
      async *raw(_tags, _range, signal) {
        began = true;
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    };
    const jobs = jobsOf(async (source) => (source === 'history' ? own : slow));
    const id = jobs.start(request({ traces: traces() }));
    await expect.poll(() => began).toBe(true);
    jobs.cancel(id);
    expect((await ended(jobs, id)).state).toBe('cancelled');
    await jobs.close();
    expect(readdirSync(directory())).toEqual([]);
  });

  it('reads what comes in bursts in smaller portions, and every sample of it once', async () => {
    const source = bursts((second) => (second === 40 ? 700_000 : 3), 60);
    const jobs = jobsOf(async () => source);
    const job = await ended(
      jobs,
      jobs.start(
        request({
          traces: [{ source: 'x', tag: 'b', shiftMs: -3_600_000, label: 'X' }],
          range: { from: START - HOUR, to: START - HOUR + 60 * SECOND },
          format: 'parquet',
          options: {},
        }),
      ),
    );
    expect(job).toMatchObject({ state: 'done', rows: 700_000 + 59 * 3 });
    await jobs.close();
  });
});
