import type { StandState } from './stand.ts';

/** What the line is doing, as the number served in the line-state register. */
export const LINE_STATE = {
  stopped: 0,
  threading: 1,
  accelerating: 2,
  running: 3,
  decelerating: 4,
  weldPass: 5,
  coilChange: 6,
  stripBreak: 7,
  clearing: 8,
} as const;
export type LineState = (typeof LINE_STATE)[keyof typeof LINE_STATE];

/** Bits of the status word, 0 = least significant. */
export const STATUS_BIT = {
  ready: 0,
  running: 1,
  threading: 2,
  accelerating: 3,
  decelerating: 4,
  stripPresent: 5,
  thicknessControl: 6,
  tensionOn: 7,
  weldInMill: 8,
  coilChange: 9,
  fault: 10,
  coolantPump: 11,
  hydraulicPump: 12,
  joining: 13,
  simulated: 14,
  heartbeat: 15,
} as const;

/** Bits of the 32-bit alarm word. */
export const ALARM_BIT = {
  stripBreak: 0,
  emergencyStop: 1,
  looperLow: 2,
  looperHigh: 3,
  thicknessOutOfTolerance: 4,
  coolantHot: 5,
  hydraulicPressureLow: 6,
  motorOverload: 7,
  motorHot: 8,
  tankLow: 9,
  tensionLow: 10,
  bearingHot: 11,
  joinLate: 16,
} as const;

/** Everything the line's controllers know, in engineering units. The model owns it and changes it in place. */
export interface MillState {
  /** Simulated time since start, s */
  time: number;
  lineState: LineState;
  statusWord: number;
  alarmWord: number;

  /** Exit speed and its reference, m/s */
  speed: number;
  speedReference: number;
  acceleration: number;

  /** Product in the last stand. */
  recipe: string;
  width: number;
  targetThickness: number;
  /** Gauge before the first stand and behind the last one, mm; 0 without strip. */
  entryGauge: number;
  exitGauge: number;
  /** Of the gauge from the target, µm */
  deviation: number;
  /** I-units */
  flatness: number;
  exitTemperature: number;

  coilNumber: number;
  coilId: string;
  /** Wound since the coil's start, m */
  coilLength: number;
  /** kg */
  coilWeight: number;
  /** Since the first start, mm and Wh; integers below 2^53 */
  totalLength: number;
  energy: number;
  weldCount: number;
  /** Position of the next weld, m before (negative) or behind the first stand; -9999 when none is near. */
  weldPosition: number;
  /** s until the coil is full at the present speed; 9999 while stopped */
  timeToChange: number;
  breakCount: number;

  uncoiler: {
    diameter: number;
    tension: number;
    speed: number;
    remaining: number;
    current: number;
    coilNumber: number;
  };
  looper: { position: number; tension: number };
  entryBridle: { tension: number; speed: number; current: number };
  stands: readonly StandState[];
  /** Strip tension, N: before stand 1, between the stands, behind the last one. */
  tensions: Float64Array;
  coiler: { diameter: number; tension: number; speed: number; current: number; motorTemperature: number };

  coolantTemperatures: Float64Array;
  motorTemperatures: Float64Array;
  coolantTank: { temperature: number; level: number; flow: number };
  hydraulics: { pressure: number; oilTemperature: number; level: number };
  bearingTemperature: number;
  ambientTemperature: number;
}
