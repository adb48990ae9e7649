import { isBad, QUALITY, type SampleBlock } from '#shared/model/index.ts';
import { exactText } from './texts.ts';
import { pause, type StreamSources } from './values-stream.ts';

/** Every sample in arrival order, as columns of equal length, owned by the receiver. */
export interface LiveRows {
  sequence: number;
  position: Uint32Array<ArrayBuffer>;
  time: Float64Array<ArrayBuffer>;
  /** Decoded and scaled; NaN for bad samples. */
  value: Float64Array<ArrayBuffer>;
  quality: Uint16Array<ArrayBuffer>;
  /** Rows lost since the item before, because they were not fetched in time. */
  dropped: number;
  /** Strings of text tags, and all digits of integers beyond 2^53, keyed by row number in this item. */
  texts: Record<string, string>;
}

export interface RowsRequest {
  readonly tagIds: readonly string[];
  /** At most this many items a second; bounded to 50. */
  readonly maxHz?: number;
  /** Rows kept for a consumer that does not fetch; the oldest go first. Default 20,000 and 1,000 more per tag. */
  readonly maxPending?: number;
}

const DEFAULT_PENDING = 20_000;
const DEFAULT_PENDING_PER_TAG = 1_000;

/** Samples waiting for one consumer: a ring that grows up to its limit, then loses the oldest and counts them. */
export interface RowBuffer {
  /** Takes the rows of the block that concern this consumer. */
  accept(block: SampleBlock): void;
  /** Rows waiting. */
  readonly length: number;
  /** Bytes held by the ring. */
  readonly bytes: number;
}

interface Ring extends RowBuffer {
  place(tag: number, position: number): void;
  push(position: number, time: number, low: number, high: number, quality: number): void;
  take(): {
    position: Uint32Array<ArrayBuffer>;
    time: Float64Array<ArrayBuffer>;
    stored: Float64Array<ArrayBuffer>;
    quality: Uint16Array<ArrayBuffer>;
    dropped: number;
  };
}

/** `tag` values at or above the table's size and positions of tags that are not asked for are passed over. */
function createRing(limit: number): Ring {
  let capacity = Math.min(1024, limit);
  let position = new Uint32Array(capacity);
  let time = new Float64Array(capacity);
  let words = new Uint32Array(capacity * 2);
  let quality = new Uint16Array(capacity);
  /** Position plus one by tag index; 0 for tags of no interest. */
  let interest = new Uint32Array(0);
  let head = 0;
  let length = 0;
  let dropped = 0;

  const enlarge = (): void => {
    const larger = Math.min(limit, capacity * 2);
    const from = (i: number): number => (head + i) % capacity;
    const nextPosition = new Uint32Array(larger);
    const nextTime = new Float64Array(larger);
    const nextWords = new Uint32Array(larger * 2);
    const nextQuality = new Uint16Array(larger);
    for (let i = 0; i < length; i++) {
      const at = from(i);
      nextPosition[i] = position[at]!;
      nextTime[i] = time[at]!;
      nextWords[2 * i] = words[2 * at]!;
      nextWords[2 * i + 1] = words[2 * at + 1]!;
      nextQuality[i] = quality[at]!;
    }
    position = nextPosition;
    time = nextTime;
    words = nextWords;
    quality = nextQuality;
    capacity = larger;
    head = 0;
  };

  const push = (place: number, at: number, low: number, high: number, cause: number): void => {
    if (length === capacity) {
      if (capacity < limit) enlarge();
      else {
        head = (head + 1) % capacity;
        length--;
        dropped++;
      }
    }
    const slot = (head + length) % capacity;
    position[slot] = place;
    time[slot] = at;
    words[2 * slot] = low;
    words[2 * slot + 1] = high;
    quality[slot] = cause;
    length++;
  };

  return {
    get length() {
      return length;
    },
    get bytes() {
      return capacity * 22;
    },
    place(tag, at) {
      if (tag >= interest.length) {
        const larger = new Uint32Array(Math.max(1024, tag + 1, interest.length * 2));
        larger.set(interest);
        interest = larger;
      }
      interest[tag] = at + 1;
    },
    push,
    accept(block) {
      const { length: rows, tag } = block;
      const values = new Uint32Array(block.value.buffer, block.value.byteOffset, rows * 2);
      for (let i = 0; i < rows; i++) {
        const index = tag[i]!;
        const wanted = index < interest.length ? interest[index]! : 0;
        if (wanted === 0) continue;
        push(wanted - 1, block.time[i]!, values[2 * i]!, values[2 * i + 1]!, block.quality[i]!);
      }
    },
    take() {
      const item = {
        position: new Uint32Array(length),
        time: new Float64Array(length),
        stored: new Float64Array(length),
        quality: new Uint16Array(length),
        dropped,
      };
      const into = new Uint32Array(item.stored.buffer);
      for (let i = 0; i < length; i++) {
        const at = (head + i) % capacity;
        item.position[i] = position[at]!;
        item.time[i] = time[at]!;
        into[2 * i] = words[2 * at]!;
        into[2 * i + 1] = words[2 * at + 1]!;
        item.quality[i] = quality[at]!;
      }
      head = 0;
      length = 0;
      dropped = 0;
      return item;
    },
  };
}

