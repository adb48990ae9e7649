import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openRecording, openStore, type SampleStore } from '#engine/historian/index.ts';
import { createAlerts, createLogger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import { createSendJobs, type SendJobs, type SendTargets } from '#engine/recording/index.ts';
import { createSourceDesk, type SourceDesk } from '#engine/sources/index.ts';
import { backends, findBackend, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { sendTargets } from '#engine/wiring.ts';
import { isBad, PLAIN_RECIPE, QUALITY, type SourceDocument, sourceDocument } from '#shared/model/index.ts';
import type { SendJob } from '#shared/rpc/sending.ts';
import { block, never, SECOND, START, tag } from '#test/contracts/store-samples.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { freePort } from '#test/support/free-port.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { seededRandom } from '#test/support/random.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

const folder = suiteDirectory();
const at = (...names: string[]): string => join(folder.path, ...names);
const log = createLogger(() => undefined);
const deps = { clock: systemClock(), log, workers };

const STEP = 100_000;
const LENGTH_S = 3_000;
const whole = { from: START, to: START + LENGTH_S * SECOND };
/** The computer slept in it. A server that takes no COPY is slow. */
const part = { from: START + 950 * SECOND, to: START + 1_200 * SECOND };
/** The first is a wave, the second a counter that was restarted, the third a bit, the fourth of words. */
const TAGS = ['tag-0', 'tag-1', 'tag-2', 'tag-3'];
const NUMBERS = TAGS.slice(0, 3);
const asleep = { from: START + 1_000 * SECOND, to: START + 1_100 * SECOND };

/** Random samples of all tags, with bad ones, some without a number, and nothing while the computer slept. */
async function fill(store: SampleStore): Promise<void> {
  const random = seededRandom(7).next;
  const words = ['rolling', 'threading'].map((text) => store.intern(text));
  let rows: (readonly [number, number, number, number?])[] = [];
  for (let time = whole.from; time < whole.to; time += STEP) {
    if (time >= asleep.from && time < asleep.to) continue;
    const n = (time - whole.from) / STEP;
    const quality = random() < 0.01 ? QUALITY.badTimeout : random() < 0.02 ? 0x4000 : QUALITY.good;
    rows.push([0, time, Math.sin(n / 300) * 100 + random(), quality]);
    rows.push([1, time + 13, n % 4_321]);
    if (random() < 0.1) rows.push([2, time + 29, n % 2]);
    if (n % 1_000 === 0) rows.push([3, time, words[n % 2]!]);
    if (rows.length > 10_000) {
      await store.append(block(rows));
      rows = [];
    }
  }
  await store.append(block(rows));
  await store.addGap(asleep, 'This computer was asleep.', 0x8f83, []);
}

let store: SampleStore;
beforeAll(async () => {
  ({ store } = await openStore({ path: at('history.parx'), flushMs: 5 }, deps));
  store.register([
    tag(0, { ...PLAIN_RECIPE, unit: 'kN' }),
    { ...tag(1), description: 'Pieces, since the last restart' },
    tag(2, { ...PLAIN_RECIPE, type: 'bit' }),
    tag(3, { ...PLAIN_RECIPE, form: 'text', type: 'string' }),
  ]);
  await fill(store);
  await store.copyRange(
    at('piece.parx'),
    'Piece',
    { from: START + 970 * SECOND, to: START + 1_130 * SECOND },
    [],
    () => {},
    never,
  );
});
afterAll(() => store.close());

const editions = [
  ['none', needs('postgresql'), whole],
  ['community', false, part],
] as const;

for (const [edition, missing, range] of editions) {
  describe.skipIf(missing)(`a range is sent to a source, edition ${edition}`, () => {
    let server: PostgresServer;
    let port: number;
    let desk: SourceDesk;
    let jobs: SendJobs;
    let document: SourceDocument;
    /** Of the range, texts not counted. */
    let samples = 0;
    const memory = {
      read: () => (existsSync(at('sending.json')) ? readFileSync(at('sending.json'), 'utf8') : null),
      write: (text: string) => writeFileSync(at('sending.json'), text),
    };
    /** Called after each batch that has arrived. */
    let onWritten: (rows: number) => Promise<void> = async () => undefined;
    const targets = (): SendTargets => {
      const own = sendTargets(desk);
      return {
        ...own,
        async write(id, given, signal) {
          const receipt = await own.write(id, given, signal);
          await onWritten(given.reduce((sum, { time }) => sum + time.length, 0));
          return receipt;
        },
      };
    };
    const newJobs = (): SendJobs =>
      createSendJobs({
        history: store,
        openFile: (path) => openRecording(path, deps),
        targets: targets(),
        memory,
        clock: systemClock(),
        log,
        newId: () => `job-${Math.random()}`,
        pieceSamples: samples / 8,
      });
    const request = {
      path: null,
      source: 'history',
      sourceName: 'Running history',
      tags: TAGS,
      range,
      target: 'plant',
    };
    const until = async (wanted: (job: SendJob) => boolean, ms = 25_000): Promise<SendJob> => {
      for (const begun = performance.now(); ; await wait(20)) {
        const found = jobs.list().find(wanted);
        if (found !== undefined) return found;
        if (performance.now() - begun > ms) throw new Error(`Never: ${JSON.stringify(jobs.list())}`);
      }
    };
    const ended = (): Promise<SendJob> => until(({ state }) => ['done', 'failed', 'cancelled'].includes(state));
    const plant = async (): Promise<ViewerSource> => {
      const { backend, connection } = await desk.open('plant', never);
      return viewerOf(backend, connection);
    };
    const here = async (): Promise<ViewerSource> => {
      const local = findBackend('local')!;
      return viewerOf(local, await local.connect({ source: 'history' }, tsdbContext({ history: () => store }), never));
    };
    /** Rows at the server, asked as the page of its own tables does: one edition has one connection for all. */
    const rows = async (): Promise<number> =>
      (await (await desk.open('plant', never)).connection.schema!.statistics({ exact: true }, never)).rows;
    /** "time value quality" by name; a bad sample has no value. */
    const samplesOf = async (source: ViewerSource, ids: readonly string[]): Promise<Record<string, string[]>> => {
      const { tags } = await source.findTags({ text: '', ids, offset: 0, limit: 10 }, never);
      const found: Record<string, string[]> = {};
      for (const { id, name } of tags) {
        const own = (found[name] ??= []);
        for await (const some of source.raw([id], range, never)) {
          for (const { time, value, quality } of some) {
            own.push(...Array.from(time, (t, n) => `${t} ${isBad(quality[n]!) ? '-' : value[n]} ${quality[n]}`));
          }
        }
      }
      return found;
    };
    const theirIds = async (source: ViewerSource): Promise<string[]> => {
      const { tags } = await source.findTags({ text: '', ids: null, offset: 0, limit: 100 }, never);
      return tags.map(({ id }) => id);
    };
    const isMark = (row: string): boolean => row.endsWith(` - ${0x8f83}`);
    /** Nothing is missing, nothing is there twice, and nothing else is there but the marks of the gap. */
    const expectAllThere = async (marks = 3): Promise<void> => {
      const source = await plant();
      const theirs = await samplesOf(source, await theirIds(source));
      const ours = await samplesOf(await here(), NUMBERS);
      const all = Object.values(theirs).flat();
      expect(all.filter(isMark)).toHaveLength(marks);
      for (const [name, own] of Object.entries(ours)) {
        expect(theirs[name]?.filter((row) => !isMark(row))).toEqual(own);
      }
      expect(Object.keys(theirs)).toEqual(Object.keys(ours));
      expect(await rows()).toBe(samples + marks);
    };

    beforeAll(async () => {
      port = await freePort();
      // What a server that is killed has acknowledged is there when it comes back.
      server = await startPostgres(edition, { port, settings: { synchronous_commit: 'on' } });
      const all = Object.values(await samplesOf(await here(), NUMBERS));
      samples = all.flat().length;
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      onWritten = async () => undefined;
      writeFileSync(at('sending.json'), '{"version":1,"jobs":[]}');
      await server.run('DROP SCHEMA IF EXISTS parx CASCADE');
      document = sourceDocument.parse({
        id: 'plant',
        name: 'Plant',
        backend: 'timescale',
        enabled: true,
        settings: {
          host: server.host,
          port,
          user: server.user,
          database: server.database,
          tls: 'off',
          write: true,
        },
        limits: { connections: edition === 'community' ? 1 : 2 },
      });
      desk = createSourceDesk({
        clock: systemClock(),
        log,
        alerts: createAlerts(systemClock()),
        network: systemNetwork,
        backends,
        history: () => store,
        metric: () => undefined,
        documents: () => [document],
        configured: [],
        secrets: {
          get: async (name) => (name.includes('password') ? server.password : undefined),
          set: async () => undefined,
          remove: () => false,
          names: () => [],
        },
      });
      desk.apply();
      const schema = (await desk.open('plant', never)).connection.schema!;
      const install = { action: 'install', settings: { rollups: [], compressAfterDays: 0 } } as const;
      const { token } = await schema.plan(install, never);
      for await (const _ of schema.apply(install, token, never));
      jobs = newJobs();
    });
    afterEach(async () => {
      await jobs.close();
      await desk.close();
    });

    it('with every number, its quality and its gaps, names what is left out, and is in the tree at once', async () => {
      const estimate = await jobs.estimate(request, never);
      expect(estimate).toMatchObject({ tags: 3, samples });
      expect(await theirIds(await plant())).toEqual([]);
      jobs.start(request);
      const job = await ended();
      expect(job).toMatchObject({ state: 'done', message: null, sent: samples + 3, refused: 0, marks: 3, tags: 3 });
      expect(job).toMatchObject({ done: samples, total: samples });
      expect(job.sentences).toEqual([
        '1 tag is left out, because their values are texts, and the source keeps numbers alone: Stand 3 speed.',
      ]);
      const source = await plant();
      const { tags } = await source.findTags({ text: '', ids: null, offset: 0, limit: 100 }, never);
      expect(tags.map(({ name, unit, description, type }) => ({ name, unit, description, type }))).toEqual([
        { name: 'Stand 0 speed', unit: 'kN', description: 'Speed behind the stand', type: 'float64' },
        { name: 'Stand 1 speed', unit: null, description: 'Pieces, since the last restart', type: 'float64' },
        { name: 'Stand 2 speed', unit: null, description: 'Speed behind the stand', type: 'bit' },
      ]);
      await expectAllThere();
      const ids = tags.map(({ id }) => id);
      expect(await source.count(ids, range, never)).toBe(await (await here()).count(NUMBERS, range, never));
    });

    it('and draws the same picture as here', async () => {
      jobs.start(request);
      await ended();
      const [source, local] = [await plant(), await here()];
      const ids = await theirIds(source);
      // So close that each sample is drawn.
      const close = { from: START + 1_190 * SECOND, to: START + 1_199 * SECOND };
      const [theirs, ours] = [
        await source.view(ids, close, 1_000, never),
        await local.view(NUMBERS, close, 1_000, never),
      ];
      for (const [n, { time, value, quality }] of ours.entries()) {
        expect([...theirs[n]!.time]).toEqual([...time]);
        expect([...theirs[n]!.quality]).toEqual([...quality]);
        const known = (all: Float64Array): number[] => [...all].map((one, k) => (isBad(quality[k]!) ? 0 : one));
        expect(known(theirs[n]!.value)).toEqual(known(value));
      }
      // Far out: the same ends of the band.
      const spread = async (from: ViewerSource, tags: readonly string[]): Promise<number[]> =>
        (await from.view(tags, range, 200, never)).flatMap(({ time, envelope, value }) => {
          const known = (all: Float64Array): number[] =>
            [...all].filter((one, n) => Number.isFinite(one) && time[n]! >= range.from && time[n]! < range.to);
          return [Math.min(...known(envelope?.min ?? value)), Math.max(...known(envelope?.max ?? value))];
        });
      expect(await spread(source, ids)).toEqual(await spread(local, NUMBERS));
      const statistics = async (from: ViewerSource, tags: readonly string[]): Promise<number[][]> => {
        const found: number[][] = [];
        for await (const some of from.statistics(
          tags,
          { from: START + 1_110 * SECOND, to: START + 1_190 * SECOND },
          never,
        )) {
          found.push(...some.map(({ values }) => [...values]));
        }
        return found;
      };
      const [numbers, own] = [await statistics(source, ids), await statistics(local, NUMBERS)];
      for (const [n, values] of own.entries()) {
        for (const [k, value] of values.entries()) expect(numbers[n]![k]).toBeCloseTo(value, 6);
      }
    });

    it('of a recording file as of the running history', async () => {
      jobs.start({ ...request, path: at('piece.parx'), source: 'piece.parx', tags: null });
      const job = await ended();
      expect(job).toMatchObject({ state: 'done', tags: 3, refused: 0 });
      const source = await plant();
      const theirs = await samplesOf(source, await theirIds(source));
      const ours = await samplesOf(await here(), NUMBERS);
      const inPiece = (row: string): boolean => {
        const time = Number(row.split(' ')[0]);
        // What came late is not in the file.
        return (
          time >= START + 970 * SECOND && time < START + 1_130 * SECOND && !(time >= asleep.from && time < asleep.to)
        );
      };
      for (const [name, own] of Object.entries(ours)) {
        expect(theirs[name]?.filter((row) => !isMark(row))).toEqual(own.filter(inPiece));
      }
    });

    it('goes on where it was after a cancel, also after the program was started again', async () => {
      let written = 0;
      onWritten = async (count) => {
        written += count;
        if (written > samples / 3) jobs.cancel(jobs.list()[0]!.id);
      };
      const id = jobs.start(request);
      const cancelled = await ended();
      expect(cancelled.state).toBe('cancelled');
      expect(cancelled.done).toBeLessThan(samples);
      const before = written;
      await jobs.close();
      jobs = newJobs();
      jobs.begin();
      // What somebody has cancelled does not go on by itself.
      expect(jobs.list()[0]).toMatchObject({ id, state: 'cancelled' });
      onWritten = async (count) => {
        written += count;
      };
      jobs.resume(id);
      expect(await ended()).toMatchObject({ state: 'done', done: samples, sent: samples + 3 });
      // A piece at most was sent again.
      expect(written - before).toBeLessThan(samples - cancelled.done + samples / 10);
      await expectAllThere();
    });

    it('goes on by itself when the program ended in the middle', async () => {
      let written = 0;
      const gone = new Promise<void>((resolve) => {
        onWritten = async (count) => {
          written += count;
          if (written > samples / 3) resolve();
        };
      });
      jobs.start(request);
      await gone;
      await jobs.close();
      jobs = newJobs();
      jobs.begin();
      expect(await ended()).toMatchObject({ state: 'done', sent: samples + 3 });
      await expectAllThere();
    });

    it('sends what has come late when it is asked to go on, and all of it where the tables are new', async () => {
      const id = jobs.start(request);
      await ended();
      const late = START + (edition === 'none' ? 1_050 : 1_051) * SECOND;
      await store.append(block([[0, late, 4.5]]));
      samples += 1;
      let written = 0;
      onWritten = async (count) => {
        written += count;
      };
      jobs.resume(id);
      expect(await ended()).toMatchObject({ state: 'done', sent: samples + 3 });
      expect(written).toBeLessThan(samples / 5);
      expect(await rows()).toBe(samples + 3);
      // Another has removed the tables and made them anew.
      const schema = (await desk.open('plant', never)).connection.schema!;
      for (const request of [{ action: 'remove' }, { action: 'install', settings: { rollups: [] } }] as const) {
        const { token } = await schema.plan(request, never);
        for await (const _ of schema.apply(request, token, never));
      }
      jobs.resume(id);
      expect(await ended()).toMatchObject({ state: 'done', sent: samples + 3 });
      await expectAllThere();
    });

    it('goes on with the series of a tag that has another name by now', async () => {
      jobs.start(request);
      await ended();
      store.register([
        { ...tag(0, { ...PLAIN_RECIPE, unit: 'kN' }), name: 'Force', description: 'Of the first stand' },
      ]);
      jobs.start(request);
      await until(({ state }) => state === 'running').catch(() => undefined);
      await until(({ id }) => jobs.list().every(({ state }) => state === 'done') && id !== '');
      expect(await theirIds(await plant())).toHaveLength(3);
      expect(await rows()).toBe(samples + 3);
      store.register([tag(0, { ...PLAIN_RECIPE, unit: 'kN' })]);
    });

    // That server has one connection, and the source holds it.
    if (edition !== 'community')
      it('names what the source refused, by tag and reason, and stores the rest', async () => {
        const limit = 100.5;
        await server.run(
          `ALTER TABLE parx.samples ADD CONSTRAINT low CHECK (value IS NULL OR value < ${limit} OR value > 200 OR value = 'NaN')`,
        );
        let refused = 0;
        for await (const some of store.raw(['tag-0'], range, never)) {
          for (const { value } of some) refused += value.filter((one) => one >= limit && one <= 200).length;
        }
        expect(refused).toBeGreaterThan(0);
        jobs.start({ ...request, tags: ['tag-0', 'tag-2'] });
        const job = await ended();
        expect(job).toMatchObject({ state: 'done', refused });
        expect(await rows()).toBe(job.sent);
        expect(job.sentences.join('\n')).toMatch(
          /^\d+ samples? (was|were) refused\. The database refused it: .*low.* Stand 0 speed: \d+, (the first )?of 2025-.*Z\.$/m,
        );
      });

    it('is refused in words where the source is only read', async () => {
      document = { ...document, settings: { ...document.settings, write: false } };
      desk.apply();
      expect(() => jobs.start({ ...request, target: 'nowhere' })).toThrow('There is no such source any more');
      jobs.start(request);
      expect(await ended()).toMatchObject({
        state: 'failed',
        message: 'Plant is only read. Allow writing in its settings.',
      });
    });

    if (edition !== 'community')
      it('is cancelled at once, also where the server hangs', async () => {
        const hanging = new Promise<void>((resolve) => {
          onWritten = async () => {
            server.freeze(true);
            resolve();
          };
        });
        const id = jobs.start(request);
        await hanging;
        // The next batch is under way and nobody answers.
        await wait(300);
        const begun = performance.now();
        jobs.cancel(id);
        expect(jobs.list()[0]).toMatchObject({ state: 'cancelled' });
        await jobs.close();
        expect(performance.now() - begun).toBeLessThan(1_000);
        server.freeze(false);
        onWritten = async () => undefined;
        jobs = newJobs();
        jobs.begin();
        jobs.resume(id);
        expect(await ended()).toMatchObject({ state: 'done', sent: samples + 3 });
        await expectAllThere();
      });

    // The server in WebAssembly keeps nothing over its end.
    if (edition !== 'community')
      it('waits for a server that was killed in the middle, and goes on by itself', async () => {
        let written = 0;
        let killed: Promise<void> | null = null;
        onWritten = async (count) => {
          written += count;
          if (written < samples / 4 || killed !== null) return;
          killed = server.kill();
        };
        jobs.start(request);
        const waiting = await until(({ state, message }) => state === 'running' && message !== null);
        expect(waiting.message).toMatch(/./);
        expect(waiting.rate).toBe(0);
        await killed;
        await server.restart();
        expect(await ended()).toMatchObject({ state: 'done', message: null, sent: samples + 3 });
        await expectAllThere();
      });
  });
}
