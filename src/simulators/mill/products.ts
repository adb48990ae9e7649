/** What is rolled. Lengths in millimetres unless named otherwise. */
export interface Product {
  /** Text of the recipe, at most 24 ASCII characters. */
  readonly recipe: string;
  readonly width: number;
  readonly entryThickness: number;
  /** Thickness wanted after each stand; the last one is the product's. */
  readonly targets: readonly number[];
  /** Yield stress at a true strain of 1, N/mm². */
  readonly strength: number;
  /** Exponent of work hardening. */
  readonly hardening: number;
  /** Exit speed in the run phase, m/s. */
  readonly runSpeed: number;
}

export const STANDS = 4;

/** Share of the total true strain that each stand takes; the last pass is light because it makes the surface. */
const strainShares = [0.31, 0.29, 0.26, 0.14];

function product(
  recipe: string,
  width: number,
  entryThickness: number,
  exitThickness: number,
  strength: number,
  hardening: number,
  runSpeed: number,
): Product {
  const total = Math.log(entryThickness / exitThickness);
  let taken = 0;
  const targets = strainShares.map((share) => {
    taken += share;
    return entryThickness * Math.exp(-total * taken);
  });
  return { recipe, width, entryThickness, targets, strength, hardening, runSpeed };
}

export const products: readonly Product[] = [
  product('DC04 0.50x1250', 1250, 2.3, 0.5, 620, 0.2, 11.5),
  product('DC01 0.80x1250', 1250, 2.8, 0.8, 610, 0.19, 9.5),
  product('HX340 0.70x1150', 1150, 2.5, 0.7, 730, 0.16, 9.8),
  product('TS275 0.40x1000', 1000, 2.0, 0.4, 640, 0.18, 12.5),
  product('DC06 0.60x1300', 1300, 2.6, 0.6, 560, 0.22, 10.8),
];
