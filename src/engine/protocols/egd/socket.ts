import dgram from 'node:dgram';
import type { LinkTrouble } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import { type EgdConfig, endpointOf } from './config.ts';

/** Room for bursts while the engine is busy: some thousand productions. The system may grant less. */
const BUFFER_BYTES = 4 << 20;

/** Why a socket could not be opened or has failed, in words. */
export function socketTrouble(error: unknown, config: EgdConfig): LinkTrouble {
  const code: unknown = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return {
        sentence: `UDP port ${config.port} is in use: another program, or another connection of ParX, receives EGD on this computer.`,
        advice:
          'Close the other program, or put all exchanges of this port as devices under one connection: a production reaches one receiver only.',
      };
    case 'EADDRNOTAVAIL':
      return {
        sentence: `This computer has no address ${config.localAddress}.`,
        advice: 'Choose one of its own addresses in the connection, or leave it empty.',
      };
    case 'EACCES':
    case 'EPERM':
      return {
        sentence: `This computer does not allow ParX to receive on UDP port ${config.port}.`,
        advice: 'Check the firewall and security settings of this computer.',
      };
    case 'ENODEV':
      return {
        sentence: 'The multicast groups could not be joined: no network adapter takes multicast.',
        advice: 'Plug the network cable in, or name the adapter to use as the own address.',
      };
    default:
      return {
        sentence: `EGD can't be received on ${endpointOf(config)} (${typeof code === 'string' ? code : String(error)}).`,
        advice: 'Check port, own address and groups of the connection.',
      };
  }
}

/**
 * Opens the socket that productions arrive on and joins the groups. The port is not shared with other programs: of two
 * receivers the system would give each production to one of them, and neither would know. Throws
 * `protocol.connect-failed`.
 */
export async function openSocket(config: EgdConfig, signal: AbortSignal): Promise<dgram.Socket> {
  signal.throwIfAborted();
  const socket = dgram.createSocket({ type: 'udp4' });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      // A socket that is bound to one address gets no multicast on most systems; the adapter is chosen on joining.
      const address = config.groups.length > 0 || config.localAddress === '' ? '0.0.0.0' : config.localAddress;
      socket.bind({ port: config.port, address, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    joinGroups(socket, config);
    signal.throwIfAborted();
  } catch (error) {
    socket.close();
    if (signal.aborted) throw signal.reason;
    const { sentence, advice } = socketTrouble(error, config);
    throw new AppError('protocol.connect-failed', `${sentence} ${advice}`, {
      details: { endpoint: endpointOf(config) },
      retryable: true,
      cause: error,
    });
  }
  try {
    socket.setRecvBufferSize(BUFFER_BYTES);
  } catch {
    // Bursts are then lost sooner; the count of lost productions shows it.
  }
  return socket;
}

/** May be called again: a membership goes with its adapter and does not come back with it. Throws what the system says. */
export function joinGroups(socket: dgram.Socket, config: EgdConfig): void {
  for (const group of config.groups) {
    try {
      if (config.localAddress === '') socket.addMembership(group);
      else socket.addMembership(group, config.localAddress);
    } catch (error) {
      // It is a member there still.
      if (!(error instanceof Error && (error as NodeJS.ErrnoException).code === 'EADDRINUSE')) throw error;
    }
  }
}
