import type { Drift, Random } from '#simulators/random.ts';
import { createDrift } from '#simulators/random.ts';
import type { Product } from './products.ts';

/** Work roll radius, mm. */
const ROLL_RADIUS = 250;
/** Back-up roll radius, m; its eccentricity shows once per turn. */
const BACKUP_RADIUS = 0.62;
/** How much force stretches the housing by one millimetre, N/mm. */
const MODULUS = 5.2e6;
/** Force at which the gap was set to zero, N. */
const ZERO_FORCE = 8.5e6;
/** Flattening of steel rolls, mm²/N. */
const FLATTENING = 2.14e-5;

export interface StandState {
  /** mm */
  entryThickness: number;
  /** mm */
  exitThickness: number;
  /** Hydraulic gap position relative to the zeroing force, mm; negative under high force. */
  gap: number;
  /** N */
  force: number;
  /** Exit speed of the strip (of the roll surface without strip), m/s */
  exitSpeed: number;
  /** Strip faster than the roll, as a fraction. */
  forwardSlip: number;
  /** Of the roll, rpm */
  motorSpeed: number;
  /** Nm at the rolls */
  torque: number;
  /** A */
  current: number;
  /** W */
  power: number;
  loaded: boolean;
}

export interface StandInput {
  readonly product: Product;
  readonly index: number;
  readonly entryThickness: number;
  readonly entrySpeed: number;
  /** Stress of the strip before and behind, N/mm² */
  readonly backStress: number;
  readonly frontStress: number;
  readonly loaded: boolean;
  /** Thickness that the control sees; at the last stand it comes late, from the gauge. */
  readonly measured: number;
  readonly acceleration: number;
}

export interface Stand {
  readonly state: StandState;
  /** Solves the pass for this instant. Does not need the exit speed, which follows from the mass flow. */
  roll(input: StandInput, dtS: number): void;
  /** Takes the exit speed that the mass flow demands and derives drive quantities from it. */
  drive(exitSpeed: number, input: StandInput, dtS: number): void;
  /** Puts the set-up gap for a product without waiting for the control. */
  setUp(product: Product, index: number): void;
}

/**
 * Force of a pass by the flat-pass theory with rolls flattened by `radius`: width times mean resistance times contact
 * length times a friction hill. Good to some percent, which is all that a plausible line needs.
 */
function passForce(
  product: Product,
  entry: number,
  exit: number,
  radius: number,
  friction: number,
  hardness: number,
  stress: number,
): number {
  const draft = entry - exit;
  if (draft <= 0) return 0;
  const contact = Math.sqrt(radius * draft);
  const strain = Math.log(product.entryThickness / ((entry + 2 * exit) / 3));
  const resistance = 1.15 * product.strength * hardness * Math.max(0.02, strain + 0.02) ** product.hardening - stress;
  return product.width * Math.max(50, resistance) * contact * (1 + (friction * contact) / (entry + exit));
}

