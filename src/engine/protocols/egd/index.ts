import type { ProtocolDriver } from '#engine/protocols/protocol.ts';
import {
  addressAt,
  addressHelp,
  createRecipe,
  describeAddress,
  type EgdAddress,
  egdAddress,
  formatAddress,
  parseAddress,
  placeOf,
  valueTypes,
} from './address.ts';
import { type EgdConfig, type EgdDevice, egdConfig, egdDevice, endpointOf } from './config.ts';
import { connectEgd } from './connection.ts';
import { explain } from './explain.ts';
import sample from './sample.json' with { type: 'json' };
import { statusName } from './status.ts';
import { testEgd } from './test-ladder.ts';

export const egd = {
  id: 'egd',
  title: 'GE EGD',
  version: '1.0.0',
  summary: 'Receives what GE controllers and drives produce over Ethernet Global Data, without asking them.',
  config: egdConfig,
  device: egdDevice,
  address: egdAddress,
  addressHelp,
  addressBytes: 1,
  sample: {
    config: egdConfig.parse(sample.config),
    device: egdDevice.parse(sample.device),
    address: sample.address,
  },
  can: { browse: true, scan: false },
  tells: true,
  ownTimes: ['source'],
  valueTypes,
  statusName,
  explain,
  endpoint: endpointOf,
  parseAddress,
  formatAddress,
  describeAddress,
  addressAt,
  placeOf,
  recipe: createRecipe,
  connect: connectEgd,
  test: testEgd,
} as const satisfies ProtocolDriver<EgdConfig, EgdDevice, EgdAddress>;
