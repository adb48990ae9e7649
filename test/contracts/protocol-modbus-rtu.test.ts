import { modbus } from '#engine/protocols/modbus/index.ts';
import { describeProtocol } from './protocol.ts';
import { modbusRtuSimulator } from './protocol-modbus.ts';

// What holds for a protocol holds with each of its framings.
describeProtocol(modbus, modbusRtuSimulator);
