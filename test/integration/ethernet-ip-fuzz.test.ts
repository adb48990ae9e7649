import { describe, expect, it } from 'vitest';
import { createBrowser } from '#engine/protocols/ethernet-ip/browse.ts';
import { createController } from '#engine/protocols/ethernet-ip/controller.ts';
import type { Answer, Link } from '#engine/protocols/ethernet-ip/link.ts';
import { createLearned, createReadPlan, planTag } from '#engine/protocols/ethernet-ip/plan.ts';
import { runPoll } from '#engine/protocols/ethernet-ip/poll.ts';
import { isAppError } from '#shared/errors.ts';
import { QUALITY } from '#shared/model/index.ts';
import { createTagMemory } from '#simulators/ethernet-ip/index.ts';
import { createServices } from '#simulators/ethernet-ip/services.ts';
import { childrenOf } from '#test/support/browse.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { seededRandom } from '#test/support/random.ts';
import { createCollector, createDriverContext } from '#test/support/sample-collector.ts';
import { closeAll, driver, signal, startRig, type Wanted } from './ethernet-ip.ts';

const LONG = process.env.PARX_LONG === '1';
const ROUNDS = LONG ? 100_000 : 3_000;

/** Changes, cuts, lengthens or swaps bytes of an answer; half of the answers stay as they are. */
function spoil(bytes: Buffer, random: (below: number) => number): Buffer {
  if (random(2) === 0) return bytes;
  const copy = Buffer.from(bytes);
  switch (random(6)) {
    case 0:
      return copy.subarray(0, random(copy.length + 1));
    case 1:
      return Buffer.concat([copy, Buffer.alloc(random(40), random(256))]);
    case 2:
      return Buffer.from(Array.from({ length: random(80) }, () => random(256)));
    case 3:
      // A general status of any kind.
      if (copy.length > 2) copy[2] = random(48);
      return copy;
    default:
      for (let count = 1 + random(4); count > 0 && copy.length > 0; count--) {
        copy[random(Math.min(copy.length, random(2) === 0 ? 16 : 4_096))] = [0, 1, 6, 0x7f, 0xff, random(256)][
          random(6)
        ]!;
      }
      return copy;
  }
}

function createMemory() {
  const memory = createTagMemory();
  memory.defineType('Text40', [
    { name: 'LEN', type: 'DINT' },
    { name: 'DATA', type: 'SINT', length: 40 },
  ]);
  memory.defineType('Reel', [
    { name: 'Ready', type: 'BOOL' },
    { name: 'Names', type: 'Text40', length: 2 },
    { name: 'Flags', type: 'BOOL', length: 32 },
  ]);
  memory.define('Reels', 'Reel', [3]);
  memory.define('Long', 'DINT', [400]);
  memory.define('Title', 'STRING');
  memory.define('Total', 'LINT');
  memory.define('Program:Main.Speed', 'REAL');
  memory.define('Flags', 'BOOL', [64]);
  return memory;
}
const wanted: readonly Wanted[] = [
  ...Array.from({ length: 12 }, (_, n) => [`Long[${n * 30}]`, 'int32'] as const),
  ['Long[400]', 'int32'],
  ['Long[3].7', 'bit'],
  ['Title', 'string'],
  ['Reels[1].Names[1]', 'string'],
  ['Reels[1].Ready', 'bit'],
  ['Reels[2].Flags[5]', 'bit'],
  ['Flags[40]', 'bit'],
  ['Flags[63]', 'bit'],
  ['Total', 'int64'],
  ['Total.40', 'bit'],
  ['Program:Main.Speed', 'float32'],
  ['Speed', 'float64'],
];

