import type { Product } from './products.ts';
import { LINE_STATE, type LineState } from './state.ts';

const THREADING_SPEED = 1.5;
/** Exit speed while a weld is in the stands, and while the shear cuts, m/s */
const WELD_SPEED = 4.2;
const CUT_SPEED = 3.2;
const ACCELERATION = 0.45;
const DECELERATION = 0.55;
const EMERGENCY = 3.4;
/** Seconds at rest to cut out torn strip; real mills need many minutes. */
const CLEARING_S = 14;

export interface LineInput {
  readonly product: Product;
  readonly headWound: boolean;
  /** Exit metres until the next weld reaches stand 1. */
  readonly metresToWeld: number;
  /** Behind stand 1, m; null when no weld is in the mill. */
  readonly weldPosition: number | null;
  /** From the first to the last stand, m */
  readonly millLength: number;
  readonly shearAt: number;
  readonly looperLow: boolean;
}

export interface LineOutput {
  readonly state: LineState;
  readonly reference: number;
  /** Exit speed, m/s */
  readonly speed: number;
  /** True for the one step in which the mill is ready to be threaded again. */
  readonly cleared: boolean;
}

export interface LineControl {
  step(dtS: number, input: LineInput): LineOutput;
  stripBreak(): void;
}

/** The line's master: decides on the phase and ramps the exit speed with a limited jerk. */
export function createLineControl(): LineControl {
  let state: LineState = LINE_STATE.threading;
  let speed = 0;
  let slope = 0;
  let since = 0;

  const enter = (next: LineState): void => {
    if (next !== state) since = 0;
    state = next;
  };

  const decide = (input: LineInput): number => {
    const run = input.looperLow ? Math.min(5, input.product.runSpeed) : input.product.runSpeed;
    const braking = (Math.max(0, speed - WELD_SPEED) * (speed + WELD_SPEED)) / (2 * DECELERATION);
    const weldNear = input.metresToWeld <= braking + 8 + speed;
    switch (state) {
      case LINE_STATE.stopped:
      case LINE_STATE.threading:
        if (input.headWound && since > 2) enter(LINE_STATE.accelerating);
        return since < 1.5 ? 0 : THREADING_SPEED;
      case LINE_STATE.stripBreak:
        if (speed < 0.02) enter(LINE_STATE.clearing);
        return 0;
      case LINE_STATE.clearing:
        return 0;
      case LINE_STATE.coilChange:
        if (input.weldPosition === null) enter(LINE_STATE.accelerating);
        return CUT_SPEED;
      case LINE_STATE.weldPass:
        if (input.weldPosition === null && input.metresToWeld > 60) enter(LINE_STATE.accelerating);
        else if (input.weldPosition !== null && input.weldPosition > input.millLength + 1) enter(LINE_STATE.coilChange);
        return WELD_SPEED;
      case LINE_STATE.decelerating:
        if (input.weldPosition !== null || speed <= WELD_SPEED * 1.03) enter(LINE_STATE.weldPass);
        return WELD_SPEED;
      default:
        if (input.weldPosition !== null || (weldNear && speed <= WELD_SPEED * 1.03)) enter(LINE_STATE.weldPass);
        else if (weldNear) enter(LINE_STATE.decelerating);
        else if (state === LINE_STATE.accelerating && speed > run * 0.998) enter(LINE_STATE.running);
        else if (state === LINE_STATE.running && speed < run * 0.93) enter(LINE_STATE.accelerating);
        return weldNear ? WELD_SPEED : run;
    }
  };

  return {
    stripBreak() {
      enter(LINE_STATE.stripBreak);
    },
    step(dtS, input) {
      since += dtS;
      const reference = decide(input);
      const limitUp = ACCELERATION;
      const limitDown = state === LINE_STATE.stripBreak ? EMERGENCY : DECELERATION;
      // Slope in proportion to the distance near the end rounds the ramp off; the first-order lag limits the jerk.
      const wanted = Math.max(-limitDown, Math.min(limitUp, (reference - speed) * 1.6));
      slope += (wanted - slope) * (1 - Math.exp(-dtS / (state === LINE_STATE.stripBreak ? 0.1 : 0.45)));
      speed = Math.max(0, speed + slope * dtS);
      if (reference === 0 && speed < 0.02) {
        speed = 0;
        slope = Math.max(0, slope);
      }
      let cleared = false;
      if (state === LINE_STATE.clearing && since > CLEARING_S) {
        enter(LINE_STATE.threading);
        cleared = true;
      }
      return { state, reference, speed, cleared };
    },
  };
}
