import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBad, QUALITY, qualityText } from '#shared/model/index.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { createRig, documents, merge } from './rig.ts';

const COURSES = LONG ? 2_000 : 60;
const units = [1, 2, 3] as const;
const modes = ['answers', 'silent', 'exception', 'garbage', 'bug', 'hangs'] as const;

/** What can happen to a plant, to the computer and to the project, in any order. */
const happening = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('unit' as const),
      unit: fc.constantFrom(...units),
      mode: fc.constantFrom(...modes),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('latency' as const),
      unit: fc.constantFrom(...units),
      ms: fc.integer({ min: 0, max: 400 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('connect' as const),
      how: fc.constantFrom('accepts' as const, 'refuses' as const, 'ignores' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lose' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retry' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('apply' as const), variant: fc.integer({ min: 0, max: 7 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('guest' as const), ms: fc.integer({ min: 0, max: 500 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      byMs: fc.integer({ min: -7_200_000, max: 7_200_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('sleep' as const), ms: fc.integer({ min: 6_000, max: 600_000 }) }),
  },
);
const course = fc.array(fc.tuple(happening, fc.integer({ min: 0, max: 3_000 })), { minLength: 1, maxLength: 15 });

const full = documents('mill', {
  1: [
    ['v1', 50],
    ['v2', 1_000],
  ],
  2: [['v1', 100]],
  3: [['v1', 500]],
});
const told = documents('told', { 1: [['v1', 1_000]] }, { connection: { protocol: 'push' } });
const everything = merge(full, told);

function variant(n: number): typeof everything {
  return {
    connections: everything.connections.map((connection) => ({
      ...connection,
      enabled: n !== 3,
      settings: { ...connection.settings, connectTimeoutMs: n === 4 ? 700 : 1_000 },
    })),
    devices:
      n === 5
        ? everything.devices.slice(1)
        : everything.devices.map((device) => ({ ...device, enabled: n !== 6 || device.id !== 'mill-2' })),
    tags:
      n === 7
        ? everything.tags.map((tag) => ({ ...tag, periodMs: 200 }))
        : everything.tags.filter((_, i) => n !== 1 || i % 2 === 0),
  };
}

describe('acquisition under anything', () => {
  it('reads one request at a time, holds one link, and is well again soon after the plant is', async () => {
    await fc.assert(
      fc.asyncProperty(course, async (steps) => {
        const clock = createFakeClock();
        const rig = createRig(clock, { keep: false });
        const plant = rig.plant('mill');
        const teller = rig.plant('told');
        let healthy = true;
        const tell = (async () => {
          while (healthy) {
            teller.tell([['v1', 1]]);
            await clock.sleep(300);
          }
        })();
        rig.acquisition.apply(everything);
        for (const [step, ms] of steps) {
          switch (step.kind) {
            case 'unit':
              plant.unit(step.unit).mode = step.mode;
              break;
            case 'latency':
              plant.unit(step.unit).latencyMs = step.ms;
              break;
            case 'connect':
              plant.connect = step.how;
              teller.connect = step.how;
              break;
            case 'lose':
              plant.loseLinks();
              teller.loseLinks();
              break;
            case 'retry':
              rig.acquisition.retry('mill');
              break;
            case 'apply':
              rig.acquisition.apply(variant(step.variant));
              break;
            case 'guest':
              rig.acquisition
                .link('mill')
                ?.run(() => clock.sleep(step.ms), new AbortController().signal)
                .catch(() => {});
              break;
            case 'clock':
              clock.setWall(clock.now() + step.byMs * 1_000);
              break;
            case 'sleep':
              clock.sleepThrough(step.ms);
              break;
          }
          await clock.advance(ms);
          expect(plant.links.size).toBeLessThanOrEqual(1);
          expect(teller.listeners.size).toBeLessThanOrEqual(1);
        }
        for (const one of [plant, teller]) one.connect = 'accepts';
        for (const unit of units) Object.assign(plant.unit(unit), { mode: 'answers', latencyMs: 1 });
        rig.acquisition.apply(everything);
        await clock.advance(15_000);
        const bad = everything.tags
          .filter(({ id }) => isBad(rig.latest(id).quality))
          .map(({ id }) => `${id} ${qualityText(rig.latest(id).quality)}`);
        expect(bad).toEqual([]);
        expect(rig.acquisition.status().map(({ state, message }) => [state, message])).toEqual([
          ['running', null],
          ['running', null],
        ]);
        // A read that hangs is left behind with its link; only then may a second one run, on the new link.
        expect(plant.mostAtOnce).toBeLessThanOrEqual(2);
        for (const gap of rig.gaps) expect(gap.to).toBeGreaterThan(gap.from);
        healthy = false;
        const stopped = rig.acquisition.stop();
        await clock.advance(3_000);
        await stopped;
        await tell;
        expect(plant.links.size + teller.links.size).toBe(0);
        expect(clock.pending).toBe(0);
        expect(everything.tags.every(({ id }) => rig.latest(id).quality === QUALITY.badShutdown)).toBe(true);
      }),
      { numRuns: COURSES },
    );
    figures({ courses: COURSES });
  }, 300_000);
});
