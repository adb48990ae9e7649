import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PollConnection, ProtocolConnection, ProtocolDriver, TagBinding } from '#engine/protocols/index.ts';
import { isAppError } from '#shared/errors.ts';
import { isBad, QUALITY } from '#shared/model/index.ts';
import { childrenOf } from '#test/support/browse.ts';
import { expectNoNewHandles, guardLeaks, openHandles } from '#test/support/leak-guard.ts';
import { createCollector, createDriverContext, type SampleCollector } from '#test/support/sample-collector.ts';
import { type KnownTag, type ProtocolSimulator, type RunningSimulator, readable } from './protocol-device.ts';
import { describeTold } from './protocol-told.ts';

export function describeProtocol(driver: ProtocolDriver, simulator: ProtocolSimulator): void {
  describe(`protocol ${driver.id}`, () => {
    let device: RunningSimulator | undefined;
    let connection: ProtocolConnection | undefined;
    guardLeaks();
    afterEach(async () => {
      await connection?.close();
      await device?.close();
      connection = undefined;
      device = undefined;
    });

    const connectAny = async (running: RunningSimulator): Promise<ProtocolConnection> => {
      device = running;
      connection = await driver.connect(
        driver.config.parse(running.config),
        new Map([['device', driver.device.parse(running.device)]]),
        createDriverContext(),
        new AbortController().signal,
      );
      expect(connection.mode).toBe(simulator.mode);
      return connection;
    };
    const connect = async (running: RunningSimulator): Promise<PollConnection> => {
      const made = await connectAny(running);
      if (made.mode !== 'poll') throw new Error('A polled protocol was expected.');
      return made;
    };
    const bind = (running: RunningSimulator, tags: readonly Omit<KnownTag, 'value'>[]): TagBinding<unknown>[] =>
      tags.map((tag, index) => {
        const settings = driver.device.parse(running.device);
        const { address } = driver.parseAddress(tag.address, settings);
        const recipe = driver.recipe(
          { type: tag.type, order: tag.order, scaling: null, unit: null },
          address,
          settings,
        );
        return { index, address, recipe };
      });
    const poll = async (
      made: PollConnection,
      tags: readonly TagBinding<unknown>[],
      signal = new AbortController().signal,
    ): Promise<SampleCollector> => {
      const sink = createCollector();
      await made.poll(made.plan('device', tags), sink, signal);
      return sink;
    };

    describe('catalogue', () => {
      it('has a sample that parses, and shows the same settings in its README', () => {
        const folder = new URL(`../../src/engine/protocols/${driver.id}/`, import.meta.url);
        const sample = JSON.parse(readFileSync(new URL('sample.json', folder), 'utf8'));
        expect({ ...driver.sample }).toEqual(sample);
        expect(driver.config.parse(sample.config)).toEqual(sample.config);
        expect(driver.device.parse(sample.device)).toEqual(sample.device);
        const [, block] = /```json\n([\s\S]*?)```/.exec(readFileSync(new URL('README.md', folder), 'utf8')) ?? [];
        expect(JSON.parse(block ?? 'null')).toEqual(sample);
        expect(driver.parseAddress(driver.sample.address, driver.sample.device)).toBeDefined();
      });

      it('has a page for users, and a README that names the files there are', () => {
        const folder = new URL(`../../src/engine/protocols/${driver.id}/`, import.meta.url);
        const page = readFileSync(new URL(`../../docs/protocols/${driver.id}.md`, import.meta.url), 'utf8');
        for (const heading of ['Addresses', 'Settings', 'Quirks', 'Tested against', 'Not supported']) {
          expect(page).toContain(`\n## ${heading}\n`);
        }
        const table = readFileSync(new URL('README.md', folder), 'utf8').split('## Files')[1]!.split('\n## ')[0]!;
        const named = [...table.matchAll(/`([\w-]+\.ts)`/g)].map((match) => match[1]!);
        const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
        expect(named.sort()).toEqual(files.sort());
      });

      it('describes its settings as JSON Schema with a title on every field', () => {
        for (const schema of [driver.config, driver.device]) {
          const { properties } = z.toJSONSchema(schema, { io: 'input' });
          expect(Object.keys(properties ?? {}).length).toBeGreaterThan(0);
          for (const field of Object.values(properties ?? {})) expect(field).toHaveProperty('title');
        }
      });

      it('names itself and its status numbers', () => {
        for (const text of [driver.id, driver.title, driver.version, driver.summary]) expect(text).not.toBe('');
        expect(driver.endpoint(driver.sample.config)).not.toBe('');
        expect(driver.statusName(-1)).toBeUndefined();
        expect(driver.valueTypes.length).toBeGreaterThan(0);
        expect(driver.tells ?? false).toBe(simulator.mode === 'push');
      });
    });

    it.runIf(driver.explain !== undefined)('puts any bytes of its trace into sentences', () => {
      for (const bytes of [
        [0],
        [1, 2, 3],
        Array.from({ length: 300 }, (_, index) => index & 0xff),
        new Array(64).fill(0),
      ]) {
        for (const direction of ['sent', 'received'] as const) {
          const sentences = driver.explain?.(direction, Uint8Array.from(bytes)) ?? [];
          expect(sentences.length).toBeGreaterThan(0);
          for (const sentence of sentences) expect(sentence).toMatch(/[.]$/);
        }
      }
    });

    describe('addresses', () => {
      it('keep their meaning as canonical text, under any settings', async () => {
        device = await simulator.start();
        const settings = driver.device.parse(device.device);
        for (const { address } of device.known) {
          const parsed = driver.parseAddress(address, settings);
          const { canonical, wire } = driver.describeAddress(parsed.address, settings);
          expect(canonical).toBe(driver.formatAddress(parsed.address));
          expect(wire).not.toBe('');
          for (const other of [settings, driver.sample.device]) {
            expect(driver.parseAddress(canonical, other).address).toEqual(parsed.address);
          }
          expect(driver.address.parse(JSON.parse(JSON.stringify(parsed.address)))).toEqual(parsed.address);
        }
      });

      it('refuse nonsense with a sentence, not with a crash', async () => {
        device = await simulator.start();
        for (const text of [
          ...device.nonsense,
          '',
          ' ',
          '\u0000',
          'é 1',
          '\u{1f600}',
          'x'.repeat(300),
          '{}',
          "'; --",
        ]) {
          try {
            driver.parseAddress(text, driver.sample.device);
            expect.unreachable(`${JSON.stringify(text)} was accepted`);
          } catch (error) {
            if (!isAppError(error, 'config.invalid')) throw error;
            expect(error.message).toMatch(/[.]$/);
          }
        }
      });
    });

    if (simulator.mode === 'poll') describePolled();
    else describeTold(driver, simulator, { connect: connectAny, bind });

    describe('what it says it can', () => {
      it('browses, or has no browse at all', async () => {
        const running = await simulator.start();
        const made = await connectAny(running);
        if (driver.can.browse) {
          expect(await childrenOf(made, null)).toBeInstanceOf(Array);
          expect(made.browse).toBeDefined();
        } else {
          expect(made.browse).toBeUndefined();
        }
      });

      it('never writes', async () => {
        const running = await simulator.start();
        expect(Object.keys(await connectAny(running)).filter((name) => /write|publish|command/i.test(name))).toEqual(
          [],
        );
      });
    });

    describe('connection test', () => {
      const steps = async (running: RunningSimulator, shared: ProtocolConnection | null = null) => {
        const settings = driver.device.parse(running.device);
        const known = running.known[0]!;
        const found = [];
        for await (const step of driver.test(
          {
            config: driver.config.parse(running.config),
            device: settings,
            readAddress: driver.parseAddress(known.address, settings).address,
          },
          createDriverContext(),
          new AbortController().signal,
          shared === null ? null : { run: (use) => use(shared) },
        )) {
          found.push(step);
        }
        return found;
      };

      it('walks every step of a sound device, with raw bytes', async () => {
        device = await simulator.start();
        const found = await steps(device);
        expect(found.filter((step) => !step.ok)).toEqual([]);
        expect(found.flatMap((step) => step.raw).length).toBeGreaterThan(1);
        for (const step of found) expect(step.says).toMatch(/[.]$/);
      });

      it('uses the running link when there is one, and says so', async () => {
        const running = await simulator.start();
        const made = await connectAny(running);
        const found = await steps(running, made);
        expect(found.filter((step) => !step.ok)).toEqual([]);
        if (simulator.mode === 'poll') expect(running.seen.links).toBe(1);
        expect(found.some((step) => step.says.includes('running link'))).toBe(true);
      });

      it('ends at the first failed step with advice, and keeps the later ones as not tried', async () => {
        const running = await simulator.start();
        await running.close();
        const found = await steps(running);
        const failed = found.findIndex((step) => !step.ok);
        expect(failed).toBeGreaterThanOrEqual(0);
        expect(found[failed]!.advice).toMatch(/[.]$/);
        expect(found.slice(failed + 1).every((step) => step.skipped)).toBe(true);
        expect(found.length).toBe((await withDevice(steps)).length);
      });

      const withDevice = async <T>(use: (running: RunningSimulator) => Promise<T>): Promise<T> => {
        const running = await simulator.start();
        try {
          return await use(running);
        } finally {
          await running.close();
        }
      };
    });

    function describePolled(): void {
      describe('reading', () => {
        it('brings known values with the right time, value and quality', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          const tags = bind(running, running.known);
          const before = Date.now() * 1000;
          const sink = await poll(made, tags);
          const after = (Date.now() + 1) * 1000;
          running.known.forEach((known, index) => {
            const sample = sink.one(index);
            expect(readable(sample, tags[index]!.recipe), known.address).toBe(known.value);
            expect(sample.quality).toBe(QUALITY.good);
            expect(sample.time).toBeGreaterThanOrEqual(before - 2000);
            expect(sample.time).toBeLessThanOrEqual(after + 2000);
          });
          expect(new Set(running.known.map((known) => known.type))).toEqual(new Set(driver.valueTypes));
        });

        it('plans without I/O, and a poll costs what the plan says', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          const before = running.seen.requests;
          const plan = made.plan('device', bind(running, running.known));
          await wait(20);
          expect(running.seen.requests).toBe(before);
          expect(plan.tags).toEqual(running.known.map((_, index) => index));
          expect(plan.bytes).toBeGreaterThan(0);
          await made.poll(plan, createCollector(), new AbortController().signal);
          expect(running.seen.requests - before).toBe(plan.requests);
        });

        it('takes 1,000 tags in one plan', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          const known = Array.from({ length: 1000 }, (_, n) => running.many(n));
          const tags = bind(running, known);
          const sink = await poll(made, tags);
          expect(sink.samples.length).toBe(1000);
          known.forEach(({ value }, index) => {
            expect(readable(sink.one(index), tags[index]!.recipe)).toBe(value);
          });
        });

        it('overlapping and duplicate tags get a sample each', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          const known = [...running.known, ...running.known, ...running.known.slice(0, 3)];
          const tags = bind(running, known);
          const sink = await poll(made, tags);
          known.forEach(({ value }, index) => {
            expect(readable(sink.one(index), tags[index]!.recipe)).toBe(value);
          });
        });

        it('an empty plan reads nothing and is no error', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          expect((await poll(made, [])).samples).toEqual([]);
        });
      });

      describe('faults', () => {
        it('a refused address goes bad alone', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          const known = Array.from({ length: 40 }, (_, n) => running.many(n));
          const tags = bind(running, [...known, { ...running.refused, order: null }]);
          for (let turn = 0; turn < 3; turn++) {
            const sink = await poll(made, tags);
            expect(sink.samples.length).toBe(41);
            known.forEach((_, index) => {
              expect(sink.one(index).quality).toBe(QUALITY.good);
            });
            expect(isBad(sink.one(40).quality)).toBe(true);
          }
          expect(running.seen.links).toBe(1);
        });

        it('a silent device is protocol.timeout within the limit, and is read again when it speaks', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          const tags = bind(running, running.known);
          await poll(made, tags);
          running.silence();
          const started = performance.now();
          await expect(poll(made, tags)).rejects.toMatchObject({ code: 'protocol.timeout', retryable: true });
          expect(performance.now() - started).toBeLessThan(1.8 * running.timeoutMs);
          running.speak();
          expect((await poll(made, tags)).samples.every((sample) => sample.quality === QUALITY.good)).toBe(true);
        });

        it('an abort stops a poll within 100 ms', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          running.silence();
          const controller = new AbortController();
          const work = poll(made, bind(running, running.known), controller.signal);
          const ended = expect(work).rejects.toThrow('aborted by the test');
          await wait(20);
          const started = performance.now();
          controller.abort(new Error('aborted by the test'));
          await ended;
          expect(performance.now() - started).toBeLessThan(100);
          await expect(poll(made, [], AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
        });

        it('a link lost during a poll throws protocol.link-lost at once', async () => {
          const running = await simulator.start();
          const made = await connect(running);
          running.silence();
          const work = poll(made, bind(running, running.known));
          setTimeout(() => running.drop(), 20);
          const started = performance.now();
          await expect(work).rejects.toMatchObject({ code: 'protocol.link-lost', retryable: true });
          expect(performance.now() - started).toBeLessThan(running.timeoutMs);
        });

        it('a port without device is protocol.connect-failed, and an abort before it stops it', async () => {
          const running = await simulator.start();
          await running.close();
          const config = driver.config.parse(running.config);
          const devices = new Map([['device', driver.device.parse(running.device)]]);
          const signal = new AbortController().signal;
          await expect(driver.connect(config, devices, createDriverContext(), signal)).rejects.toMatchObject({
            code: 'protocol.connect-failed',
            retryable: true,
          });
          const aborted = AbortSignal.abort(new Error('not today'));
          await expect(driver.connect(config, devices, createDriverContext(), aborted)).rejects.toThrow('not today');
        });

        it('closes twice, without handles left open', async () => {
          const running = await simulator.start();
          const before = openHandles();
          const made = await connect(running);
          await poll(made, bind(running, running.known));
          await made.close();
          await made.close();
          await expectNoNewHandles(before);
          await expect(poll(made, bind(running, running.known))).rejects.toMatchObject({ code: 'protocol.link-lost' });
        });
      });
    }
  });
}
