export { EXCEPTION, type ModbusRequest } from './answer.ts';
export { type CellRange, type ExceptionRule, HONEST, type Misbehaviour, parseMisbehaviour } from './misbehaviour.ts';
export {
  createRegisterImage,
  type ImageOrder,
  type ImageType,
  type ModbusTable,
  type RegisterImage,
} from './register-image.ts';
export { HONEST_LINE, type RtuFaults, type RtuSimulator, startRtuSimulator } from './rtu.ts';
export {
  type ModbusControl,
  type ModbusSimulator,
  type ModbusSimulatorOptions,
  type RequestSeen,
  startModbusSimulator,
} from './server.ts';
