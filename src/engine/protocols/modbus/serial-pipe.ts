import type { LinkTrouble } from '#engine/platform/index.ts';
import type { DriverContext } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import type { ModbusConfig } from './config.ts';
import type { Pipe } from './pipe.ts';

/**
 * Opens a serial port. The package is loaded when the first port is opened, so that a system on which its binary does
 * not run loses serial lines only. Throws `protocol.connect-failed`, `protocol.timeout`, or the signal's reason.
 */
export async function openSerialPipe(config: ModbusConfig, context: DriverContext, signal: AbortSignal): Promise<Pipe> {
  const failed = (error: unknown, { sentence, advice }: LinkTrouble): AppError =>
    new AppError('protocol.connect-failed', `${sentence} ${advice}`, {
      details: { endpoint: config.path },
      retryable: true,
      cause: error,
    });
  let library: typeof import('serialport');
  try {
    library = await import('serialport');
  } catch (error) {
    throw failed(error, {
      sentence: 'Serial ports cannot be used on this computer: the program part for them does not load.',
      advice: `Use a serial device server and the framing rtu-over-tcp. (${error instanceof Error ? error.message : String(error)})`,
    });
  }
  signal.throwIfAborted();
  const { baudRate, parity, path } = config;
  const stopBits = config.stopBits === 2 ? 2 : 1;
  const port = new library.SerialPort({ path, baudRate, parity, stopBits, dataBits: 8, autoOpen: false });
  // Without a listener an error that comes after the port was given up would end the process.
  port.on('error', () => {});
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      if (!port.isOpen) resolve();
      else port.close(() => resolve());
    });
  await new Promise<void>((resolve, reject) => {
    let over = false;
    const end = (work: () => void): void => {
      if (over) return;
      over = true;
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      work();
    };
    const onAbort = (): void => end(() => reject(signal.reason));
    const timer = context.clock.after(config.connectTimeoutMs, () =>
      end(() =>
        reject(
          new AppError(
            'protocol.timeout',
            `${path} did not open within ${config.connectTimeoutMs} ms. Unplug the adapter and plug it in again.`,
            { details: { afterMs: config.connectTimeoutMs }, retryable: true },
          ),
        ),
      ),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    port.open((error) => {
      if (over) void close();
      else end(() => (error ? reject(failed(error, serialTrouble(error, path))) : resolve()));
    });
  });
  let closing: Promise<void> | null = null;
  return {
    start(onData, onLost) {
      port.on('data', onData);
      port.on('error', (error: Error) => onLost(`the port reported: ${error.message}.`, error));
      port.on('close', (error: unknown) =>
        onLost(closing === null ? 'the port is gone. Check that its adapter is plugged in.' : 'it was closed.', error),
      );
    },
    write: (bytes) => void port.write(bytes),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Why a port did not open; systems say it in texts of their own. */
export function serialTrouble(error: Error, path: string): LinkTrouble {
  const text = error.message;
  if (/no such file|file not found|ENOENT/i.test(text)) {
    return {
      sentence: `This computer has no serial port ${path}.`,
      advice: 'Check that the adapter is plugged in, and choose one of the ports that the field suggests.',
    };
  }
  if (/permission denied|EACCES/i.test(text)) {
    return {
      sentence: `This user may not open ${path}.`,
      advice: 'On Linux add the user to the group that owns the port, mostly "dialout", and log in again.',
    };
  }
  if (/lock|busy|access denied|temporarily unavailable|EBUSY/i.test(text)) {
    return { sentence: `${path} is in use.`, advice: 'Close the other program or connection that has it open.' };
  }
  return { sentence: `${path} could not be opened: ${text}.`, advice: 'Check the port and its settings.' };
}
