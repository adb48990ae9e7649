import {
  climb,
  climbNetwork,
  connectFinding,
  type DriverContext,
  type Finding,
  type Ladder,
  type SharedLink,
} from '#engine/protocols/protocol.ts';
import type { TestStep } from '#shared/model/index.ts';
import { describeAddress, type EipAddress } from './address.ts';
import { identityText, parseIdentity, readRequest, STATUS } from './cip.ts';
import { dialTarget, type EipConfig, type EipDevice, endpointOf } from './config.ts';
import { partsOf } from './connection.ts';
import { type Controller, createController } from './controller.ts';
import { DWORD, dataType, typeName } from './data-type.ts';
import { parseValue } from './decode.ts';
import { askIdentity } from './identity.ts';
import { type Link, openLink } from './link.ts';
import { symbolPath } from './path.ts';
import { statusAdvice, statusText } from './status.ts';

interface Target {
  readonly config: EipConfig;
  readonly device: EipDevice;
  readonly readAddress: EipAddress | null;
}
/** Gives link and controller for the time of one step; null where there are none. */
type Turn = (use: (link: Link, controller: Controller) => Promise<Finding>) => Promise<Finding>;
/** The connection test, from this computer's own address up to one value. */
export function testEip(
  target: Target,
  context: DriverContext,
  signal: AbortSignal,
  shared: SharedLink<EipAddress> | null,
): AsyncIterable<TestStep> {
  return climb(
    context.clock,
    signal,
    (ladder) => eipSteps(ladder, target, context, signal, shared),
    'Check address, power and path of the controller, then test again.',
  );
}

async function* eipSteps(
  ladder: Ladder,
  target: Target,
  context: DriverContext,
  signal: AbortSignal,
  shared: SharedLink<EipAddress> | null,
): AsyncGenerator<TestStep> {
  const { step, show } = ladder;
  const { config, device } = target;
  const endpoint = endpointOf(config);
  yield* climbNetwork(ladder, context.network, dialTarget(config), signal);
  if (shared === null) yield* testOwnLink();
  else yield* testSharedLink(shared);

  async function* testOwnLink(): AsyncGenerator<TestStep> {
    let link: Link | null = null;
    let controller: Controller | null = null;
    try {
      yield await step('TCP connection', async () => {
        try {
          link = await openLink(config, context, signal);
        } catch (error) {
          return connectFinding(error, context.network, dialTarget(config));
        }
        link.tap = show;
        controller = createController(device, link, context);
        return { ok: true, says: `${endpoint} accepted a connection of its own for this test.` };
      });
      yield* testRequests(
        async (use) => (link === null || controller === null ? noLink : use(link, controller)),
        async (own) => {
          const answer = await own.register(config.connectTimeoutMs, signal);
          return answer.kind === 'silent'
            ? {
                ok: false,
                says: `The host accepts the connection and does not begin an EtherNet/IP session. ${answer.reason}`,
                advice: 'Check that the port belongs to an EtherNet/IP device.',
              }
            : { ok: true, says: 'The host speaks EtherNet/IP and has begun a session.' };
        },
      );
    } finally {
      await (controller as Controller | null)?.close();
      await (link as Link | null)?.close();
    }
  }

  async function* testSharedLink(running: SharedLink<EipAddress>): AsyncGenerator<TestStep> {
    yield await step('TCP connection', async () => ({
      ok: true,
      skipped: true,
      says: `The running link to ${endpoint} is used; no second connection is opened.`,
    }));
    const turn: Turn = (use) =>
      running.run(async (connection) => {
        const found = partsOf(connection);
        if (found === undefined) return noLink;
        const { link } = found;
        const same = found.controllers.find(({ settings }) => settings.route === device.route);
        const controller = same ?? createController(device, link, context);
        const before = link.tap;
        link.tap = show;
        try {
          return await use(link, controller);
        } finally {
          if (same === undefined) await controller.close();
          link.tap = before;
        }
      }, signal);
    yield* testRequests(turn, async () => ({
      ok: true,
      skipped: true,
      says: 'The session of the running link is used.',
    }));
  }

  async function* testRequests(turn: Turn, begin: (link: Link) => Promise<Finding>): AsyncGenerator<TestStep> {
    yield await step('Session', () => turn((link) => begin(link)));
    yield await step('Identity', () =>
      turn(async (link) => {
        const answer = await link.identity(device.responseTimeoutMs, signal);
        const identity = answer.kind === 'data' ? parseIdentity(answer.bytes) : null;
        if (identity !== null) return { ok: true, says: `The host is ${identityText(identity)}.` };
        return {
          ok: true,
          says: 'The host does not tell what it is.',
          advice: 'Its tags may be readable all the same.',
        };
      }),
    );
    yield await step('Controller', () => turn((_link, controller) => checkController(controller, device, signal)));
    yield await step('Connection', () => turn((_link, controller) => checkConnection(controller, device, signal)));
    yield await step('Read', async () => {
      const { readAddress } = target;
      if (readAddress === null) {
        return { ok: true, skipped: true, says: 'The controller has no tag here yet, so no value was read.' };
      }
      return turn((_link, controller) => checkRead(controller, readAddress, signal));
    });
  }
}

