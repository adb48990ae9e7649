import { createDrift, createRandom } from '#simulators/random.ts';
import { createAuxiliaries } from './auxiliaries.ts';
import { createEntrySection } from './entry.ts';
import { createLineControl } from './line-control.ts';
import { type Product, STANDS } from './products.ts';
import { createStand, type StandInput } from './stand.ts';
import { ALARM_BIT, LINE_STATE, type MillState, STATUS_BIT } from './state.ts';
import { coilDiameter, createStripDelay } from './strip.ts';

/** Inner step of the model, ms; `step` cuts any time into these, so that the series does not depend on how it is called. */
const STEP_MS = 10;
/** Distance from stand to stand, from the last stand to the thickness gauge and to the coiler, m */
const STAND_SPACING = 4.5;
const GAUGE_DISTANCE = 2.4;
const COILER_DISTANCE = 12;
const STEEL = 7850;
const MANDREL = 0.508;
const LAST = STANDS - 1;
const COILER_AT = LAST * STAND_SPACING + COILER_DISTANCE;

export interface MillOptions {
  /** Same seed, same series. Default 1. */
  readonly seed?: number;
  /** First coil number; default 4711. */
  readonly firstCoil?: number;
  /** Mean running seconds between strip breaks; default 900, `Infinity` for none. */
  readonly secondsBetweenBreaks?: number;
}

export interface Mill {
  /** Belongs to the model and changes with `step`. */
  readonly state: MillState;
  /** Lets `dtMs` of simulated time pass; what is less than a whole inner step waits for the next call. */
  step(dtMs: number): void;
  /** Tears the strip between two stands now. */
  breakStrip(): void;
}

