import type { ProtocolDriver } from '#engine/protocols/protocol.ts';
import {
  addressHelp,
  describeAddress,
  formatAddress,
  type ModbusAddress,
  modbusAddress,
  parseAddress,
} from './address.ts';
import { type ModbusConfig, type ModbusDevice, modbusConfig, modbusDevice, recounted } from './config.ts';
import { connectModbus } from './connection.ts';
import { exceptionName } from './exceptions.ts';
import { explain } from './explain.ts';
import { endpointOf } from './link.ts';
import { addressAt, placeOf } from './peek.ts';
import { createRecipe, valueTypes } from './recipe.ts';
import sample from './sample.json' with { type: 'json' };
import { scanAreas, scanModbus } from './scan.ts';
import { testModbus } from './test-ladder.ts';

export const modbus = {
  id: 'modbus',
  title: 'Modbus',
  version: '1.0.0',
  summary: 'Reads coils, inputs and registers over Modbus TCP, RTU through device servers, and RTU on serial ports.',
  config: modbusConfig,
  device: modbusDevice,
  address: modbusAddress,
  addressHelp,
  addressBytes: 2,
  sample: {
    config: modbusConfig.parse(sample.config),
    device: modbusDevice.parse(sample.device),
    address: sample.address,
  },
  can: { browse: false, scan: true },
  valueTypes,
  statusName: exceptionName,
  explain,
  endpoint: endpointOf,
  parseAddress,
  formatAddress,
  describeAddress,
  addressAt,
  placeOf,
  recounted,
  recipe: createRecipe,
  connect: connectModbus,
  test: testModbus,
  scanAreas,
  scan: scanModbus,
} as const satisfies ProtocolDriver<ModbusConfig, ModbusDevice, ModbusAddress>;
