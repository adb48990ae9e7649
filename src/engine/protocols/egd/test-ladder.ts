import type { Network } from '#engine/platform/index.ts';
import {
  climb,
  type DriverContext,
  type Finding,
  hexText,
  type Ladder,
  missingAddress,
  type SharedLink,
} from '#engine/protocols/protocol.ts';
import { isAppError } from '#shared/errors.ts';
import type { TestStep } from '#shared/model/index.ts';
import { describeAddress, type EgdAddress } from './address.ts';
import { type EgdConfig, type EgdDevice, endpointOf } from './config.ts';
import { connectEgd, earsOf, mismatchOf } from './connection.ts';
import { explain } from './explain.ts';
import { HEADER_BYTES, parseHeader, producerNumber, producerText } from './header.ts';
import { socketTrouble } from './socket.ts';
import { statusName } from './status.ts';

interface Target {
  readonly config: EgdConfig;
  readonly device: EgdDevice;
  readonly readAddress: EgdAddress | null;
}
interface Caught {
  readonly bytes: Uint8Array;
  readonly from: string;
}

/** Productions are waited for as long as their time-out, but at most so long: somebody sits before the screen. */
const LONGEST_WAIT_MS = 10_000;
/** Datagrams that are shown and looked at; a busy port carries thousands a second. */
const MOST_CAUGHT = 500;

/** The connection test: nothing can be asked for, so it listens and says what it heard. */
export function testEgd(
  target: Target,
  context: DriverContext,
  signal: AbortSignal,
  shared: SharedLink<EgdAddress> | null,
): AsyncIterable<TestStep> {
  return climb(context.clock, signal, (ladder) => egdSteps(ladder, target, context, signal, shared));
}