export function createStand(random: Random): Stand {
  const hardness: Drift = createDrift(random, 0.008, 2.5);
  const noise: Drift = createDrift(random, 0.0006, 0.05);
  const eccentricity = random.between(0.0015, 0.004);
  let angle = random.between(0, 2 * Math.PI);
  let trim = 0;
  let radius = ROLL_RADIUS * 1.4;
  const state: StandState = {
    entryThickness: 0,
    exitThickness: 0,
    gap: 4,
    force: 0,
    exitSpeed: 0,
    forwardSlip: 0,
    motorSpeed: 0,
    torque: 0,
    current: 0,
    power: 0,
    loaded: false,
  };

  const gapFor = (product: Product, index: number): number => {
    const exit = product.targets[index]!;
    const entry = index === 0 ? product.entryThickness : product.targets[index - 1]!;
    const force = passForce(product, entry, exit, radius, 0.035, 1, 60);
    return exit - (force - ZERO_FORCE) / MODULUS;
  };

  return {
    state,
    setUp(product, index) {
      trim = 0;
      state.gap = gapFor(product, index);
    },
    roll(input, dtS) {
      const { product, index } = input;
      const hard = 1 + hardness.step(dtS);
      const ripple = noise.step(dtS);
      angle += (state.exitSpeed / BACKUP_RADIUS) * dtS;
      const target = product.targets[index]!;
      state.entryThickness = input.entryThickness;
      const wasLoaded = state.loaded;
      state.loaded = input.loaded;

      const wanted = input.loaded ? gapFor(product, index) + trim : 6;
      // Hydraulic screw-down: a fast servo with a limited rate, faster when it opens in an emergency.
      const rate = input.loaded ? 1.5 : 4;
      const move = (wanted - state.gap) * (1 - Math.exp(-dtS / 0.08));
      state.gap += Math.max(-rate * dtS, Math.min(rate * dtS, move));

      if (!input.loaded) {
        state.exitThickness = 0;
        state.force *= Math.exp(-dtS / 0.06);
        trim = 0;
        return;
      }
      const friction = 0.03 + 0.022 * Math.exp(-state.exitSpeed / 2.5);
      const stress = 0.6 * input.backStress + 0.4 * input.frontStress;
      const gap = state.gap + eccentricity * Math.sin(angle) + ripple;
      let exit = wasLoaded && state.exitThickness > 0 ? state.exitThickness : target;
      const lowest = input.entryThickness * 0.3;
      const highest = input.entryThickness * 0.985;
      // The housing stretches until its force equals that of the strip: one Newton step follows slow changes, more
      // are needed for the first bite.
      for (let i = wasLoaded ? 2 : 12; i > 0; i--) {
        const at = (h: number): number =>
          h -
          gap -
          (passForce(product, input.entryThickness, h, radius, friction, hard, stress) - ZERO_FORCE) / MODULUS;
        const here = at(exit);
        const slope = (at(exit + 0.002) - here) / 0.002;
        exit = Math.max(lowest, Math.min(highest, exit - here / Math.max(1, slope)));
      }
      state.exitThickness = exit;
      const force = passForce(product, input.entryThickness, exit, radius, friction, hard, stress);
      state.force += (force - state.force) * (1 - Math.exp(-dtS / 0.02));
      const draft = Math.max(0.01, input.entryThickness - exit);
      const flattened = ROLL_RADIUS * Math.min(2.4, 1 + (FLATTENING * state.force) / (product.width * draft));
      radius += (flattened - radius) * (1 - Math.exp(-dtS / 0.5));

      // Thickness control: integral action on the measured error, at rest while the strip stands or is being threaded.
      if (state.exitSpeed > 1.5 && input.measured > 0) {
        const error = input.measured - target;
        if (Math.abs(error) < 0.25 * target) {
          trim = Math.max(-0.6, Math.min(0.6, trim - (index === 3 ? 0.9 : 2.2) * error * dtS));
        }
      }
      const bite = Math.sqrt(draft / radius);
      const neutral = Math.max(0, 1 - bite / (2 * Math.max(friction, 0.02)));
      state.forwardSlip = Math.min(
        0.12,
        Math.max(0.002, ((bite * bite) / 4) * neutral * neutral * ((2 * radius) / exit - 1)),
      );
    },
    drive(exitSpeed, input, dtS) {
      state.exitSpeed = exitSpeed;
      const rollSpeed = input.loaded ? exitSpeed / (1 + state.forwardSlip) : exitSpeed;
      state.motorSpeed = (rollSpeed / (2 * Math.PI * ROLL_RADIUS * 1e-3)) * 60;
      const draft = Math.max(0, state.entryThickness - state.exitThickness);
      const contactM = Math.sqrt(radius * draft) * 1e-3;
      const pullDifference =
        (input.backStress * state.entryThickness - input.frontStress * state.exitThickness) * input.product.width;
      const rolling = input.loaded ? 0.88 * state.force * contactM + pullDifference * ROLL_RADIUS * 1e-3 : 0;
      const inertia = input.acceleration * 9_000;
      const bearings = exitSpeed > 0.01 ? 2_500 + 0.0004 * state.force : 0;
      const wanted = rolling + inertia + bearings;
      state.torque += (wanted - state.torque) * (1 - Math.exp(-dtS / 0.05));
      state.power = state.torque * (rollSpeed / (ROLL_RADIUS * 1e-3));
      state.current = 140 + 0.0205 * Math.abs(state.torque) * Math.max(1, rollSpeed / 9);
    },
  };
}
