import type { DriverContext, PushConnection, SampleSink, TagBinding } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import { QUALITY, type UnixMicros } from '#shared/model/index.ts';
import type { EgdAddress } from './address.ts';
import { browseHeard, exchangeOf, exchangeOfDevice } from './browse.ts';
import { type EgdConfig, type EgdDevice, endpointOf } from './config.ts';
import { HEADER_BYTES, type Header, parseHeader, producerNumber, producerText, signatureText } from './header.ts';
import { createHeard, type Heard } from './heard.ts';
import { createLayout, type Layout } from './layout.ts';
import { joinGroups, openSocket } from './socket.ts';
import { qualityOf, timeIsSound } from './status.ts';

/** Strangers who were named in the log; more are only counted. */
const MOST_NAMED = 100;

/** Two producers with one id and two layouts would fill the log: a few sentences at once, then one a second. */
const SENTENCE_MS = 1_000;
const SENTENCES_AT_ONCE = 5;

/** So long after the last of them, productions with a swapped header are still told. */
const SWAPPED_TOLD_MS = 10_000;

/** One device document: what is expected of its exchange, and its tags while somebody listens. */
interface Expected {
  readonly device: EgdDevice;
  layout: Layout | null;
  /** Why its last production can't be used; null where it can. */
  mismatch: string | null;
  /** The mismatch that was last said in the log. */
  said: string | null;
  /** Monotonic time up to which sentences have been used up. */
  saidUpToMs: number;
}

export type Datagram = (bytes: Uint8Array, from: string) => void;

/** The parts of a connection that the connection test looks at. */
export interface Ears {
  readonly heard: Heard;
  /** Called with every datagram while it is set. */
  tap: Datagram | null;
}
const ears = new WeakMap<object, Ears>();
export const earsOf = (connection: object): Ears | undefined => ears.get(connection);

/** Why a production can't be used with this layout; null when it can. */
export function mismatchOf(device: EgdDevice, header: Header, dataBytes: number): string | null {
  if (device.dataBytes > 0 && dataBytes !== device.dataBytes) {
    return `it has ${dataBytes} bytes of data, and the layout was made for ${device.dataBytes}`;
  }
  if (device.signature > 0 && header.signature !== device.signature) {
    return `its configuration signature is ${signatureText(header.signature)}, and the layout was made for ${signatureText(device.signature)}`;
  }
  return null;
}

/** Any address of the loopback network can be listened on, whether an adapter has it or not. */
const missingOwn = (address: string, own: readonly { readonly address: string }[]): boolean =>
  address !== '' && !address.startsWith('127.') && !own.some((one) => one.address === address);

const swappedText = (from: string): string =>
  `Productions from ${from} have type and version of the header in the wrong order, and are not used. Correct the producer, or switch "Accept swapped type and version" on.`;

