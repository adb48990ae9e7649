import type { WebSocket } from 'ws';
import { type Port, webSocketPort } from '#shared/rpc/index.ts';

export interface SocketPortOptions {
  /** Bytes that may wait in the socket before another frame; a reader slower than that loses the connection. */
  readonly maxBufferedBytes: number;
  /** Time between pings. A peer that has answered none within one interval is taken for gone. */
  readonly pingMs: number;
  /** Told why the server ended the connection. */
  readonly onDropped: (reason: string) => void;
}

/** Server end of a browser's WebSocket. */
export function socketPort(socket: WebSocket, options: SocketPortOptions): Port {
  const port = webSocketPort(socket, { maxBufferedBytes: Number.POSITIVE_INFINITY });
  let alive = true;
  // A close frame would wait behind what the peer does not read, and that memory with it.
  const drop = (reason: string): void => {
    options.onDropped(reason);
    socket.terminate();
  };
  const pinging = setInterval(() => {
    if (!alive) return drop('No answer to a ping.');
    alive = false;
    socket.ping();
  }, options.pingMs);
  socket.on('pong', () => {
    alive = true;
  });
  socket.on('message', () => {
    alive = true;
  });
  socket.once('close', () => clearInterval(pinging));
  return {
    ...port,
    send(frame) {
      if (socket.bufferedAmount > options.maxBufferedBytes) {
        drop(`The reader is slow: ${socket.bufferedAmount} bytes waited for it.`);
      } else port.send(frame);
    },
  };
}
