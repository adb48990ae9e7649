/**
 * Units of plants as numbers: a factor and an offset to the units of the SI, and powers of base dimensions, so that
 * values are converted where that is right and refused where it is not. Figures: SI brochure, 9th edition; NIST SP 811.
 */
export interface Unit {
  readonly factor: number;
  /** Added after the factor; only temperatures have one. */
  readonly offset: number;
  /** Powers of metre, kilogram, second, ampere, kelvin, mole, candela, bit. */
  readonly powers: readonly number[];
}

const none = [0, 0, 0, 0, 0, 0, 0, 0] as const;
const [LENGTH, MASS, TIME, CURRENT, TEMPERATURE, AMOUNT, LIGHT, DATA] = [0, 1, 2, 3, 4, 5, 6, 7];

function unit(factor: number, powers: Readonly<Record<number, number>> = {}, offset = 0): Unit {
  return { factor, offset, powers: none.map((_, at) => powers[at] ?? 0) };
}

const force = { [LENGTH]: 1, [MASS]: 1, [TIME]: -2 };
const pressure = { [LENGTH]: -1, [MASS]: 1, [TIME]: -2 };
const energy = { [LENGTH]: 2, [MASS]: 1, [TIME]: -2 };
const power = { [LENGTH]: 2, [MASS]: 1, [TIME]: -3 };
const voltage = { [LENGTH]: 2, [MASS]: 1, [TIME]: -3, [CURRENT]: -1 };
const volume = { [LENGTH]: 3 };

/** Those that take prefixes from nano to tera. */
const prefixed: Readonly<Record<string, Unit>> = {
  m: unit(1, { [LENGTH]: 1 }),
  g: unit(1e-3, { [MASS]: 1 }),
  s: unit(1, { [TIME]: 1 }),
  A: unit(1, { [CURRENT]: 1 }),
  K: unit(1, { [TEMPERATURE]: 1 }),
  mol: unit(1, { [AMOUNT]: 1 }),
  cd: unit(1, { [LIGHT]: 1 }),
  Hz: unit(1, { [TIME]: -1 }),
  N: unit(1, force),
  Pa: unit(1, pressure),
  bar: unit(1e5, pressure),
  Nm: unit(1, energy),
  J: unit(1, energy),
  Wh: unit(3600, energy),
  W: unit(1, power),
  VA: unit(1, power),
  var: unit(1, power),
  V: unit(1, voltage),
  Ohm: unit(1, { ...voltage, [CURRENT]: -2 }),
  Ω: unit(1, { ...voltage, [CURRENT]: -2 }),
  F: unit(1, { [LENGTH]: -2, [MASS]: -1, [TIME]: 4, [CURRENT]: 2 }),
  T: unit(1, { [MASS]: 1, [TIME]: -2, [CURRENT]: -1 }),
  l: unit(1e-3, volume),
  L: unit(1e-3, volume),
  bit: unit(1, { [DATA]: 1 }),
  B: unit(8, { [DATA]: 1 }),
};
const plain: Readonly<Record<string, Unit>> = {
  '1': unit(1),
  '%': unit(1e-2),
  '‰': unit(1e-3),
  ppm: unit(1e-6),
  rad: unit(1),
  '°': unit(Math.PI / 180),
  deg: unit(Math.PI / 180),
  min: unit(60, { [TIME]: 1 }),
  h: unit(3600, { [TIME]: 1 }),
  d: unit(86_400, { [TIME]: 1 }),
  t: unit(1000, { [MASS]: 1 }),
  rpm: unit(1 / 60, { [TIME]: -1 }),
  '°C': unit(1, { [TEMPERATURE]: 1 }, 273.15),
  degC: unit(1, { [TEMPERATURE]: 1 }, 273.15),
  '°F': unit(5 / 9, { [TEMPERATURE]: 1 }, 459.67 * (5 / 9)),
  degF: unit(5 / 9, { [TEMPERATURE]: 1 }, 459.67 * (5 / 9)),
  in: unit(0.0254, { [LENGTH]: 1 }),
  ft: unit(0.3048, { [LENGTH]: 1 }),
  lb: unit(0.453_592_37, { [MASS]: 1 }),
  psi: unit(6894.757_293_168_361, pressure),
  gal: unit(3.785_411_784e-3, volume),
};
const prefixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  µ: 1e-6,
  μ: 1e-6,
  u: 1e-6,
  m: 1e-3,
  c: 1e-2,
  d: 1e-1,
  h: 1e2,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
};

