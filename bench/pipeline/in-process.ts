import { z } from 'zod';
import type { PollPlan, ProtocolDriver, TagBinding } from '#engine/protocols/index.ts';
import { PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';

/** Polls made so far, by device id. */
export type Counts = Map<string, number>;

/**
 * A protocol without a wire: every poll gives each tag the number of the poll, so that a sample that is missing later
 * is missed. Its own cost is one push per tag.
 */
export function inProcessDriver(counts: Counts): ProtocolDriver<Record<string, never>, Record<string, never>, string> {
  const settings = z.object({}) as unknown as z.ZodType<Record<string, never>>;
  return {
    id: 'in-process',
    title: 'In process',
    version: '1',
    summary: 'Counts polls.',
    config: settings,
    device: settings,
    address: z.string(),
    addressHelp: [],
    sample: { config: {}, device: {}, address: 'count' },
    can: { browse: false, scan: false },
    valueTypes: ['float64'],
    statusName: () => undefined,
    endpoint: () => 'this process',
    parseAddress: (text) => ({ address: text, type: null, order: null }),
    formatAddress: (address) => address,
    describeAddress: (address) => ({ canonical: address, wire: 'none' }),
    recipe: () => PLAIN_RECIPE,
    async connect(_config, _devices, { clock }) {
      const bindings = new WeakMap<PollPlan, readonly TagBinding<string>[]>();
      return {
        mode: 'poll',
        plan(deviceId, tags) {
          const plan: PollPlan = { deviceId, requests: 1, bytes: 0, tags: tags.map(({ index }) => index) };
          bindings.set(plan, tags);
          return plan;
        },
        async poll(plan, sink) {
          const count = counts.get(plan.deviceId) ?? 0;
          counts.set(plan.deviceId, count + 1);
          const time = clock.now();
          for (const { index } of bindings.get(plan) ?? []) sink.push(index, time, count, QUALITY.good);
        },
        async close() {},
      };
    },
    async *test() {},
  };
}
