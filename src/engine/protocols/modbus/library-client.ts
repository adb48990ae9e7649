import { EventEmitter } from 'node:events';
import { createRequire, Module } from 'node:module';
import type ModbusRTU from 'modbus-serial';
import { CRC_BYTES, crc16 } from './rtu-frame.ts';

export type ReadFunction = 1 | 2 | 3 | 4;
export type LibraryResult =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'exception'; readonly code: number }
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * modbus-serial as the encoder of requests and decoder of answers. Its own TCP port is not used: it accepts any
 * announced length, wraps transaction numbers at 256, so that a late answer can pass for a new one, and reports neither
 * a reset nor a close to a waiting request. Sockets, numbers and time are `link.ts`'s, which hands over one matched
 * answer at a time; the library therefore sees the same transaction number always and keeps one entry, not thousands.
 */
export interface LibraryClient {
  /** Encodes the request, calls `send` with unit, function and data at once, and remembers what must come back. */
  request(unit: number, readFunction: ReadFunction, offset: number, count: number): void;
  /** Decodes unit, function and data of the answer. `bytes` is valid until the next request. */
  answer(frame: Uint8Array): LibraryResult;
}

/**
 * Two parts of the library, of which nothing is used here, load the package for serial ports with its binary as soon as
 * the library is loaded. Empty modules stand in for them, so that it comes with the first serial port that is opened.
 */
const LOADS_SERIAL_PORTS = ['modbus-serial/ports/rtubufferedport.js', 'modbus-serial/servers/serverserial.js'];

function loadLibrary(): typeof ModbusRTU {
  const require = createRequire(import.meta.url);
  for (const name of LOADS_SERIAL_PORTS) {
    const path = require.resolve(name);
    if (require.cache[path] !== undefined) continue;
    const empty = new Module(path);
    empty.loaded = true;
    require.cache[path] = empty;
  }
  return require('modbus-serial') as typeof ModbusRTU;
}
const Library = loadLibrary();

class LibraryPort extends EventEmitter {
  readonly isOpen = true;
  // The library reads and writes these two by name.
  _transactionIdRead = 1;
  _transactionIdWrite = 1;
  readonly #send: (frame: Uint8Array) => void;

  constructor(send: (frame: Uint8Array) => void) {
    super();
    this.#send = send;
  }

  open(done: (error?: Error) => void): void {
    done();
  }

  close(done: () => void): void {
    done();
  }

  write(frame: Buffer): void {
    this.#send(frame.subarray(0, frame.length - CRC_BYTES));
  }
}

const NOT_ANSWERED: LibraryResult = { kind: 'malformed', reason: 'the answer could not be read' };

export function createLibraryClient(send: (frame: Uint8Array) => void): LibraryClient {
  const port = new LibraryPort(send);
  const client = new Library(port);
  client.open();
  let result: LibraryResult = NOT_ANSWERED;
  const onResult = (error: unknown, data: { readonly buffer: Buffer } | undefined): void => {
    result = resultOf(error, data);
  };
  const buffer = Buffer.alloc(256 + CRC_BYTES);

  return {
    request(unit, readFunction, offset, count) {
      switch (readFunction) {
        case 1:
          client.writeFC1(unit, offset, count, onResult);
          break;
        case 2:
          client.writeFC2(unit, offset, count, onResult);
          break;
        case 3:
          client.writeFC3(unit, offset, count, onResult);
          break;
        case 4:
          client.writeFC4(unit, offset, count, onResult);
          break;
      }
    },
    answer(frame) {
      result = NOT_ANSWERED;
      buffer.set(frame);
      // The library speaks serial frames inside, which end in a CRC.
      buffer.writeUInt16LE(crc16(buffer, 0, frame.length), frame.length);
      port.emit('data', buffer.subarray(0, frame.length + CRC_BYTES));
      return result;
    },
  };
}

function resultOf(error: unknown, data: { readonly buffer: Buffer } | undefined): LibraryResult {
  if (error === null || error === undefined) {
    return data === undefined ? NOT_ANSWERED : { kind: 'data', bytes: data.buffer };
  }
  const code: unknown = (error as { modbusCode?: unknown }).modbusCode;
  if (typeof code === 'number') return { kind: 'exception', code };
  return { kind: 'malformed', reason: error instanceof Error ? error.message : 'the answer could not be read' };
}