/** A four-stand tandem cold mill with uncoiler, welder, looper and coiler. Pure: no clock, no I/O. */
export function createMill(options: MillOptions = {}): Mill {
  const random = createRandom(options.seed ?? 1);
  const entry = createEntrySection(random);
  const control = createLineControl();
  const stands = Array.from({ length: STANDS }, () => createStand(random));
  const between = Array.from({ length: LAST }, () => createStripDelay(STAND_SPACING, 0));
  const gauge = createStripDelay(GAUGE_DISTANCE, 0);
  const profile = createDrift(random, 0.0025, 6);
  const skid = random.between(28, 42);
  const tensionNoise = Array.from({ length: STANDS + 1 }, () => createDrift(random, 0.012, 0.35));
  const gaugeNoise = createDrift(random, 0.00035, 0.03);
  const speedNoise = createDrift(random, 0.0007, 0.3);
  const flatnessDrift = createDrift(random, 4, 9);
  const secondsBetweenBreaks = options.secondsBetweenBreaks ?? 900;
  /** Product in each stand: a weld carries the next one through. */
  const loadedProducts: Product[] = Array.from({ length: STANDS }, () => entry.product);
  const entrySpeeds = new Float64Array(STANDS);
  const tensionTargets = new Float64Array(STANDS + 1);
  const firstCoil = options.firstCoil ?? 4711;

  const state: MillState = {
    time: 0,
    lineState: LINE_STATE.threading,
    statusWord: 0,
    alarmWord: 0,
    speed: 0,
    speedReference: 0,
    acceleration: 0,
    recipe: entry.product.recipe,
    width: entry.product.width,
    targetThickness: entry.product.targets[LAST]!,
    entryGauge: 0,
    exitGauge: 0,
    deviation: 0,
    flatness: 0,
    exitTemperature: 40,
    coilNumber: firstCoil,
    coilId: coilId(firstCoil),
    coilLength: 0,
    coilWeight: 0,
    totalLength: 0,
    energy: 0,
    weldCount: 0,
    weldPosition: -9999,
    timeToChange: 9999,
    breakCount: 0,
    uncoiler: { diameter: 0, tension: 0, speed: 0, remaining: 0, current: 0, coilNumber: 0 },
    looper: { position: 0, tension: 0 },
    entryBridle: { tension: 0, speed: 0, current: 0 },
    stands: stands.map((stand) => stand.state),
    tensions: new Float64Array(STANDS + 1),
    coiler: { diameter: MANDREL, tension: 0, speed: 0, current: 0, motorTemperature: 45 },
    coolantTemperatures: new Float64Array(STANDS).fill(42),
    motorTemperatures: new Float64Array(STANDS).fill(55),
    coolantTank: { temperature: 41, level: 82, flow: 0 },
    hydraulics: { pressure: 205, oilTemperature: 44, level: 71 },
    bearingTemperature: 38,
    ambientTemperature: 24,
  };
  const auxiliaries = createAuxiliaries(random, state);
  for (const [i, stand] of stands.entries()) stand.setUp(entry.product, i);

  /** Where the head of the strip is while it is being threaded, m behind stand 1; beyond the coiler: wound on. */
  let head = -3;
  /** The weld inside the mill, m behind stand 1; null when none. */
  let weld: { position: number; readonly next: Product } | null = null;
  let energy = 0;
  let totalLength = 0;
  let entryMetres = 0;
  let waiting = 0;
  /** The exit speed that the line master ramps, m/s */
  let rampSpeed = 0;
  let broken = false;
  let emergencyStop = 0;
  let breakZone = 0;

  const startCoil = (): void => {
    state.coilNumber++;
    state.coilId = coilId(state.coilNumber);
    state.coilLength = 0;
    state.coilWeight = 0;
  };

  const breakStrip = (): void => {
    if (broken || head < COILER_AT) return;
    broken = true;
    breakZone = 1 + Math.floor(random.next() * STANDS);
    state.breakCount++;
    emergencyStop = 6;
    control.stripBreak();
  };

  /** After a break the torn strip has been cut out: the mill is empty and the next head comes with the entry's product. */
  const rethread = (): void => {
    broken = false;
    head = -3;
    weld = null;
    // A weld close to the mill is cut out with the torn strip; one farther off keeps its way.
    const close = entry.welds[0];
    if (close !== undefined && close.distance < 20) {
      entry.welds.shift();
      loadedProducts[0] = close.next;
    }
    loadedProducts.fill(loadedProducts[0]!);
    for (const delay of between) delay.fill(0);
    gauge.fill(0);
    for (const [i, stand] of stands.entries()) stand.setUp(loadedProducts[i]!, i);
    startCoil();
  };

  const inner = (dt: number): void => {
    state.time += dt;
    const wound = head >= COILER_AT;
    const product = loadedProducts[LAST]!;
    const nearest = entry.welds[0];
    const exitPerEntry = loadedProducts[0]!.entryThickness / loadedProducts[0]!.targets[LAST]!;
    const line = control.step(dt, {
      product,
      headWound: wound,
      metresToWeld: nearest === undefined ? Number.POSITIVE_INFINITY : nearest.distance * exitPerEntry,
      weldPosition: weld === null ? null : weld.position,
      millLength: LAST * STAND_SPACING,
      shearAt: COILER_AT,
      looperLow: entry.joinLate,
    });
    if (line.cleared) rethread();
    state.lineState = line.state;
    state.speedReference = line.reference;
    state.acceleration = (line.speed - rampSpeed) / dt;
    rampSpeed = line.speed;
    // What the drives' own control leaves: about half a metre per minute at full speed.
    state.speed = line.speed * (1 + speedNoise.step(dt));

    // Strip is where the head has passed; a break empties the mill behind it as soon as the gaps open.
    const reaches = (position: number): boolean => !broken && head >= position;
    const profileNow = 1 + profile.step(dt) + 0.0035 * Math.sin((2 * Math.PI * entryMetres) / skid);
    const incoming = loadedProducts[0]!.entryThickness * profileNow;
    state.entryGauge = broken ? 0 : incoming;
    const gaugeReading = gauge.exit > 0 && !broken ? gauge.exit * (1 + gaugeNoise.step(dt)) : 0;
    const inputs: StandInput[] = stands.map((stand, i) => {
      const own = loadedProducts[i]!;
      const loaded = reaches(i * STAND_SPACING);
      const before = i === 0 ? incoming : between[i - 1]!.exit;
      return {
        product: own,
        index: i,
        entryThickness: loaded ? (before > 0 ? before : i === 0 ? incoming : own.targets[i - 1]!) : 0,
        entrySpeed: entrySpeeds[i]!,
        backStress: loaded
          ? state.tensions[i]! / (own.width * Math.max(0.1, own.targets[i - 1] ?? own.entryThickness))
          : 0,
        frontStress: loaded ? state.tensions[i + 1]! / (own.width * own.targets[i]!) : 0,
        loaded,
        measured: i === LAST ? gaugeReading : stand.state.exitThickness * (1 + 0.0004 * (random.next() - 0.5)),
        acceleration: state.acceleration,
      };
    });
    for (const [i, stand] of stands.entries()) stand.roll(inputs[i]!, dt);

    // Mass flow: the last stand that holds strip leads, every stand before it gives exactly what the next one takes.
    let speed = state.speed;
    for (let i = LAST; i >= 0; i--) {
      const stand = stands[i]!;
      const input = inputs[i]!;
      stand.drive(speed, input, dt);
      const own = input.product;
      const ratio = input.loaded
        ? stand.state.exitThickness / stand.state.entryThickness
        : own.targets[i]! / (own.targets[i - 1] ?? own.entryThickness);
      speed *= ratio;
      entrySpeeds[i] = speed;
    }
    const millEntrySpeed = broken ? 0 : speed;
    entryMetres += millEntrySpeed * dt;
    for (let i = 0; i < LAST; i++) {
      if (reaches(i * STAND_SPACING)) between[i]!.move(stands[i]!.state.exitSpeed * dt, stands[i]!.state.exitThickness);
    }
    if (reaches(LAST * STAND_SPACING)) gauge.move(state.speed * dt, stands[LAST]!.state.exitThickness);
    if (!wound && !broken) head += Math.max(0.15, localSpeed(head)) * dt * (state.speed > 0.01 ? 1 : 0);

    entry.step(dt, millEntrySpeed, random, broken);
    if (nearest !== undefined && nearest.distance <= 0) {
      entry.welds.shift();
      weld = { position: 0, next: nearest.next };
      loadedProducts[0] = nearest.next;
    }
    if (weld !== null && !broken) {
      weld.position += localSpeed(weld.position) * dt;
      for (let i = 1; i < STANDS; i++) {
        if (weld.position >= i * STAND_SPACING) loadedProducts[i] = weld.next;
      }
      if (weld.position >= COILER_AT) {
        // The flying shear cuts at the weld, the strip goes on to the other mandrel.
        weld = null;
        state.weldCount = (state.weldCount + 1) & 0xffff;
        startCoil();
      }
    }

    const winding = head >= COILER_AT && !broken;
    if (winding) {
      state.coilLength += state.speed * dt;
      totalLength += state.speed * dt * 1000;
      const kgPerMetre = STEEL * product.width * 1e-3 * Math.max(0, stands[LAST]!.state.exitThickness) * 1e-3;
      state.coilWeight += state.speed * dt * kgPerMetre;
    }
    for (const stand of stands) energy += Math.max(0, stand.state.power) * dt;
    state.totalLength = Math.floor(totalLength);
    state.energy = Math.floor(energy / 3600);

    tensions(dt, inputs);
    state.exitGauge = gaugeReading;
    state.targetThickness = product.targets[LAST]!;
    state.recipe = product.recipe;
    state.width = product.width;
    state.deviation = gaugeReading > 0 ? (gaugeReading - state.targetThickness) * 1000 : 0;
    const flatness = flatnessDrift.step(dt);
    state.flatness = gaugeReading > 0 ? 9 + flatness + 8 * Math.min(1, Math.abs(state.acceleration)) : 0;
    state.weldPosition = weld !== null ? weld.position : nearest === undefined ? -9999 : -Math.max(0, nearest.distance);
    const metresLeft =
      weld !== null ? COILER_AT - weld.position : (entry.looper + entry.remaining) * exitPerEntry + COILER_AT;
    const toWeld = nearest !== undefined && weld === null ? nearest.distance * exitPerEntry + COILER_AT : metresLeft;
    state.timeToChange = state.speed > 0.2 ? Math.min(9999, toWeld / state.speed) : 9999;

    const un = state.uncoiler;
    un.diameter = entry.diameter;
    un.speed = entry.speed;
    un.remaining = entry.remaining;
    un.coilNumber = firstCoil + entry.coilNumber - 1 + state.breakCount;
    un.current = 60 + (un.tension * un.diameter) / 2 / 130 + entry.speed * 12;
    state.looper.position = entry.looperPosition * 100;
    state.entryBridle.speed = millEntrySpeed;
    state.entryBridle.current = 45 + Math.abs(state.tensions[0]! - state.looper.tension) * 0.0016 + millEntrySpeed * 9;
    const co = state.coiler;
    co.diameter = coilDiameter(state.coilLength, product.targets[LAST]!, MANDREL);
    co.speed = winding || broken ? state.speed : 0;
    co.tension = state.tensions[STANDS]!;
    co.current = 80 + (co.tension * co.diameter) / 2 / 9.5 + Math.abs(state.acceleration) * 160;

    emergencyStop = Math.max(0, emergencyStop - dt);
    auxiliaries.step(dt, entry.joining);
    words(winding);
  };

  /** Speed of the strip at a place behind stand 1, m/s */
  const localSpeed = (position: number): number => {
    const stand = Math.min(LAST, Math.floor(Math.max(0, position) / STAND_SPACING));
    return position < 0 ? entrySpeeds[0]! : stands[stand]!.state.exitSpeed;
  };

  const tensions = (dt: number, inputs: readonly StandInput[]): void => {
    // Stress wanted in each zone, N/mm²: entry, between the stands, coiler.
    const stresses = [42, 125, 135, 140, 48];
    const slow = state.speed < 0.3 ? 0.45 : state.lineState === LINE_STATE.threading ? 0.6 : 1;
    for (let zone = 0; zone <= STANDS; zone++) {
      const input = inputs[Math.min(zone, LAST)]!;
      const thickness = zone === 0 ? input.product.entryThickness : loadedProducts[zone - 1]!.targets[zone - 1]!;
      const reached = zone === STANDS ? head >= COILER_AT : head >= zone * STAND_SPACING;
      const taut = reached && !broken;
      const noise = tensionNoise[zone]!.step(dt);
      const disturbance = noise + (zone === 0 ? 0 : -0.025 * state.acceleration) + weldBump(zone);
      tensionTargets[zone] = taut ? stresses[zone]! * thickness * input.product.width * slow * (1 + disturbance) : 0;
      // A torn strip springs back at once where it tore; the neighbours lose their pull as the loops open.
      const tau = taut ? 0.25 : broken && zone === breakZone ? 0.03 : 0.12;
      state.tensions[zone]! += (tensionTargets[zone]! - state.tensions[zone]!) * (1 - Math.exp(-dt / tau));
    }
    const relax = (from: number, to: number, tau: number): number => from + (to - from) * (1 - Math.exp(-dt / tau));
    const entryPull = entry.joining ? 0.35 : 1;
    const base = entry.product.width * entry.product.entryThickness;
    state.looper.tension = relax(state.looper.tension, 14 * base * (1 + 0.8 * tensionNoise[0]!.step(dt)), 0.6);
    state.entryBridle.tension = state.tensions[0]!;
    state.uncoiler.tension = relax(
      state.uncoiler.tension,
      9 * base * entryPull * (1 + 0.9 * tensionNoise[1]!.step(dt)),
      0.5,
    );
  };

  /** The thicker lap of a weld jolts the tension as it passes a stand. */
  const weldBump = (zone: number): number => {
    if (weld === null) return 0;
    const off = weld.position - zone * STAND_SPACING;
    return off > -0.3 && off < 1.2 ? 0.08 * Math.cos((off / 1.2) * Math.PI) : 0;
  };

  const words = (winding: boolean): void => {
    const is = (condition: boolean, bit: number): number => (condition ? 2 ** bit : 0);
    const s = LINE_STATE;
    const phase = state.lineState;
    const moving = state.speed > 0.05;
    state.statusWord =
      is(!broken, STATUS_BIT.ready) |
      is(phase === s.running, STATUS_BIT.running) |
      is(phase === s.threading, STATUS_BIT.threading) |
      is(phase === s.accelerating, STATUS_BIT.accelerating) |
      is(phase === s.decelerating, STATUS_BIT.decelerating) |
      is(winding, STATUS_BIT.stripPresent) |
      is(winding && state.speed > 1.5, STATUS_BIT.thicknessControl) |
      is(winding, STATUS_BIT.tensionOn) |
      is(weld !== null, STATUS_BIT.weldInMill) |
      is(phase === s.coilChange, STATUS_BIT.coilChange) |
      is(broken, STATUS_BIT.fault) |
      is(moving, STATUS_BIT.coolantPump) |
      is(true, STATUS_BIT.hydraulicPump) |
      is(entry.joining, STATUS_BIT.joining) |
      is(true, STATUS_BIT.simulated) |
      is(state.time % 2 < 1, STATUS_BIT.heartbeat);
    const outOfTolerance = phase === s.running && Math.abs(state.deviation) > 0.012 * state.targetThickness * 1000;
    const alarms =
      is(broken, ALARM_BIT.stripBreak) +
      is(emergencyStop > 0, ALARM_BIT.emergencyStop) +
      is(state.looper.position < 20, ALARM_BIT.looperLow) +
      is(state.looper.position > 96, ALARM_BIT.looperHigh) +
      is(outOfTolerance, ALARM_BIT.thicknessOutOfTolerance) +
      is(
        state.coolantTemperatures.some((t) => t > 72),
        ALARM_BIT.coolantHot,
      ) +
      is(state.hydraulics.pressure < 185, ALARM_BIT.hydraulicPressureLow) +
      is(
        state.stands.some((stand) => stand.current > 6_000),
        ALARM_BIT.motorOverload,
      ) +
      is(
        state.motorTemperatures.some((t) => t > 125),
        ALARM_BIT.motorHot,
      ) +
      is(state.coolantTank.level < 35, ALARM_BIT.tankLow) +
      is(winding && state.speed > 3 && state.coiler.tension < 4_000, ALARM_BIT.tensionLow) +
      is(state.bearingTemperature > 75, ALARM_BIT.bearingHot) +
      is(entry.joinLate, ALARM_BIT.joinLate);
    state.alarmWord = alarms;
  };

  return {
    state,
    breakStrip,
    step(dtMs) {
      waiting += dtMs;
      while (waiting >= STEP_MS) {
        waiting -= STEP_MS;
        inner(STEP_MS / 1000);
        const mayBreak = state.lineState === LINE_STATE.running || state.lineState === LINE_STATE.weldPass;
        const weight = state.lineState === LINE_STATE.weldPass ? 3 : 1;
        if (mayBreak && random.next() < (weight * STEP_MS) / 1000 / secondsBetweenBreaks) breakStrip();
      }
    },
  };
}

function coilId(number: number): string {
  return `DEMO-${number.toString().padStart(6, '0')}-A`;
}
