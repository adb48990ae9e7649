import { AppError } from '#shared/errors.ts';
import { isBad, type Sample, type Series, type TimeRange, type UnixMicros } from '#shared/model/index.ts';
import type { TsdbConnection, TsdbTag } from './tsdb.ts';

/** Texts that one picture goes through. */
const MOST_TEXTS = 200_000;
/** Different ones of a tag, and of all of them, that have a number of their own. */
const MOST_DIFFERENT = 10_000;
const MOST_NUMBERS = 1_000_000;

/** Numbers that stand for texts, from 0 on. */
export interface TextNumbers {
  /** Throws `query.too-many-samples` where a tag has more different ones than can be drawn. */
  of(text: string): number;
}

export interface TextReader {
  /** Stretches of equal texts, at most `pixels` times two of them, with the text before the range and after it. */
  view(tag: TsdbTag, range: TimeRange, pixels: number, signal: AbortSignal): Promise<Series>;
  /** Every one, in blocks; the numbers mean the same in all of them. */
  raw(tag: TsdbTag, range: TimeRange, signal: AbortSignal): AsyncIterable<Series>;
  /** The same sample with the number of its text. */
  named(tag: TsdbTag, sample: Sample | null, signal: AbortSignal): Promise<Sample | null>;
}

/**
 * Reads tags whose values are texts, as a source hands them over: nothing of them is aggregated there. `nearest` finds
 * the sample next to a time, whatever its value is.
 */
export function createTextReader(
  read: NonNullable<TsdbConnection['texts']>,
  nearest: (
    tag: TsdbTag,
    time: UnixMicros,
    span: number,
    backward: boolean,
    signal: AbortSignal,
  ) => Promise<Sample | null>,
): TextReader {
  const numbers = new Map<string, Map<string, number>>();
  let known = 0;
  /** The same for all pictures of a tag: what is drawn was read at different times. */
  const numbersOf = (tag: TsdbTag): TextNumbers => {
    const own = numbers.get(tag.id) ?? new Map<string, number>();
    numbers.set(tag.id, own);
    return {
      of(text) {
        let number = own.get(text);
        if (number !== undefined) return number;
        if (own.size >= MOST_DIFFERENT || known >= MOST_NUMBERS) throw tooManyDifferent(tag);
        number = own.size;
        own.set(text, number);
        known++;
        return number;
      },
    };
  };

  const at = async (tag: TsdbTag, time: UnixMicros, signal: AbortSignal): Promise<Rows> => {
    const rows = createRows(numbersOf(tag));
    for await (const block of read(tag, { from: time, to: time + 1 }, signal)) {
      for (const [i, when] of block.time.entries()) rows.add(when, block.text[i]!, block.quality[i]!);
    }
    return rows;
  };

  return {
    async view(tag, range, pixels, signal) {
      const rows = createRows(numbersOf(tag));
      const span = range.to - range.from;
      const before = await nearest(tag, range.from, span, true, signal);
      if (before !== null) rows.append(await at(tag, before.time, signal));
      const step = Math.max(1, span / pixels);
      let read_ = 0;
      let last: { readonly text: string | null; readonly quality: number } | null = null;
      for await (const block of read(tag, range, signal)) {
        read_ += block.time.length;
        if (read_ > MOST_TEXTS) throw tooMany(tag);
        for (const [i, when] of block.time.entries()) {
          const [text, quality] = [block.text[i]!, block.quality[i]!];
          // What says the same again changes nothing; of many in a pixel the last one stands.
          if (last !== null && last.text === text && last.quality === quality) continue;
          last = { text, quality };
          rows.put(when, text, quality, step);
        }
      }
      const after = await nearest(tag, range.to - 1, span, false, signal);
      if (after !== null) rows.append(await at(tag, after.time, signal));
      return rows.series(tag.id);
    },
    async *raw(tag, range, signal) {
      const own = new Map<string, number>();
      const order: TextNumbers = {
        of(text) {
          const number = own.get(text) ?? own.size;
          own.set(text, number);
          return number;
        },
      };
      for await (const block of read(tag, range, signal)) {
        const rows = createRows(order);
        for (const [i, when] of block.time.entries()) rows.add(when, block.text[i]!, block.quality[i]!);
        yield rows.series(tag.id);
      }
    },
    async named(tag, sample, signal) {
      if (sample === null) return null;
      const { value, quality } = (await at(tag, sample.time, signal)).series(tag.id);
      return value.length === 0 ? sample : { time: sample.time, value: value[0]!, quality: quality[0]! };
    },
  };
}

interface Rows {
  add(time: number, text: string | null, quality: number): void;
  /** Takes the place of the one before, where that lies in the same step. */
  put(time: number, text: string | null, quality: number, step: number): void;
  append(other: Rows): void;
  series(tag: string): Series;
}

/** A row without a text has no value, whatever its quality says. */
const NO_TEXT = 0x809b;

function createRows(numbers: TextNumbers): Rows {
  const time: number[] = [];
  const value: number[] = [];
  const quality: number[] = [];
  const texts: Record<number, string> = {};
  let step_ = Number.NaN;
  const add = (when: number, text: string | null, code: number): void => {
    const number = text === null ? 0 : numbers.of(text);
    if (text !== null) texts[number] = text;
    time.push(when);
    value.push(number);
    quality.push(text === null && !isBad(code) ? NO_TEXT : code);
  };
  const rows: Rows = {
    add,
    put(when, text, code, step) {
      const place = Math.floor(when / step);
      if (place === step_) {
        for (const column of [time, value, quality]) column.pop();
      }
      step_ = place;
      add(when, text, code);
    },
    append(other) {
      const { texts: more, ...columns } = other.series('');
      Object.assign(texts, more);
      time.push(...columns.time);
      value.push(...columns.value);
      quality.push(...columns.quality);
    },
    series: (tag) => ({
      tag,
      time: Float64Array.from(time),
      value: Float64Array.from(value),
      quality: Uint16Array.from(quality),
      envelope: null,
      gaps: [],
      texts,
    }),
  };
  return rows;
}

const tooMany = ({ name }: TsdbTag): AppError =>
  new AppError(
    'query.too-many-samples',
    `${name} has more than ${MOST_TEXTS} texts in this range, and the source does not merge them. Look at a shorter range, or fetch it to a local recording.`,
    { details: { limit: MOST_TEXTS } },
  );

const tooManyDifferent = ({ name }: TsdbTag): AppError =>
  new AppError(
    'query.too-many-samples',
    `${name} has more than ${MOST_DIFFERENT} different texts, which is no state. Look at a shorter range, or fetch it to a local recording.`,
    { details: { limit: MOST_DIFFERENT } },
  );
