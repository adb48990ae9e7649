import type { ConnectionDocument, DeviceDocument, Scaling, TagDocument, TrendDocument } from '#shared/model/index.ts';
import { MILL_UNITS, type MillPoint, type MillUnit, millPoints } from './mill-map.ts';

/** The documents that bring the demo line into a project, by kind. */
export interface DemoProject {
  readonly connection: readonly ConnectionDocument[];
  readonly device: readonly DeviceDocument[];
  readonly tag: readonly TagDocument[];
  readonly trend: readonly TrendDocument[];
}

const CONNECTION = 'demo-modbus';
const deviceId = (unit: MillUnit): string => `demo-${unit}`;
const tagId = (point: string): string => `demo-${point}`;

/** First digit of a six-digit Modbus address. */
const tableDigit = { coil: '0', discrete: '1', input: '3', holding: '4' } as const;

function addressOf(point: MillPoint): string {
  const base = `${tableDigit[point.table]}${String(point.offset + 1).padStart(5, '0')}`;
  if (point.bit !== null) return `${base}.${point.bit}`;
  return point.type === 'string' ? `${base}:string${2 * (point.registers ?? 1)}` : base;
}

function tag(point: MillPoint): TagDocument {
  const scaling: Scaling | null = point.gain === null ? null : { kind: 'gain', gain: point.gain, offset: 0 };
  return {
    id: tagId(point.id),
    deviceId: deviceId(point.device),
    name: point.name,
    description: point.description,
    address: addressOf(point),
    type: point.type,
    order: point.order,
    scaling,
    unit: point.unit,
    decimals: point.decimals,
    range: point.range,
    periodMs: point.periodMs,
    timeKind: 'receive',
    enabled: true,
  };
}

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

export function demoProject(port: number): DemoProject {
  return {
    connection: [
      {
        id: CONNECTION,
        name: 'Demo rolling mill',
        protocol: 'modbus',
        enabled: true,
        demo: true,
        settings: { host: '127.0.0.1', port },
      },
    ],
    device: (Object.keys(MILL_UNITS) as MillUnit[]).map((name) => ({
      id: deviceId(name),
      connectionId: CONNECTION,
      name: MILL_UNITS[name].name,
      enabled: true,
      settings: { unitId: MILL_UNITS[name].unit, wordOrder: MILL_UNITS[name].order },
    })),
    tag: millPoints.map(tag),
    trend: [trend],
  };
}

/** The text of resources/demo-project.json. */
export function demoProjectText(port: number): string {
  return `${JSON.stringify(demoProject(port), null, 2)}\n`;
}
