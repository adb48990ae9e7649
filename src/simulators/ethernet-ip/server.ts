import { createServer, type Server, type Socket } from 'node:net';
import type { EipFaults } from './faults.ts';
import { type Connections, createManager, type ManagerOptions, type Target } from './manager.ts';
import type { TagMemory } from './memory.ts';
import { garbage, type Item, identityItem, itemsOf, rrData } from './packets.ts';
import type { Segment } from './path.ts';
import { createServices, encode, type Identity, STATUS, u16, u32 } from './services.ts';

// Encapsulation (CIP volume 2, chapter 2), and messages on connections (volume 1, chapter 3).

export interface EipSimulatorOptions {
  /** Default 127.0.0.1 */
  readonly host?: string;
  /** 0 or left out: any free port */
  readonly port?: number;
  readonly memory: TagMemory;
  readonly identity?: Partial<Identity>;
  /** Slot of the controller in its rack; requests routed elsewhere are refused. Null: a controller without backplane. */
  readonly slot?: number | null;
  /** Controllers in other slots of the rack, by slot. */
  readonly neighbours?: Readonly<Record<number, TagMemory>>;
  /** The way to the rack, where its port is not the one that is connected to; see `ManagerOptions`. */
  readonly hops?: ManagerOptions['hops'];
  /** Bytes of an unconnected answer at most; default 504. */
  readonly unconnectedLimit?: number;
  /** Connected size at most; default 4002. */
  readonly largestConnection?: number;
  /** TCP connections beyond are closed at once; default 32. */
  readonly maxLinks?: number;
}

export interface ServiceSeen {
  readonly service: number;
  readonly path: readonly Segment[];
  readonly connected: boolean;
}

export interface EipSimulator {
  readonly host: string;
  readonly port: number;
  readonly memory: TagMemory;
  faults: EipFaults;
  /** Encapsulated messages seen, by command. */
  readonly messages: number;
  /** Services seen, those in packets one by one; the newest 50,000. */
  services(): readonly ServiceSeen[];
  /** TCP connections accepted since the start, and open now. */
  readonly accepted: number;
  readonly links: number;
  /** Class 3 connections that are open. */
  readonly connections: number;
  clear(): void;
  disconnectAll(): void;
  /** Drops all links, forgets sessions and connections, and refuses new ones for so long. */
  restart(downMs: number): Promise<void>;
  close(): Promise<void>;
}

const COMMAND = {
  nop: 0x0000,
  listServices: 0x0004,
  listIdentity: 0x0063,
  registerSession: 0x0065,
  unregisterSession: 0x0066,
  sendRRData: 0x006f,
  sendUnitData: 0x0070,
} as const;
const HEADER_BYTES = 24;
const KEPT = 50_000;

interface Peer {
  readonly socket: Socket;
  session: number;
  readonly connections: Connections;
  /** Bytes that have come and are not yet a whole message. */
  waiting: Buffer;
  merged: Buffer[];
}

