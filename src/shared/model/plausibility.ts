import { type RawReading, rawSize, readRaw } from './raw.ts';
import { type DecodeRecipe, linear, type Scaling, type ValueType, type WordOrder } from './recipe.ts';

// Which type and order a place holds is judged by how few bits would tell all that was seen of it: values of a plant are
// of a natural size and change by little, and bytes that are put together in a wrong way are not and do not. A reading
// also answers for the bytes behind it, which are told in the best way there is: so a number in two registers is compared
// with two numbers in one register each. Bits here are the unit of that account, not bits of the value.

/** One way to read a place. */
export interface Reading {
  readonly type: ValueType;
  readonly order: WordOrder;
  /** Characters of a string; null for all else. */
  readonly length: number | null;
  readonly recipe: DecodeRecipe;
}

/** What the tag says of its values: those outside are unlikely. */
export interface Expected {
  readonly range: { readonly low: number; readonly high: number } | null;
  readonly scaling: Scaling | null;
}

export interface Judged<R extends Reading> {
  readonly reading: R;
  /** As read last, unscaled. */
  readonly last: RawReading;
  /** Over all polls; null where no poll gave a number. */
  readonly min: number | null;
  readonly max: number | null;
  /** 1 for the most plausible, towards 0. */
  readonly score: number;
  /** Sentences without a full stop, what weighs most first. */
  readonly reasons: readonly string[];
}

export interface Ranking<R extends Reading> {
  /** Takes one look at the bytes; they are kept by nobody. */
  add(bytes: Uint8Array): void;
  readonly looks: number;
  /** The bytes were not the same at all looks. */
  readonly moved: boolean;
  /** The most plausible first; readings that need more bytes than there are do not appear. */
  judged(): Judged<R>[];
}

/** Overhead of each value, so that two are not assumed where one does. */
const VALUE_BITS = 4;
/** A difference of so many bits halves a score. */
const HALF_SCORE_BITS = 5;
/** Sizes between these are usual in plants and cost nothing more. */
const SMALL = 1e-3;
const LARGE = 1e6;
const DECADE_BITS = 3;
/** Beyond what the bytes of a value cost as they are. */
const STRANGE_BITS = 20;
/** A change of half its size, or over much of a register: values of plants that are read often rarely do that. */
const JUMP_BITS = 8;
/** Most places hold numbers. */
const TEXT_BITS = 12;
const INSIDE_BITS = -4;
const OUTSIDE_BITS = 6;
/** Of several readings that say the same the more usual type goes first. */
const usual: readonly ValueType[] = [
  'float32',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'float64',
  'int8',
  'uint8',
  'int64',
  'uint64',
  'string',
  'bit',
];
const orders: readonly WordOrder[] = ['ABCD', 'CDAB', 'BADC', 'DCBA'];

const isFloat = (type: ValueType): boolean => type === 'float32' || type === 'float64';

/** `unit`: bytes that an address counts. `readings` begin at the first byte. */
export function createRanking<R extends Reading>(readings: readonly R[], unit: number, expected: Expected): Ranking<R> {
  let bytesSeen: Uint8Array | null = null;
  let looks = 0;
  let moved = false;
  let own: { readonly reading: R; readonly track: Track }[] = [];
  let rest: Track[][] = [];

  const start = (length: number): void => {
    looks = 0;
    moved = false;
    own = readings.map((reading) => ({ reading, track: createTrack(reading, 0, unit, expected) }));
    const types = [...new Set(readings.map(({ type }) => type))].filter((type) => type !== 'string' && type !== 'bit');
    rest = [];
    for (let at = unit; at < length; at += unit) {
      rest[at] = types.flatMap((type) =>
        ordersOf(type).map((order) =>
          createTrack({ type, order, length: null, recipe: recipeOf(type, order) }, at, unit, NOTHING_EXPECTED),
        ),
      );
    }
  };

  return {
    get looks() {
      return looks;
    },
    get moved() {
      return moved;
    },
    add(bytes) {
      if (bytesSeen?.length !== bytes.length) start(bytes.length);
      else if (bytesSeen.some((byte, at) => byte !== bytes[at])) moved = true;
      bytesSeen = bytes.slice();
      looks++;
      for (const { track } of own) track.add(bytes);
      for (const tracks of rest) for (const track of tracks ?? []) track.add(bytes);
    },
    judged() {
      const length = bytesSeen?.length ?? 0;
      /** Fewest bits for all bytes from each place on. */
      const after: number[] = new Array(length + 1).fill(0);
      for (let at = length - 1; at >= unit; at--) {
        let best = Number.POSITIVE_INFINITY;
        for (const track of rest[at] ?? []) {
          if (at + track.size <= length) best = Math.min(best, track.bits + (after[at + track.size] ?? 0));
        }
        after[at] = Number.isFinite(best) ? best : 8 + VALUE_BITS + (after[at + 1] ?? 0);
      }
      const found = own.filter(({ track }) => track.size <= length && track.last !== null);
      const cost = ({ track }: { readonly track: Track }): number => track.bits + (after[track.size] ?? 0);
      found.sort((a, b) => cost(a) - cost(b) || usual.indexOf(a.reading.type) - usual.indexOf(b.reading.type));
      const first = found[0];
      if (first === undefined) return [];
      return found.map((one) => ({
        reading: one.reading,
        last: one.track.last!,
        min: Number.isFinite(one.track.min) ? one.track.min : null,
        max: Number.isFinite(one.track.max) ? one.track.max : null,
        score: 2 ** ((cost(first) - cost(one)) / HALF_SCORE_BITS),
        reasons: [...one.track.reasons(looks), ...(one === first ? [] : neighbours(one, first, moved))],
      }));
    },
  };
}

