import { encodeChunk } from './chunk-codec.ts';
import { sortedOpen } from './open-samples.ts';
import type { TagState } from './tag-state.ts';

// What a new segment of the log begins with, so that the segments before it can be freed.

/** A segment's bytes for each open sample that may be carried over to the next one: 381,000 of 32 MB. */
const BYTES_PER_OPEN = 88;
/** Samples that are encoded already cost a tenth of one that has to be. */
const GROWN_PER_OPEN = 10;

/** What it costs to carry a tag over, in open samples. */
export const carriedWeight = ({ open, growing }: TagState): number =>
  open.length + (growing?.builder.count ?? 0) / GROWN_PER_OPEN;

/** Weight of all tags above which some are closed instead: what is carried is encoded and written once more. */
export const mostCarried = (segmentBytes: number): number => segmentBytes / BYTES_PER_OPEN;

/** The forms that samples are stored in from here on, as pairs of tag number and recipe version. */
export function formsOf(states: Iterable<TagState>): Uint32Array {
  const forms: number[] = [];
  for (const { number, form } of states) forms.push(number, form);
  return new Uint32Array(forms);
}

/** A tag's samples as chunks for the log. */
export interface Carried {
  readonly number: number;
  readonly chunks: readonly Uint8Array[];
}

/** Everything that is open or growing, tag by tag, as it is when it is asked for. */
export function* notClosed(states: Iterable<TagState>): Generator<Carried> {
  for (const { number, growing, open } of states) {
    const chunks = growing === null ? [] : [growing.builder.finish()];
    if (open.length > 0) chunks.push(encodeChunk(sortedOpen(open)));
    if (chunks.length > 0) yield { number, chunks };
  }
}
