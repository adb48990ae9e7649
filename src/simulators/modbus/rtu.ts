import { createServer, type Socket } from 'node:net';
import { createRandom } from '#simulators/random.ts';
import { answerTo, type ModbusRequest, parseRequest } from './answer.ts';
import { type ExceptionRule, HONEST, type Misbehaviour } from './misbehaviour.ts';
import type { RegisterImage } from './register-image.ts';
import type { ModbusSimulatorOptions, RequestSeen } from './server.ts';

/** What a serial line and the devices on it can do wrong; all may be combined. */
export interface RtuFaults
  extends Pick<
    Misbehaviour,
    | 'delayMs'
    | 'dropEvery'
    | 'deadUnits'
    | 'exceptions'
    | 'wrongUnit'
    | 'wrongFunction'
    | 'truncateBytes'
    | 'splitBytes'
    | 'maxRegisters'
    | 'maxBits'
    | 'forbidden'
    | 'closeAfterAnswer'
  > {
  /** Every nth answer has a wrong checksum; 0: none. */
  readonly wrongCrcEvery: number;
  /** The request comes back before the answer, as adapters of two-wire lines hear it. */
  readonly echo: boolean;
  /** So many random bytes before each answer. */
  readonly noiseBefore: number;
  /** A long frame seems to begin before each answer. */
  readonly falseStart: boolean;
  /** A sound answer of another unit in the same packet before each answer. */
  readonly strangerBefore: boolean;
  /** Each answer twice in one packet. */
  readonly repeat: boolean;
  /** So many bits of each answer turned, wherever they are. */
  readonly flips: number;
  /** Random bytes instead of each answer. */
  readonly garbage: boolean;
}

export const HONEST_LINE: RtuFaults = {
  delayMs: 0,
  dropEvery: 0,
  deadUnits: [],
  exceptions: [],
  wrongUnit: false,
  wrongFunction: false,
  truncateBytes: 0,
  splitBytes: false,
  maxRegisters: null,
  maxBits: null,
  forbidden: [],
  closeAfterAnswer: false,
  wrongCrcEvery: 0,
  echo: false,
  noiseBefore: 0,
  falseStart: false,
  strangerBefore: false,
  repeat: false,
  flips: 0,
  garbage: false,
};

export interface RtuSimulator {
  readonly host: string;
  readonly port: number;
  readonly control: {
    set(faults: Partial<RtuFaults>): void;
    clear(): void;
    disconnectAll(): void;
    readonly accepted: number;
    /** Those with a right checksum, as they came. */
    requests(): readonly RequestSeen[];
    clearRequests(): void;
    /** Bytes that were no request. */
    readonly refusedBytes: number;
  };
  close(): Promise<void>;
}

/** Bit by bit as the standard describes it: x^16 + x^15 + x^2 + 1, mirrored. */
function checksum(bytes: Uint8Array): number {
  let sum = 0xffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0xa001 : sum >>> 1;
  }
  return sum;
}

function sealed(body: Uint8Array): Uint8Array {
  const sum = checksum(body);
  return Uint8Array.of(...body, sum & 0xff, sum >>> 8);
}

