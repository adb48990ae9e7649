import type { TimeRange, UnixMicros } from '#shared/model/index.ts';
import type { TraceSegment } from './trace-data.ts';
import type { ValueRange } from './value-ticks.ts';

export interface TraceSpec {
  readonly tagId: string;
  readonly name: string;
  readonly axisId: string;
  readonly hue: number;
  /** Holds its value until the next sample: bits, integers that are states, texts. */
  readonly step: boolean;
  readonly visible: boolean;
  /** Drawn above the others and thicker: the selected row of the legend. */
  readonly selected: boolean;
}

export interface AxisSpec {
  readonly id: string;
  /** What stands at its head: the unit, or a text of the user's own. */
  readonly label: string;
  /** Null scales by itself to what is visible. */
  readonly range: ValueRange | null;
  /** Values are states: ticks stand on whole numbers and carry this text. */
  readonly stateText?: (value: number) => string | undefined;
}

export interface PlotSpec {
  readonly id: string;
  /** Share of the height. */
  readonly height: number;
  readonly axes: readonly AxisSpec[];
  readonly traces: readonly TraceSpec[];
}

/** Where a plot's samples come from. Asked in each drawing; must not allocate samples. */
export interface PlotSource {
  /** Told before each drawing what will be asked for. */
  prepare(window: TimeRange, pixels: number): void;
  segments(tagId: string): readonly TraceSegment[];
}

export type CursorName = 'a' | 'b';
export interface PlotCursors {
  readonly a: UnixMicros | null;
  readonly b: UnixMicros | null;
  readonly active: CursorName | null;
}

export interface PlotEvent {
  readonly from: UnixMicros;
  readonly to: UnixMicros | null;
  readonly kind: string;
  readonly text: string;
}

export type PlotHit =
  | {
      readonly kind: 'plot';
      readonly plotId: string;
      readonly time: UnixMicros;
      readonly share: number;
      readonly strip: boolean;
    }
  | { readonly kind: 'axis'; readonly plotId: string; readonly axisId: string; readonly share: number }
  | { readonly kind: 'time-axis'; readonly time: UnixMicros }
  | { readonly kind: 'divider'; readonly above: string; readonly below: string }
  | {
      readonly kind: 'cursor';
      readonly cursor: CursorName;
      readonly plotId: string;
      readonly time: UnixMicros;
      readonly share: number;
    }
  | { readonly kind: 'none' };
