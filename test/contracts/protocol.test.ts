import { type ProtocolId, protocols } from '#engine/protocols/index.ts';
import { describeProtocol } from './protocol.ts';
import type { ProtocolSimulator } from './protocol-device.ts';
import { egdSimulator } from './protocol-egd.ts';
import { ethernetIpSimulator } from './protocol-ethernet-ip.ts';
import { modbusSimulator } from './protocol-modbus.ts';

/** A protocol without a simulator does not compile. */
const simulators: Record<ProtocolId, ProtocolSimulator> = {
  modbus: modbusSimulator,
  egd: egdSimulator,
  'ethernet-ip': ethernetIpSimulator,
};

for (const driver of protocols) describeProtocol(driver, simulators[driver.id]);
