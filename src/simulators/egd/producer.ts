import { createSocket } from 'node:dgram';

// A producer of Ethernet Global Data as it stands on the wire: written from the layout of the header, on its own.

/** What one exchange sends. */
export interface ProducedExchange {
  readonly id: number;
  readonly periodMs: number;
  /** The data as they are to be sent; filled by whoever owns the values, read at each production. */
  readonly data: Buffer;
  /** Major and minor byte; 0 sends none. */
  signature?: number;
  status?: number;
}

/** What a producer can do wrong. Absent: it does it right. */
export interface EgdFaults {
  /** Nothing is sent. */
  silent?: boolean;
  /** Every n-th production is not sent, but counted. */
  dropEvery?: number;
  /** Type and version of the header change places. */
  swapped?: boolean;
  /** Other lengths of data: bytes cut off (negative) or added. */
  extraBytes?: number;
  signature?: number;
  status?: number;
  /** Seconds of the time stamp are 0: the producer has no clock. */
  noTime?: boolean;
  /** The clock of the producer is so many seconds ahead. */
  clockAheadS?: number;
  /** Each production is sent twice. */
  twice?: boolean;
  /** Random bytes instead of a production. */
  garbage?: boolean;
  /** Productions leave so much later than their time stamp says. */
  delayMs?: number;
  /** The production number jumps by a thousand each time. */
  wrongSequence?: boolean;
  /** Every second production of an exchange leaves after the one that follows it. */
  reorder?: boolean;
}

/** The names of all faults and what each takes, for faults that come from outside. */
export const EGD_FAULTS: Readonly<Record<keyof EgdFaults, 'number' | 'flag'>> = {
  silent: 'flag',
  dropEvery: 'number',
  swapped: 'flag',
  extraBytes: 'number',
  signature: 'number',
  status: 'number',
  noTime: 'flag',
  clockAheadS: 'number',
  twice: 'flag',
  garbage: 'flag',
  delayMs: 'number',
  wrongSequence: 'flag',
  reorder: 'flag',
};

export interface EgdProducer {
  readonly port: number;
  readonly exchanges: readonly ProducedExchange[];
  faults: EgdFaults;
  /** Sends every exchange once, now. Resolves when the datagrams have left. */
  produce(): Promise<void>;
  /** Productions so far, those not sent included. */
  readonly productions: number;
  /** Sends nothing for so long, then begins with production 1 again. */
  restart(downMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface EgdProducerOptions {
  /** In the header; four bytes in network order. */
  readonly producerId: string;
  /** Where productions are sent to; default 127.0.0.1 */
  readonly host?: string;
  readonly port: number;
  /** Own address to send from; 0.0.0.0 lets the system choose. Default 127.0.0.1, from which nothing leaves the computer. */
  readonly adapter?: string;
  readonly exchanges: readonly ProducedExchange[];
  /** Sends by itself at each exchange's period; default true. */
  readonly running?: boolean;
}

/** Starts a producer that sends to `host`:`port`.  */
export async function startEgdProducer(options: EgdProducerOptions): Promise<EgdProducer> {
  const host = options.host ?? '127.0.0.1';
  const adapter = options.adapter ?? '127.0.0.1';
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, adapter, () => {
      socket.off('error', reject);
      // Nobody listening is no reason to end: a later answer of the system only says so.
      socket.on('error', () => undefined);
      resolve();
    });
  });
  const first = Number(host.split('.')[0]);
  if (first >= 224 && first <= 239) {
    if (adapter !== '0.0.0.0') socket.setMulticastInterface(adapter);
    socket.setMulticastLoopback(true);
  }
  const requests = new Map<number, number>();
  /** Productions kept back to come in the wrong order, by exchange. */
  const held = new Map<number, Buffer>();
  const late = new Set<NodeJS.Timeout>();
  /** While somebody is in here, nothing is produced; each ends early when the producer is closed. */
  const down = new Set<() => void>();
  let productions = 0;
  let faults: EgdFaults = {};

  const send = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => socket.send(bytes, options.port, host, () => resolve()));

  async function produceOne(exchange: ProducedExchange): Promise<void> {
    if (down.size > 0) return;
    const request = ((requests.get(exchange.id) ?? 0) + (faults.wrongSequence === true ? 1_000 : 1)) & 0xffff;
    requests.set(exchange.id, request);
    productions++;
    if (faults.silent === true) return;
    if (faults.dropEvery !== undefined && productions % faults.dropEvery === 0) return;
    const datagram = faults.garbage === true ? garbage() : datagramOf(exchange, request);
    const before = held.get(exchange.id);
    if (faults.reorder === true && before === undefined) {
      held.set(exchange.id, datagram);
      return;
    }
    if ((faults.delayMs ?? 0) > 0) {
      const timer = setTimeout(() => {
        late.delete(timer);
        void send(datagram);
      }, faults.delayMs);
      late.add(timer);
    } else await send(datagram);
    if (faults.twice === true) await send(datagram);
    if (before !== undefined) {
      held.delete(exchange.id);
      await send(before);
    }
  }

  function datagramOf(exchange: ProducedExchange, request: number): Buffer {
    const length = Math.max(0, exchange.data.length + (faults.extraBytes ?? 0));
    const datagram = Buffer.alloc(32 + length);
    datagram[0] = faults.swapped === true ? 1 : 13;
    datagram[1] = faults.swapped === true ? 13 : 1;
    datagram.writeUInt16LE(request, 2);
    options.producerId.split('.').forEach((part, index) => {
      datagram[4 + index] = Number(part);
    });
    datagram.writeUInt32LE(exchange.id, 8);
    // The clock of the computer as it is now: monotonic time would drift away from it over a long run.
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    const producedNs = nowNs + BigInt(faults.clockAheadS ?? 0) * 1_000_000_000n;
    if (faults.noTime !== true) {
      datagram.writeUInt32LE(Number(producedNs / 1_000_000_000n), 12);
      datagram.writeUInt32LE(Number(producedNs % 1_000_000_000n), 16);
    }
    datagram.writeUInt32LE(faults.status ?? exchange.status ?? 1, 20);
    datagram.writeUInt32LE(faults.signature ?? exchange.signature ?? 0, 24);
    exchange.data.copy(datagram, 32, 0, Math.min(exchange.data.length, length));
    return datagram;
  }

  const timers =
    options.running === false
      ? []
      : options.exchanges.map((exchange) => setInterval(() => void produceOne(exchange), exchange.periodMs));
  let closed: Promise<void> | null = null;
  return {
    port: options.port,
    exchanges: options.exchanges,
    get faults() {
      return faults;
    },
    set faults(value) {
      faults = value;
    },
    async produce() {
      for (const exchange of options.exchanges) await produceOne(exchange);
    },
    get productions() {
      return productions;
    },
    async restart(downMs) {
      await new Promise<void>((resolve) => {
        const back = (): void => {
          clearTimeout(timer);
          down.delete(back);
          resolve();
        };
        const timer = setTimeout(back, downMs);
        down.add(back);
      });
      requests.clear();
    },
    close() {
      closed ??= new Promise((resolve) => {
        for (const timer of timers) clearInterval(timer);
        for (const timer of late) clearTimeout(timer);
        for (const back of down) back();
        socket.close(() => resolve());
      });
      return closed;
    },
  };
}

/** The same every time: no production by its first byte. */
function garbage(): Buffer {
  return Buffer.from(Array.from({ length: 40 }, (_, index) => (index * 73 + 200) & 0xff));
}
