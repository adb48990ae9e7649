import { z } from 'zod';
import type { TraceRef } from './trend-model.ts';

/** Tag ids as a JSON array: from the tag list, the tags page, anything that has tags. */
export const TAGS_MIME = 'application/x-parx-tags';
/** A trace that is moved inside the trend. */
export const TRACE_MIME = 'application/x-parx-trace';

const tagIds = z.array(z.string().max(5_000)).max(1000);
const traceRef = z.object({ plotId: z.string(), tagId: z.string() });

export function isOurs(transfer: DataTransfer): boolean {
  return transfer.types.includes(TAGS_MIME) || transfer.types.includes(TRACE_MIME);
}

function readJson(transfer: DataTransfer, mime: string): unknown {
  try {
    return JSON.parse(transfer.getData(mime));
  } catch {
    // What another program put under this name is not ours to complain about.
    return null;
  }
}

export function readTags(transfer: DataTransfer): readonly string[] {
  return tagIds.safeParse(readJson(transfer, TAGS_MIME)).data ?? [];
}

export function readTrace(transfer: DataTransfer): TraceRef | null {
  return traceRef.safeParse(readJson(transfer, TRACE_MIME)).data ?? null;
}
