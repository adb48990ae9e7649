import type { ProtocolDriver } from '#engine/protocols/protocol.ts';
import {
  addressHelp,
  createRecipe,
  describeAddress,
  type EipAddress,
  eipAddress,
  formatAddress,
  parseAddress,
  valueTypes,
} from './address.ts';
import { type EipConfig, type EipDevice, eipConfig, eipDevice, endpointOf } from './config.ts';
import { connectEip } from './connection.ts';
import { explain } from './explain.ts';
import sample from './sample.json' with { type: 'json' };
import { statusName } from './status.ts';
import { testEip } from './test-ladder.ts';

export const ethernetIp = {
  id: 'ethernet-ip',
  title: 'EtherNet/IP (Logix)',
  version: '1.0.0',
  summary: 'Reads tags by name from ControlLogix, CompactLogix, Micro800 and other controllers with EtherNet/IP.',
  config: eipConfig,
  device: eipDevice,
  address: eipAddress,
  addressHelp,
  sample: {
    config: eipConfig.parse(sample.config),
    device: eipDevice.parse(sample.device),
    address: sample.address,
  },
  can: { browse: true, scan: false },
  caseless: true,
  valueTypes,
  statusName,
  explain,
  endpoint: endpointOf,
  parseAddress,
  formatAddress,
  describeAddress,
  recipe: createRecipe,
  connect: connectEip,
  test: testEip,
} as const satisfies ProtocolDriver<EipConfig, EipDevice, EipAddress>;
