import type { ValueType } from '#shared/model/index.ts';
import { createTagMemory, type TagMemory } from './ethernet-ip/index.ts';
import type { MillState } from './mill/state.ts';
import { type MillPoint, millPoint } from './mill-map.ts';

/** A value of the line as a tag of the simulated Logix controller. */
export interface LogixPoint {
  /** As the controller names it, with its program, members and indices. */
  readonly path: string;
  readonly type: ValueType;
  readonly point: MillPoint;
}

const at = (path: string, type: ValueType, id: string): LogixPoint => ({ path, type, point: millPoint(id) });
const stands = [0, 1, 2, 3].flatMap((i) => [
  at(`Stands[${i}].Force`, 'float32', `s${i + 1}-force`),
  at(`Stands[${i}].MotorCurrent`, 'float32', `s${i + 1}-motor-current`),
]);

/** Members of types, elements of arrays, bits, a text, a tag of a program: what a real program is made of. */
export const logixPoints: readonly LogixPoint[] = [
  at('Line.Speed', 'float32', 'strip-speed'),
  at('Line.SpeedReference', 'float32', 'speed-reference'),
  at('Line.EntryThickness', 'float32', 'entry-thickness'),
  at('Line.ExitThickness', 'float32', 'exit-thickness'),
  at('Line.Deviation', 'float32', 'thickness-deviation'),
  at('Line.WeldPosition', 'float32', 'weld-position'),
  at('Line.Running', 'bit', 'running'),
  at('Line.StripPresent', 'bit', 'strip-present'),
  at('Line.ThicknessControl', 'bit', 'thickness-control'),
  at('Line.Heartbeat', 'bit', 'heartbeat'),
  ...stands,
  at('LineState', 'int16', 'line-state'),
  at('StatusWord', 'int32', 'status-word'),
  at('Alarms[0]', 'bit', 'strip-break'),
  at('TotalLength', 'int64', 'total-length'),
  at('Coil.Number', 'int32', 'coil-number'),
  at('Coil.Id', 'string', 'coil-id'),
  at('Coil.Weight', 'float64', 'coil-weight'),
  at('Program:Reels.CoilerTension', 'float32', 'coiler-tension'),
  at('Program:Reels.UncoilerTension', 'float32', 'uncoiler-tension'),
];

/** The controller's memory with everything that `logixPoints` names. */
export function createMillMemory(): TagMemory {
  const memory = createTagMemory();
  memory.defineType('MillLine', [
    { name: 'Speed', type: 'REAL' },
    { name: 'SpeedReference', type: 'REAL' },
    { name: 'EntryThickness', type: 'REAL' },
    { name: 'ExitThickness', type: 'REAL' },
    { name: 'Deviation', type: 'REAL' },
    { name: 'WeldPosition', type: 'REAL' },
    { name: 'Running', type: 'BOOL' },
    { name: 'StripPresent', type: 'BOOL' },
    { name: 'ThicknessControl', type: 'BOOL' },
    { name: 'Heartbeat', type: 'BOOL' },
  ]);
  memory.defineType('MillStand', [
    { name: 'Force', type: 'REAL' },
    { name: 'MotorCurrent', type: 'REAL' },
  ]);
  memory.defineType('MillCoil', [
    { name: 'Number', type: 'DINT' },
    { name: 'Id', type: 'STRING' },
    { name: 'Weight', type: 'LREAL' },
  ]);
  memory.define('Line', 'MillLine');
  memory.define('Stands', 'MillStand', [4]);
  memory.define('LineState', 'INT');
  memory.define('StatusWord', 'DINT');
  memory.define('Alarms', 'BOOL', [32]);
  memory.define('TotalLength', 'LINT');
  memory.define('Coil', 'MillCoil');
  memory.define('Program:Reels.CoilerTension', 'REAL');
  memory.define('Program:Reels.UncoilerTension', 'REAL');
  return memory;
}

/** Writes the state of the line into the controller's memory. */
export function writeMillTags(state: MillState, memory: TagMemory): void {
  for (const { path, point } of logixPoints) memory.set(path, point.read(state));
}