const noLink: Finding = {
  ok: false,
  says: 'There is no link to ask on.',
  advice: 'Start the connection and test again.',
};

async function checkController(controller: Controller, device: EipDevice, signal: AbortSignal): Promise<Finding> {
  const way = device.route === '' ? 'The host' : `The controller at path ${device.route}`;
  const found = await askIdentity(controller, signal);
  if (found.kind === 'identity') return { ok: true, says: `${way} is ${identityText(found.identity)}.` };
  // What stands on the way, says so by a connection failure; all else comes from the controller itself.
  if (found.status === STATUS.connectionFailure) {
    return {
      ok: false,
      says: `The path ${device.route === '' ? '' : `${device.route} `}leads nowhere: ${found.reason}.`,
      advice: statusAdvice(found.status, found.extended),
    };
  }
  return { ok: true, says: `${way} answers, but does not tell what it is (${found.reason}).` };
}

async function checkConnection(controller: Controller, device: EipDevice, signal: AbortSignal): Promise<Finding> {
  if (device.connection === 'none') {
    return { ok: true, skipped: true, says: 'Set to none: tags are read in small packets, without a connection.' };
  }
  await controller.prepare(signal);
  if (controller.connectionBytes !== null) {
    return { ok: true, says: `The controller gives a connection with packets of ${controller.connectionBytes} bytes.` };
  }
  return {
    ok: true,
    says: `The controller gives no connection (${controller.refusal ?? 'it was refused'}); tags are read in small packets, without one.`,
    advice: 'Close other programs that are connected to the controller, or set the connection to none.',
  };
}

async function checkRead(controller: Controller, address: EipAddress, signal: AbortSignal): Promise<Finding> {
  const { canonical } = describeAddress(address);
  const heard = await controller.ask(readRequest(symbolPath(address.path), 1), signal);
  if (heard.kind !== 'reply') {
    return {
      ok: false,
      says: `${canonical}: the answer can't be used${heard.kind === 'malformed' ? `: ${heard.reason}` : ''}.`,
      advice: 'Test again; if it stays so, keep the raw bytes for the maker of the controller.',
    };
  }
  const { reply } = heard;
  const first = reply.status === STATUS.ok ? parseValue(reply.data, 1) : null;
  // An array of BOOL is kept in words of 32, which the index of a word may lie behind.
  if (reply.status === 0xff || first?.type === DWORD) {
    const flag = await readFlag(controller, address, signal);
    if (flag !== null) {
      return { ok: true, says: `${canonical} is in an array of BOOL, type bit here, and holds ${flag}.` };
    }
  }
  if (reply.status !== STATUS.ok && reply.status !== STATUS.partial) {
    return {
      ok: false,
      says: `${canonical}: the controller answers ${statusText(reply.status, reply.extended)}.`,
      advice: statusAdvice(reply.status, reply.extended),
    };
  }
  const value = first ?? parseValue(reply.data, 1);
  if (value === null) {
    return {
      ok: false,
      says: `${canonical}: the answer has no value in it.`,
      advice: 'Test again; if it stays so, keep the raw bytes for the maker of the controller.',
    };
  }
  const hex = value.bytes
    .subarray(0, 16)
    .toString('hex')
    .toUpperCase()
    .replace(/..(?=.)/g, '$& ');
  const more = value.bytes.length > 16 ? ' and more' : '';
  const type = dataType(value.type);
  const advised = type === undefined ? '' : `, type ${type.as[0]} here`;
  return { ok: true, says: `${canonical} is ${typeName(value.type)}${advised}, and holds ${hex}${more} in hex.` };
}

/** One of an array of BOOL; null where the address leads to no such array. */
async function readFlag(controller: Controller, address: EipAddress, signal: AbortSignal): Promise<number | null> {
  const last = address.path.at(-1)!;
  const index = last.index[0];
  if (index === undefined || last.index.length > 1) return null;
  const path = symbolPath([...address.path.slice(0, -1), { name: last.name, index: [index >>> 5] }]);
  const heard = await controller.ask(readRequest(path, 1), signal);
  const value = heard.kind === 'reply' && heard.reply.status === STATUS.ok ? parseValue(heard.reply.data, 1) : null;
  if (value?.type !== DWORD || value.bytes.length < 4) return null;
  return (value.bytes[(index & 31) >> 3]! >> (index & 7)) & 1;
}