/** Serial devices behind a device server: RTU frames on a TCP socket. Written from the standard, like the TCP one. */
export async function startRtuSimulator(
  options: Pick<ModbusSimulatorOptions, 'units' | 'unknownUnits' | 'host' | 'port' | 'beforeAnswer'>,
): Promise<RtuSimulator> {
  const host = options.host ?? '127.0.0.1';
  const random = createRandom(485);
  const sockets = new Set<Socket>();
  const hits = new Map<ExceptionRule, number>();
  let faults = HONEST_LINE;
  let seen: RequestSeen[] = [];
  let accepted = 0;
  let answers = 0;
  let refusedBytes = 0;

  /** Unit, function and data of the answer; null where the line stays silent. */
  const answer = (request: ModbusRequest, header: Uint8Array, active: RtuFaults): Uint8Array | null => {
    const image: RegisterImage | undefined = options.units[request.unit];
    if (active.deadUnits.includes(request.unit)) return null;
    if (image === undefined && options.unknownUnits !== 'exception') return null;
    answers++;
    if (active.dropEvery > 0 && answers % active.dropEvery === 0) return null;
    options.beforeAnswer?.(request);
    return answerTo(header, request, image, { ...HONEST, ...active }, hits).slice(6);
  };

  const bend = (frame: Uint8Array, body: Uint8Array, active: RtuFaults): Uint8Array => {
    if (active.garbage)
      return Uint8Array.from({ length: 1 + Math.floor(random.next() * 300) }, () => Math.floor(random.next() * 256));
    if (active.wrongUnit) body[0] = (body[0]! + 1) & 0xff;
    if (active.wrongFunction) body[1]! ^= 1;
    let bytes = sealed(body);
    if (active.wrongCrcEvery > 0 && answers % active.wrongCrcEvery === 0) bytes[bytes.length - 1]! ^= 0x55;
    for (let n = 0; n < active.flips; n++) {
      const bit = Math.floor(random.next() * bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    bytes = bytes.subarray(0, Math.max(0, bytes.length - active.truncateBytes));
    const before: number[] = [];
    if (active.echo) before.push(...frame);
    // 0xFF is no function, so that no noise can begin a frame by chance; `falseStart` does that on purpose.
    for (let n = 0; n < active.noiseBefore; n++) before.push(0x80 | Math.floor(random.next() * 128));
    if (active.noiseBefore > 0) before.push(0xff);
    if (active.falseStart) before.push(frame[0]!, 3, 250);
    if (active.strangerBefore) before.push(...sealed(Uint8Array.of(frame[0]! ^ 0x40, 3, 2, 0xde, 0xad)));
    return Uint8Array.of(...before, ...bytes, ...(active.repeat ? bytes : []));
  };

  const serve = (socket: Socket): void => {
    let waiting: Uint8Array = new Uint8Array(0);
    let out: number[] = [];
    let lastDue = 0;
    const timers = new Set<NodeJS.Timeout>();
    socket.on('close', () => {
      for (const timer of timers) clearTimeout(timer);
    });
    const writeByte = (): void => {
      const byte = out[0];
      if (byte === undefined || !socket.writable) return;
      out = out.slice(1);
      socket.write(Uint8Array.of(byte), () => setImmediate(writeByte));
    };
    const send = (bytes: Uint8Array, active: RtuFaults): void => {
      if (!socket.writable) return;
      if (active.splitBytes) {
        const idle = out.length === 0;
        out.push(...bytes);
        if (idle) writeByte();
      } else socket.write(bytes);
      if (active.closeAfterAnswer) socket.end();
    };
    const handle = (frame: Uint8Array): void => {
      // The rules of answers are those of Modbus TCP, whose header has the length of unit, function and data.
      const header = Uint8Array.of(0, 0, 0, 0, 0, frame.length - 2, ...frame.subarray(0, -2));
      const request = parseRequest(header);
      seen.push({ ...request, at: performance.now() });
      const active = faults;
      const body = answer(request, header, active);
      if (body === null) return;
      const bytes = bend(frame, body, active);
      const now = performance.now();
      if (active.delayMs === 0 && lastDue <= now) {
        send(bytes, active);
        return;
      }
      lastDue = Math.max(lastDue, now + active.delayMs);
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(bytes, active);
      }, lastDue - now);
      timers.add(timer);
    };
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 8) {
        const code = waiting[1]!;
        const length = code === 15 || code === 16 ? 9 + waiting[6]! : 8;
        if (waiting.length < length) return;
        const frame = Uint8Array.from(waiting.subarray(0, length));
        if (checksum(frame.subarray(0, -2)) !== (frame[length - 2]! | (frame[length - 1]! << 8))) {
          refusedBytes++;
          waiting = waiting.subarray(1);
          continue;
        }
        waiting = waiting.subarray(length);
        handle(frame);
      }
    });
  };

  const server = createServer({ noDelay: true }, (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: options.port ?? 0 }, () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('The server has no TCP address.'));
      else resolve(address.port);
    });
  });
  return {
    host,
    port,
    control: {
      set(change) {
        faults = { ...faults, ...change };
        hits.clear();
      },
      clear() {
        faults = HONEST_LINE;
        hits.clear();
      },
      disconnectAll() {
        for (const socket of sockets) socket.resetAndDestroy();
      },
      get accepted() {
        return accepted;
      },
      requests: () => seen,
      clearRequests() {
        seen = [];
      },
      get refusedBytes() {
        return refusedBytes;
      },
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.resetAndDestroy();
      }),
  };
}
