import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A request as its bytes say, cut out of the stream by hand. */
export interface PeerRequest {
  readonly number: number;
  readonly unit: number;
  readonly functionCode: number;
  readonly offset: number;
  readonly count: number;
  /** Counts the requests of this peer from 0. */
  readonly turn: number;
}

export interface ModbusPeer {
  readonly port: number;
  readonly requests: readonly PeerRequest[];
  /** Connections accepted since the start. */
  readonly accepted: number;
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** What a hostile peer does with a request; it writes whatever bytes it likes. */
export type PeerBehaviour = (request: PeerRequest, socket: Socket) => void;

/**
 * A TCP peer for tests that need bytes no server would send. It keeps no registers and no rules: every byte that leaves
 * it is written by the test, so that the driver's codec is never checked by itself.
 */
export async function startPeer(
  behaviour: PeerBehaviour,
  onConnection?: (socket: Socket) => void,
): Promise<ModbusPeer> {
  const requests: PeerRequest[] = [];
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Clients leave at any moment in these tests.
    socket.on('error', () => socket.destroy());
    onConnection?.(socket);
    let waiting = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      // Every read request is 12 bytes: 6 of header, unit, function, offset, count.
      while (waiting.length >= 12) {
        const request: PeerRequest = {
          number: waiting.readUInt16BE(0),
          unit: waiting.readUInt8(6),
          functionCode: waiting.readUInt8(7),
          offset: waiting.readUInt16BE(8),
          count: waiting.readUInt16BE(10),
          turn: requests.length,
        };
        waiting = waiting.subarray(12);
        requests.push(request);
        behaviour(request, socket);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The peer has no TCP address.');
  return {
    port: address.port,
    requests,
    sockets,
    get accepted() {
      return accepted;
    },
    async close() {
      for (const socket of sockets) socket.resetAndDestroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

/** Header and body as one frame; the length field is right unless given. */
export function frame(number: number, body: readonly number[], length = body.length): Buffer {
  return Buffer.from([number >> 8, number & 0xff, 0, 0, length >> 8, length & 0xff, ...body]);
}

/** The word that register `offset` of unit `unit` holds: different for neighbours, units and tables. */
export function wordAt(request: Pick<PeerRequest, 'unit' | 'functionCode'>, offset: number): number {
  return (offset * 31 + request.unit * 7 + request.functionCode) & 0xffff;
}

/** The right answer to a request, every register holding `wordAt`, every bit being set where its offset is a multiple of 3. */
export function honest(request: PeerRequest): Buffer {
  if (request.functionCode <= 2) {
    const bytes = new Array<number>(Math.ceil(request.count / 8)).fill(0);
    for (let bit = 0; bit < request.count; bit++) {
      if ((request.offset + bit) % 3 === 0) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
    return frame(request.number, [request.unit, request.functionCode, bytes.length, ...bytes]);
  }
  const words = Array.from({ length: request.count }, (_, index) => wordAt(request, request.offset + index));
  const bytes = words.flatMap((word) => [word >> 8, word & 0xff]);
  return frame(request.number, [request.unit, request.functionCode, bytes.length, ...bytes]);
}

export function exception(request: PeerRequest, code: number): Buffer {
  return frame(request.number, [request.unit, request.functionCode | 0x80, code]);
}
