import { AppError, refuse } from '#shared/errors.ts';
import { compareLabels, type GraphSeries } from '#shared/model/graph/index.ts';

/** Type numbers of columns that are times, and of those that are numbers. */
const TIMES = new Set([1082, 1114, 1184]);
const NUMBERS = new Set([16, 20, 21, 23, 26, 700, 701, 1700]);

/**
 * Numbers of an answer, and letters and number of its different labels. A number and its time take 16 bytes while rows
 * come, and as many again when the series are made of them: 320 MB at the most.
 */
const MOST_NUMBERS = 10_000_000;
const MOST_LETTERS = 10_000_000;
const MOST_LABELS = 10_000;
/** Samples in the first and in the largest part of a series that grows. */
const FIRST_PART = 64;
const LARGEST_PART = 65_536;

export interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** Rows of an answer as series, of which no row is kept. */
export interface RawSeries {
  /** Throws `query.too-many-samples` for more than are taken. */
  add(row: readonly unknown[]): void;
  /** To be called once. */
  finish(): GraphSeries[];
}

/**
 * The first column that is a time is that of the samples; each column of numbers is a series, and all others are labels.
 * Of rows with one time the first counts. Throws `config.invalid` where there is no time or no number.
 */
export function createRawSeries(fields: readonly Field[], mostRows: number): RawSeries {
  const time = fields.findIndex(({ dataTypeID }) => TIMES.has(dataTypeID));
  if (time === -1)
    refuse('text', 'None of the columns is a time. Make one of them timestamptz, for example with to_timestamp().');
  const numbers = fields.flatMap(({ dataTypeID }, at) => (NUMBERS.has(dataTypeID) ? [at] : []));
  if (numbers.length === 0)
    refuse('text', 'None of the columns is a number. Cast one of them, for example with ::float8.');
  const texts = fields.flatMap((_, at) => (at === time || numbers.includes(at) ? [] : [at]));
  const groups = new Map<string, { readonly labels: Record<string, string>; readonly columns: Samples[] }>();
  let rows = 0;
  let count = 0;
  let letters = 0;

  const groupOf = (row: readonly unknown[]) => {
    const cells = texts.map((at) => textOf(row[at]));
    const key = JSON.stringify(cells);
    let group = groups.get(key);
    if (group !== undefined) return group;
    letters += key.length;
    if (groups.size === MOST_LABELS || letters > MOST_LETTERS) {
      throw tooMuch(MOST_LABELS, `has more than ${MOST_LABELS} different labels, or very long ones`);
    }
    const labels = Object.fromEntries(
      texts.flatMap((at, n) => (cells[n] == null ? [] : [[fields[at]!.name, cells[n]] as const])),
    );
    group = { labels, columns: numbers.map(() => createSamples()) };
    groups.set(key, group);
    return group;
  };

  return {
    add(row) {
      if (++rows > mostRows) throw tooMuch(mostRows, `gives more than ${mostRows} rows`);
      const when = timeOf(row[time]);
      if (!Number.isFinite(when)) return;
      const { columns } = groupOf(row);
      for (const [n, column] of numbers.entries()) {
        const cell = row[column];
        if (cell === null) continue;
        if (++count > MOST_NUMBERS) throw tooMuch(MOST_NUMBERS, `gives more than ${MOST_NUMBERS} numbers`);
        columns[n]!.add(when, Number(cell));
      }
    },
    finish() {
      const ordered = [...groups.values()].sort((a, b) => compareLabels(a.labels, b.labels));
      return numbers.flatMap((column, n) =>
        ordered.map(({ labels, columns }): GraphSeries => {
          const { name } = fields[column]!;
          const samples = columns[n]!.finish();
          return {
            definition: name,
            metric: {
              namespace: 'raw',
              name: name.replaceAll(/[^A-Za-z0-9_.-]/g, '_') || '_',
              unit: null,
              type: 'gauge',
            },
            labels,
            unit: null,
            ...samples,
            quality: new Uint16Array(samples.time.length),
            envelope: null,
          };
        }),
      );
    },
  };
}

const tooMuch = (limit: number, what: string): AppError =>
  new AppError(
    'query.too-many-samples',
    `The statement ${what}. Ask for fewer, with a shorter range, a LIMIT or a GROUP BY.`,
    { details: { limit } },
  );

const textOf = (cell: unknown): string | null =>
  cell === null || typeof cell === 'string' ? cell : JSON.stringify(cell);

/** A date alone is its midnight. */
const timeOf = (cell: unknown): number =>
  typeof cell === 'number' ? cell : typeof cell === 'string' ? Date.parse(`${cell}T00:00:00Z`) * 1_000 : Number.NaN;

interface Samples {
  add(time: number, value: number): void;
  /** In the order of time, each time once. */
  finish(): Pick<GraphSeries, 'time' | 'value'>;
}

/** Times and values beside each other in parts, so that nothing is copied while they grow. */
function createSamples(): Samples {
  const parts: Float64Array[] = [];
  let part = new Float64Array(2 * FIRST_PART);
  let used = 0;
  let length = 0;
  let last = Number.NEGATIVE_INFINITY;
  let ordered = true;
  return {
    add(time, value) {
      if (used === part.length) {
        parts.push(part);
        part = new Float64Array(Math.min(2 * LARGEST_PART, part.length * 2));
        used = 0;
      }
      part[used++] = time;
      part[used++] = value;
      length++;
      ordered &&= time > last;
      last = time;
    },
    finish() {
      let time = new Float64Array(length);
      let value = new Float64Array(length);
      let at = 0;
      for (const one of [...parts, part.subarray(0, used)]) {
        for (let from = 0; from < one.length; from += 2, at++) {
          time[at] = one[from]!;
          value[at] = one[from + 1]!;
        }
      }
      parts.length = 0;
      part = new Float64Array(0);
      if (ordered) return { time, value };
      const unsorted = time;
      const order = Uint32Array.from(unsorted, (_, n) => n).sort((a, b) => unsorted[a]! - unsorted[b]! || a - b);
      const once = order.filter((n, to) => to === 0 || unsorted[n]! > unsorted[order[to - 1]!]!);
      time = Float64Array.from(once, (n) => unsorted[n]!);
      value = Float64Array.from(once, (n) => value[n]!);
      return { time, value };
    },
  };
}
