import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldAt, lowerBound } from '#renderer/plot/index.ts';
import { AppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import {
  createTileCache,
  EMPTY_SERIES,
  levelFor,
  type Piece,
  TILE_PIXELS,
  tileOf,
  tileRange,
  tileSpan,
  tilesOver,
} from './tiles.ts';
import { createTraceStore, type LiveTraces, type TraceStore } from './trace-store.ts';

const SECOND = 1e6;
const T0 = 1_800_000_000 * SECOND;

describe('tile grid', () => {
  it('covers any range without overlap, at least as fine as a pixel and less than twice', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2e15 }),
        fc.integer({ min: 2_000, max: 1e14 }),
        fc.integer({ min: 100, max: 4000 }),
        (from, span, pixels) => {
          const level = levelFor(span, pixels);
          const perPixel = span / pixels;
          expect(2 ** level).toBeLessThanOrEqual(Math.max(1, perPixel));
          expect(2 ** level * 2).toBeGreaterThan(perPixel);
          const tiles = tilesOver({ from, to: from + span }, level);
          expect(tileRange(tiles[0]!).from).toBeLessThanOrEqual(from);
          expect(tileRange(tiles.at(-1)!).to).toBeGreaterThanOrEqual(from + span);
          tiles.forEach((tile, i) => {
            if (i > 0) expect(tileRange(tile).from).toBe(tileRange(tiles[i - 1]!).to);
          });
          expect(tiles.length).toBeLessThanOrEqual((2 * pixels) / TILE_PIXELS + 2);
        },
      ),
    );
  });
});

describe('tile cache', () => {
  const merged = (points: number) => ({
    ...EMPTY_SERIES,
    time: new Float64Array(points),
    value: new Float64Array(points),
    quality: new Uint16Array(points),
    envelope: { min: new Float64Array(points), max: new Float64Array(points) },
  });
  it('covers with its own level, then coarser, then finer, in order and without overlap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 3, max: 8 }), fc.integer({ min: 0, max: 40 }), fc.boolean()), {
          maxLength: 40,
        }),
        fc.integer({ min: 0, max: 40_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        (tiles, from, span) => {
          const cache = createTileCache(1e9);
          for (const [level, index, raw] of tiles) {
            cache.put('t', tileOf({ level, index }, raw ? EMPTY_SERIES : merged(3), Number.POSITIVE_INFINITY));
          }
          const pieces: Piece[] = [];
          cache.cover('t', { from, to: from + span }, 5, pieces);
          let reached = from;
          for (const piece of pieces) {
            expect(piece.from).toBeGreaterThanOrEqual(reached);
            expect(piece.to).toBeGreaterThan(piece.from);
            expect(piece.from).toBeGreaterThanOrEqual(piece.tile.range.from);
            expect(piece.to).toBeLessThanOrEqual(piece.tile.range.to);
            reached = piece.to;
          }
          expect(reached).toBeLessThanOrEqual(from + span);
          // Whatever a tile of this level or a coarser one covers is covered.
          for (let t = from; t < from + span; t += 97) {
            const known = tiles.some(([level, index]) => level >= 5 && Math.floor(t / tileSpan(level)) === index);
            if (known) expect(pieces.some((piece) => piece.from <= t && t < piece.to)).toBe(true);
          }
        },
      ),
    );
  });
  it('stays within its bytes and drops what was not used for longest', () => {
    const cache = createTileCache(200_000);
    const pieces: Piece[] = [];
    for (let index = 0; index < 100; index++) {
      cache.put('t', tileOf({ level: 10, index }, merged(100), Number.POSITIVE_INFINITY));
      cache.cover('t', tileRange({ level: 10, index: 0 }), 10, pieces);
      expect(cache.bytes).toBeLessThanOrEqual(200_000);
      expect(pieces).toHaveLength(1);
    }
    expect(cache.get('t', { level: 10, index: 1 })).toBeUndefined();
  });
  it('serves finer levels from a coarser tile that holds every sample', () => {
    const cache = createTileCache(1e9);
    cache.put('t', tileOf({ level: 8, index: 0 }, EMPTY_SERIES, Number.POSITIVE_INFINITY));
    expect(cache.get('t', { level: 3, index: 5 })).toBeDefined();
    cache.put('u', tileOf({ level: 8, index: 0 }, merged(1), Number.POSITIVE_INFINITY));
    expect(cache.get('u', { level: 3, index: 5 })).toBeUndefined();
  });
});

