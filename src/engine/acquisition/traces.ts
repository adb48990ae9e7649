import type { Clock } from '#engine/platform/index.ts';
import { refuse } from '#shared/errors.ts';
import type { UnixMicros } from '#shared/model/index.ts';

export type TraceListener = (direction: 'sent' | 'received', bytes: Uint8Array) => void;

/** What went over the wire at one time. */
export interface TracePacket {
  readonly time: UnixMicros;
  readonly direction: 'sent' | 'received';
  /** A copy; of longer packets the first 2,048 bytes. */
  readonly bytes: Uint8Array;
  /** Bytes that there were. */
  readonly length: number;
}

/** A trace that goes on whether somebody looks or not. */
export interface KeptTrace {
  readonly connectionId: string;
  readonly since: UnixMicros;
  readonly packets: number;
  readonly bytes: number;
  /** Packets that were taken from the front, because there is room for so many only. */
  readonly dropped: number;
}

export interface Traces {
  /** Who wants the bytes of a connection; null while nobody does, so that nothing is copied. */
  listenerOf(connectionId: string): TraceListener | null;
  /** From now until disposed. */
  listen(connectionId: string, listener: TraceListener): Disposable;
  /** Keeps the newest packets from now on; one that is kept already goes on. Throws `config.invalid` above eight. */
  keep(connectionId: string): void;
  /** Ends it and forgets its packets. */
  forget(connectionId: string): void;
  kept(): readonly KeptTrace[];
  /** Oldest first; empty for what is not kept. The list stays as it is while more come. */
  packets(connectionId: string): readonly TracePacket[];
  /** Forgets the traces of connections that are gone. */
  retain(connectionIds: ReadonlySet<string>): void;
}

/** The protocols of this trade stay below. */
export const TRACE_PACKET_BYTES = 2_048;
const MOST_KEPT = 8;
/** Of one connection: some hours of a busy link, a night of a usual one. */
const MOST_BYTES = 16 << 20;
/** What a packet takes besides its bytes. */
const PACKET_COST = 160;

export const tracePacket = (time: UnixMicros, direction: 'sent' | 'received', bytes: Uint8Array): TracePacket => ({
  time,
  direction,
  bytes: bytes.slice(0, TRACE_PACKET_BYTES),
  length: bytes.length,
});

interface Keeper {
  readonly since: UnixMicros;
  packets: TracePacket[];
  /** Packets at the front of the array that are gone already. */
  gone: number;
  bytes: number;
  cost: number;
  dropped: number;
  readonly subscription: Disposable;
}

/** `changed` is called when a trace is switched on or off. */
export function createTraces(clock: Clock, changed: () => void): Traces {
  const listeners = new Map<string, Set<TraceListener>>();
  const keepers = new Map<string, Keeper>();

  const listen: Traces['listen'] = (connectionId, listener) => {
    const own = listeners.get(connectionId) ?? new Set();
    listeners.set(connectionId, own);
    own.add(listener);
    return {
      [Symbol.dispose]() {
        own.delete(listener);
        if (own.size === 0 && listeners.get(connectionId) === own) listeners.delete(connectionId);
      },
    };
  };
  const add = (keeper: Keeper, packet: TracePacket): void => {
    keeper.packets.push(packet);
    keeper.bytes += packet.bytes.length;
    keeper.cost += packet.bytes.length + PACKET_COST;
    while (keeper.cost > MOST_BYTES) {
      const oldest = keeper.packets[keeper.gone++]!;
      keeper.bytes -= oldest.bytes.length;
      keeper.cost -= oldest.bytes.length + PACKET_COST;
      keeper.dropped++;
    }
    if (keeper.gone > 1_024 && keeper.gone * 2 > keeper.packets.length) {
      keeper.packets = keeper.packets.slice(keeper.gone);
      keeper.gone = 0;
    }
  };
  const forget = (connectionId: string): void => {
    keepers.get(connectionId)?.subscription[Symbol.dispose]();
    if (keepers.delete(connectionId)) changed();
  };
  return {
    listenerOf(connectionId) {
      const own = listeners.get(connectionId);
      if (own === undefined) return null;
      return (direction, bytes) => {
        for (const listener of own) listener(direction, bytes);
      };
    },
    listen,
    keep(connectionId) {
      if (keepers.has(connectionId)) return;
      if (keepers.size >= MOST_KEPT) {
        refuse('id', `The traces of ${MOST_KEPT} connections are kept already. Switch one of them off first.`);
      }
      const subscription = listen(connectionId, (direction, bytes) =>
        add(keeper, tracePacket(clock.now(), direction, bytes)),
      );
      const keeper: Keeper = { since: clock.now(), packets: [], gone: 0, bytes: 0, cost: 0, dropped: 0, subscription };
      keepers.set(connectionId, keeper);
      changed();
    },
    forget,
    kept: () =>
      [...keepers].map(([connectionId, { since, packets, gone, bytes, dropped }]) => ({
        connectionId,
        since,
        packets: packets.length - gone,
        bytes,
        dropped,
      })),
    packets(connectionId) {
      const keeper = keepers.get(connectionId);
      return keeper === undefined ? [] : keeper.packets.slice(keeper.gone);
    },
    retain(connectionIds) {
      for (const id of [...keepers.keys()]) if (!connectionIds.has(id)) forget(id);
    },
  };
}
