import type { MillState } from './mill/state.ts';
import { bitPoints, identityPoints } from './mill-points/identity.ts';
import { linePoints } from './mill-points/line.ts';
import { mediaPoints } from './mill-points/media.ts';
import { MILL_UNITS, type MillPoint, type MillUnit } from './mill-points/point.ts';
import { reelPoints } from './mill-points/reels.ts';
import { standPoints } from './mill-points/stands.ts';
import type { RegisterImage } from './modbus/index.ts';

export { MILL_UNITS, type MillPoint, type MillUnit } from './mill-points/point.ts';

export const millPoints: readonly MillPoint[] = [
  ...linePoints,
  ...identityPoints,
  ...bitPoints,
  ...standPoints,
  ...reelPoints,
  ...mediaPoints,
];

const byId = new Map(millPoints.map((point) => [point.id, point]));

/** Throws where there is no such point. */
export function millPoint(id: string): MillPoint {
  const point = byId.get(id);
  if (point === undefined) throw new RangeError(`The line has no point "${id}".`);
  return point;
}

/** Registers that a point takes; 1 for bit cells. */
export function pointSize(point: MillPoint): number {
  switch (point.type) {
    case 'bit':
    case 'int16':
    case 'uint16':
      return 1;
    case 'int32':
    case 'uint32':
    case 'float32':
      return 2;
    case 'int64':
    case 'uint64':
    case 'float64':
      return 4;
    case 'string':
      return point.registers ?? 1;
  }
}

/** Makes the address map: each table exists up to its last point, so that neighbours can be read in one request. */
export function defineMillCells(images: Readonly<Record<MillUnit, RegisterImage>>): void {
  for (const point of millPoints) images[point.device].define(point.table, 0, point.offset + pointSize(point));
}

/** Writes the state of the line into the images of its units. */
export function writeMillPoints(state: MillState, images: Readonly<Record<MillUnit, RegisterImage>>): void {
  for (const point of millPoints) {
    const image = images[point.device];
    const value = point.read(state);
    if (point.table === 'coil' || point.table === 'discrete') {
      image.setBit(point.table, point.offset, Number(value) !== 0);
    } else if (point.type !== 'bit') {
      const raw = point.gain === null || typeof value !== 'number' ? value : clampTo(point.type, value / point.gain);
      image.setValue(point.table, point.offset, point.type, raw, {
        order: point.order ?? MILL_UNITS[point.device].order,
        ...(point.registers === null ? {} : { registers: point.registers }),
      });
    }
  }
}

/** A PLC limits what it scales; only counters wrap. */
function clampTo(type: MillPoint['type'], raw: number): number {
  if (type === 'int16') return Math.max(-32_768, Math.min(32_767, Math.round(raw)));
  if (type === 'uint16') return Math.max(0, Math.min(65_535, Math.round(raw)));
  return raw;
}