/** An engine that records one tag: the historian knows it a second later, the screen sees it at once. */
function world(periodMicros: number, feedFrom: number, options: { pauses?: readonly TimeRange[] } = {}) {
  let now = T0 + 100 * SECOND;
  const timers: { at: number; run: () => void; id: number }[] = [];
  let ids = 0;
  const requests: { range: TimeRange; pixels: number; aborted: () => boolean }[] = [];
  let failNext: Error | null = null;
  let gate: Promise<void> | null = null;
  const exists = (time: number): boolean =>
    !(options.pauses ?? []).some((pause) => time >= pause.from && time < pause.to);
  const value = (time: number): number => ((time / periodMicros) % 1000) + 0.5;
  const samples = (from: number, to: number): number[] => {
    const times: number[] = [];
    for (let t = Math.ceil(from / periodMicros) * periodMicros; t < to; t += periodMicros) if (exists(t)) times.push(t);
    return times;
  };
  let live: LiveTraces | null = {
    read: () => {
      const times = samples(feedFrom, now);
      return {
        length: times.length,
        time: Float64Array.from(times),
        value: Float64Array.from(times, value),
        quality: new Uint16Array(times.length),
      };
    },
    completeFrom: () => (now > feedFrom ? feedFrom : Number.NaN),
    texts: () => new Map(),
    get revision() {
      return now;
    },
  };
  if (!Number.isFinite(feedFrom)) live = null;
  const errors: unknown[] = [];
  let onDraw = (): void => undefined;
  const store = createTraceStore({
    now: () => now,
    onChange: () => onDraw(),
    onError: (error) => errors.push(error),
    live,
    timer: {
      set(run, ms) {
        ids++;
        timers.push({ at: now + ms * 1000, run, id: ids });
        return ids;
      },
      clear(id) {
        const index = timers.findIndex((timer) => timer.id === id);
        if (index >= 0) timers.splice(index, 1);
      },
    },
    history: {
      async *view({ tags, range, pixels }, signal) {
        requests.push({ range, pixels, aborted: () => signal.aborted });
        if (failNext !== null) {
          const error = failNext;
          failNext = null;
          throw error;
        }
        await (gate ?? Promise.resolve());
        if (signal.aborted) throw new AppError('rpc.cancelled', 'Cancelled.', { details: null });
        const stored = now - SECOND;
        const times = samples(range.from - periodMicros, Math.min(range.to + 2 * periodMicros, stored));
        const merging = times.length > 2 * pixels;
        const group = merging ? Math.ceil(times.length / pixels) : 1;
        const points = times.filter((_, i) => i % group === 0);
        const means = points.map((_, i) => value(times[i * group]!));
        yield {
          series: tags.map((tag) => ({
            tag,
            time: Float64Array.from(points),
            value: Float64Array.from(means),
            quality: new Uint16Array(points.length),
            envelope: merging
              ? {
                  min: Float64Array.from(points, (_, i) =>
                    Math.min(...times.slice(i * group, (i + 1) * group).map(value)),
                  ),
                  max: Float64Array.from(points, (_, i) =>
                    Math.max(...times.slice(i * group, (i + 1) * group).map(value)),
                  ),
                }
              : null,
            gaps: [],
            texts: null,
          })),
        };
      },
      neighbours: () => Promise.resolve({ before: null, after: null }),
      async *statistics() {},
    },
  });
  store.setTags(['t']);
  const settle = async (forMicros: number, look: () => void): Promise<void> => {
    const until = now + forMicros;
    while (now < until) {
      timers.sort((a, b) => a.at - b.at);
      const next = timers[0];
      now = Math.min(until, Math.max(now, Math.min(next?.at ?? until, now + 50_000)));
      while (timers[0] !== undefined && timers[0].at <= now) timers.shift()?.run();
      for (let i = 0; i < 6; i++) await Promise.resolve();
      look();
    }
  };
  return {
    store,
    requests,
    errors,
    settle,
    samples,
    value,
    get now() {
      return now;
    },
    whenDrawn(look: () => void) {
      onDraw = look;
    },
    /** Answers wait until the returned function is called. */
    hold(): () => void {
      let open = (): void => undefined;
      gate = new Promise((resolve) => {
        open = () => {
          gate = null;
          resolve();
        };
      });
      return () => open();
    },
    fail(error: Error) {
      failNext = error;
    },
  };
}

