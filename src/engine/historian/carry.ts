import { encodeChunk } from './chunk-codec.ts';
import { createRecordBuffer, RECORD, type RecordBuffer } from './log-record.ts';
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

/** Weight of all tags above which some are closed instead: what is carried is encoded and written in one turn. */
export const mostCarried = (segmentBytes: number): number => segmentBytes / BYTES_PER_OPEN;

/** The forms that samples are stored in from here on. */
export function formsOf(states: Iterable<TagState>): RecordBuffer {
  const records = createRecordBuffer(1 << 16);
  const forms: number[] = [];
  for (const { number, form } of states) forms.push(number, form);
  records.addForms(new Uint32Array(forms));
  return records;
}

/** The forms, and everything that is open or growing. */
export function notClosed(states: Iterable<TagState>): RecordBuffer {
  const all = [...states];
  const records = formsOf(all);
  for (const { number, growing, open } of all) {
    if (growing !== null) records.addChunk(RECORD.carriedChunk, number, growing.builder.finish());
    if (open.length > 0) records.addChunk(RECORD.carriedChunk, number, encodeChunk(sortedOpen(open)));
  }
  return records;
}