/** A Logix-like controller on a TCP port, written from the standard; the product's driver never checks its own codec. */
export async function startEipSimulator(options: EipSimulatorOptions): Promise<EipSimulator> {
  const host = options.host ?? '127.0.0.1';
  const { memory } = options;
  const identity: Identity = {
    vendor: 1,
    deviceType: 14,
    productCode: 166,
    major: 33,
    minor: 11,
    serial: 0x00c0_ffee,
    name: '1756-L83E/B simulated',
    ...options.identity,
  };
  let faults: EipFaults = {};
  let seen: ServiceSeen[] = [];
  let messages = 0;
  let answers = 0;
  let accepted = 0;
  let nextSession = 0x1001;
  let connected = false;
  const peers = new Set<Peer>();
  const timers = new Set<NodeJS.Timeout>();
  const target = (slot: number | null, held: TagMemory): Target => ({
    slot,
    services: createServices(
      held,
      identity,
      () => faults,
      (service, path) => {
        if (seen.length >= KEPT) seen = seen.slice(KEPT / 2);
        seen.push({ service, path, connected });
      },
    ),
  });
  const first = target(options.slot === undefined ? 0 : options.slot, memory);
  const manager = createManager({
    first,
    others: Object.entries(options.neighbours ?? {}).map(([slot, held]) => target(Number(slot), held)),
    hops: options.hops ?? [],
    largestConnection: options.largestConnection ?? 4_002,
    faults: () => faults,
  });

  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted++;
    if (peers.size >= (options.maxLinks ?? 32)) {
      socket.destroy();
      return;
    }
    const peer: Peer = { socket, session: 0, connections: new Map(), waiting: Buffer.alloc(0), merged: [] };
    peers.add(peer);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => peers.delete(peer));
    socket.on('end', () => {
      if (faults.halfOpen !== true) socket.end();
    });
    socket.on('data', (bytes) => {
      peer.waiting = Buffer.concat([peer.waiting, bytes]);
      while (peer.waiting.length >= HEADER_BYTES) {
        const length = HEADER_BYTES + peer.waiting.readUInt16LE(2);
        if (peer.waiting.length < length) break;
        const message = peer.waiting.subarray(0, length);
        peer.waiting = peer.waiting.subarray(length);
        messages++;
        receive(peer, message);
      }
    });
  });
  server.on('error', () => undefined);
  const listen = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  const port = await listen(options.port ?? 0);

  function receive(peer: Peer, message: Buffer): void {
    const command = message.readUInt16LE(0);
    const session = message.readUInt32LE(4);
    const context = message.subarray(12, 20);
    const data = message.subarray(HEADER_BYTES);
    const reply = (status: number, body: Buffer = Buffer.alloc(0), by: Target = first): void =>
      send(peer, command, status, context, body, by);
    switch (command) {
      case COMMAND.nop:
        return;
      case COMMAND.listIdentity:
        if (faults.noIdentity === true) {
          reply(0x01);
          return;
        }
        reply(0, Buffer.concat([u16(1), identityItem(identity, host, port)]));
        return;
      case COMMAND.listServices:
        reply(0, Buffer.concat([u16(1), u16(0x100), u16(20), u16(1), u16(0x120), Buffer.from('Communications\0\0')]));
        return;
      case COMMAND.registerSession:
        if (data.length < 4 || data.readUInt16LE(0) !== 1) {
          reply(0x69);
          return;
        }
        peer.session = nextSession++;
        reply(0, Buffer.from(data.subarray(0, 4)));
        return;
      case COMMAND.unregisterSession:
        peer.socket.end();
        return;
      case COMMAND.sendRRData:
      case COMMAND.sendUnitData: {
        if (session !== peer.session || session === 0) {
          reply(0x64);
          return;
        }
        const items = itemsOf(data);
        if (items === null) {
          reply(0x03);
          return;
        }
        if (command === COMMAND.sendRRData) {
          unconnected(items, reply);
          return;
        }
        connectedMessage(items, reply);
        return;
      }
      default:
        reply(0x01);
        return;
    }

    function unconnected(items: readonly Item[], answer: typeof reply): void {
      const request = items.find((item) => item.type === 0xb2);
      if (request === undefined) {
        answer(0x03);
        return;
      }
      connected = false;
      const { bytes, by } = manager.answer(peer.connections, request.data, options.unconnectedLimit ?? 504);
      answer(
        0,
        rrData([
          { type: 0, data: Buffer.alloc(0) },
          { type: 0xb2, data: bytes },
        ]),
        by,
      );
    }
    function connectedMessage(items: readonly Item[], answer: typeof reply): void {
      const address = items.find((item) => item.type === 0xa1);
      const request = items.find((item) => item.type === 0xb1);
      if (address === undefined || request === undefined || request.data.length < 2) {
        answer(0x03);
        return;
      }
      const connection = peer.connections.get(address.data.readUInt32LE(0));
      // An unknown connection is not answered: to a client it looks like silence.
      if (connection === undefined || faults.forgetConnections === true) return;
      const sequence = request.data.readUInt16LE(0);
      connected = true;
      const message = request.data.subarray(2);
      const body =
        message.length > connection.requestBytes
          ? encode(message[0] ?? 0, { status: STATUS.tooMuchData })
          : connection.target.services.answer(message, connection.replyBytes);
      const count = faults.wrongSequence === true ? (sequence + 1) & 0xffff : sequence;
      answer(
        0,
        rrData([
          { type: 0xa1, data: u32(connection.toOriginator) },
          { type: 0xb1, data: Buffer.concat([u16(count), body]) },
        ]),
        connection.target,
      );
    }
  }

  function send(peer: Peer, command: number, status: number, context: Buffer, body: Buffer, by: Target): void {
    answers++;
    const held = { ...faults };
    if (held.silent === true || held.halfOpen === true) return;
    if (held.dropEvery !== undefined && answers % held.dropEvery === 0) return;
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUInt16LE(command, 0);
    head.writeUInt16LE(body.length, 2);
    head.writeUInt32LE(held.wrongSession === true ? 0xdead : peer.session, 4);
    head.writeUInt32LE(held.encapsulationStatus ?? status, 8);
    context.copy(head, 12);
    if (held.wrongContext === true) head[12] = head[12]! ^ 0xff;
    const bytes = held.garbage === true ? garbage() : Buffer.concat([head, body]);
    const delayMs = held.delaySlots?.[String(by.slot)] ?? held.delayMs;
    if (delayMs === undefined) {
      put(peer, bytes, held);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      put(peer, bytes, held);
    }, delayMs);
    timers.add(timer);
  }

  function put(peer: Peer, bytes: Buffer, held: EipFaults): void {
    const { socket } = peer;
    if (socket.destroyed) return;
    if (held.cutMidAnswer === true) {
      socket.write(bytes.subarray(0, bytes.length >> 1), () => socket.destroy());
      return;
    }
    if (held.splitBytes === true) {
      for (const byte of bytes) socket.write(Buffer.of(byte));
    } else if ((held.mergeAnswers ?? 0) > 1) {
      peer.merged.push(bytes);
      const flush = (): void => {
        if (peer.merged.length > 0) socket.write(Buffer.concat(peer.merged));
        peer.merged = [];
      };
      if (peer.merged.length >= held.mergeAnswers!) flush();
      else {
        const timer = setTimeout(() => {
          timers.delete(timer);
          flush();
        }, 150);
        timers.add(timer);
      }
    } else socket.write(held.twice === true ? Buffer.concat([bytes, bytes]) : bytes);
    if (held.closeAfterAnswer === true) socket.end();
  }

  const disconnectAll = (): void => {
    for (const { socket } of peers) socket.destroy();
  };
  const stopListening = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  let closed: Promise<void> | null = null;
  /** Ends a running `restart` early when the simulator is closed. */
  let wake: (() => void) | null = null;
  return {
    host,
    port,
    memory,
    get faults() {
      return faults;
    },
    set faults(value) {
      faults = value;
    },
    get messages() {
      return messages;
    },
    services: () => seen,
    get accepted() {
      return accepted;
    },
    get links() {
      return peers.size;
    },
    get connections() {
      return [...peers].reduce((sum, peer) => sum + peer.connections.size, 0);
    },
    clear() {
      seen = [];
      messages = 0;
    },
    disconnectAll,
    async restart(downMs) {
      disconnectAll();
      await stopListening();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, downMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = null;
      if (closed === null) await listen(port);
    },
    close() {
      closed ??= (async () => {
        for (const timer of timers) clearTimeout(timer);
        wake?.();
        disconnectAll();
        if (server.listening) await stopListening();
      })();
      return closed;
    },
  };
}
