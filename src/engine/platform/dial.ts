import net from 'node:net';
import { AppError } from '#shared/errors.ts';
import type { Clock } from './clock.ts';

/** A TCP port of a device. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** As shown to people: "192.168.0.10:502". */
  readonly endpoint: string;
  /** Own address to connect from; empty: the system chooses. */
  readonly localAddress: string;
  readonly connectTimeoutMs: number;
  /** What to check where the host is there and nothing listens on the port. */
  readonly refusedAdvice: string;
}

/** What went wrong with a connection, and what to do, in words. */
export interface LinkTrouble {
  readonly sentence: string;
  readonly advice: string;
}

/**
 * Makes a TCP connection. Throws `protocol.connect-failed` with Node's error as cause, `protocol.timeout`, or the
 * signal's reason.
 */
export function dial(target: DialTarget, clock: Clock, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const { endpoint, connectTimeoutMs } = target;
    const socket = net.connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 10_000,
      ...(target.localAddress === '' ? {} : { localAddress: target.localAddress }),
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
      const { sentence, advice } = connectTrouble(error, target);
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
    const timer = clock.after(connectTimeoutMs, () =>
      giveUp(
        new AppError(
          'protocol.timeout',
          `${endpoint} did not answer the connection request within ${connectTimeoutMs} ms. Check address and cable, and that no firewall in between drops the port.`,
          { details: { afterMs: connectTimeoutMs }, retryable: true },
        ),
      ),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', onConnect);
  });
}

/** Node's error code of a failed name look-up, connection attempt or link; tries inside an AggregateError. */
function errorCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  const code: unknown = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

/** Names the cause of a failed name look-up, route or connection attempt, by Node's error. */
export function connectTrouble(error: unknown, target: DialTarget): LinkTrouble {
  const { endpoint, localAddress, refusedAdvice } = target;
  const code = errorCode(error);
  switch (code) {
    case 'ECONNREFUSED':
      return {
        sentence: `${endpoint} refused the connection: the host is there, but no program listens on this port.`,
        advice: refusedAdvice,
      };
    case 'ENOTFOUND':
    case 'EAI_NONAME':
      return {
        sentence: `The name in ${endpoint} is not known.`,
        advice: 'Check the spelling, or use the IP address of the device.',
      };
    case 'EAI_AGAIN':
      return {
        sentence: `The name in ${endpoint} could not be looked up: no name server answered.`,
        advice: 'Use the IP address of the device; plant networks often have no name server.',
      };
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
      return {
        sentence: `${endpoint} can't be reached: no host with this address answers on the network.`,
        advice: 'Check that the device is powered, the cable is plugged in and the address is right.',
      };
    case 'ENETUNREACH':
      return {
        sentence: `${endpoint} can't be reached: this computer has no route to its network.`,
        advice: 'Give this computer an address in the network of the device, or set a route.',
      };
    case 'ETIMEDOUT':
      return {
        sentence: `${endpoint} did not answer the connection request.`,
        advice: 'Check address and cable, and that no firewall in between drops the port.',
      };
    case 'EADDRNOTAVAIL':
      return {
        sentence: `This computer has no address ${localAddress === '' ? 'for this connection' : localAddress}.`,
        advice: 'Choose one of its own addresses in the connection, or leave it empty.',
      };
    case 'ECONNRESET':
      return {
        sentence: `${endpoint} ended the connection while it was being made.`,
        advice: 'Many controllers allow few connections. Close other programs that are connected to the device.',
      };
    case 'EACCES':
    case 'EPERM':
      return {
        sentence: `This computer does not allow a connection to ${endpoint}.`,
        advice: 'Check the firewall and security settings of this computer.',
      };
    default:
      return {
        sentence: `The connection to ${endpoint} failed (${code}).`,
        advice: 'Check address, port and cable.',
      };
  }
}