/** Hears all exchanges on one port; no packet is ever sent. */
export async function connectEgd(
  config: EgdConfig,
  devices: ReadonlyMap<string, EgdDevice>,
  context: DriverContext,
  signal: AbortSignal,
): Promise<PushConnection<EgdAddress>> {
  const socket = await openSocket(config, signal);
  const { clock, log } = context;
  const expected = new Map<string, Expected>();
  const routes = new Map<number, Map<number, Expected[]>>();
  for (const [id, device] of devices) {
    const entry: Expected = { device, layout: null, mismatch: null, said: null, saidUpToMs: 0 };
    expected.set(id, entry);
    const producer = producerNumber(device.producerId) ?? 0;
    const exchanges = routes.get(producer) ?? new Map<number, Expected[]>();
    routes.set(producer, exchanges);
    exchanges.set(device.exchangeId, [...(exchanges.get(device.exchangeId) ?? []), entry]);
  }
  const ear: Ears = { heard: createHeard(), tap: null };
  const named = new Set<string>();
  const sayOnce = (key: string, text: string): void => {
    if (named.has(key) || named.size >= MOST_NAMED) return;
    named.add(key);
    log.warn(text);
  };
  /** Who last sent a wanted exchange with type and version exchanged, although that is not accepted. */
  let swapped: { readonly from: string; readonly ms: number } | null = null;
  let sink: SampleSink | null = null;
  let lost: AppError<'protocol.link-lost'> | null = null;
  let onLost: ((error: unknown) => void) | null = null;
  let closed: Promise<void> | null = null;

  const lose = (cause: unknown): void => {
    lost ??= new AppError('protocol.link-lost', `EGD on ${endpointOf(config)} is no longer received.`, {
      details: { endpoint: endpointOf(config) },
      retryable: true,
      cause,
    });
    onLost?.(lost);
  };

  socket.on('error', lose);
  socket.on('message', (bytes: Buffer, { address }) => {
    context.trace?.('received', bytes);
    ear.tap?.(bytes, address);
    const parsed = parseHeader(bytes);
    if (parsed.kind === 'other') {
      ear.heard.strange.count++;
      ear.heard.strange.reason = parsed.reason;
      ear.heard.strange.from = address;
      sayOnce(`other ${address}`, `A datagram from ${address} is no EGD production: ${parsed.reason}.`);
      return;
    }
    const { header } = parsed;
    const data = bytes.subarray(HEADER_BYTES);
    const own = header.produced !== null && timeIsSound(header.status) ? header.produced : null;
    ear.heard.note(header, data, own ?? context.clock.now(), address, parsed.kind === 'swapped', clock.monotonicMs());
    const wanted = routes.get(header.producer)?.get(header.exchange);
    if (parsed.kind === 'swapped' && !config.acceptSwapped) {
      if (wanted !== undefined) swapped = { from: address, ms: clock.monotonicMs() };
      sayOnce(`swapped ${address}`, swappedText(address));
      return;
    }
    if (wanted === undefined || sink === null) return;
    for (const one of wanted) deliver(one, header, data, own ?? Number.NaN, address, sink);
  });

  function deliver(
    one: Expected,
    header: Header,
    data: Uint8Array,
    time: UnixMicros,
    from: string,
    into: SampleSink,
  ): void {
    if (one.layout === null) return;
    const mismatch = mismatchOf(one.device, header, data.length);
    one.mismatch = mismatch;
    if (mismatch !== null) {
      const nowMs = clock.monotonicMs();
      if (one.said !== mismatch && one.saidUpToMs - nowMs < SENTENCES_AT_ONCE * SENTENCE_MS) {
        one.said = mismatch;
        one.saidUpToMs = Math.max(one.saidUpToMs, nowMs) + SENTENCE_MS;
        log.warn(
          `Exchange ${header.exchange} of ${producerText(header.producer)} (${from}) does not fit its layout: ${mismatch}. Its tags are bad until it fits again.`,
        );
      }
      one.layout.pushBad(time, QUALITY.badConfiguration, into);
      return;
    }
    one.said = null;
    one.layout.push(header, data, time, qualityOf(header.status), into);
  }

  const connection: PushConnection<EgdAddress> = {
    mode: 'push',
    notice() {
      if (swapped !== null && clock.monotonicMs() - swapped.ms < SWAPPED_TOLD_MS) return swappedText(swapped.from);
      const misfits = [...expected.values()].filter(({ layout, mismatch }) => layout !== null && mismatch !== null);
      const [first] = misfits;
      if (first === undefined) return null;
      const { exchangeId, producerId } = first.device;
      const others = misfits.length === 1 ? '' : ` The same holds for ${misfits.length - 1} more.`;
      return `Exchange ${exchangeId} of ${producerId} does not fit its layout: ${first.mismatch}.${others} Compare the exchange in the controller with the tags here, then set length and signature anew.`;
    },
    async listen(tags, into, until) {
      until.throwIfAborted();
      if (lost !== null) throw lost;
      const byDevice = new Map<string, TagBinding<EgdAddress>[]>();
      for (const tag of tags) {
        if (!expected.has(tag.deviceId)) throw new Error(`The connection was made without the device ${tag.deviceId}.`);
        byDevice.set(tag.deviceId, [...(byDevice.get(tag.deviceId) ?? []), tag]);
      }
      for (const [id, entry] of expected) {
        const own = byDevice.get(id);
        entry.layout = own === undefined ? null : createLayout(own);
      }
      sink = into;
      try {
        await new Promise<void>((resolve, reject) => {
          onLost = reject;
          until.addEventListener('abort', () => resolve(), { once: true });
        });
      } finally {
        onLost = null;
        sink = null;
      }
    },
    renew() {
      const { localAddress } = config;
      const own = context.network.ownAddresses();
      // A link that can't hear any more is opened anew, which says in words what is missing.
      if (missingOwn(localAddress, own)) return lose(undefined);
      try {
        joinGroups(socket, config);
      } catch (error) {
        lose(error);
      }
    },
    browse: (parent) => browseHeard(ear.heard, devices, parent),
    async peek(place, count) {
      const found =
        'node' in place ? exchangeOf(ear.heard, place.node) : exchangeOfDevice(ear.heard, devices.get(place.deviceId));
      if (found === undefined) return null;
      const offset = 'node' in place ? 0 : place.address.offset;
      return { time: found.time, bytes: found.data.slice(offset, offset + count) };
    },
    close() {
      closed ??= new Promise((resolve) => {
        lose(undefined);
        socket.close(() => resolve());
      });
      return closed;
    },
  };
  ears.set(connection, ear);
  return connection;
}
