import type { DriverContext, PollConnection, PollPlan } from '#engine/protocols/protocol.ts';
import type { ModbusAddress } from './address.ts';
import type { ModbusConfig, ModbusDevice } from './config.ts';
import type { Link } from './link.ts';
import { openLink } from './open-link.ts';
import { peekUnit } from './peek.ts';
import { createReadPlan, createUnit, planBytes, type ReadPlan, sortTags, type TagTable, type Unit } from './plan.ts';
import { runPoll } from './poll.ts';

interface PlanState {
  plan: ReadPlan;
  readonly byTable: readonly TagTable[];
}

/** Once may be chance. */
const NOTICED_AFTER = 3;

/** Links of connections made here, for tests and scans that take their turns on one. */
const links = new WeakMap<object, { readonly link: Link; readonly units: ReadonlyMap<string, Unit> }>();
export const linkOf = (connection: object): Link | undefined => links.get(connection)?.link;
export const unitOf = (connection: object, deviceId: string): Unit | undefined =>
  links.get(connection)?.units.get(deviceId);

/** One link for all units behind it. What is learned about a unit lasts as long as the link. */
export async function connectModbus(
  config: ModbusConfig,
  devices: ReadonlyMap<string, ModbusDevice>,
  context: DriverContext,
  signal: AbortSignal,
): Promise<PollConnection<ModbusAddress>> {
  const units = new Map<string, Unit>();
  for (const [id, settings] of devices) units.set(id, createUnit(settings));
  const link = await openLink(config, context, signal);
  const states = new WeakMap<PollPlan, PlanState>();

  /** Made anew when the unit has been found to refuse more, or less, than the plan knows of. */
  const current = (state: PlanState): ReadPlan => {
    const { plan } = state;
    if (plan.revision !== plan.unit.refusals.revision) {
      state.plan = createReadPlan(plan.unit, plan.tags, state.byTable);
      plan.unit.failing.clear();
    }
    return state.plan;
  };

  const connection: PollConnection<ModbusAddress> = {
    mode: 'poll',
    plan(deviceId, bindings) {
      const unit = units.get(deviceId);
      if (unit === undefined) throw new Error(`The connection was made without the device ${deviceId}.`);
      const { tags, byTable } = sortTags(bindings);
      const state: PlanState = { plan: createReadPlan(unit, tags, byTable), byTable };
      const plan: PollPlan = {
        deviceId,
        get requests() {
          return current(state).requests.length;
        },
        get bytes() {
          return planBytes(current(state), config.framing);
        },
        spacingMs: Math.max(
          unit.settings.pauseMs,
          config.requestsPerSecond === 0 ? 0 : 1000 / config.requestsPerSecond,
        ),
        tags: tags.map((tag) => tag.index),
      };
      states.set(plan, state);
      return plan;
    },
    async poll(plan, sink, signal) {
      signal.throwIfAborted();
      const state = states.get(plan);
      if (state === undefined) throw new Error('The plan was made by another connection.');
      await runPoll(current(state), link, context, sink, signal);
    },
    async peek(place, count, signal) {
      if ('node' in place) return null;
      const unit = units.get(place.deviceId);
      if (unit === undefined) throw new Error(`The connection was made without the device ${place.deviceId}.`);
      return peekUnit(unit, link, context.clock, place.address, count, signal);
    },
    notice: () => link.notice(NOTICED_AFTER),
    close: () => link.close(),
  };
  links.set(connection, { link, units });
  return connection;
}
