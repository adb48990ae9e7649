import type { DialTarget } from '#engine/platform/index.ts';
import { isSerial, type ModbusConfig } from './config.ts';
import type { LibraryResult, ReadFunction } from './library-client.ts';

/** What a request came to. `data` bytes are valid until the next request on the link. */
export type PlainAnswer = LibraryResult | { readonly kind: 'silent'; readonly reason: string };
/** A disturbed answer came with a wrong checksum: the line is at fault, not the device, so that asking again may help. */
export type Answer = PlainAnswer | { readonly kind: 'disturbed'; readonly reason: string };

/** What was asked. */
export interface Request {
  readonly unit: number;
  readonly readFunction: ReadFunction;
  readonly count: number;
}

export type LinkTap = (direction: 'sent' | 'received', bytes: Uint8Array) => void;

/** The way to one or more units, with one request under way at most. */
export interface Link {
  readonly endpoint: string;
  /** Sees all bytes while set; the connection test shows them. */
  tap: LinkTap | null;
  /**
   * Reads `count` places. Rejects with `protocol.link-lost`, or with the signal's reason at once when it aborts. The
   * answer to a request that was given up is discarded whenever it comes.
   */
  read(
    unit: number,
    readFunction: ReadFunction,
    offset: number,
    count: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer>;
  /** For people: a habit of the device or a setting that makes reading slow. Null unless it showed `times` in a row. */
  notice(times: number): string | null;
  /** May be called twice; resolves when the socket or port is free. */
  close(): Promise<void>;
}

/** Requests that a unit which had answered before leaves unanswered in a row, before the link counts as dead. */
export const STRIKES = 3;

/** "192.168.0.10:502", or the name of the serial port. */
export function endpointOf(config: Pick<ModbusConfig, 'framing' | 'host' | 'port' | 'path'>): string {
  if (isSerial(config)) return config.path;
  return `${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;
}

/** The TCP side of the connection's settings. */
export const dialTarget = (config: ModbusConfig): DialTarget => ({
  ...config,
  endpoint: endpointOf(config),
  refusedAdvice: 'Check that the Modbus server of the device is on and that the port is right.',
});