function single(name: string): Unit | null {
  const known =
    (Object.hasOwn(plain, name) ? plain[name] : undefined) ??
    (Object.hasOwn(prefixed, name) ? prefixed[name] : undefined);
  if (known !== undefined) return known;
  for (const length of [1, 2]) {
    const prefix = name.slice(0, length);
    const rest = name.slice(length);
    if (!Object.hasOwn(prefixes, prefix) || !Object.hasOwn(prefixed, rest)) continue;
    if (length === 2 && rest !== 'B' && rest !== 'bit') continue;
    // dB is no tenth of a byte.
    if ('cdh'.includes(prefix) && !['m', 'g', 'l', 'L', 'Pa', 'N', 'bar'].includes(rest)) continue;
    const base = prefixed[rest]!;
    return { ...base, factor: base.factor * prefixes[prefix]! };
  }
  return null;
}

const parsed = new Map<string, Unit | null>();

/**
 * Reads `m/min`, `kN`, `m3/h`, `kg/m^3`, `W/(m2*K)` without brackets as `W/m2/K`, `%`, `1/s`. Null for a text that is
 * no unit known here, such as `coils` or `m³ᵢN`: such a number is shown with its text and never converted.
 */
export function parseUnit(text: string): Unit | null {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const made = readUnit(text);
  if (parsed.size > 1000) parsed.clear();
  parsed.set(text, made);
  return made;
}

function readUnit(text: string): Unit | null {
  const compact = text.trim().replaceAll('²', '2').replaceAll('³', '3').replaceAll('·', '*').replaceAll('⋅', '*');
  const whole = single(compact);
  if (whole !== null) return whole;
  const parts = compact.split(/([*/])/).map((part) => part.trim());
  let factor = 1;
  const powers: number[] = [...none];
  let sign = 1;
  for (const [at, part] of parts.entries()) {
    if (at % 2 === 1) {
      sign = part === '/' ? -1 : 1;
      continue;
    }
    const match = /^(.+?)(?:\^?(-?[1-9]))?$/u.exec(part);
    const base = match === null ? null : single(match[1]!);
    // A temperature in a product is a difference, which has no offset.
    if (match === null || base === null) return null;
    const exponent = sign * Number(match[2] ?? 1);
    factor *= base.factor ** exponent;
    for (let i = 0; i < powers.length; i++) powers[i]! += base.powers[i]! * exponent;
  }
  return { factor, offset: 0, powers };
}

export const sameDimension = (a: Unit, b: Unit): boolean => a.powers.every((power, at) => power === b.powers[at]);

/** `to = from * gain + offset`. */
export interface Conversion {
  readonly gain: number;
  readonly offset: number;
}

/** How values of one unit become values of another; the reason in a sentence where they cannot. */
export function conversionOf(from: string | null, to: string | null): Conversion | { readonly fault: string } {
  if (from === to || to === null) return { gain: 1, offset: 0 };
  if (from === null)
    return { fault: `The values have no unit, so that they cannot become ${to}. State their unit first.` };
  const source = parseUnit(from);
  const target = parseUnit(to);
  const unknown = source === null ? from : target === null ? to : null;
  if (unknown !== null) return { fault: `"${unknown}" is no unit known here. Leave the unit as it is.` };
  if (!sameDimension(source!, target!)) {
    return { fault: `${from} cannot become ${to}: they measure different things. Choose a unit of the same kind.` };
  }
  const gain = source!.factor / target!.factor;
  return { gain, offset: (source!.offset - target!.offset) / target!.factor };
}

/** The unit of a change per second: `B` becomes `B/s`; null where there is none to begin with. */
export const perSecond = (text: string | null): string => (text === null || text === '1' ? '1/s' : `${text}/s`);
