import type { Clock } from '#engine/platform/index.ts';
import type { Quality, SampleBlock, UnixMicros } from '#shared/model/index.ts';
import { createLastValues } from './last-values.ts';
import { type LiveRows, type RowBuffer, type RowsRequest, rowsStream } from './rows-stream.ts';
import type { TagTable } from './tag-table.ts';
import { exactText } from './texts.ts';
import { type LiveColumns, type ValuesRequest, valuesStream } from './values-stream.ts';

/** The newest sample of one tag; `value` of a bad one is the last value that was not bad. */
export interface LatestValue {
  readonly time: UnixMicros;
  readonly value: number;
  readonly quality: Quality;
  readonly lastGood: UnixMicros | null;
  readonly text: string | null;
}

export interface Live {
  /** Takes what it needs and keeps no part of the block, which stays the caller's to hand on. */
  accept(block: SampleBlock): void;
  /** See `valuesStream`. */
  values(request: ValuesRequest, signal: AbortSignal): AsyncGenerator<LiveColumns>;
  /** See `rowsStream`. */
  rows(request: RowsRequest, signal: AbortSignal): AsyncGenerator<LiveRows>;
  /** Undefined for unknown tags and those without a sample. */
  latest(tagId: string): LatestValue | undefined;
  /** Row subscriptions open, and the bytes that wait in them. */
  pending(): { readonly subscriptions: number; readonly rows: number; readonly bytes: number };
}

export interface LiveOptions {
  readonly clock: Clock;
  readonly table: TagTable;
  /** Strings behind the stored values of text tags. */
  readonly textOf: (index: number) => string | undefined;
}

export function createLive({ clock, table, textOf }: LiveOptions): Live {
  const last = createLastValues();
  const buffers = new Set<RowBuffer>();
  let waiting: (() => void)[] = [];

  const rouse = (): void => {
    if (waiting.length === 0) return;
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  const activity = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiting = waiting.filter((other) => other !== wake);
        resolve();
      };
      waiting.push(wake);
      signal.addEventListener('abort', onAbort, { once: true });
    });

  // A changed recipe shows another number for the same stored value, so those tags are sent again.
  table.watch(({ changed }) => {
    for (const tag of changed) last.touch(tag.index);
    rouse();
  });

  const sources = { clock, table, last, textOf, activity, buffers };
  return {
    accept(block) {
      last.accept(block);
      for (const buffer of buffers) buffer.accept(block);
      rouse();
    },
    values: (request, signal) => valuesStream(sources, request, signal),
    rows: (request, signal) => rowsStream(sources, request, signal),
    latest(tagId) {
      const tag = table.byId(tagId);
      if (tag === undefined || tag.index >= last.size || Number.isNaN(last.time[tag.index]!)) return undefined;
      const value = last.value(tag);
      const lastGood = last.lastGood[tag.index]!;
      const known = last.hasValue[tag.index] === 1;
      return {
        time: last.time[tag.index]!,
        value,
        quality: last.quality[tag.index]!,
        lastGood: Number.isNaN(lastGood) ? null : lastGood,
        text: (known ? exactText(tag, last.stored, tag.index, value, textOf) : undefined) ?? null,
      };
    },
    pending() {
      let rows = 0;
      let bytes = 0;
      for (const buffer of buffers) {
        rows += buffer.length;
        bytes += buffer.bytes;
      }
      return { subscriptions: buffers.size, rows, bytes };
    },
  };
}
