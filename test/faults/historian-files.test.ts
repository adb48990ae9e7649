import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type OpenedFile, openRecording, openStore } from '#engine/historian/index.ts';
import { createReader } from '#engine/historian/reader.ts';
import { openRecordingFile } from '#engine/historian/recording-file.ts';
import { createLogger, openDatabase, systemClock } from '#engine/platform/index.ts';
import type { Series } from '#shared/model/index.ts';
import { blockOf, EVER, openDirect, registration } from '#test/integration/historian/direct.ts';
import { suiteDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';
import { workers } from './historian-workers.ts';

const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
const START = 1_700_000_000_000_000;
const TAGS = 8;
const PER_TAG = 20_000;
const never = new AbortController().signal;

describe('a damaged recording', () => {
  const place = suiteDirectory();
  let sound = '';
  beforeAll(async () => {
    sound = join(place.path, 'sound.parx');
    const store = await openDirect(sound, { chunkSamples: 1_000, segmentBytes: 400_000 });
    store.writer.register(Array.from({ length: TAGS }, (_, i) => registration(i)));
    for (let from = 0; from < PER_TAG; from += 500) {
      store.append(
        Array.from({ length: 500 * TAGS }, (_, i) => {
          const number = from + Math.floor(i / TAGS);
          // Noise from a product, so that chunks have some size.
          return { tag: i % TAGS, time: START + number * 100_000, value: (number * 7_919) % 10_007, quality: 0 };
        }),
      );
      await store.writer.flush();
    }
    await store.close();
    expect(statSync(sound).size).toBeGreaterThan(400_000);
  }, 120_000);

  const copy = (): string => {
    const path = join(temporaryDirectory(), 'damaged.parx');
    copyFileSync(sound, path);
    return path;
  };
  async function readAll(file: OpenedFile): Promise<number> {
    let samples = 0;
    for (let tag = 0; tag < TAGS; tag++) {
      for await (const part of file.raw([`tag-${tag}`], EVER, never)) samples += countRight(part);
    }
    return samples;
  }
  /** What is given out is right: damaged samples are left out, never wrong. */
  function countRight(part: readonly Series[]): number {
    let samples = 0;
    for (const { time, value } of part) {
      for (let i = 0; i < time.length; i++) {
        const number = (time[i]! - START) / 100_000;
        if (value[i] !== (number * 7_919) % 10_007 || (i > 0 && !(time[i]! > time[i - 1]!))) {
          expect.fail(`sample ${i} at ${time[i]} is ${value[i]}`);
        }
        samples++;
      }
    }
    return samples;
  }
  const goOn = (): void => undefined;

  it('is told from a sound one', async () => {
    const file = await openRecording(sound, deps);
    expect(file.info).toMatchObject({ damage: [], samples: TAGS * PER_TAG, tags: TAGS });
    expect(await readAll(file)).toBe(TAGS * PER_TAG);
    await file.close();
  });

  it.each([0.9, 0.6, 0.3])(
    'that was cut to %d of its length opens with what is left and says what is missing',
    async (part) => {
      const path = copy();
      truncateSync(path, Math.floor(statSync(path).size * part));
      const file = await openRecording(path, deps);
      expect(file.info.damage[0]).toMatch(/^The file ends early: \d+ of its \d+ bytes \([\d.]+ %\) are missing\.$/);
      const samples = await readAll(file);
      expect(samples).toBeLessThan(TAGS * PER_TAG);
      expect(samples).toBeGreaterThan(TAGS * PER_TAG * (part - 0.25));
      const views = await file.view(['tag-0'], { from: START, to: START + PER_TAG * 100_000 }, 200, never);
      expect(views[0]!.time.length).toBeGreaterThan(0);
      await file.close();
    },
  );

  it('with flipped bytes gives out nothing wrong and names the tag and time that it left out', async () => {
    const size = statSync(sound).size;
    let named = 0;
    for (let round = 0; round < 24; round++) {
      const path = copy();
      const handle = openSync(path, 'r+');
      const at = 60_000 + Math.floor(((size - 60_000) * round) / 24);
      writeSync(handle, Buffer.from([0xa5, 0x5a, 0xa5]), 0, 3, at);
      closeSync(handle);
      const { database, table, broken, info } = openRecordingFile(path);
      const reader = createReader({ database, table, broken, onDamage: () => undefined });
      let samples = 0;
      for (let tag = 0; tag < TAGS; tag++) {
        const stream = reader.raw([`tag-${tag}`], EVER, []);
        for (let part = stream.next(goOn); part !== null; part = stream.next(goOn)) samples += countRight(part);
      }
      if (samples < TAGS * PER_TAG) {
        expect(info.damage.length).toBeGreaterThan(0);
        if (
          info.damage.some((text) =>
            /^Tag \d: \d+ samples from 2023-.* to 2023-.* are damaged and left out\.$/.test(text),
          )
        )
          named++;
      }
      database.close();
    }
    expect(named).toBeGreaterThan(3);
  }, 120_000);

  it('with another number in an overview or in a description says so, and computes the overview', async () => {
    const changed = (sql: string): string => {
      const path = copy();
      const database = openDatabase(path, { journal: 'delete' });
      database.exec(sql);
      database.close();
      return path;
    };
    const rollups = await openRecording(changed('UPDATE rollups SET max = 99999 WHERE tag = 2'), deps);
    expect(rollups.info.damage).toEqual([
      'Overviews are damaged; they are computed from the samples, which takes longer.',
    ]);
    const [series] = await rollups.view(['tag-1'], { from: START, to: START + PER_TAG * 100_000 }, 100, never);
    expect(Math.max(...series!.envelope!.max.filter((value) => !Number.isNaN(value)))).toBe(10_006);
    await rollups.close();
    const notes = await openRecording(changed("UPDATE tags SET name = 'Other' WHERE number = 1"), deps);
    expect(notes.info.damage[0]).toMatch(/^Names, units, scaling, events or gaps are not what they were/);
    await notes.close();
    const rows = await openRecording(changed('UPDATE chunks SET first = first - 5 WHERE id = 3'), deps);
    expect(rows.info.damage[0]).toMatch(/samples from .* are damaged and left out\.$/);
    await rows.close();
  });

  it('too large to be checked at once is shown at once and checked meanwhile, with the same findings', () => {
    const path = copy();
    const database = openDatabase(path, { journal: 'delete' });
    database.exec('UPDATE rollups SET max = 99999 WHERE tag = 2');
    database.exec('UPDATE chunks SET crc = crc + 1 WHERE id = 7');
    database.close();
    const whole = openRecordingFile(path);
    expect(whole.unchecked).toBeNull();
    whole.database.close();
    const large = openRecordingFile(path, 1_000);
    expect(large.info).toMatchObject({ samples: TAGS * PER_TAG, damage: [] });
    const found = [...large.unchecked!].filter((finding) => finding !== null);
    expect(found.map((finding) => finding.sentence)).toEqual(whole.info.damage);
    expect(found).toHaveLength(2);
    large.database.close();
  });

  it('of which the first page is gone is refused with a reason', async () => {
    const path = copy();
    const bytes = readFileSync(path);
    bytes.fill(0, 0, 4_096);
    writeFileSync(path, bytes);
    await expect(openRecording(path, deps)).rejects.toMatchObject({ code: 'store.damaged' });
    truncateSync(path, 0);
    await expect(openRecording(path, deps)).rejects.toMatchObject({ code: 'store.damaged' });
  });

  it('that is the running history is set aside with its log, and a new one is begun', async () => {
    const folder = temporaryDirectory();
    const path = join(folder, 'history.parx');
    const bytes = readFileSync(sound);
    // The pages behind the first: the roots of tags, recipes and chunks.
    bytes.fill(0x5a, 4_096, 4_096 * 20);
    writeFileSync(path, bytes);
    const { store, recovery } = await openStore({ path }, deps);
    expect(recovery.clean).toBe(false);
    expect(recovery.sentences[0]).toMatch(
      /^The history was damaged \(.*\) and was set aside as .*; a new one was begun\./,
    );
    expect(readdirSync(folder).filter((name) => /^history-damaged-\d{8}T\d{6}Z\.parx$/.test(name))).toHaveLength(1);
    expect(await store.tags(never)).toEqual([]);
    store.register([registration(0)]);
    await store.append(blockOf([{ tag: 0, time: START, value: 1, quality: 0 }]));
    await store.close();
  });

  it('of a newer version is refused, by readers and by the history', async () => {
    const path = copy();
    const database = openDatabase(path, { journal: 'delete' });
    database.pragma('user_version = 99');
    database.close();
    await expect(openRecording(path, deps)).rejects.toMatchObject({
      code: 'store.too-new',
      details: { found: 99, supported: 2 },
    });
    await expect(openStore({ path }, deps)).rejects.toMatchObject({ code: 'store.too-new' });
  });

  it('of an older version is refused by readers and set aside by the history', async () => {
    const path = copy();
    const database = openDatabase(path, { journal: 'delete' });
    database.pragma('user_version = 1');
    database.close();
    await expect(openRecording(path, deps)).rejects.toMatchObject({
      code: 'store.damaged',
      message: expect.stringContaining('made by an older version in format 1'),
    });
    const { store, recovery } = await openStore({ path }, deps);
    expect(recovery.sentences[0]).toMatch(/made by an older version .* was set aside as .*; a new one was begun\./);
    await store.close();
  });
});