export interface RowSources extends StreamSources {
  /** Buffers that every accepted block is offered to. */
  readonly buffers: Set<RowBuffer>;
}

/**
 * Every sample of a few tags. The first item holds the last known sample of each tag, so that a line can start, and a
 * bad row of this moment for each tag that the project does not have. Ends when `signal` aborts. A tag that is asked
 * for twice flows at the later of its positions.
 */
export async function* rowsStream(
  sources: RowSources,
  request: RowsRequest,
  signal: AbortSignal,
): AsyncGenerator<LiveRows> {
  const { clock, table, last } = sources;
  const ids = request.tagIds;
  const pauseMs = 1000 / Math.min(50, Math.max(0.001, request.maxHz ?? 50));
  const limit = request.maxPending ?? DEFAULT_PENDING + DEFAULT_PENDING_PER_TAG * ids.length;
  const ring = createRing(Math.max(1, limit));
  const index = new Int32Array(ids.length).fill(-2);
  let sequence = 0;

  const resolveIds = (): void => {
    for (let i = 0; i < ids.length; i++) {
      const tag = table.byId(ids[i]!);
      const now = tag?.index ?? -1;
      if (now === index[i]) continue;
      index[i] = now;
      if (tag === undefined) {
        ring.push(i, clock.now(), 0, 0, QUALITY.badConfiguration);
        continue;
      }
      ring.place(tag.index, i);
      if (tag.index >= last.size || Number.isNaN(last.time[tag.index]!)) continue;
      const words = new Uint32Array(last.stored.buffer, tag.index * 8, 2);
      ring.push(i, last.time[tag.index]!, words[0]!, words[1]!, last.quality[tag.index]!);
    }
  };

  const take = (): LiveRows => {
    const { position, time, stored, quality, dropped } = ring.take();
    const value = new Float64Array(position.length).fill(Number.NaN);
    const texts: Record<string, string> = {};
    for (let row = 0; row < position.length; row++) {
      if (isBad(quality[row]!)) continue;
      const tag = table.byId(ids[position[row]!]!);
      if (tag === undefined) continue;
      const decoded = tag.decoder.one(stored, row);
      value[row] = decoded;
      const text = exactText(tag, stored, row, decoded, sources.textOf);
      if (text !== undefined) texts[row] = text;
    }
    return { sequence: sequence++, position, time, value, quality, dropped, texts };
  };

  resolveIds();
  const subscription = table.watch(resolveIds);
  sources.buffers.add(ring);
  try {
    while (!signal.aborted) {
      if (sequence > 0 && ring.length === 0) {
        await sources.activity(signal);
        continue;
      }
      yield take();
      if (signal.aborted) return;
      await pause(clock, pauseMs, signal);
    }
  } finally {
    subscription[Symbol.dispose]();
    sources.buffers.delete(ring);
  }
}
