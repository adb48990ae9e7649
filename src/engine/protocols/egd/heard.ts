import type { UnixMicros } from '#shared/model/index.ts';
import type { Header } from './header.ts';

/** What has been heard of one exchange since its socket was opened, whether anybody wants it or not. */
export interface HeardExchange {
  readonly producer: number;
  readonly exchange: number;
  /** Address that the last production came from. */
  from: string;
  productions: number;
  /** Productions that are missing by their numbers. */
  lost: number;
  /** Of the last production; written over by the next one. */
  data: Uint8Array;
  time: UnixMicros;
  signature: number;
  status: number;
  swapped: boolean;
  /** Monotonic milliseconds of the first and the last production. */
  readonly firstMs: number;
  lastMs: number;
  lastRequest: number;
}

/** So many productions can overtake one; further back is a producer that has begun anew. */
const MOST_LATE = 16;

/** Anybody can send to the port: no more exchanges than this are kept. */
const MOST = 2_000;

export interface Heard {
  /** Does nothing for a new exchange where too many are known already. */
  note(header: Header, data: Uint8Array, time: UnixMicros, from: string, swapped: boolean, nowMs: number): void;
  all(): readonly HeardExchange[];
  find(producer: number, exchange: number): HeardExchange | undefined;
  /** Datagrams that were no productions, with what was wrong with the last one. */
  strange: { count: number; reason: string; from: string };
}

export function createHeard(): Heard {
  const known = new Map<number, Map<number, HeardExchange>>();
  let count = 0;
  return {
    strange: { count: 0, reason: '', from: '' },
    all: () => [...known.values()].flatMap((exchanges) => [...exchanges.values()]),
    find: (producer, exchange) => known.get(producer)?.get(exchange),
    note(header, data, time, from, swapped, nowMs) {
      let exchanges = known.get(header.producer);
      let entry = exchanges?.get(header.exchange);
      if (entry === undefined) {
        if (count >= MOST) return;
        count++;
        entry = {
          producer: header.producer,
          exchange: header.exchange,
          from,
          productions: 0,
          lost: 0,
          data: new Uint8Array(data.length),
          time,
          signature: header.signature,
          status: header.status,
          swapped,
          firstMs: nowMs,
          lastMs: nowMs,
          lastRequest: (header.requestId - 1) & 0xffff,
        };
        if (exchanges === undefined) {
          exchanges = new Map();
          known.set(header.producer, exchanges);
        }
        exchanges.set(header.exchange, entry);
      }
      const step = (header.requestId - entry.lastRequest) & 0xffff;
      // A producer that does not count (0), a doubled production and a restart are not taken for losses.
      if (step > 1 && step < 0x8000 && entry.lastRequest !== 0) entry.lost += step - 1;
      // One that was overtaken has been taken for lost by the one before it; the count goes on from there.
      const late = step >= 0x1_0000 - MOST_LATE && time < entry.time;
      entry.productions++;
      if (late) {
        if (entry.lost > 0) entry.lost--;
        return;
      }
      entry.lastRequest = header.requestId;
      entry.from = from;
      if (entry.data.length !== data.length) entry.data = new Uint8Array(data.length);
      entry.data.set(data);
      entry.time = time;
      entry.signature = header.signature;
      entry.status = header.status;
      entry.swapped = swapped;
      entry.lastMs = nowMs;
    },
  };
}

/** Mean time between productions in milliseconds; null before the second one. */
export function periodOf(entry: HeardExchange): number | null {
  return entry.productions < 2 ? null : (entry.lastMs - entry.firstMs) / (entry.productions - 1);
}
