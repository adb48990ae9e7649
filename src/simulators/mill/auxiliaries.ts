import { createDrift, type Random } from '#simulators/random.ts';
import type { MillState } from './state.ts';

/** Temperatures, hydraulics and coolant: slow first-order systems that follow the power of the line. */
export interface Auxiliaries {
  step(dtS: number, joining: boolean): void;
}

export function createAuxiliaries(random: Random, state: MillState): Auxiliaries {
  const pressureNoise = createDrift(random, 0.6, 0.15);
  const ambient = createDrift(random, 1.2, 1_800);
  const flowNoise = createDrift(random, 0.01, 1);
  const before = state.stands.map((stand) => stand.gap);
  const follow = (from: number, to: number, dtS: number, tau: number): number =>
    from + (to - from) * (1 - Math.exp(-dtS / tau));

  return {
    step(dtS, joining) {
      state.ambientTemperature = 24 + ambient.step(dtS);
      const moving = state.speed > 0.05;
      const tank = state.coolantTank;
      tank.flow = follow(tank.flow, (moving ? 4_200 + 260 * state.speed : 600) * (1 + flowNoise.step(dtS)), dtS, 2);
      let total = 0;
      let screwing = 0;
      state.stands.forEach((stand, i) => {
        const power = Math.max(0, stand.power);
        total += power;
        // Nine tenths of the rolling power leaves as heat, most of it with the coolant of the own stand.
        const heated = tank.temperature + (0.62 * power) / (Math.max(200, tank.flow / 4) * 65);
        state.coolantTemperatures[i] = follow(state.coolantTemperatures[i]!, heated, dtS, 28);
        const load = stand.current / 4_000;
        state.motorTemperatures[i] = follow(
          state.motorTemperatures[i]!,
          state.ambientTemperature + 18 + 62 * load * load,
          dtS,
          420,
        );
        screwing += Math.abs(stand.gap - before[i]!) / dtS;
        before[i] = stand.gap;
      });
      tank.temperature = follow(tank.temperature, 38 + (total / 1e7) * 9, dtS, 600);
      // Evaporation lowers the tank, an automatic refill brings it back.
      tank.level -= dtS * (0.0015 + total * 2e-10);
      if (tank.level < 55) tank.level = follow(tank.level, 85, dtS, 60);

      const hydraulics = state.hydraulics;
      const demand = 205 - Math.min(14, screwing * 2.6);
      hydraulics.pressure = follow(hydraulics.pressure, demand + pressureNoise.step(dtS), dtS, 0.12);
      hydraulics.oilTemperature = follow(hydraulics.oilTemperature, 43 + (moving ? 6 : 0) + screwing * 0.2, dtS, 500);
      hydraulics.level = 71 - Math.min(2, screwing * 0.05) + (joining ? -0.6 : 0);
      state.bearingTemperature = follow(
        state.bearingTemperature,
        state.ambientTemperature + 9 + 3.1 * state.speed,
        dtS,
        700,
      );
      const last = state.stands[state.stands.length - 1]!;
      const strip = state.coolantTemperatures[state.stands.length - 1]! + 28 + 6.2 * state.speed;
      state.exitTemperature = follow(state.exitTemperature, last.loaded ? strip : state.ambientTemperature, dtS, 4);
      const coilerLoad = state.coiler.current / 900;
      state.coiler.motorTemperature = follow(
        state.coiler.motorTemperature,
        state.ambientTemperature + 14 + 45 * coilerLoad * coilerLoad,
        dtS,
        380,
      );
    },
  };
}
