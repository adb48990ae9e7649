import { type ProtocolId, protocols } from '#engine/protocols/index.ts';
import { describeProtocol, type ProtocolSimulator } from './protocol.ts';
import { modbusSimulator } from './protocol-modbus.ts';

/** A protocol without a simulator does not compile. */
const simulators: Record<ProtocolId, ProtocolSimulator> = { modbus: modbusSimulator };

for (const driver of protocols) describeProtocol(driver, simulators[driver.id]);
