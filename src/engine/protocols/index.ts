import { egd } from './egd/index.ts';
import { ethernetIp } from './ethernet-ip/index.ts';
import { modbus } from './modbus/index.ts';
import type { ProtocolDriver } from './protocol.ts';

export type {
  AddressDescription,
  BrowseNode,
  BrowsePage,
  ClockReading,
  DriverContext,
  ParsedAddress,
  PollConnection,
  PollPlan,
  ProtocolConnection,
  ProtocolDriver,
  PushConnection,
  RawBytes,
  RawPlace,
  RawValue,
  SampleSink,
  ScanArea,
  ScanFound,
  ScanProgress,
  ScanRange,
  SharedLink,
  TagBinding,
} from './protocol.ts';

/** All protocols. A new one is a folder beside this file and an entry here. */
export const protocols = [modbus, egd, ethernetIp] as const;
export type ProtocolId = (typeof protocols)[number]['id'];

/** The driver of a connection document's `protocol`; undefined for one that this version does not have. */
export function findProtocol(id: string): ProtocolDriver | undefined {
  return protocols.find((driver) => driver.id === id);
}
