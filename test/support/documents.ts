import type { ConnectionDocument, DeviceDocument, TagDocument } from '#shared/model/index.ts';

/** Documents with fixed contents, valid as they are; a test names only what it is about. */
export function makeConnection(over: Partial<ConnectionDocument> = {}): ConnectionDocument {
  return {
    id: 'connection-1',
    name: 'Mill stand 1',
    protocol: 'modbus',
    enabled: true,
    demo: false,
    settings: { host: '127.0.0.1', port: 1502, connectTimeoutMs: 1000, localAddress: '' },
    ...over,
  };
}

export function makeDevice(over: Partial<DeviceDocument> = {}): DeviceDocument {
  return {
    id: 'device-1',
    connectionId: 'connection-1',
    name: 'Drive controller',
    enabled: true,
    settings: { unitId: 1 },
    ...over,
  };
}

export function makeTag(over: Partial<TagDocument> = {}): TagDocument {
  return {
    id: 'tag-1',
    deviceId: 'device-1',
    name: 'Strip speed',
    description: '',
    address: '400001',
    type: 'uint16',
    order: null,
    scaling: null,
    unit: 'm/min',
    decimals: null,
    range: null,
    periodMs: 100,
    timeKind: 'receive',
    enabled: true,
    ...over,
  };
}

/** `count` tags on consecutive holding registers from 400001 on: `tag-1`, `tag-2` and so on. */
export function makeTags(count: number, over: (index: number) => Partial<TagDocument> = () => ({})): TagDocument[] {
  return Array.from({ length: count }, (_, index) =>
    makeTag({
      id: `tag-${index + 1}`,
      name: `Register ${index + 1}`,
      address: String(400_001 + index),
      unit: null,
      ...over(index),
    }),
  );
}
