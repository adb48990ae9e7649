import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DecodeRecipe, PLAIN_RECIPE, QUALITY, type Series } from '#shared/model/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { all, block, EVER, never, ramp, SECOND, START, type StoreFactory, tag } from './store-samples.ts';

/** What every store of samples must do with files, limits and programs beside it; run over each one there is. */
export function describeStoreFiles(name: string, make: StoreFactory): void {
  describe(`sample store and its files: ${name}`, () => {
    guardLeaks();
    const path = (): string => join(temporaryDirectory(), 'history.parx');

    it('prunes what is old, keeps the last sample before the edge, and nothing under a pin', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0), tag(1)]);
      // What is pruned must take some pages.
      const noisy = ramp(0, 100_000).map(([at, time, n]) => [at, time, n < 90_000 ? Math.sin(n * n) : n] as const);
      await store.append(block([...noisy, [1, START, 1]]));
      await store.addGap({ from: START, to: START + 1 }, 'Old.', QUALITY.badNoData, []);
      const edge = START + 5_000 * SECOND;
      const pin = store.pin('recording', START);
      // Sealing happens on copying; only sealed samples can be pruned.
      const scratch = join(temporaryDirectory(), 'copy.parx');
      await store.copyRange(scratch, 'copy', { from: START, to: START + 1 }, [], () => undefined, never);
      await store.prune(edge);
      expect(await all(store, 'tag-0')).toHaveLength(100_000);
      pin[Symbol.dispose]();
      const { bytesFreed } = await store.prune(edge);
      expect(bytesFreed).toBeGreaterThan(0);
      const left = await all(store, 'tag-0');
      expect(left.length).toBeLessThan(60_000);
      expect(left[0]![0]).toBeLessThan(edge);
      expect((await store.neighbours('tag-0', edge, never)).before).toMatchObject({ time: edge - 100_000 });
      expect(await all(store, 'tag-1'), 'a value that stands since long stays known').toHaveLength(1);
      expect(await store.gaps(EVER, never)).toEqual([]);
      const [far] = await store.view(['tag-0'], { from: START, to: START + 10_000 * SECOND }, 100, never);
      expect(far!.envelope!.max.at(-1)).toBe(99_999);
      await store.close();
    });

    it('copies a range as a recording of its own: one file, complete, with tags, texts, events and gaps', async () => {
      const folder = temporaryDirectory();
      const { store } = await make.open({ path: path() });
      const text: DecodeRecipe = { ...PLAIN_RECIPE, form: 'text', type: 'string' };
      store.register([tag(0), tag(1), tag(2, text)]);
      const coil = store.intern('Coil 1');
      const range = { from: START + 1_000 * SECOND, to: START + 2_000 * SECOND };
      await store.append(block([...ramp(0, 30_000), ...ramp(1, 30_000), [2, range.from, coil]]));
      await store.addGap({ from: range.from, to: range.from + 1 }, 'Asleep.', QUALITY.badAsleep, ['tag-1']);
      await store.addEvent({
        kind: 'note',
        from: range.to,
        to: null,
        text: 'outside',
        tagIds: [],
        author: null,
        labels: {},
      });
      await store.addEvent({
        kind: 'note',
        from: range.from,
        to: null,
        text: 'inside',
        tagIds: [],
        author: null,
        labels: {},
      });
      const progress: number[] = [];
      const target = join(folder, 'Coil 1.parx');
      const copied = await store.copyRange(
        target,
        'Coil 1',
        range,
        ['tag-0', 'tag-2'],
        (part) => progress.push(part),
        never,
      );
      expect(copied.samples).toBe(10_001);
      expect(progress.at(-1)).toBe(1);
      expect(await store.measure(range, ['tag-0'])).toMatchObject({ samples: expect.closeTo(10_000, -2) });
      expect(readdirSync(folder)).toEqual(['Coil 1.parx']);
      const [there] = await store.view(['tag-0'], range, 200, never);
      await store.close();

      const file = await make.openRecording(target);
      expect(file.info).toMatchObject({
        name: 'Coil 1',
        tags: 2,
        samples: 10_001,
        damage: [],
        from: range.from,
        to: range.to - 99_999,
      });
      expect((await file.tags(never)).map((one) => one.id)).toEqual(['tag-0', 'tag-2']);
      expect(await all(file, 'tag-0')).toEqual(ramp(0, 10_000, 10_000).map(([, time, value]) => [time, value, 0]));
      const [series, coils] = await file.view(['tag-0', 'tag-2'], range, 200, never);
      const inner = (one: Series) => [...one.time.subarray(2, -2)];
      expect(inner(series!)).toEqual(inner(there!).filter((time) => inner(series!).includes(time)));
      expect(series!.envelope!.max.at(-1)).toBe(19_999);
      expect(coils!.texts).toEqual({ [coil]: 'Coil 1' });
      expect((await file.events(EVER, null, never)).map((event) => event.text)).toEqual(['inside']);
      expect(await file.gaps(EVER, never)).toEqual([]);
      await file.close();
      await file.close();
    });

    it('leaves nothing behind when a copy is cancelled, and goes on', async () => {
      const folder = temporaryDirectory();
      const { store } = await make.open({ path: path() });
      store.register([tag(0)]);
      await store.append(block(ramp(0, 400_000)));
      const reason = new Error('not wanted any more');
      const controller = new AbortController();
      const copy = store.copyRange(
        join(folder, 'x.parx'),
        'x',
        EVER,
        [],
        () => controller.abort(reason),
        controller.signal,
      );
      await expect(copy).rejects.toBe(reason);
      expect(readdirSync(folder)).toEqual([]);
      expect(await all(store, 'tag-0')).toHaveLength(400_000);
      await store.close();
    });

    it('drops and counts what does not fit into the queue, and notes the gap', async () => {
      const { store } = await make.open({ path: path(), maxBacklog: 1_000 });
      store.register([tag(0)]);
      const first = store.append(block(ramp(0, 900)));
      await expect(store.append(block(ramp(0, 200, 900)))).rejects.toMatchObject({
        code: 'rpc.limit',
        retryable: true,
      });
      await first;
      expect(store.status()).toMatchObject({ dropped: 200, backlog: 0 });
      await store.append(block(ramp(0, 1, 2_000)));
      await expect
        .poll(() => store.gaps(EVER, never))
        .toMatchObject([
          { range: { from: START + 90_000_000, to: START + 109_900_001 }, quality: QUALITY.badOverflow },
        ]);
      await store.close();
    });

    it('is one program at a time', async () => {
      const file = path();
      const { store } = await make.open({ path: file });
      await expect(make.open({ path: file })).rejects.toMatchObject({ code: 'store.locked' });
      await store.close();
      const { store: again } = await make.open({ path: file });
      await again.close();
    });

    it('names what it cannot open by code', async () => {
      const folder = temporaryDirectory();
      writeFileSync(join(folder, 'letter.parx'), 'Dear reader. '.repeat(1_000));
      mkdirSync(join(folder, 'folder.parx'));
      await expect(make.openRecording(join(folder, 'letter.parx'))).rejects.toMatchObject({
        code: 'store.damaged',
        message: expect.stringContaining('is not a ParX recording.'),
      });
      await expect(make.openRecording(join(folder, 'none.parx'))).rejects.toMatchObject({ code: 'store.not-found' });
      await expect(make.open({ path: join(folder, 'letter.parx') })).rejects.toMatchObject({ code: 'store.damaged' });
      await expect(make.open({ path: join(folder, 'no/history.parx') })).rejects.toMatchObject({
        code: 'store.not-found',
      });
      await expect(make.open({ path: join(folder, 'folder.parx') })).rejects.toMatchObject({ code: 'store.damaged' });
    });

    it('tells its listeners of every commit until they leave', async () => {
      const { store } = await make.open({ path: path(), flushMs: 20 });
      store.register([tag(0)]);
      let told = 0;
      const watching = store.watchStatus(() => told++);
      await store.append(block(ramp(0, 10)));
      expect(told).toBeGreaterThan(0);
      watching[Symbol.dispose]();
      const before = told;
      await store.append(block(ramp(0, 10, 10)));
      expect(told).toBe(before);
      await store.close();
      await expect(store.append(block(ramp(0, 1)))).rejects.toMatchObject({ code: 'rpc.disconnected' });
    });
  });
}
