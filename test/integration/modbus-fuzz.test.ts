import { afterEach, describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { QUALITY } from '#shared/model/index.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import {
  exception,
  frame,
  honest,
  type ModbusPeer,
  type PeerBehaviour,
  type PeerRequest,
  startPeer,
  wordAt,
} from '#test/support/modbus-peer.ts';
import { connectRig, fast, type Rig } from '#test/support/modbus-rig.ts';
import { seededRandom } from '#test/support/random.ts';

let peer: ModbusPeer | undefined;
let rig: Rig | undefined;
guardLeaks();
afterEach(async () => {
  await rig?.connection.close();
  await peer?.close();
  rig = peer = undefined;
});

const ROUNDS = LONG ? 100_000 : 2000;

describe('hostile answers', () => {
  it(
    `${ROUNDS} rounds end in right values or clean errors, in bounded memory`,
    async () => {
      const { next: random, below } = seededRandom(20_261);
      const bytes = (count: number): number[] => Array.from({ length: count }, () => below(256));
      let history: Buffer[] = [];
      const bend: ((request: PeerRequest) => Buffer)[] = [
        honest,
        honest,
        honest,
        // A header field changed; the data are right, so that what is accepted in spite of it is right as well.
        (request) => {
          const bent = Buffer.from(honest(request));
          const at = below(9);
          bent[at] = below(256);
          return bent;
        },
        (request) => honest(request).subarray(0, below(12)),
        (request) => Buffer.concat([honest(request), honest(request)]),
        (request) => Buffer.concat([honest({ ...request, number: below(65_536), offset: 500 }), honest(request)]),
        (request) => Buffer.concat([history[below(history.length)] ?? honest(request), honest(request)]),
        (request) => exception(request, below(256)),
        (request) => frame(request.number, [request.unit, request.functionCode, below(256)]),
        (request) => frame(request.number, bytes(1 + below(253)), below(65_536)),
        (request) => honest({ ...request, count: below(125) + 1 }),
        (request) => honest({ ...request, unit: below(256) }),
        () => Buffer.from(bytes(below(600))),
        () => Buffer.alloc(0),
      ];
      const answer: PeerBehaviour = (request, socket) => {
        const sent = bend[below(bend.length)]!(request);
        history = [...history.slice(-20), honest(request)];
        if (random() < 0.02) socket.resetAndDestroy();
        else if (random() < 0.3) {
          const cut = below(sent.length + 1);
          socket.write(sent.subarray(0, cut));
          setImmediate(() => socket.writable && socket.write(sent.subarray(cut)));
        } else socket.write(sent);
      };
      peer = await startPeer(answer, () => {
        history = [];
      });

      const before = process.memoryUsage().arrayBuffers;
      let good = 0;
      let refused = 0;
      let lost = 0;
      for (let round = 0; round < ROUNDS; round++) {
        rig ??= await connectRig(peer.port, [fast({ responseTimeoutMs: 10, busyRetries: 1, busyDelayMs: 1 })]);
        const offset = below(400);
        const tags = [
          { functionCode: 3, offset },
          { functionCode: 3, offset: offset + 1 + below(60) },
          { functionCode: 4, offset },
        ];
        const plan = rig.plan(tags.map((tag) => `${tag.functionCode === 3 ? 'h' : 'i'}${tag.offset}`));
        const { sink } = rig;
        try {
          await rig.poll(plan);
          expect(sink.samples.map((sample) => sample.tag).sort()).toEqual([0, 1, 2]);
        } catch (error) {
          if (!isAppError(error)) throw error;
          refused++;
          if (error.code === 'protocol.link-lost') {
            lost++;
            await rig.connection.close();
            rig = undefined;
          }
        }
        for (const { tag, value, quality } of sink.samples) {
          if (quality !== QUALITY.good) continue;
          good++;
          expect(value).toBe(wordAt({ unit: 1, functionCode: tags[tag]!.functionCode }, tags[tag]!.offset));
        }
      }
      figures({ rounds: ROUNDS, 'good values': good, refused, 'links lost': lost });
      // Both kinds of end must have been seen often, or the rounds tested nothing.
      expect(good).toBeGreaterThan(ROUNDS / 2);
      expect(refused).toBeGreaterThan(ROUNDS / 20);
      expect(lost).toBeGreaterThan(ROUNDS / 50);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
    },
    15 * 60_000,
  );
});
