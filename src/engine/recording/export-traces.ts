import type { ViewerSource } from '#engine/tsdb/index.ts';
import type { Series, TimeRange } from '#shared/model/index.ts';
import type { ExportColumn } from './export-rows.ts';

/** What of which source is exported, and how much later it is shown. */
export interface ExportedTrace {
  readonly source: string;
  readonly tag: string;
  readonly shiftMs: number;
  /** Stands in brackets behind the tag's name, so that traces of several sources are told apart; may be empty. */
  readonly label: string;
}

/** Traces that are read together: of one source, with one shift. */
interface Group {
  readonly reads: ViewerSource;
  /** Microseconds. */
  readonly shift: number;
  /** By what the source calls them. */
  readonly keys: ReadonlyMap<string, string>;
}

export interface FoundTraces {
  readonly groups: readonly Group[];
  readonly columns: readonly ExportColumn[];
  readonly missing: readonly ExportedTrace[];
}

const TAGS_AT_ONCE = 1_000;

/** Looks the tags up in their sources. Throws as those do. */
export async function findTraces(
  traces: readonly ExportedTrace[],
  viewer: (source: string, signal: AbortSignal) => Promise<ViewerSource>,
  signal: AbortSignal,
): Promise<FoundTraces> {
  const keyOf = ({ source, shiftMs, tag }: ExportedTrace): string => `${shiftMs} ${source}\n${tag}`;
  const unique = [...new Map(traces.map((trace) => [keyOf(trace), trace])).values()];
  const columns = new Map<string, ExportColumn>();
  const groups: Group[] = [];
  for (const source of new Set(unique.map((trace) => trace.source))) {
    const own = unique.filter((trace) => trace.source === source);
    const reads = await viewer(source, signal);
    const ids = [...new Set(own.map(({ tag }) => tag))];
    const search = { text: '', offset: 0, limit: TAGS_AT_ONCE };
    const { tags } = await reads.findTags({ ...search, ids: ids.slice(0, TAGS_AT_ONCE) }, signal);
    const known = new Map(tags.map((tag) => [tag.id, tag]));
    for (const shiftMs of new Set(own.map((trace) => trace.shiftMs))) {
      const keys = new Map<string, string>();
      for (const trace of own) {
        const tag = trace.shiftMs === shiftMs ? known.get(trace.tag) : undefined;
        if (tag === undefined) continue;
        const key = keyOf(trace);
        keys.set(trace.tag, key);
        const name = trace.label === '' ? tag.name : `${tag.name} (${trace.label})`;
        columns.set(key, { key, name, unit: tag.unit, text: tag.type === 'string' });
      }
      if (keys.size > 0) groups.push({ reads, shift: shiftMs * 1_000, keys });
    }
  }
  return {
    groups,
    columns: unique.flatMap((trace) => columns.get(keyOf(trace)) ?? []),
    missing: unique.filter((trace) => !columns.has(keyOf(trace))),
  };
}

/** Samples of one portion, about; a portion with more than so many times more is taken in smaller ones. */
const PORTION_SAMPLES = 150_000;
const MOST_SAMPLES = 4 * PORTION_SAMPLES;
/** Of a range whose samples the source does not count. */
const UNCOUNTED_PORTIONS = 20;

/**
 * Every sample of all traces at the times where they are shown, in blocks of which each holds all samples of one stretch
 * of time. Recordings give such blocks; what several sources have, or one that gives tag after tag, is read portion by
 * portion, of which at most 600,000 samples are held at a time, whatever the range.
 */
export async function* readAligned(
  groups: readonly Group[],
  range: TimeRange,
  signal: AbortSignal,
): AsyncGenerator<readonly Series[]> {
  const [only] = groups;
  if (groups.length === 1 && only!.reads.history !== null) {
    yield* readGroup(only!, range, signal);
    return;
  }
  const length = range.to - range.from;
  const counted = await countOf(groups, range, signal);
  const portions = counted === null ? UNCOUNTED_PORTIONS : Math.ceil(counted / PORTION_SAMPLES);
  let span = Math.max(1, Math.ceil(length / Math.max(1, portions)));
  for (let from = range.from; from < range.to; ) {
    const portion = { from, to: Math.min(range.to, from + span) };
    const found = await readPortion(groups, portion, span > 1 ? MOST_SAMPLES : Number.POSITIVE_INFINITY, signal);
    if (found === null) {
      span = Math.max(1, Math.floor(span / 4));
      continue;
    }
    if (found.samples < PORTION_SAMPLES / 4) span = Math.min(length, span * 2);
    from = portion.to;
    if (found.samples > 0) yield found.series;
  }
}

async function countOf(groups: readonly Group[], range: TimeRange, signal: AbortSignal): Promise<number | null> {
  let sum = 0;
  for (const { reads, shift, keys } of groups) {
    const count = await reads.count([...keys.keys()], shifted(range, -shift), signal);
    if (count === null) return null;
    sum += count;
  }
  return sum;
}

/** Null where they are more than `most`. */
async function readPortion(
  groups: readonly Group[],
  portion: TimeRange,
  most: number,
  signal: AbortSignal,
): Promise<{ readonly series: readonly Series[]; readonly samples: number } | null> {
  const parts = new Map<string, Series[]>();
  let samples = 0;
  for (const group of groups) {
    for await (const block of readGroup(group, portion, signal)) {
      for (const one of block) {
        samples += one.time.length;
        const known = parts.get(one.tag);
        if (known === undefined) parts.set(one.tag, [one]);
        else known.push(one);
      }
      if (samples > most) return null;
    }
  }
  return { series: [...parts.values()].map(joined), samples };
}

async function* readGroup(
  { reads, shift, keys }: Group,
  range: TimeRange,
  signal: AbortSignal,
): AsyncGenerator<readonly Series[]> {
  for await (const block of reads.raw([...keys.keys()], shifted(range, -shift), signal)) {
    yield block.map((one) => ({
      ...one,
      tag: keys.get(one.tag) ?? one.tag,
      time: shift === 0 ? one.time : one.time.map((time) => time + shift),
    }));
  }
}

const shifted = ({ from, to }: TimeRange, by: number): TimeRange => ({ from: from + by, to: to + by });

/** Parts of one trace in order of time; numbers of texts mean the same in all of them. */
function joined(parts: readonly Series[]): Series {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const length = parts.reduce((sum, { time }) => sum + time.length, 0);
  const made = { time: new Float64Array(length), value: new Float64Array(length), quality: new Uint16Array(length) };
  let at = 0;
  for (const { time, value, quality } of parts) {
    made.time.set(time, at);
    made.value.set(value, at);
    made.quality.set(quality, at);
    at += time.length;
  }
  const texts = parts.some((part) => part.texts !== null)
    ? Object.assign({}, ...parts.map((part) => part.texts))
    : null;
  return { ...first!, ...made, texts };
}
