import net from 'node:net';
import type { DriverContext } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import type { ModbusConfig } from './config.ts';
import { endpointOf } from './link.ts';
import { connectTrouble } from './link-words.ts';

/** Makes a TCP connection. Throws `protocol.connect-failed`, `protocol.timeout`, or the signal's reason. */
export function dial(config: ModbusConfig, context: DriverContext, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const endpoint = endpointOf(config);
    const socket = net.connect({
      host: config.host,
      port: config.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 10_000,
      ...(config.localAddress === '' ? {} : { localAddress: config.localAddress }),
    });
    const done = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('connect', onConnect);
    };
    const giveUp = (error: unknown): void => {
      done();
      // A destroyed socket may still report an error, which would end the process without a listener.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => giveUp(signal.reason);
    const onError = (error: Error): void => {
      const { sentence, advice } = connectTrouble(error, endpoint, config.localAddress);
      giveUp(
        new AppError('protocol.connect-failed', `${sentence} ${advice}`, {
          details: { endpoint },
          retryable: true,
          cause: error,
        }),
      );
    };
    const onConnect = (): void => {
      done();
      resolve(socket);
    };
    const timer = context.clock.after(config.connectTimeoutMs, () =>
      giveUp(
        new AppError(
          'protocol.timeout',
          `${endpoint} did not answer the connection request within ${config.connectTimeoutMs} ms. Check address and cable, and that no firewall in between drops the port.`,
          { details: { afterMs: config.connectTimeoutMs }, retryable: true },
        ),
      ),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', onConnect);
  });
}