/** What the bytes behind say about a reading that is longer or shorter than the most plausible one. */
function neighbours(
  one: { readonly track: Track },
  first: { readonly track: Track; readonly reading: Reading },
  moved: boolean,
): string[] {
  if (!moved || one.track.size === first.track.size) return [];
  return one.track.size < first.track.size
    ? [`what follows belongs to it, read as ${nameOf(first.reading)}`]
    : [`what follows reads better as a value of its own`];
}

export function nameOf({ type, order, length }: Pick<Reading, 'type' | 'order' | 'length'>): string {
  const name = length === null ? type : `${type} of ${length}`;
  return ordersOf(type).length === 1 ? name : `${name} ${order}`;
}

/** Orders that make a difference: a byte has none, a register and a text have two. */
export function ordersOf(type: ValueType): readonly WordOrder[] {
  switch (type) {
    case 'int8':
    case 'uint8':
    case 'bit':
      return ['ABCD'];
    case 'int16':
    case 'uint16':
    case 'string':
      return ['ABCD', 'BADC'];
    default:
      return orders;
  }
}

const NOTHING_EXPECTED: Expected = { range: null, scaling: null };

function recipeOf(type: ValueType, order: WordOrder): DecodeRecipe {
  const form = type === 'int64' || type === 'uint64' || type === 'float64' ? 'bits64' : 'bits';
  return { version: 1, form, type, order, bit: null, scaling: null, unit: null };
}

/** One reading over all looks. */
interface Track {
  readonly size: number;
  /** What all looks cost. */
  readonly bits: number;
  readonly last: RawReading | null;
  readonly min: number;
  readonly max: number;
  add(bytes: Uint8Array): void;
  reasons(looks: number): string[];
}

