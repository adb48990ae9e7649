import { connect, type Socket } from 'node:net';

/** A link that speaks bytes, so that nothing stands between the test and the wire. */
export interface Wire {
  readonly socket: Socket;
  send(bytes: readonly number[]): void;
  /** Waits until `count` bytes have come since the last call, or the link has ended; gives what is there as hex. */
  receive(count: number): Promise<string>;
  readonly ended: Promise<void>;
  /** Packets as they came. */
  readonly pieces: Buffer[];
}

export async function dial(port: number): Promise<Wire> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const pieces: Buffer[] = [];
  let waiting = Buffer.alloc(0);
  let wake: (() => void) | null = null;
  let over = false;
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => {
      over = true;
      wake?.();
      resolve();
    });
  });
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  socket.on('data', (piece) => {
    pieces.push(piece);
    waiting = Buffer.concat([waiting, piece]);
    wake?.();
  });
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', resolve);
  });
  return {
    socket,
    pieces,
    ended,
    send: (bytes) => socket.write(Uint8Array.from(bytes)),
    async receive(count) {
      while (waiting.length < count && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const taken = waiting.subarray(0, count);
      waiting = waiting.subarray(count);
      return taken.toString('hex');
    },
  };
}

/** A read request of Modbus TCP. */
export const request = (unit: number, code: number, offset: number, count: number, transaction = 1): number[] => [
  transaction >> 8,
  transaction & 0xff,
  0,
  0,
  0,
  6,
  unit,
  code,
  offset >> 8,
  offset & 0xff,
  count >> 8,
  count & 0xff,
];
/** To race against something that must not happen. */
export const silence = (ms: number): Promise<'silence'> => new Promise((resolve) => setTimeout(resolve, ms, 'silence'));