/** Times of what would be drawn inside the range. */
function drawnTimes(store: TraceStore, range: TimeRange): number[] {
  const times: number[] = [];
  for (const segment of store.segments('t')) {
    const { time } = segment.columns;
    const start = lowerBound(time, Math.max(segment.from, range.from));
    const end = lowerBound(time, Math.min(segment.to, range.to));
    for (let i = start; i < end; i++) times.push(time[i]!);
  }
  return times;
}

describe('one picture out of history and live samples', () => {
  it('has every sample once, whatever the window and the moment the page was opened', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 99 }),
        fc.array(fc.tuple(fc.integer({ min: -30, max: 110 }), fc.integer({ min: 2, max: 60 })), {
          minLength: 1,
          maxLength: 5,
        }),
        async (openedAfter, windows) => {
          const w = world(100_000, T0 + openedAfter * SECOND);
          for (const [offset, span] of windows) {
            const range = { from: T0 + offset * SECOND, to: T0 + (offset + span) * SECOND };
            const look = (): void => w.store.prepare(range, 1200);
            look();
            await w.settle(8 * SECOND, look);
            // Up to where the historian has it, or the live samples.
            const expected = w.samples(range.from, Math.min(range.to, w.now));
            expect(drawnTimes(w.store, range)).toEqual(expected);
          }
          expect(w.errors).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('closes the hole between what the historian answered first and the first live sample', async () => {
    const w = world(100_000, T0 + 100 * SECOND);
    const range = { from: T0 + 80 * SECOND, to: T0 + 120 * SECOND };
    const look = (): void => w.store.prepare(range, 1200);
    look();
    await w.settle(0.2 * SECOND, look);
    expect(drawnTimes(w.store, range).length).toBeLessThan(w.samples(range.from, w.now).length);
    await w.settle(6 * SECOND, look);
    expect(drawnTimes(w.store, range)).toEqual(w.samples(range.from, w.now));
    const asked = w.requests.length;
    await w.settle(10 * SECOND, look);
    // Settled: nothing more is asked for while it goes on.
    expect(w.requests.length).toBe(asked);
  });

  it('asks for nothing when the window moves by a pixel, and once when it comes back', async () => {
    const w = world(100_000, Number.NaN);
    let range = { from: T0 - 40 * SECOND, to: T0 - 10 * SECOND };
    const look = (): void => w.store.prepare(range, 1000);
    look();
    await w.settle(SECOND, look);
    const asked = w.requests.length;
    expect(asked).toBeGreaterThan(0);
    range = { from: range.from + 30_000, to: range.to + 30_000 };
    look();
    await w.settle(SECOND, look);
    expect(w.requests.length).toBe(asked);
    const back = range;
    range = { from: T0 - 4000 * SECOND, to: T0 - 3970 * SECOND };
    look();
    await w.settle(SECOND, look);
    const far = w.requests.length;
    range = back;
    look();
    await w.settle(SECOND, look);
    expect(w.requests.length).toBe(far);
  });

  it('keeps the old picture, stretched, until the finer one is there', async () => {
    const w = world(1000, Number.NaN);
    let range: TimeRange = { from: T0, to: T0 + 60 * SECOND };
    w.store.prepare(range, 600);
    await w.settle(SECOND, () => w.store.prepare(range, 600));
    expect(w.store.segments('t').every((segment) => segment.columns.min !== null)).toBe(true);
    range = { from: T0 + 20 * SECOND, to: T0 + 21 * SECOND };
    w.store.prepare(range, 600);
    const stretched = w.store.segments('t');
    expect(stretched.length).toBeGreaterThan(0);
    expect(stretched.every((segment) => segment.columns.min !== null)).toBe(true);
    await w.settle(SECOND, () => w.store.prepare(range, 600));
    expect(w.store.segments('t').every((segment) => segment.columns.min === null)).toBe(true);
    expect(drawnTimes(w.store, range)).toEqual(w.samples(range.from, range.to));
  });

  it('asks at once where the window jumps, and draws for what the window shows alone', async () => {
    const w = world(100_000, Number.NaN);
    const range: TimeRange = { from: T0 - 4000 * SECOND, to: T0 - 400 * SECOND };
    const drawn: boolean[] = [];
    const look = (): void => {
      w.store.prepare(range, 1000);
      w.store.segments('t');
    };
    w.whenDrawn(() => {
      look();
      drawn.push(w.store.incomplete);
    });
    look();
    const visible = w.requests.length;
    expect(visible).toBeGreaterThan(1);
    await w.settle(2 * SECOND, () => undefined);
    // What lies on both sides came as well, behind the picture and without a drawing.
    expect(w.requests.length).toBeGreaterThan(visible);
    expect(w.store.loading).toBe(0);
    expect(drawn.at(-1)).toBe(false);
    // The first part onto an empty screen, then the whole.
    expect(drawn).toEqual([true, false]);
  });

  it('cancels what is no longer looked at', async () => {
    const w = world(100_000, Number.NaN);
    const open = w.hold();
    w.store.prepare({ from: T0, to: T0 + 10 * SECOND }, 1000);
    await w.settle(0.1 * SECOND, () => undefined);
    const first = [...w.requests];
    expect(first.length).toBeGreaterThan(0);
    expect(first.some((request) => request.aborted())).toBe(false);
    const look = (): void => w.store.prepare({ from: T0 - 9000 * SECOND, to: T0 - 8990 * SECOND }, 1000);
    look();
    await w.settle(0.1 * SECOND, look);
    expect(first.every((request) => request.aborted())).toBe(true);
    open();
    await w.settle(SECOND, look);
    expect(w.store.loading).toBe(0);
    expect(w.errors).toEqual([]);
    expect(drawnTimes(w.store, { from: T0 - 9000 * SECOND, to: T0 - 8990 * SECOND })).toHaveLength(100);
  });

  it('tries again after a refusal and says so once', async () => {
    const w = world(100_000, Number.NaN);
    const range = { from: T0 + 10 * SECOND, to: T0 + 20 * SECOND };
    w.fail(new AppError('store.not-found', 'The recording was closed.', { details: { kind: 'source', id: 'x' } }));
    const look = (): void => w.store.prepare(range, 1000);
    look();
    await w.settle(10 * SECOND, look);
    expect(w.errors).toHaveLength(1);
    expect(drawnTimes(w.store, range)).toEqual(w.samples(range.from, range.to));
  });

  it('hands over to merged history when more live samples are in the window than a drawing should reduce', async () => {
    const w = world(500, T0 + 60 * SECOND);
    const range = { from: T0 + 50 * SECOND, to: T0 + 130 * SECOND };
    const look = (): void => w.store.prepare(range, 1200);
    look();
    await w.settle(12 * SECOND, look);
    const segments = w.store.segments('t');
    const last = segments.at(-1)!;
    const liveOnes = last.columns.time.length - lowerBound(last.columns.time, last.from);
    expect(last.columns.min).toBeNull();
    expect(liveOnes).toBeLessThan(40_000);
    // The border is one time for both sides.
    segments.forEach((segment, i) => {
      if (i > 0) expect(segment.from).toBe(segments[i - 1]!.to);
    });
    expect(heldAt(segments, w.now - 1)?.time).toBe(w.samples(w.now - 1000, w.now).at(-1));
  }, 60_000);
});
