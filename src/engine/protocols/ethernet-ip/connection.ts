import type { DriverContext, PollConnection, PollPlan } from '#engine/protocols/protocol.ts';
import { isAppError } from '#shared/errors.ts';
import type { EipAddress } from './address.ts';
import { createBrowser } from './browse.ts';
import type { EipConfig, EipDevice } from './config.ts';
import { type Controller, createController } from './controller.ts';
import { type Link, notConnected, openSession } from './link.ts';
import {
  createLearned,
  createReadPlan,
  type Learned,
  type PlannedTag,
  planRevision,
  planTag,
  type ReadPlan,
} from './plan.ts';
import { runPoll } from './poll.ts';
import { readWallClock } from './wall-clock.ts';

interface Known {
  readonly controller: Controller;
  readonly learned: Learned;
}
interface PlanState extends Known {
  readonly tags: readonly PlannedTag[];
  plan: ReadPlan;
}

/** Parts of a connection made here, for the connection test that takes its turn on it. */
export interface Parts {
  readonly link: Link;
  readonly controllers: readonly Controller[];
}
const parts = new WeakMap<object, Parts>();
export const partsOf = (connection: object): Parts | undefined => parts.get(connection);

/** One session for all controllers behind it. What is learned about a controller lasts as long as the link. */
export async function connectEip(
  config: EipConfig,
  devices: ReadonlyMap<string, EipDevice>,
  context: DriverContext,
  signal: AbortSignal,
): Promise<PollConnection<EipAddress>> {
  const link = await openSession(config, context, signal);
  const known = new Map<string, Known>();
  for (const [id, settings] of devices) {
    known.set(id, { controller: createController(settings, link, context), learned: createLearned() });
  }
  try {
    // Plans depend on what connections are given. One that is silent is asked again by its first poll.
    for (const { controller } of known.values()) await controller.prepare(signal);
  } catch (error) {
    if (!isAppError(error, 'protocol.timeout')) {
      await link.close();
      throw notConnected(error, link.endpoint);
    }
  }
  const states = new WeakMap<PollPlan, PlanState>();

  const current = (state: PlanState): ReadPlan => {
    if (state.plan.revision !== planRevision(state.controller, state.learned)) {
      state.plan = createReadPlan(state.controller, state.learned, state.tags);
    }
    return state.plan;
  };
  let closing: Promise<void> | null = null;

  const connection: PollConnection<EipAddress> = {
    mode: 'poll',
    plan(deviceId, bindings) {
      const one = known.get(deviceId);
      if (one === undefined) throw new Error(`The connection was made without the device ${deviceId}.`);
      const tags = bindings.map(planTag);
      const state: PlanState = { ...one, tags, plan: createReadPlan(one.controller, one.learned, tags) };
      const plan: PollPlan = {
        deviceId,
        get requests() {
          return current(state).packets.length;
        },
        get bytes() {
          return current(state).bytes;
        },
        tags: tags.map((tag) => tag.index),
      };
      states.set(plan, state);
      return plan;
    },
    async poll(plan, sink, until) {
      until.throwIfAborted();
      const state = states.get(plan);
      if (state === undefined) throw new Error('The plan was made by another connection.');
      await state.controller.prepare(until);
      await runPoll(current(state), state.learned, link.endpoint, context, sink, until);
    },
    async readClock(deviceId, until) {
      const one = known.get(deviceId);
      return one === undefined ? null : readWallClock(one.controller, context.clock, until);
    },
    notice() {
      const refusals = [...known.values()].map(({ controller }) => controller.refusal).filter((why) => why !== null);
      if (refusals.length === 0) return null;
      return `The controller gives no connection, so tags are read in small packets: ${refusals[0]}. Close other programs that are connected to it, or set the connection to none.`;
    },
    browse: createBrowser([...known].map(([id, { controller }]) => ({ id, controller }))),
    close() {
      closing ??= (async () => {
        for (const { controller } of known.values()) await controller.close();
        await link.close();
      })();
      return closing;
    },
  };
  parts.set(connection, { link, controllers: [...known.values()].map(({ controller }) => controller) });
  return connection;
}