async function* egdSteps(
  ladder: Ladder,
  target: Target,
  context: DriverContext,
  signal: AbortSignal,
  shared: SharedLink<EgdAddress> | null,
): AsyncGenerator<TestStep> {
  const { step } = ladder;
  const { config, device } = target;
  const producer = producerNumber(device.producerId) ?? 0;
  const caught: Caught[] = [];
  let stop: () => Promise<void> = async () => undefined;
  try {
    yield await step('Own addresses', async () => ownAddressFinding(context.network, config, device));
    yield await step('Port', async () => {
      if (shared === null) {
        const opened = await connectEgd(config, new Map(), context, signal).catch((error: unknown) => {
          if (isAppError(error, 'protocol.connect-failed')) return error;
          throw error;
        });
        if (isAppError(opened, 'protocol.connect-failed')) {
          const { sentence, advice } = socketTrouble(opened.cause, config);
          return { ok: false, says: sentence, advice };
        }
        const ears = earsOf(opened)!;
        ears.tap = keep;
        stop = () => opened.close();
        const groups = config.groups.length === 0 ? '' : ` Joined ${config.groups.join(', ')}.`;
        return { ok: true, says: `Listening on ${endpointOf(config)}.${groups}` };
      }
      const ears = await shared.run(async (connection) => earsOf(connection), signal);
      if (ears === undefined) return { ok: false, says: 'The running link ended.', advice: 'Test again.' };
      const before = ears.tap;
      ears.tap = keep;
      stop = async () => {
        ears.tap = before;
      };
      return {
        ok: true,
        skipped: true,
        says: `The running link on ${endpointOf(config)} is used; the port has one receiver.`,
      };
    });
    const waitMs = Math.min(LONGEST_WAIT_MS, device.timeoutMs);
    const heardUntil = context.clock.monotonicMs() + waitMs;
    const wait = (enough: () => boolean): Promise<void> => listen(enough, heardUntil);
    const seconds = `${(waitMs / 1_000).toLocaleString('en', { maximumFractionDigits: 1 })} s`;

    yield await step('Anything heard', async () => {
      await wait(() => caught.length > 0);
      if (caught.length === 0) {
        return {
          ok: false,
          says: `Nothing arrived in ${seconds}.`,
          advice:
            'Check that the producer runs, that this computer is its destination or that its multicast group is joined, and that the firewall lets the port in.',
        };
      }
      show(caught[0]!);
      return { ok: true, says: `The first datagram came from ${caught[0]!.from}, ${caught[0]!.bytes.length} bytes.` };
    });
    yield await step('EGD', async () => {
      await wait(() => caught.some(isProduction));
      const swapped = caught.find(({ bytes }) => parseHeader(bytes).kind === 'swapped');
      const sound = caught.find(isProduction);
      show(sound ?? caught[0]!);
      if (sound !== undefined) {
        return { ok: true, says: explain('received', sound.bytes)[0]! };
      }
      if (swapped !== undefined) {
        return {
          ok: false,
          says: `${swapped.from} sends type and version of the header in the wrong order, as some simulators do.`,
          advice: 'Correct the producer, or switch "Accept swapped type and version" on.',
        };
      }
      const first = parseHeader(caught[0]!.bytes);
      return {
        ok: false,
        says: `What arrives is no EGD: ${first.kind === 'other' ? first.reason : 'its header is not known'}.`,
        advice: 'Check the port, and which program sends to it.',
      };
    });
    yield await step('Producer', async () => {
      await wait(() => caught.some((one) => isProduction(one) && headerOf(one)?.producer === producer));
      if (caught.some((one) => headerOf(one)?.producer === producer)) {
        return { ok: true, says: `Producer ${device.producerId} is heard.` };
      }
      return {
        ok: false,
        says: `Producer ${device.producerId} was not heard in ${seconds}, but ${list(caught.map((one) => producerText(headerOf(one)?.producer ?? 0)))}.`,
        advice: 'Set the producer id to one that is heard, or check the producer.',
      };
    });
    const own = (one: Caught): boolean => {
      const header = headerOf(one);
      return header?.producer === producer && header.exchange === device.exchangeId;
    };
    yield await step('Exchange', async () => {
      await wait(() => caught.some(own));
      const found = caught.find(own);
      if (found !== undefined) {
        show(found);
        return { ok: true, says: explain('received', found.bytes)[0]! };
      }
      const others = caught.filter((one) => headerOf(one)?.producer === producer);
      return {
        ok: false,
        says: `Exchange ${device.exchangeId} was not heard in ${seconds}; this producer sends ${list(others.map((one) => String(headerOf(one)?.exchange)))}.`,
        advice: 'Set the exchange id to one that is heard, or wait longer by a larger time-out.',
      };
    });
    yield await step('Layout', async () => {
      const found = caught.findLast(own)!;
      const header = headerOf(found)!;
      const mismatch = mismatchOf(device, header, found.bytes.length - HEADER_BYTES);
      if (mismatch !== null) {
        return {
          ok: false,
          says: `The exchange does not fit its layout: ${mismatch}.`,
          advice: 'Compare the exchange in the controller with the tags here, then set length and signature anew.',
        };
      }
      const status = statusName(header.status) ?? `status ${header.status}`;
      return { ok: true, says: `Length and signature fit; the producer reports ${status}.` };
    });
    yield await step('Read', async () => {
      if (target.readAddress === null) {
        return { ok: true, skipped: true, says: 'The exchange has no tag yet, so no value was read.' };
      }
      const found = caught.findLast(own)!;
      show(found);
      const { canonical, wire } = describeAddress(target.readAddress);
      if (target.readAddress.field !== null)
        return { ok: true, says: `${canonical} (${wire}) is in every production.` };
      const bytes = found.bytes
        .subarray(HEADER_BYTES + target.readAddress.offset)
        .subarray(0, target.readAddress.length ?? 4);
      if (bytes.length === 0) {
        return {
          ok: false,
          says: `${canonical} (${wire}) lies behind the ${found.bytes.length - HEADER_BYTES} bytes of the exchange.`,
          advice: 'Correct the address of the tag.',
        };
      }
      return { ok: true, says: `${canonical} (${wire}) begins with ${hexText(bytes)} in hex.` };
    });
  } finally {
    await stop();
  }

  function show({ bytes }: Caught): void {
    ladder.show('received', bytes);
  }
  function keep(bytes: Uint8Array, from: string): void {
    // The exchange that is looked for must not be crowded out by the others.
    if (caught.length >= MOST_CAUGHT) caught.splice(MOST_CAUGHT / 2, 1);
    caught.push({ bytes: Uint8Array.from(bytes), from });
  }
  function headerOf({ bytes }: Caught) {
    const parsed = parseHeader(bytes);
    return parsed.kind === 'other' ? null : parsed.header;
  }
  function isProduction({ bytes }: Caught): boolean {
    const { kind } = parseHeader(bytes);
    return kind === 'data' || (kind === 'swapped' && config.acceptSwapped);
  }
  async function listen(enough: () => boolean, untilMs: number): Promise<void> {
    while (!enough() && context.clock.monotonicMs() < untilMs) {
      signal.throwIfAborted();
      await context.clock.sleep(20, signal);
    }
  }
}

function ownAddressFinding(network: Network, config: EgdConfig, device: EgdDevice): Finding {
  const own = network.ownAddresses().filter((one) => one.family === 4);
  const missing = missingAddress(own, config.localAddress);
  if (missing !== null) return missing;
  const near = network.inSameNetwork(own, device.producerId);
  if (near !== undefined) {
    return { ok: true, says: `${device.producerId} is in the network of adapter ${near.adapter} (${near.address}).` };
  }
  return {
    ok: true,
    says: `${device.producerId} is in none of this computer's networks (${own.map((one) => `${one.address}/${one.prefix}`).join(', ')}); its productions have to be routed, or the id is not an address.`,
  };
}

function list(texts: readonly string[]): string {
  const different = [...new Set(texts)];
  if (different.length === 0) return 'nothing';
  return different.length > 8
    ? `${different.slice(0, 8).join(', ')} and ${different.length - 8} more`
    : different.join(', ');
}
