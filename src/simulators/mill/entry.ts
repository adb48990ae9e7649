import type { Random } from '#simulators/random.ts';
import { type Product, products } from './products.ts';
import { coilDiameter } from './strip.ts';

/** Mandrel of the uncoiler, m */
const MANDREL = 0.61;
const LOOPER_CAPACITY = 150;
/** Strip between the welder and the first stand besides what the looper holds, m */
const PATH = 14;
const MAX_SPEED = 4.6;
const ACCELERATION = 0.9;
const JOIN_SECONDS = 15;

export interface Weld {
  /** Strip between the weld and the first stand, m; counted down as the mill draws strip in. */
  distance: number;
  readonly next: Product;
}

export interface EntrySection {
  readonly product: Product;
  readonly remaining: number;
  readonly diameter: number;
  readonly speed: number;
  /** Strip in the looper, m */
  readonly looper: number;
  /** 0 to 1 */
  readonly looperPosition: number;
  readonly joining: boolean;
  readonly joinLate: boolean;
  readonly coilNumber: number;
  readonly welds: Weld[];
  step(dtS: number, millEntrySpeed: number, random: Random, stopped: boolean): void;
}

/**
 * Uncoiler, welder and looper: the mill never stops for a new coil, because the looper gives the strip while the
 * uncoiler stands to have the tail of one coil joined to the head of the next.
 */
export function createEntrySection(random: Random): EntrySection {
  let index = Math.floor(random.next() * products.length) % products.length;
  let product = products[index]!;
  // The first coil is a short one, so that a newcomer sees a coil change soon.
  let remaining = coilLength(product, random) * 0.4;
  let speed = 0;
  let looper = LOOPER_CAPACITY * 0.8;
  let joinLeft = 0;
  let coilNumber = 1;
  const welds: Weld[] = [];

  return {
    get product() {
      return product;
    },
    get remaining() {
      return remaining;
    },
    get diameter() {
      return coilDiameter(remaining, product.entryThickness, MANDREL);
    },
    get speed() {
      return speed;
    },
    get looper() {
      return looper;
    },
    get looperPosition() {
      return looper / LOOPER_CAPACITY;
    },
    get joining() {
      return joinLeft > 0;
    },
    get joinLate() {
      return joinLeft > 0 && looper < LOOPER_CAPACITY * 0.15;
    },
    get coilNumber() {
      return coilNumber;
    },
    welds,
    step(dtS, millEntrySpeed, chance, stopped) {
      if (joinLeft > 0) {
        joinLeft -= dtS;
        speed = 0;
        if (joinLeft <= 0) {
          // Neighbouring products only: the set-up of a stand can follow a step in thickness, not a leap.
          if (chance.next() < 0.45) index = (index + 1 + Math.floor(chance.next() * 2)) % products.length;
          product = products[index]!;
          remaining = coilLength(product, chance);
          coilNumber++;
          welds.push({ distance: looper + PATH, next: product });
        }
      } else {
        const braking = (speed * speed) / (2 * ACCELERATION) + 0.3;
        const refill = millEntrySpeed + 0.06 * (LOOPER_CAPACITY * 0.8 - looper);
        const wanted = stopped ? 0 : remaining <= braking ? 0.25 : Math.max(0, Math.min(MAX_SPEED, refill));
        const change = ACCELERATION * dtS;
        speed += Math.max(-change, Math.min(change, wanted - speed));
        remaining -= speed * dtS;
        if (remaining <= 0) {
          remaining = 0;
          speed = 0;
          joinLeft = JOIN_SECONDS * chance.between(0.9, 1.25);
        }
      }
      looper = Math.max(0, Math.min(LOOPER_CAPACITY, looper + (speed - millEntrySpeed) * dtS));
      for (const weld of welds) weld.distance -= millEntrySpeed * dtS;
    },
  };
}

/**
 * Length of an incoming coil, m: as much as gives a finished coil every two to three minutes with the slow passage of
 * the weld included. Real coils last longer; a demo that shows a change only every half hour would show none.
 */
function coilLength(product: Product, random: Random): number {
  const exit = product.targets[product.targets.length - 1]!;
  const seconds = random.between(128, 168);
  const lost = (product.runSpeed - 3.5) ** 2 / 0.9;
  return ((seconds * product.runSpeed - lost - 60) * exit) / product.entryThickness;
}
