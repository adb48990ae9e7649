import { createServer, type Server, type Socket } from 'node:net';
import { createRandom } from '#simulators/random.ts';
import { answerTo, HEADER_BYTES, type ModbusRequest, parseRequest } from './answer.ts';
import { bend, type ExceptionRule, HONEST, type Misbehaviour } from './misbehaviour.ts';
import type { RegisterImage } from './register-image.ts';

export interface ModbusSimulatorOptions {
  /** Default 127.0.0.1 */
  readonly host?: string;
  /** 0 or left out: any free port */
  readonly port?: number;
  /** Images by unit id. */
  readonly units: Readonly<Record<number, RegisterImage>>;
  /** What a unit without an image does: exception 11 as a gateway would, or silence as a bus would. Default exception. */
  readonly unknownUnits?: 'exception' | 'silent';
  /** Connections beyond are closed at once; default 16. */
  readonly maxConnections?: number;
  /** Called before a request is answered, so that a model can bring its image up to date. */
  readonly beforeAnswer?: (request: ModbusRequest) => void;
}

export interface RequestSeen extends ModbusRequest {
  /** `performance.now()` on arrival */
  readonly at: number;
}

export interface ModbusControl {
  readonly faults: Misbehaviour;
  /** Changes the named faults, leaves the others; applies to requests that arrive from now on. */
  set(faults: Partial<Misbehaviour>): void;
  /** Back to an honest device. */
  clear(): void;
  /** Drops all connections and refuses new ones for `downMs`; resolves when it listens again, on the same port. */
  restart(downMs: number): Promise<void>;
  /** Drops all connections with a reset. */
  disconnectAll(): void;
  readonly connections: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Requests seen since the start or the last `clearRequests`; the newest 20,000. */
  requests(): readonly RequestSeen[];
  clearRequests(): void;
}

export interface ModbusSimulator {
  readonly host: string;
  readonly port: number;
  readonly control: ModbusControl;
  close(): Promise<void>;
}

const KEPT_REQUESTS = 20_000;

/** A Modbus TCP server written from the specification, so that the product's driver never checks its own codec. */
export async function startModbusSimulator(options: ModbusSimulatorOptions): Promise<ModbusSimulator> {
  const host = options.host ?? '127.0.0.1';
  const random = createRandom(20_260);
  const sockets = new Set<Socket>();
  const hits = new Map<ExceptionRule, number>();
  let faults: Misbehaviour = HONEST;
  let requests: RequestSeen[] = [];
  let accepted = 0;
  let answers = 0;
  let closed = false;
  /** Ends a running `restart` early when the simulator is closed. */
  let wake: (() => void) | null = null;

  const server: Server = createServer({ allowHalfOpen: true, noDelay: true });
  server.on('connection', (socket) => {
    if (sockets.size >= (faults.maxConnections ?? options.maxConnections ?? 16)) {
      socket.destroy();
      return;
    }
    accepted++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away hard is normal in fault tests; its socket closes by itself.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => {
      if (!faults.halfOpen) socket.end();
    });
    serve(socket);
  });

  const serve = (socket: Socket): void => {
    let waiting: Uint8Array = new Uint8Array(0);
    let lastDue = 0;
    const merged: Uint8Array[] = [];
    const splitting: number[] = [];
    let mergeTimer: NodeJS.Timeout | null = null;
    const timers = new Set<NodeJS.Timeout>();
    socket.on('close', () => {
      for (const timer of timers) clearTimeout(timer);
      if (mergeTimer !== null) clearTimeout(mergeTimer);
    });

    const flushMerged = (): void => {
      if (mergeTimer !== null) clearTimeout(mergeTimer);
      mergeTimer = null;
      if (merged.length > 0 && socket.writable) socket.write(Buffer.concat(merged.splice(0)));
    };
    /** One byte a turn of the event loop: without a pause the kernel would join them again. */
    const writeByte = (thenClose: boolean): void => {
      const byte = splitting.shift();
      if (!socket.writable) return;
      if (byte !== undefined) socket.write(Uint8Array.of(byte), () => setImmediate(writeByte, thenClose));
      else if (thenClose) socket.end();
    };
    const send = (bytes: Uint8Array, active: Misbehaviour): void => {
      if (!socket.writable) return;
      if (active.cutMidAnswer) {
        socket.write(bytes.subarray(0, bytes.length >> 1), () => socket.destroy());
      } else if (active.splitBytes) {
        splitting.push(...bytes);
        if (splitting.length === bytes.length) writeByte(active.closeAfterAnswer);
        return;
      } else if (active.mergeAnswers > 1) {
        merged.push(bytes);
        if (merged.length >= active.mergeAnswers) flushMerged();
        else mergeTimer ??= setTimeout(flushMerged, 150);
      } else {
        socket.write(bytes);
      }
      if (active.closeAfterAnswer) socket.end();
    };

    const handle = (frame: Uint8Array): void => {
      const request = parseRequest(frame);
      requests.push({ ...request, at: performance.now() });
      if (requests.length > 2 * KEPT_REQUESTS) requests = requests.slice(-KEPT_REQUESTS);
      const active = faults;
      const image = options.units[request.unit];
      if (active.halfOpen || active.deadUnits.includes(request.unit)) return;
      if (image === undefined && options.unknownUnits === 'silent') return;
      answers++;
      if (active.dropEvery > 0 && answers % active.dropEvery === 0) return;
      options.beforeAnswer?.(request);
      const bytes = bend(answerTo(frame, request, image, active, hits), active, random.next);
      const late = active.delayMs + (active.jitterMs > 0 ? random.next() * active.jitterMs : 0);
      const now = performance.now();
      if (late === 0 && lastDue <= now) {
        send(bytes, active);
        return;
      }
      lastDue = Math.max(lastDue, now + late);
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(bytes, active);
      }, lastDue - now);
      timers.add(timer);
    };

    socket.on('data', (chunk) => {
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      while (waiting.length >= HEADER_BYTES) {
        const length = (waiting[4]! << 8) | waiting[5]!;
        const protocol = (waiting[2]! << 8) | waiting[3]!;
        // No way back into step after a header that is not Modbus: like real servers, hang up.
        if (protocol !== 0 || length < 2 || length > 254) {
          socket.destroy();
          return;
        }
        if (waiting.length < 6 + length) return;
        handle(waiting.subarray(0, 6 + length));
        waiting = waiting.subarray(6 + length);
      }
    });
  };

  const listen = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        const address = server.address();
        if (address === null || typeof address === 'string') reject(new Error('The server has no TCP address.'));
        else resolve(address.port);
      });
    });
  const stopListening = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.resetAndDestroy();
    });

  const port = await listen(options.port ?? 0);
  return {
    host,
    port,
    control: {
      get faults() {
        return faults;
      },
      set(change) {
        faults = { ...faults, ...change };
        hits.clear();
      },
      clear() {
        faults = HONEST;
        hits.clear();
      },
      async restart(downMs) {
        await stopListening();
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, downMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = null;
        if (!closed) await listen(port);
      },
      disconnectAll() {
        for (const socket of sockets) socket.resetAndDestroy();
      },
      get connections() {
        return sockets.size;
      },
      get accepted() {
        return accepted;
      },
      requests: () => requests.slice(-KEPT_REQUESTS),
      clearRequests() {
        requests = [];
      },
    },
    async close() {
      if (closed) return;
      closed = true;
      wake?.();
      if (server.listening) await stopListening();
    },
  };
}
