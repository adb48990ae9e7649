import type { ConnectionDocument, DeviceDocument, Scaling, TagDocument, TrendDocument } from '#shared/model/index.ts';
import {
  type EgdPoint,
  egdPoints,
  MILL_EXCHANGES,
  MILL_PRODUCER,
  MILL_SIGNATURE,
  type MillExchange,
} from './egd-mill.ts';
import { type LogixPoint, logixPoints } from './logix-mill.ts';
import { MILL_UNITS, type MillPoint, type MillUnit, millPoints } from './mill-map.ts';

/** The documents that bring the demo line into a project, by kind. */
export interface DemoProject {
  readonly connection: readonly ConnectionDocument[];
  readonly device: readonly DeviceDocument[];
  readonly tag: readonly TagDocument[];
  readonly trend: readonly TrendDocument[];
}

const CONNECTIONS = { modbus: 'demo-modbus', logix: 'demo-logix', egd: 'demo-egd' } as const;
const deviceId = (unit: MillUnit): string => `demo-${unit}`;
const exchangeId = (exchange: MillExchange): string => `demo-egd-${exchange}`;
const tagId = (point: string): string => `demo-${point}`;

/** First digit of a six-digit Modbus address. */
const tableDigit = { coil: '0', discrete: '1', input: '3', holding: '4' } as const;

function addressOf(point: MillPoint): string {
  const base = `${tableDigit[point.table]}${String(point.offset + 1).padStart(5, '0')}`;
  if (point.bit !== null) return `${base}.${point.bit}`;
  return point.type === 'string' ? `${base}:string${2 * (point.registers ?? 1)}` : base;
}

type Place = Pick<TagDocument, 'deviceId' | 'address' | 'type'> & Partial<TagDocument>;

/** `id` follows `demo-` and is stable, so that projects of an older version keep their tags. */
const tag = (id: string, name: string, point: MillPoint, place: Place): TagDocument => ({
  id: tagId(id),
  name,
  description: point.description,
  order: null,
  scaling: null,
  unit: point.unit,
  decimals: point.decimals,
  range: point.range,
  periodMs: point.periodMs,
  timeKind: 'receive',
  enabled: true,
  ...place,
});

const modbusTag = (point: MillPoint): TagDocument => {
  const scaling: Scaling | null = point.gain === null ? null : { kind: 'gain', gain: point.gain, offset: 0 };
  const { type, order } = point;
  return tag(point.id, point.name, point, {
    deviceId: deviceId(point.device),
    address: addressOf(point),
    type,
    order,
    scaling,
  });
};
/** Slower than the same values by Modbus: it is there to be looked at and compared, not to be the fastest. */
const LOGIX_PERIOD_MS = 100;
const logixTag = ({ path, type, point }: LogixPoint): TagDocument =>
  tag(`logix-${plain(path)}`, `Logix ${path}`, point, {
    deviceId: CONNECTIONS.logix,
    address: path,
    type,
    periodMs: Math.max(LOGIX_PERIOD_MS, point.periodMs),
  });
const egdTag = ({ name, exchange, offset, bit, textBytes, type, point }: EgdPoint): TagDocument =>
  tag(`egd-${plain(name)}`, `EGD ${name}`, point, {
    deviceId: exchangeId(exchange),
    address: `${offset}${bit === null ? '' : `.${bit}`}${textBytes === null ? '' : `:string${textBytes}`}`,
    type,
    periodMs: MILL_EXCHANGES[exchange].periodMs,
  });
/** A name as an id: `Stands[0].Force` is `stands-0-force`. */
const plain = (name: string): string => (name.toLowerCase().match(/[a-z0-9]+/g) ?? []).join('-');

const axis = (
  id: string,
  label: string,
  low: number,
  high: number,
): TrendDocument['plots'][number]['axes'][number] => ({ id, label, low, high });
const traces = (axisId: string, ...points: readonly string[]): TrendDocument['plots'][number]['traces'] =>
  points.map((point) => ({ tagId: tagId(point), axisId, visible: true }));

const trend: TrendDocument = {
  id: 'demo-trend',
  name: 'Rolling mill',
  spanS: 120,
  plots: [
    {
      id: 'speed',
      height: 1,
      axes: [axis('speed', 'm/min', 0, 800), axis('tension', 'kN', 0, 350)],
      traces: [
        ...traces('speed', 'strip-speed'),
        ...traces('tension', 'bridle-tension', 's2-tension', 'coiler-tension'),
      ],
    },
    {
      id: 'thickness',
      height: 1,
      axes: [axis('thickness', 'mm', 0, 1.2), axis('deviation', 'µm', -40, 40)],
      traces: [...traces('thickness', 'exit-thickness'), ...traces('deviation', 'thickness-deviation')],
    },
    {
      id: 'force',
      height: 1,
      axes: [axis('force', 'kN', 0, 16_000), axis('current', 'A', 0, 6_000)],
      traces: [...traces('force', 's1-force'), ...traces('current', 's1-motor-current')],
    },
  ],
};

/** Where the simulators listen, as the settings of the connections that lead to them, by protocol. */
export type DemoAddresses = Readonly<Record<'modbus' | 'ethernet-ip' | 'egd', Readonly<Record<string, unknown>>>>;

export function demoProject(addresses: DemoAddresses): DemoProject {
  const connection = (id: string, name: string, protocol: keyof DemoAddresses): ConnectionDocument => ({
    id,
    name,
    protocol,
    enabled: true,
    demo: true,
    settings: addresses[protocol],
  });
  return {
    connection: [
      connection(CONNECTIONS.modbus, 'Demo rolling mill', 'modbus'),
      connection(CONNECTIONS.logix, 'Demo mill, Logix', 'ethernet-ip'),
      connection(CONNECTIONS.egd, 'Demo mill, EGD', 'egd'),
    ],
    device: [
      ...(Object.keys(MILL_UNITS) as MillUnit[]).map((name) => ({
        id: deviceId(name),
        connectionId: CONNECTIONS.modbus,
        name: MILL_UNITS[name].name,
        enabled: true,
        settings: { unitId: MILL_UNITS[name].unit, wordOrder: MILL_UNITS[name].order },
      })),
      {
        id: CONNECTIONS.logix,
        connectionId: CONNECTIONS.logix,
        name: 'Line controller',
        enabled: true,
        settings: { route: '1,0' },
      },
      ...(Object.keys(MILL_EXCHANGES) as MillExchange[]).map((exchange) => {
        const { id, name, bytes, order, periodMs } = MILL_EXCHANGES[exchange];
        return {
          id: exchangeId(exchange),
          connectionId: CONNECTIONS.egd,
          name,
          enabled: true,
          settings: {
            producerId: MILL_PRODUCER,
            exchangeId: id,
            byteOrder: order,
            dataBytes: bytes,
            signature: MILL_SIGNATURE,
            // Three periods are usual; a computer that starts a screen meanwhile needs more.
            timeoutMs: Math.max(1_000, 3 * periodMs),
          },
        };
      }),
    ],
    tag: [...millPoints.map(modbusTag), ...logixPoints.map(logixTag), ...egdPoints.map(egdTag)],
    trend: [trend],
  };
}

/** The text of resources/demo-project.json. */
export function demoProjectText(addresses: DemoAddresses): string {
  return `${JSON.stringify(demoProject(addresses), null, 2)}\n`;
}
