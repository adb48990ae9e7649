import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { chunkSum, encodeChunk } from '#engine/historian/chunk-codec.ts';
import { chunkReaderOf, chunkTableOf } from '#engine/historian/chunk-table.ts';
import { readEvents, readGaps } from '#engine/historian/event-table.ts';
import { doFileWork, type FileWork, type FileWorkDone } from '#engine/historian/file-work.ts';
import { openRecordingFile } from '#engine/historian/recording-file.ts';
import { wordsOf } from '#engine/historian/run.ts';
import { recipeFor } from '#engine/historian/schema.ts';
import { workOnFiles } from '#engine/historian/work-on-files.ts';
import { openDatabase } from '#engine/platform/index.ts';
import { type DecodeRecipe, PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { suiteDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';
import { EVER, openDirect, registration, type WrittenSample } from './direct.ts';
import { expectRollups } from './expect-rollups.ts';

const TEXT: DecodeRecipe = { ...PLAIN_RECIPE, form: 'text', type: 'string' };
const WORD: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits', type: 'int16' };
/** Some hours before Berlin set its clocks back. */
const START = Date.UTC(2023, 9, 28, 12) * 1_000;
const SECOND = 1_000_000;
const NOW = START + 1e12;

const run = (work: FileWork, part: Partial<Parameters<typeof doFileWork>[1]> = {}): FileWorkDone =>
  doFileWork(work, { now: NOW, onProgress: () => undefined, check: () => undefined, ...part });

interface Made {
  readonly recipes?: readonly DecodeRecipe[];
  readonly samples: readonly WrittenSample[];
  readonly texts?: readonly string[];
  readonly chunkSamples?: number;
  readonly events?: boolean;
}

/** A recording as the program leaves it. */
async function make(path: string, made: Made): Promise<string> {
  const recipes = made.recipes ?? [PLAIN_RECIPE];
  const store = await openDirect(path, { chunkSamples: made.chunkSamples ?? 1_000 });
  store.writer.register(recipes.map((recipe, i) => registration(i, recipe)));
  for (const [i, text] of (made.texts ?? []).entries()) store.writer.intern(i + 1, text);
  for (let at = 0; at < made.samples.length; at += 5_000) store.append(made.samples.slice(at, at + 5_000));
  if (made.events === true) {
    const times = made.samples.map(({ time }) => time);
    const from = Math.min(...times);
    const to = Math.max(...times);
    store.writer.addEvent({ kind: 'note', from, to, text: 'All', tagIds: [], author: null, labels: { coil: '7' } });
    store.writer.addEvent({ kind: 'note', from, to: null, text: 'Begin', tagIds: ['tag-0'], author: 'x', labels: {} });
    store.writer.addGap({ from, to: to + 1 }, 'Cable', QUALITY.badTimeout, ['tag-0']);
  }
  await store.close();
  return path;
}

/** Everything a file holds, to the bit, in a form that can be compared. */
function contentOf(path: string): Record<string, unknown> {
  const { database, table, tags, info } = openRecordingFile(path);
  try {
    expect(info.damage).toEqual([]);
    const reader = chunkReaderOf(table, () => undefined);
    const text = database.prepare<[number], string>('SELECT text FROM strings WHERE number = ?').pluck();
    const content: Record<string, unknown> = {};
    for (const tag of tags) {
      const samples: string[] = [];
      for (const chunk of table.overlapping(tag.number, EVER.from, EVER.to)) {
        const stored = reader.stored(chunk);
        const words = wordsOf(stored.value);
        const { form } = recipeFor(tag.recipes, chunk.recipe);
        for (let i = 0; i < stored.length; i++) {
          const value = form === 'text' ? text.get(stored.value[i]!) : `${words[2 * i]} ${words[2 * i + 1]}`;
          samples.push(
            `${stored.time[i]} ${form} ${value} ${stored.quality[i]} ${(stored.received ?? stored.time)[i]}`,
          );
        }
      }
      content[tag.registration.id] = samples;
    }
    content.events = readEvents(database, EVER, null).map(({ id: _, ...event }) => event);
    content.gaps = readGaps(database, EVER);
    return content;
  } finally {
    database.close();
  }
}

const bytesOf = (path: string): string => readFileSync(path).toString('base64');

/** A number, a 16-bit register that jumps, and a text, over a day and a half, with a hole of some hours. */
function mixed(count: number): WrittenSample[] {
  const samples: WrittenSample[] = [];
  for (let i = 0; i < count; i++) {
    const time = START + i * 20 * SECOND + (i > count / 2 ? 30_000 * SECOND : 0);
    samples.push({ tag: 0, time, value: Math.sin(i) * 1_000, quality: i % 97 === 0 ? QUALITY.badTimeout : 0 });
    samples.push({ tag: 1, time: time + 3, value: (i * 7_919) % 65_536, quality: 0, received: time + 40 });
    if (i % 10 === 0) samples.push({ tag: 2, time, value: 1 + (Math.floor(i / 50) % 3), quality: 0 });
  }
  return samples;
}

describe('work on recordings', () => {
  const place = suiteDirectory();
  let sound = '';
  let total = 0;
  beforeAll(async () => {
    const samples = mixed(6_000);
    total = samples.length;
    sound = await make(join(place.path, 'sound.parx'), {
      recipes: [PLAIN_RECIPE, WORD, TEXT],
      samples,
      texts: ['Idle', 'Runs', 'Fault'],
      chunkSamples: 200,
      events: true,
    });
  }, 60_000);
  const copy = (): string => {
    const path = join(temporaryDirectory(), 'recording.parx');
    copyFileSync(sound, path);
    return path;
  };
  const change = (path: string, sql: string, ...values: unknown[]): void => {
    const database = openDatabase(path, { journal: 'delete' });
    database.prepare(sql).run(...values);
    database.close();
  };
  const damage = (path: string, at: number): void => {
    const handle = openSync(path, 'r+');
    writeSync(handle, Buffer.from([0xa5, 0x5a, 0xa5]), 0, 3, at);
    closeSync(handle);
  };

  it('verifies a sound file, in a thread of its own and with progress', async () => {
    const seen: number[] = [];
    const done = await workOnFiles(
      { kind: 'verify', path: sound },
      workers,
      (fraction) => seen.push(fraction),
      new AbortController().signal,
    );
    expect(done).toEqual({ files: [], sound: true, samples: total, sentences: [] });
    expect(seen.every((fraction) => fraction > 0 && fraction < 1)).toBe(true);
    expect(seen.length).toBeGreaterThan(0);
  });

  it('names damaged samples by tag and time, and overviews and descriptions that do not fit', () => {
    const damaged = copy();
    change(damaged, 'UPDATE chunks SET crc = crc + 1 WHERE id = 2');
    const found = run({ kind: 'verify', path: damaged });
    expect(found.sound).toBe(false);
    expect(found.sentences).toEqual([
      expect.stringMatching(
        /^Tag \d: \d+ samples from 2023-10-.* to 2023-10-.* are damaged: the checksum does not fit\.$/,
      ),
    ]);

    // Another value with a right checksum: only a recomputation of the overviews tells.
    const other = copy();
    const database = openDatabase(other, { journal: 'delete' });
    const table = chunkTableOf(database);
    const chunk = table.following(1, EVER.from)!;
    const samples = chunkReaderOf(table, () => undefined).stored(chunk);
    samples.value[5] = 123_456;
    const data = encodeChunk(samples);
    database.prepare('UPDATE chunks SET data = ?, crc = ? WHERE id = ?').run(data, chunkSum(1, chunk, data), chunk.id);
    database.close();
    expect(run({ kind: 'verify', path: other })).toMatchObject({
      sound: false,
      sentences: [
        expect.stringMatching(/^Tag 0: the overview from 2023-10-28T12:00:00.000Z to .* does not fit its samples\.$/),
      ],
    });

    const upper = copy();
    change(upper, 'UPDATE rollups SET sum = sum + 1 WHERE tier = 1');
    const wrong = run({ kind: 'verify', path: upper });
    expect(wrong.sentences.length).toBeGreaterThan(3);
    expect(
      wrong.sentences.every(
        (sentence) => /the overview from .* does not fit/.test(sentence) || /^In all/.test(sentence),
      ),
    ).toBe(true);

    const notes = copy();
    change(notes, "UPDATE strings SET text = 'Stop' WHERE number = 2");
    expect(run({ kind: 'verify', path: notes }).sentences).toEqual([expect.stringMatching(/^Names, units, scaling/)]);
    const text = copy();
    change(text, 'DELETE FROM strings WHERE number = 2');
    expect(run({ kind: 'verify', path: text }).sentences[0]).toMatch(/their text number 2 is missing/);
    const lost = join(dirname(text), 'repaired.parx');
    const saved = run({ kind: 'repair', path: text, to: lost, name: null });
    expect(saved).toMatchObject({ sound: false, samples: total });
    expect(saved.sentences.at(-1)).toBe('Text number 2 could not be read; its samples say that it is lost.');
    expect(run({ kind: 'verify', path: lost })).toMatchObject({ sound: true });
    const gone = copy();
    truncateSync(gone, 5_000);
    const cut = run({ kind: 'verify', path: gone });
    expect(cut.sound).toBe(false);
    expect(cut.sentences.length).toBeGreaterThan(0);
  });

  it('misses no flipped byte in anything that counts, and repairs to a sound file of right samples', () => {
    const right = contentOf(sound);
    const { size } = statSync(sound);
    let repaired = 0;
    let lost = 0;
    for (let round = 0; round < 20; round++) {
      const path = copy();
      damage(path, 4_096 + Math.floor(((size - 8_192) * round) / 20));
      const before = bytesOf(path);
      const to = join(dirname(path), 'repaired.parx');
      let done: FileWorkDone;
      try {
        done = run({ kind: 'repair', path, to, name: null });
      } catch (error) {
        // Without the tags nothing can be decoded.
        expect(error).toMatchObject({ code: 'store.damaged' });
        expect(readdirSync(dirname(path))).toEqual(['recording.parx']);
        continue;
      }
      repaired++;
      expect(bytesOf(path), 'the source').toBe(before);
      expect(run({ kind: 'verify', path: to })).toMatchObject({ sound: true, samples: done.samples });
      expectRollups(to);
      const content = contentOf(to);
      for (const [id, samples] of Object.entries(right)) {
        if (!id.startsWith('tag-') || content[id] === undefined) continue;
        const known = new Set(samples as string[]);
        expect((content[id] as string[]).filter((sample) => !known.has(sample) && !sample.includes(' text '))).toEqual(
          [],
        );
      }
      if (done.samples < total) {
        lost++;
        expect(done.sound).toBe(false);
        expect(done.sentences.length).toBeGreaterThan(0);
      }
    }
    expect(repaired).toBeGreaterThan(14);
    expect(lost).toBeGreaterThan(3);
  }, 60_000);

  it.each([0.8, 0.6])('repairs what is left of a file that was cut to %d', (share) => {
    const path = copy();
    truncateSync(path, Math.floor(statSync(path).size * share));
    const to = join(dirname(path), 'repaired.parx');
    const done = run({ kind: 'repair', path, to, name: 'Saved' });
    expect(done.sentences[0]).toMatch(/^The file ends early: /);
    expect(done.sentences.slice(1).join(' ')).toMatch(
      /Tag 2: (all samples|samples after 2023-10-.*) until 2023-10-.* are missing\./,
    );
    expect(done.samples).toBeGreaterThan(0);
    expect(done.samples).toBeLessThan(total);
    expect(run({ kind: 'verify', path: to })).toMatchObject({ sound: true, samples: done.samples });
    expect(openedName(to)).toBe('Saved');
  });
  const openedName = (path: string): string => {
    const { database, info } = openRecordingFile(path);
    database.close();
    return info.name;
  };

  it('compacts into full chunks, keeps all, and does not grow what is compact', () => {
    const folder = temporaryDirectory();
    const once = join(folder, 'once.parx');
    const done = run({ kind: 'compact', path: sound, to: once, name: null });
    expect(done.samples).toBe(total);
    expect(statSync(once).size).toBeLessThan(statSync(sound).size);
    expect(contentOf(once)).toEqual(contentOf(sound));
    expectRollups(once);
    const database = openDatabase(once, { readonly: true });
    expect(database.prepare('SELECT max(n) FROM (SELECT count(*) AS n FROM chunks GROUP BY tag)').pluck().get()).toBe(
      1,
    );
    database.close();
    const twice = join(folder, 'twice.parx');
    run({ kind: 'compact', path: once, to: twice, name: null });
    expect(statSync(twice).size).toBeLessThanOrEqual(statSync(once).size);
    expect(contentOf(twice)).toEqual(contentOf(sound));
  });

  it('splits by the days of a zone, over the hour that comes twice, and merges to the same again', () => {
    const folder = temporaryDirectory();
    const done = run({ kind: 'split', path: sound, folder, by: { kind: 'days', zone: 'Europe/Berlin' } });
    expect(done.files.map(({ path }) => basename(path))).toEqual([
      'sound 2023-10-28.parx',
      'sound 2023-10-29.parx',
      'sound 2023-10-30.parx',
    ]);
    expect(done.samples).toBe(total);
    const edges = [Date.UTC(2023, 9, 28, 22) * 1_000, Date.UTC(2023, 9, 29, 23) * 1_000];
    for (const [i, { path }] of done.files.entries()) {
      expect(run({ kind: 'verify', path })).toMatchObject({ sound: true });
      const { database, info } = openRecordingFile(path);
      database.close();
      if (i > 0) expect(info.from).toBeGreaterThanOrEqual(edges[i - 1]!);
      if (i < 2) expect(info.to).toBeLessThanOrEqual(edges[i]!);
    }
    const to = join(folder, 'merged.parx');
    run({ kind: 'merge', paths: done.files.map(({ path }) => path), to, name: 'Again' });
    expect(contentOf(to)).toEqual(contentOf(sound));
    expectRollups(to);
    expect(run({ kind: 'verify', path: to })).toMatchObject({ sound: true, samples: total });
  });

  it('leaves out days without samples, even where a chunk reaches over them', async () => {
    const DAY = 86_400 * SECOND;
    const path = await make(join(temporaryDirectory(), 'r.parx'), {
      samples: [0, 1, 5, 6].map((day) => ({ tag: 0, time: START + day * DAY, value: day, quality: 0 })),
    });
    const { files } = run({ kind: 'split', path, folder: dirname(path), by: { kind: 'days', zone: 'UTC' } });
    expect(files.map(({ path: file, samples }) => [basename(file), samples])).toEqual([
      ['r 2023-10-28.parx', 1],
      ['r 2023-10-29.parx', 1],
      ['r 2023-11-02.parx', 1],
      ['r 2023-11-03.parx', 1],
    ]);
  });

  it('splits by size into files that are not larger', async () => {
    const path = await make(join(temporaryDirectory(), 'large.parx'), {
      samples: Array.from({ length: 300_000 }, (_, i) => ({
        tag: 0,
        time: START + i * 1_000,
        value: Math.sin(i * 12.9898) * 43_758.5453,
        quality: 0,
      })),
      chunkSamples: 16_384,
    });
    const bytes = 700_000;
    const { files } = run({ kind: 'split', path, folder: dirname(path), by: { kind: 'size', bytes } });
    expect(files.length).toBeGreaterThanOrEqual(Math.ceil(statSync(path).size / bytes));
    for (const file of files) expect(statSync(file.path).size).toBeLessThanOrEqual(bytes);
    const to = join(dirname(path), 'merged.parx');
    run({ kind: 'merge', paths: files.map((file) => file.path), to, name: 'large' });
    expect(contentOf(to)).toEqual(contentOf(path));
    expect(() => run({ kind: 'split', path, folder: dirname(path), by: { kind: 'size', bytes: 1_000 } })).toThrow(
      /takes at least 1 MB\. Choose a larger size/,
    );
    expect(() => run({ kind: 'split', path, folder: dirname(path), by: { kind: 'days', zone: 'Mars' } })).toThrow(
      /"Mars" is no time zone/,
    );
  }, 60_000);

  it('merges by id: the later file wins, texts keep their words, and recipes their versions', async () => {
    const folder = temporaryDirectory();
    const scaled: DecodeRecipe = { ...PLAIN_RECIPE, scaling: { kind: 'gain', gain: 2, offset: 1 } };
    const series = (tag: number, from: number, to: number, value: number): WrittenSample[] =>
      Array.from({ length: to - from }, (_, i) => ({ tag, time: START + (from + i) * 1_000, value, quality: 0 }));
    const one = await make(join(folder, 'one.parx'), {
      recipes: [PLAIN_RECIPE, TEXT, WORD],
      texts: ['A', 'B'],
      samples: [...series(0, 0, 3_000, 1), ...series(1, 0, 10, 1), ...series(2, 0, 100, 7)],
    });
    const two = await make(join(folder, 'two.parx'), {
      recipes: [scaled, TEXT, PLAIN_RECIPE],
      texts: ['B', 'C'],
      samples: [
        ...series(0, 1_000, 2_000, 2),
        ...series(1, 5, 15, 1),
        ...series(1, 15, 20, 2),
        ...series(2, 50, 60, 0.5),
      ],
    });
    const to = join(folder, 'merged.parx');
    const done = run({ kind: 'merge', paths: [one, two], to, name: 'Both' });
    expect(done.samples).toBe(3_000 + 20 + 100);
    expect(run({ kind: 'verify', path: to })).toMatchObject({ sound: true });
    expectRollups(to);
    const { database, tags, table } = openRecordingFile(to);
    const values = (tag: number): number[] =>
      table.overlapping(tag, EVER.from, EVER.to).flatMap((chunk) => {
        const stored = chunkReaderOf(table, () => undefined).stored(chunk);
        return [...stored.value.subarray(0, stored.length)];
      });
    expect(tags[0]!.recipes.map(({ version, scaling }) => [version, scaling])).toEqual([
      [1, null],
      [2, scaled.scaling],
    ]);
    expect(values(1)).toEqual([...Array(1_000).fill(1), ...Array(1_000).fill(2), ...Array(1_000).fill(1)]);
    const text = database.prepare<[number], string>('SELECT text FROM strings WHERE number = ?').pluck();
    expect(
      values(2)
        .map((number) => text.get(number))
        .join(''),
    ).toBe(`${'A'.repeat(5)}${'B'.repeat(10)}${'C'.repeat(5)}`);
    // Registers and numbers of one tag stand in chunks of their own.
    expect(table.overlapping(3, EVER.from, EVER.to).map(({ recipe, count }) => [recipe, count])).toEqual([
      [1, 50],
      [2, 10],
      [1, 40],
    ]);
    database.close();
  });

  it('takes no other file’s place, and refuses a damaged source with what to do', () => {
    const path = copy();
    expect(() => run({ kind: 'compact', path: sound, to: path, name: null })).toThrow(/exists already/);
    change(path, 'UPDATE chunks SET crc = crc + 1 WHERE id = 2');
    const folder = temporaryDirectory();
    const works: FileWork[] = [
      { kind: 'compact', path, to: join(folder, 'a.parx'), name: null },
      { kind: 'merge', paths: [sound, path], to: join(folder, 'a.parx'), name: 'a' },
      { kind: 'split', path, folder, by: { kind: 'days', zone: 'UTC' } },
    ];
    for (const work of works) expect(() => run(work)).toThrow(/is damaged: .* Repair it first/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stops where it is told to, at any time, and leaves nothing', async () => {
    for (const after of [0, 3, 20, 40]) {
      const folder = temporaryDirectory();
      const works: FileWork[] = [
        { kind: 'verify', path: sound },
        { kind: 'repair', path: sound, to: join(folder, 'a.parx'), name: null },
        { kind: 'compact', path: sound, to: join(folder, 'a.parx'), name: null },
        { kind: 'merge', paths: [sound, sound], to: join(folder, 'a.parx'), name: 'a' },
        { kind: 'split', path: sound, folder, by: { kind: 'days', zone: 'UTC' } },
      ];
      for (const work of works) {
        let checks = 0;
        const check = (): void => {
          if (checks++ >= after) throw new Error('stopped');
        };
        expect(() => run(work, { check }), `${work.kind} after ${after}`).toThrow('stopped');
        expect(readdirSync(folder)).toEqual([]);
      }
    }
    const abort = new AbortController();
    abort.abort(new Error('no more'));
    const to = join(temporaryDirectory(), 'a.parx');
    const started = workOnFiles(
      { kind: 'compact', path: sound, to, name: null },
      workers,
      () => undefined,
      abort.signal,
    );
    await expect(started).rejects.toThrow('no more');
  });

  it('of any samples, split and merged or compacted, has the same ones', async () => {
    const sample = fc.record({
      tag: fc.integer({ min: 0, max: 2 }),
      time: fc.integer({ min: 0, max: 400 }).map((n) => START + n * 900 * SECOND),
      value: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.double()),
      quality: fc.constantFrom(0, QUALITY.badTimeout, QUALITY.uncertain),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { minLength: 1, maxLength: 600 }),
        fc.integer({ min: 8, max: 300 }),
        async (given, chunkSamples) => {
          const folder = temporaryDirectory();
          const samples = given.map((one) =>
            one.tag === 0 ? one : { ...one, value: 1 + (Math.abs(Math.trunc(one.value)) % 4 || 0) },
          );
          const path = await make(join(folder, 'r.parx'), {
            recipes: [PLAIN_RECIPE, TEXT, WORD],
            texts: ['a', 'b', 'c', 'd'],
            samples,
            chunkSamples,
            events: true,
          });
          const wanted = contentOf(path);
          const { files } = run({ kind: 'split', path, folder, by: { kind: 'days', zone: 'Asia/Kolkata' } });
          const merged = join(folder, 'merged.parx');
          run({ kind: 'merge', paths: files.map((file) => file.path).reverse(), to: merged, name: 'r' });
          const compact = join(folder, 'compact.parx');
          run({ kind: 'compact', path, to: compact, name: null });
          expect(contentOf(merged)).toEqual(wanted);
          expect(contentOf(compact)).toEqual(wanted);
          expect(statSync(compact).size).toBeLessThanOrEqual(statSync(path).size);
          for (const file of [merged, compact])
            expect(run({ kind: 'verify', path: file })).toMatchObject({ sound: true });
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);
});
