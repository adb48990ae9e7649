import { isIP } from 'node:net';
import { isAppError } from '#shared/errors.ts';
import type { TestStep } from '#shared/model/index.ts';
import type { Clock } from './clock.ts';
import type { DialTarget } from './dial.ts';
import type { Network, OwnAddress } from './network-check.ts';

/** What a step of the connection test found; its time and the raw bytes are added by who runs it. */
export interface Finding {
  readonly ok: boolean;
  readonly skipped?: boolean;
  readonly says: string;
  readonly advice?: string;
}

export interface Ladder {
  /** Does one step and times it; after a failed one it is only shown as not tried. Rejects when the signal aborts. */
  step(name: string, work: () => Promise<Finding>): Promise<TestStep>;
  /** Adds bytes to what the step under way shows. */
  show(direction: 'sent' | 'received', bytes: Uint8Array): void;
}

/**
 * The connection test of a driver: `steps` yields each as it ends. Steps after a failed one are kept as skipped, so that
 * the list always has the same length. Ends early, without a step, when the signal aborts. `unforeseen` is the advice of
 * a step that throws.
 */
export async function* climb(
  clock: Clock,
  signal: AbortSignal,
  steps: (ladder: Ladder) => AsyncIterable<TestStep>,
  unforeseen?: string,
): AsyncGenerator<TestStep> {
  const raw: TestStep['raw'][number][] = [];
  let failed = false;
  const attempt = async (work: () => Promise<Finding>): Promise<Finding> => {
    if (failed) return { ok: false, skipped: true, says: 'Not tried, because an earlier step failed.' };
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw error;
      const says = error instanceof Error ? error.message : String(error);
      return unforeseen === undefined ? { ok: false, says } : { ok: false, says, advice: unforeseen };
    }
  };
  const ladder: Ladder = {
    async step(name, work) {
      const start = clock.monotonicMs();
      raw.length = 0;
      const { ok, skipped, says, advice } = await attempt(work);
      if (!ok) failed = true;
      const ms = clock.monotonicMs() - start;
      return { name, ok, skipped: skipped ?? false, ms, says, advice: advice ?? null, raw: [...raw] };
    },
    show: (direction, bytes) => void raw.push({ direction, hex: hexText(bytes) }),
  };
  try {
    yield* steps(ladder);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The first steps of every test over TCP: name, own addresses and route to the device. */
export async function* climbNetwork(
  { step }: Ladder,
  network: Network,
  target: DialTarget,
  signal: AbortSignal,
): AsyncGenerator<TestStep> {
  const { host, port, localAddress } = target;
  let addresses: readonly string[] = [];
  yield await step('Name', async () => {
    if (isIP(host) !== 0) {
      addresses = [host];
      return { ok: true, skipped: true, says: `${host} is an IP address; there is no name to look up.` };
    }
    try {
      addresses = await network.lookUp(host, signal);
    } catch (error) {
      return troubleFinding(error);
    }
    return { ok: true, says: `${host} is ${addresses.join(', ')}.` };
  });
  yield await step('Own addresses', async () => ownAddressFinding(network, addresses[0] ?? host, localAddress));
  yield await step('Route', async () => {
    try {
      const from = await network.routeTo(addresses[0] ?? host, port, signal);
      return { ok: true, says: `Packets to ${addresses[0]} leave from ${from}.` };
    } catch (error) {
      return troubleFinding(error);
    }
  });

  function troubleFinding(error: unknown): Finding {
    signal.throwIfAborted();
    const { sentence, advice } = network.connectTrouble(error, target);
    return { ok: false, says: sentence, advice };
  }
}

const timedOut = Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });

/** What an attempt to connect ended with that opened no connection. Throws what is neither refusal nor time-out. */
export function connectFinding(error: unknown, network: Network, target: DialTarget): Finding {
  if (isAppError(error, 'protocol.connect-failed')) {
    const { sentence, advice } = network.connectTrouble(error.cause, target);
    return { ok: false, says: sentence, advice };
  }
  if (!isAppError(error, 'protocol.timeout')) throw error;
  const { advice } = network.connectTrouble(timedOut, target);
  return { ok: false, says: `${target.endpoint} did not answer within ${target.connectTimeoutMs} ms.`, advice };
}

function ownAddressFinding(network: Network, target: string, localAddress: string): Finding {
  const own = network.ownAddresses();
  const missing = missingAddress(own, localAddress);
  if (missing !== null) return missing;
  const near = network.inSameNetwork(own, target);
  if (near !== undefined) {
    return {
      ok: true,
      says: `${target} is in the network of adapter ${near.adapter} (${near.address}/${near.prefix}).`,
    };
  }
  return {
    ok: true,
    says: `${target} is in none of this computer's networks (${listOf(own)}), so a router has to lead there.`,
    advice: 'If the device is on the same cable or switch, give this computer an address in the network of the device.',
  };
}

/** Null where the computer has the own address that the connection asks for, or none is asked for. */
export function missingAddress(own: readonly OwnAddress[], localAddress: string): Finding | null {
  if (localAddress === '' || own.some((one) => one.address === localAddress)) return null;
  return {
    ok: false,
    says: `The connection asks for the own address ${localAddress}, which no adapter of this computer has.`,
    advice: `Use one of ${listOf(own)}, or leave "Own address" empty.`,
  };
}

function listOf(own: readonly OwnAddress[]): string {
  const outward = own.filter((one) => one.family === 4 && !one.address.startsWith('127.'));
  return outward.length === 0 ? 'no adapter is up' : outward.map((one) => `${one.address}/${one.prefix}`).join(', ');
}

/** "00 1a ff". */
export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
}
