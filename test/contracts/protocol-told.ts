import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ProtocolConnection, ProtocolDriver, TagBinding } from '#engine/protocols/index.ts';
import { isBad, QUALITY } from '#shared/model/index.ts';
import { expectNoNewHandles, openHandles } from '#test/support/leak-guard.ts';
import { createCollector, createDriverContext, type Pushed } from '#test/support/sample-collector.ts';
import { type KnownTag, type ProtocolSimulator, type RunningSimulator, readable } from './protocol-device.ts';

export interface ToldKit {
  /** Connects to the device; both are closed after the test. */
  connect(running: RunningSimulator): Promise<ProtocolConnection>;
  bind(running: RunningSimulator, tags: readonly Omit<KnownTag, 'value'>[]): TagBinding<unknown>[];
}

/** What is asked of a protocol whose devices tell by themselves, beside what is asked of all. */
export function describeTold(
  driver: ProtocolDriver,
  telling: Extract<ProtocolSimulator, { mode: 'push' }>,
  { connect, bind }: ToldKit,
): void {
  /** Listens until every tag has had a sample, and gives the first of each. */
  const hear = async (
    made: ProtocolConnection,
    tags: readonly TagBinding<unknown>[],
    withinMs = 5_000,
  ): Promise<ReadonlyMap<number, Pushed>> => {
    if (made.mode !== 'push') throw new Error('A protocol that is told was expected.');
    const sink = createCollector();
    const controller = new AbortController();
    const listening = made.listen(
      tags.map((tag) => ({ ...tag, deviceId: 'device' })),
      sink,
      controller.signal,
    );
    const first = new Map<number, Pushed>();
    const until = performance.now() + withinMs;
    while (first.size < tags.length && performance.now() < until) {
      await Promise.race([wait(5), listening]);
      for (const sample of sink.samples) if (!first.has(sample.tag)) first.set(sample.tag, sample);
    }
    controller.abort();
    await listening;
    return first;
  };

  describe('listening', () => {
    it('brings known values with the right time, value and quality', async () => {
      const running = await telling.start();
      const made = await connect(running);
      const tags = bind(running, running.known);
      const before = Date.now() * 1000;
      const first = await hear(made, tags);
      const after = (Date.now() + 1) * 1000;
      running.known.forEach((known, index) => {
        const sample = first.get(index)!;
        expect(readable(sample, tags[index]!.recipe), known.address).toBe(known.value);
        expect(sample.quality).toBe(QUALITY.good);
        expect(sample.time).toBeGreaterThanOrEqual(before - 2000);
        expect(sample.time).toBeLessThanOrEqual(after + 2000);
      });
      expect(new Set(running.known.map((known) => known.type))).toEqual(new Set(driver.valueTypes));
    });

    it('brings 1,000 tags, and duplicates a sample each', async () => {
      const running = await telling.start();
      const made = await connect(running);
      const known = [...Array.from({ length: 1000 }, (_, n) => running.many(n)), running.many(0), running.many(999)];
      const tags = bind(running, known);
      const first = await hear(made, tags);
      known.forEach(({ value }, index) => {
        expect(readable(first.get(index)!, tags[index]!.recipe)).toBe(value);
      });
    });

    it('listens to other tags on the same link', async () => {
      const running = await telling.start();
      const made = await connect(running);
      const known = running.known.slice(0, 2);
      expect((await hear(made, bind(running, known.slice(0, 1)))).size).toBe(1);
      const tags = bind(running, known);
      const first = await hear(made, tags);
      expect(readable(first.get(1)!, tags[1]!.recipe)).toBe(known[1]!.value);
      expect((await hear(made, [], 50)).size).toBe(0);
    });
  });

  describe('faults', () => {
    it('an address that the device does not have goes bad alone', async () => {
      const running = await telling.start();
      const made = await connect(running);
      const known = Array.from({ length: 40 }, (_, n) => running.many(n));
      const first = await hear(made, bind(running, [...known, { ...running.refused, order: null }]));
      known.forEach((_, index) => {
        expect(first.get(index)!.quality).toBe(QUALITY.good);
      });
      expect(isBad(first.get(40)!.quality)).toBe(true);
    });

    it('says nothing of a silent device, and hears it when it speaks again', async () => {
      const running = await telling.start();
      const made = await connect(running);
      const tags = bind(running, running.known);
      await hear(made, tags);
      running.silence();
      await wait(50);
      expect((await hear(made, tags, 200)).size).toBe(0);
      running.speak();
      expect((await hear(made, tags)).size).toBe(tags.length);
    });

    it('stops listening within 100 ms of an abort', async () => {
      const running = await telling.start();
      const made = await connect(running);
      if (made.mode !== 'push') throw new Error('A protocol that is told was expected.');
      const controller = new AbortController();
      const listening = made.listen([], createCollector(), controller.signal);
      await wait(20);
      const started = performance.now();
      controller.abort(new Error('aborted by the test'));
      await listening;
      expect(performance.now() - started).toBeLessThan(100);
    });

    it('is protocol.connect-failed in words where it cannot listen, and an abort before it stops it', async () => {
      const running = await telling.start();
      await using _device = { [Symbol.asyncDispose]: () => running.close() };
      const config = driver.config.parse(running.config);
      const devices = new Map([['device', driver.device.parse(running.device)]]);
      const aborted = AbortSignal.abort(new Error('not today'));
      await expect(driver.connect(config, devices, createDriverContext(), aborted)).rejects.toThrow('not today');
      await using _blocked = await running.block();
      const { signal } = new AbortController();
      await expect(driver.connect(config, devices, createDriverContext(), signal)).rejects.toMatchObject({
        code: 'protocol.connect-failed',
        retryable: true,
      });
    });

    it('closes twice, without handles left open', async () => {
      const running = await telling.start();
      const before = openHandles();
      const made = await connect(running);
      await hear(made, bind(running, running.known));
      await made.close();
      await made.close();
      await expectNoNewHandles(before);
      await expect(hear(made, bind(running, running.known))).rejects.toMatchObject({ code: 'protocol.link-lost' });
    });
  });
}
