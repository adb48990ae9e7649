import type { MillState } from '#simulators/mill/state.ts';
import type { ImageOrder, ImageType, ModbusTable } from '#simulators/modbus/index.ts';

/** The three controllers of the demo line, each a Modbus unit with a word order of its own, as in a real plant. */
export const MILL_UNITS = {
  mill: { unit: 1, name: 'Mill PLC', order: 'CDAB' },
  reels: { unit: 2, name: 'Reel drives', order: 'ABCD' },
  media: { unit: 3, name: 'Media station', order: 'DCBA' },
} as const satisfies Record<string, { unit: number; name: string; order: ImageOrder }>;
export type MillUnit = keyof typeof MILL_UNITS;

/** One data point of the demo line: what it is, where it lies on the wire, and how the model fills it. */
export interface MillPoint {
  /** Stable; the demo tag's id is `demo-` and this. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly unit: string | null;
  readonly device: MillUnit;
  readonly table: ModbusTable;
  /** On the wire, from 0 */
  readonly offset: number;
  /** `bit`: a cell of a bit table, or with `bit` one bit of a register. */
  readonly type: ImageType | 'bit';
  /** null: the unit's own order. */
  readonly order: ImageOrder | null;
  readonly bit: number | null;
  /** Registers that a string takes. */
  readonly registers: number | null;
  /** Engineering value of one raw step; null: served as it is. */
  readonly gain: number | null;
  readonly decimals: number | null;
  readonly range: { readonly low: number; readonly high: number } | null;
  readonly periodMs: number;
  readonly read: (state: MillState) => number | bigint | string;
}

/** A point with what most points do without left out. */
export type Brief = Pick<MillPoint, 'id' | 'name' | 'description' | 'unit' | 'offset' | 'read' | 'periodMs'> &
  Partial<Pick<MillPoint, 'decimals' | 'range' | 'gain' | 'order' | 'registers' | 'bit'>> & {
    readonly type: MillPoint['type'];
    readonly table: ModbusTable;
  };

export const pointsOf =
  (device: MillUnit) =>
  (brief: Brief): MillPoint => ({
    order: null,
    bit: null,
    registers: null,
    gain: null,
    decimals: null,
    range: null,
    ...brief,
    device,
  });

export const span = (low: number, high: number): { readonly low: number; readonly high: number } => ({ low, high });
/** m/min per m/s */
export const MPM = 60;
