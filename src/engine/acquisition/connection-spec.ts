import type { ProtocolDriver } from '#engine/protocols/protocol.ts';
import type { GroupSpec } from './tag-group.ts';

/** One device as a driver needs it; `settings` are those that the protocol's schema gave. */
export interface DeviceSpec {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly settings: unknown;
  /** How long one request may take. */
  readonly timeoutMs: number;
  /** Why the settings can't be used, in a sentence; such a device is not asked. */
  readonly problem: string | null;
}

/** All that a running driver is told. */
export interface ConnectionSpec {
  readonly id: string;
  readonly name: string;
  /** Equal for two specs that need no new connect between them. */
  readonly key: string;
  readonly driver: ProtocolDriver;
  readonly config: unknown;
  readonly endpoint: string;
  /** Longest time for a connect, whatever the driver does. */
  readonly connectTimeoutMs: number;
  readonly devices: readonly DeviceSpec[];
  readonly groups: readonly GroupSpec[];
}
