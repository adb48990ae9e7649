import { z } from 'zod';
import type { PollPlan, ProtocolDriver, TagBinding } from '#engine/protocols/index.ts';
import { AppError } from '#shared/errors.ts';
import { PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';

/** What the counting driver reads from. */
export interface CountingPlant {
  /** Polls made so far, by device id. */
  readonly counts: Map<string, number>;
  /** Names of links that are out of reach; polls on them fail, and so do connects. */
  readonly down: Set<string>;
}

export const createCountingPlant = (): CountingPlant => ({ counts: new Map(), down: new Set() });

const config = z.object({ link: z.string().default('') });
type Config = z.infer<typeof config>;
const device = z.object({}) as unknown as z.ZodType<Record<string, never>>;

/**
 * A protocol without a wire: every poll gives each tag the number of the poll, so that a sample that is missing later
 * is missed. Its own cost is one push per tag.
 */
export function countingDriver({ counts, down }: CountingPlant): ProtocolDriver<Config, Record<string, never>, string> {
  const gone = (link: string, code: 'protocol.connect-failed' | 'protocol.link-lost'): AppError =>
    new AppError(code, `${link} is out of reach.`, { details: { endpoint: link }, retryable: true });
  return {
    id: 'counting',
    title: 'Counting',
    version: '1',
    summary: 'Counts polls.',
    config,
    device,
    address: z.string(),
    addressHelp: [],
    sample: { config: { link: '' }, device: {}, address: 'count' },
    can: { browse: false, scan: false },
    valueTypes: ['float64'],
    statusName: () => undefined,
    endpoint: ({ link }) => link,
    parseAddress: (text) => ({ address: text, type: null, order: null }),
    formatAddress: (address) => address,
    describeAddress: (address) => ({ canonical: address, wire: 'none' }),
    recipe: () => PLAIN_RECIPE,
    async connect({ link }, _devices, { clock }) {
      if (down.has(link)) throw gone(link, 'protocol.connect-failed');
      const bindings = new WeakMap<PollPlan, readonly TagBinding<string>[]>();
      return {
        mode: 'poll',
        plan(deviceId, tags) {
          const plan: PollPlan = { deviceId, requests: 1, bytes: 0, tags: tags.map(({ index }) => index) };
          bindings.set(plan, tags);
          return plan;
        },
        async poll(plan, sink) {
          if (down.has(link)) throw gone(link, 'protocol.link-lost');
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