function createTrack(reading: Reading, at: number, unit: number, expected: Expected): Track {
  const { type, recipe, length } = reading;
  const size = rawSize(recipe, length, unit);
  const mostBits = size * 8 + 2;
  const { gain, offset } = linear(expected.scaling);
  let bits = VALUE_BITS + (recipe.form === 'text' ? TEXT_BITS : 0);
  let last: RawReading | null = null;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let strange = 0;
  let unusual = 0;
  let outside = 0;
  let inside = 0;
  let changes = 0;
  let largest = 0;
  /** Greatest power of two that divides all changes of an integer. */
  let step = 0;
  let unprintable = 0;
  const characters: number[] = [];

  const sizeBits = (value: number): number => {
    if (isFloat(type)) {
      if (value === 0) return 2;
      return Math.min(mostBits, 5 + mantissaBits(value, type)) + decadesOff(value) * DECADE_BITS;
    }
    return Math.min(mostBits, 1 + 1.15 * Math.log2(1 + Math.abs(value)) + (value < 0 ? 1 : 0));
  };
  const changeBits = (from: number, to: number, change: number): number => {
    if (!isFloat(type)) {
      // Words that never change say nothing: a number with such is judged as one of the words that do.
      const span = Math.max(max, to) - Math.min(min, to);
      const used = span < 2 ** 16 ? 16 : span < 2 ** 32 ? 32 : 64;
      const jump = change > 2 ** (Math.min(used, size * 8) - 4) ? JUMP_BITS : 0;
      return Math.min(mostBits, 1 + 1.15 * Math.log2(1 + change)) + jump;
    }
    const amount = Math.max(Math.abs(from), Math.abs(to));
    const digits = type === 'float32' ? 23 : 52;
    const unitInLast = 2 ** (Math.floor(Math.log2(amount)) - digits);
    const jump = change > amount / 2 ? JUMP_BITS : 0;
    // Between values of very different size the change is as long as a new value.
    return Math.min(mostBits, 1 + Math.log2(1 + change / unitInLast)) + decadesOff(to) * DECADE_BITS + jump;
  };
  const number = ({ value, text: digits }: RawReading): void => {
    if (!Number.isFinite(value) || (isFloat(type) && value !== 0 && Math.abs(value) < 1e-37)) {
      strange++;
      bits += mostBits + STRANGE_BITS;
      return;
    }
    if (isFloat(type) ? decadesOff(value) > 0 : Math.abs(value) > 1e8) unusual++;
    const before = last?.value;
    // Large integers are told apart by all their digits.
    const same = before === value && digits === (last?.text ?? null);
    if (before === undefined || !Number.isFinite(before)) bits += sizeBits(value);
    else if (!same) {
      const change =
        digits !== null && last?.text != null
          ? Math.abs(Number(BigInt(digits) - BigInt(last.text)))
          : Math.abs(value - before);
      bits += changeBits(before, value, change);
      changes++;
      const scale = Math.max(Math.abs(before), Math.abs(value));
      largest = Math.max(largest, change / scale);
      if (!isFloat(type)) step = greatestPower(step, change);
    }
    min = Math.min(min, value);
    max = Math.max(max, value);
    const ends = expected.range;
    if (ends === null || type === 'string') return;
    const shown = value * gain + offset;
    if (shown >= ends.low && shown <= ends.high) {
      if (inside++ === 0) bits += INSIDE_BITS;
    } else {
      outside++;
      if (outside <= 10) bits += OUTSIDE_BITS;
    }
  };
  const text = (bytes: Uint8Array): void => {
    unprintable = 0;
    let ended = false;
    for (let i = 0; i < size; i++) {
      const byte = bytes[at + (reading.order === 'BADC' ? i ^ 1 : i)] ?? 0;
      const printable = byte >= 0x20 && byte < 0x7f;
      // Behind the zero that ends a text only more zeros are told of one.
      const fits = ended ? byte === 0 : printable || (byte === 0 && i > 0);
      if (!fits) unprintable++;
      ended ||= byte === 0;
      if (byte !== characters[i]) bits += !fits ? 14 : printable ? 4.5 : 2;
      characters[i] = byte;
    }
  };

  return {
    size,
    get bits() {
      return bits;
    },
    get last() {
      return last;
    },
    get min() {
      return min;
    },
    get max() {
      return max;
    },
    add(bytes) {
      const read = readRaw(bytes, at, size, recipe);
      if (read === null) return;
      if (recipe.form === 'text') text(bytes);
      else number(read);
      last = read;
    },
    reasons(looks) {
      if (recipe.form === 'text') {
        if (unprintable === 0 && last?.text === '') return ['an empty text'];
        return unprintable === 0
          ? ['all characters can be printed']
          : [`${unprintable} of ${size} characters can not be printed`];
      }
      const words: string[] = [];
      const of = (count: number): string => (count >= looks ? '' : ` in ${count} of ${looks} polls`);
      if (strange > 0) words.push(`no number, or one below any process value${of(strange)}`);
      if (unusual > 0) words.push(`of an unusual size${of(unusual)}`);
      if (step >= 65_536) words.push('changes only by multiples of 65,536, as with swapped words');
      else if (step >= 256) words.push('changes only by multiples of 256, as with swapped bytes');
      if (outside > 0) words.push(`outside the tag's range${of(outside)}`);
      else if (inside > 0) words.push("inside the tag's range");
      if (strange === 0 && changes > 0) {
        words.push(
          largest > 0.5 ? 'jumps from poll to poll' : `changes by at most ${percent(largest)} from poll to poll`,
        );
      }
      if (words.length === 0 && max === 0 && min === 0) words.push('zero so far');
      if (words.length === 0) words.push('of a usual size, without a change so far');
      return words;
    },
  };
}

function percent(share: number): string {
  const value = share * 100;
  return `${value < 0.1 ? '0.1' : value.toFixed(value < 10 ? 1 : 0)} %`;
}

/** Decades by which a number is smaller or larger than what is usual. */
function decadesOff(value: number): number {
  const amount = Math.abs(value);
  if (amount === 0) return 0;
  if (amount < SMALL) return Math.log10(SMALL / amount);
  return amount > LARGE ? Math.log10(amount / LARGE) : 0;
}

const scratch = new DataView(new ArrayBuffer(8));

/** Bits of the mantissa up to the last one that is set: round numbers have few. */
function mantissaBits(value: number, type: ValueType): number {
  if (type === 'float32') {
    scratch.setFloat32(0, value);
    return 23 - Math.min(23, trailingZeros(scratch.getUint32(0)));
  }
  scratch.setFloat64(0, value);
  const low = trailingZeros(scratch.getUint32(4));
  return 52 - Math.min(52, low < 32 ? low : 32 + trailingZeros(scratch.getUint32(0)));
}

const trailingZeros = (bits: number): number => (bits === 0 ? 32 : 31 - Math.clz32(bits & -bits));

/** The greatest power of two that divides both; 0 stands for no change yet. */
function greatestPower(known: number, change: number): number {
  if (!Number.isSafeInteger(change) || change === 0) return known;
  let power = 1;
  for (let rest = change; rest % 2 === 0; rest /= 2) power *= 2;
  return known === 0 ? power : Math.min(known, power);
}
