import type { DriverContext } from '#engine/protocols/protocol.ts';
import type { ModbusConfig } from './config.ts';
import { dialTarget } from './link.ts';

/** Sends bytes, and tells of bytes that came and of the end. */
export interface Pipe {
  /** Called once, before anything can have come. */
  start(onData: (chunk: Uint8Array) => void, onLost: (what: string, cause?: unknown) => void): void;
  write(bytes: Uint8Array): void;
  /** May be called twice; resolves when the socket or port is free. */
  close(): Promise<void>;
}

export async function openTcpPipe(config: ModbusConfig, context: DriverContext, signal: AbortSignal): Promise<Pipe> {
  const socket = await context.network.dial(dialTarget(config), context.clock, signal);
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    start(onData, onLost) {
      let received = false;
      const closed = (): void =>
        onLost(
          received
            ? 'the device server closed it.'
            : 'the device server closed it before it answered anything. Many take one connection only: close other programs that are connected to it.',
        );
      socket.on('data', (chunk: Uint8Array) => {
        received = true;
        onData(chunk);
      });
      socket.on('end', closed);
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNRESET' || error.code === 'EPIPE') closed();
        else onLost(`the network reported ${error.code ?? error.message}.`, error);
      });
      socket.on('close', closed);
    },
    write: (bytes) => void socket.write(bytes),
    close() {
      socket.destroy();
      return gone;
    },
  };
}
