import { describe, expect, it } from 'vitest';
import type { LiveColumns } from '#shared/rpc/contract.ts';
import { handFrames, handSession } from '#test/support/hand-session.ts';
import { createLiveTags } from './live-cache.ts';

const item = (
  rows: readonly (readonly [position: number, time: number, value: number, quality?: number])[],
): LiveColumns => ({
  sequence: 1,
  position: Uint32Array.from(rows.map((row) => row[0])),
  time: Float64Array.from(rows.map((row) => row[1])),
  value: Float64Array.from(rows.map((row) => row[2])),
  quality: Uint16Array.from(rows.map((row) => row[3] ?? 0)),
  lastGood: Float64Array.from(rows.map((row) => row[1])),
  texts: {},
});

function setUp() {
  const frames = handFrames();
  const { session, streams } = handSession<LiveColumns>();
  return { frames, streams, live: createLiveTags(session, { frames }) };
}

describe('live tags', () => {
  it('asks once for all tags that are watched, whoever watches them', () => {
    const { frames, streams, live } = setUp();
    live.onFrame(['a', 'b'], () => undefined);
    live.onFrame(['b', 'c'], () => undefined);
    frames.advance(0);
    expect(streams.map((stream) => stream.tags)).toEqual([['a', 'b', 'c']]);
  });

  it('runs a listener at most once per frame, and only when one of its tags changed', () => {
    const { frames, streams, live } = setUp();
    let a = 0;
    let b = 0;
    live.onFrame(['a'], () => a++);
    live.onFrame(['b'], () => b++);
    frames.advance(0);
    for (let i = 0; i < 50; i++) streams[0]?.give(item([[0, 1000 + i, i]]));
    expect(a).toBe(0);
    frames.frame();
    expect([a, b]).toEqual([1, 0]);
    expect(live.latest('a')).toMatchObject({ time: 1049, value: 49 });
    frames.frame();
    expect(a).toBe(1);
  });

  it('keeps the old stream until the new one has delivered, so that nothing goes blank', () => {
    const { frames, streams, live } = setUp();
    live.onFrame(['a'], () => undefined);
    frames.advance(0);
    streams[0]?.give(item([[0, 1, 1]]));
    live.onFrame(['b'], () => undefined);
    frames.advance(100);
    expect(streams.map((stream) => stream.open)).toEqual([true, true]);
    streams[1]?.give(item([[1, 2, 2]]));
    expect(streams.map((stream) => stream.open)).toEqual([false, true]);
    expect(streams[1]?.tags).toContain('a');
    expect(live.latest('a')?.value).toBe(1);
  });

  it('shrinks what it asks for some time after rows scrolled away, and ends when nobody watches', () => {
    const { frames, streams, live } = setUp();
    const first = live.onFrame(['a'], () => undefined);
    const second = live.onFrame(['b'], () => undefined);
    frames.advance(0);
    streams[0]?.give(item([[0, 1, 1]]));
    second[Symbol.dispose]();
    second[Symbol.dispose]();
    frames.advance(100);
    expect(streams).toHaveLength(1);
    frames.advance(6000);
    expect(streams.at(-1)?.tags).toEqual(['a']);
    first[Symbol.dispose]();
    frames.advance(100);
    frames.advance(6000);
    expect(streams.at(-1)?.open).toBe(false);
  });

  it('keeps the last good value while a tag is bad', () => {
    const { frames, streams, live } = setUp();
    live.onFrame(['a'], () => undefined);
    frames.advance(0);
    streams[0]?.give(item([[0, 1, 42]]));
    streams[0]?.give(item([[0, 2, Number.NaN, 0x800a]]));
    expect(live.latest('a')).toMatchObject({ quality: 0x800a, goodValue: 42 });
    expect(live.latest('a')?.value).toBeNaN();
  });

  it('breaks the line where the engine was away', () => {
    const { frames, streams, live } = setUp();
    live.onFrame(['a'], () => undefined);
    frames.advance(0);
    streams[0]?.give(item([[0, 1000, 1]]), 1);
    streams[0]?.give(item([[0, 9000, 2]]), 2);
    const window = live.window('a', 60_000);
    expect([...window.time]).toEqual([1000, 1001, 9000]);
    expect(window.quality[1]).toBeGreaterThanOrEqual(0x8000);
  });

  it('puts the past from the historian in front of what came live', async () => {
    const frames = handFrames();
    const { session, streams } = handSession<LiveColumns>();
    const asked: (readonly string[])[] = [];
    let release: () => void = () => undefined;
    const live = createLiveTags(session, {
      frames,
      async *backfill(ids) {
        asked.push(ids);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        yield [
          {
            tag: 'a',
            time: Float64Array.of(100, 200, 5000),
            value: Float64Array.of(1, 2, 99),
            quality: Uint16Array.of(0, 0, 0),
          },
        ];
      },
    });
    live.onFrame(['a'], () => undefined);
    frames.advance(0);
    streams[0]?.give(item([[0, 4000, 3]]));
    release();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(asked).toEqual([['a']]);
    expect([...live.window('a', 60_000).time]).toEqual([100, 200, 4000]);
  });
});