describe('hostile answers', () => {
  guardLeaks();
  closeAll();

  it(`never break a poll or a look at the tags: ${ROUNDS} rounds`, { timeout: 900_000 }, async () => {
    const memory = createMemory();
    const identity = { vendor: 1, deviceType: 14, productCode: 1, major: 1, minor: 1, serial: 1, name: 'X' };
    const services = createServices(
      memory,
      identity,
      () => ({}),
      () => {},
    );
    const settings = driver.device.parse({ route: '', responseTimeoutMs: 50 });
    const tags = wanted.map(([text, type], index) => {
      const { address } = driver.parseAddress(text, settings);
      return {
        index,
        address,
        recipe: driver.recipe({ type, order: null, scaling: null, unit: null }, address, settings),
      };
    });
    let good = 0;
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { below: random } = seededRandom(round + 1);
      const context = createDriverContext();
      let asked = 0;
      const answer = (message: Buffer, limit: number): Answer => {
        if (++asked > 3_000) throw new Error(`Round ${round} asks without end.`);
        if (random(60) === 0) return { kind: 'silent', reason: 'No answer within 50 ms.' };
        return { kind: 'data', bytes: spoil(opened(message) ?? services.answer(message, limit), random) };
      };
      const link: Link = {
        endpoint: 'fuzz:44818',
        busy: false,
        lost: false,
        tap: null,
        register: async () => ({ kind: 'data', bytes: Buffer.alloc(4) }),
        identity: async () => ({ kind: 'silent', reason: 'no' }),
        unconnected: async (message) => answer(message, 504),
        connected: async (_route, message) => answer(message, 500),
        close: async () => {},
      };
      const controller = createController(settings, link, context);
      const learned = createLearned();
      const browse = createBrowser([{ id: 'd', controller }]);
      try {
        await controller.prepare(signal);
        for (let turn = 0; turn < 2; turn++) {
          const sink = createCollector();
          const plan = createReadPlan(controller, learned, tags.map(planTag));
          await runPoll(plan, learned, link.endpoint, context, sink, signal);
          tags.forEach(({ index }) => {
            if (sink.one(index).quality === QUALITY.good) good++;
            else refused++;
          });
          expect(sink.samples.length).toBe(tags.length);
        }
        for (const id of [null, 'd', 'd|Reels', 'd|Reels[1]', 'd|Reels[1].Names', 'd|Program:Main']) {
          for (const node of await childrenOf({ browse }, id)) {
            if (node.address !== null) driver.parseAddress(node.address, settings);
          }
        }
      } catch (error) {
        if (isAppError(error, 'protocol.timeout') || isAppError(error, 'protocol.bad-answer')) continue;
        throw new Error(`Round ${round} of the hostile answers failed.`, { cause: error });
      }
    }
    expect(good).toBeGreaterThan(ROUNDS);
    expect(refused).toBeGreaterThan(ROUNDS);
  });

  it('on a real link end in samples or in a known error, and the next link is sound', {
    timeout: 120_000,
  }, async () => {
    const rounds = LONG ? 1_000 : 60;
    for (let round = 0; round < rounds; round++) {
      const { below: random } = seededRandom(round + 77);
      const faults = {
        ...(random(3) === 0 ? { splitBytes: true } : {}),
        ...(random(4) === 0 ? { cutMidAnswer: true } : {}),
        ...(random(4) === 0 ? { garbage: true } : {}),
        ...(random(4) === 0 ? { wrongSequence: true } : {}),
        ...(random(4) === 0 ? { dropEvery: 1 + random(3) } : {}),
        ...(random(5) === 0 ? { encapsulationStatus: random(110) } : {}),
        ...(random(5) === 0 ? { lacks: [[0x0a], [0x52], [0x4c]][random(3)]! } : {}),
      };
      const rig = await startRig({ memory: createMemory(), device: { responseTimeoutMs: 20 } });
      rig.server.faults = faults;
      try {
        expect((await rig.read(wanted)).length).toBe(wanted.length);
      } catch (error) {
        if (!isAppError(error) || !error.code.startsWith('protocol.')) {
          throw new Error(`Round ${round} failed with ${JSON.stringify(faults)}.`, { cause: error });
        }
      }
      await rig.connection.close();
      await rig.server.close();
    }
  });
});

/** What the connection manager, which is no part of the tag services, answers to a request for a connection. */
function opened(message: Buffer): Buffer | null {
  const service = message[0]!;
  if (message[3] !== 0x06 || (service !== 0x54 && service !== 0x5b)) return null;
  if (service === 0x5b) return Buffer.of(0xdb, 0, 8, 0);
  const data = message.subarray(6);
  return Buffer.concat([Buffer.of(0xd4, 0, 0, 0, 9, 0, 0, 0), data.subarray(6, 18), Buffer.alloc(10)]);
}
