import { describe, expect, it } from 'vitest';
import type { LiveRows } from '#shared/rpc/contract.ts';
import { handFrames, handSession } from '#test/support/hand-session.ts';
import { createTraceFeed } from './traces.ts';

const rows = (list: readonly (readonly [position: number, time: number, value: number])[], dropped = 0): LiveRows => ({
  sequence: 1,
  position: Uint32Array.from(list.map((row) => row[0])),
  time: Float64Array.from(list.map((row) => row[1])),
  value: Float64Array.from(list.map((row) => row[2])),
  quality: new Uint16Array(list.length),
  dropped,
  texts: {},
});

function setUp(tags: readonly string[], maxPoints?: number) {
  const frames = handFrames();
  const { session, streams } = handSession<LiveRows>();
  const feed = createTraceFeed(session, tags, { frames, ...(maxPoints === undefined ? {} : { maxPoints }) });
  return { frames, streams, feed };
}
const times = (feed: ReturnType<typeof setUp>['feed'], tag: string): number[] => [...(feed.read(tag)?.time ?? [])];

describe('trace feed', () => {
  it('collects every row and says from when on it has them all', () => {
    const { streams, feed, frames } = setUp(['a', 'b']);
    let drawn = 0;
    feed.onFrame(() => drawn++);
    expect(feed.completeFrom('a')).toBeNaN();
    streams[0]?.give(
      rows([
        [0, 100, 1],
        [1, 105, 5],
        [0, 110, 2],
      ]),
    );
    streams[0]?.give(rows([[0, 120, 3]]));
    frames.frame();
    expect(drawn).toBe(1);
    expect(times(feed, 'a')).toEqual([100, 110, 120]);
    expect(times(feed, 'b')).toEqual([105]);
    expect(feed.completeFrom('a')).toBe(100);
    expect([...(feed.read('a', 115)?.time ?? [])]).toEqual([110, 120]);
  });

  it('loses nothing of the tags that stay when the set changes', () => {
    const { streams, feed, frames } = setUp(['a']);
    streams[0]?.give(rows([[0, 100, 1]]));
    feed.setTags(['a', 'b']);
    streams[1]?.give(
      rows([
        [0, 120, 3],
        [1, 121, 7],
      ]),
    );
    streams[0]?.give(
      rows([
        [0, 110, 2],
        [0, 120, 3],
      ]),
    );
    frames.advance(300);
    expect(streams.map((stream) => stream.open)).toEqual([false, true]);
    expect(times(feed, 'a')).toEqual([100, 110, 120]);
    expect(times(feed, 'b')).toEqual([121]);
    expect(feed.completeFrom('a')).toBe(100);
    expect(feed.completeFrom('b')).toBe(120);
  });

  it('survives two changes in a row', () => {
    const { streams, feed, frames } = setUp(['a']);
    streams[0]?.give(rows([[0, 100, 1]]));
    feed.setTags(['a', 'b']);
    streams[1]?.give(
      rows([
        [0, 110, 2],
        [1, 110, 2],
      ]),
    );
    feed.setTags(['a', 'b', 'c']);
    streams[2]?.give(
      rows([
        [0, 120, 3],
        [2, 120, 3],
      ]),
    );
    frames.advance(300);
    expect(times(feed, 'a')).toEqual([100, 110, 120]);
    expect(times(feed, 'c')).toEqual([120]);
    expect(streams.map((stream) => stream.open)).toEqual([false, false, true]);
  });

  it('does not claim to be complete across a loss or a drop', () => {
    const { streams, feed } = setUp(['a']);
    streams[0]?.give(rows([[0, 100, 1]]), 1);
    streams[0]?.give(rows([[0, 900, 2]]), 2);
    expect(feed.completeFrom('a')).toBe(900);
    streams[0]?.give(rows([[0, 1500, 3]], 40), 2);
    expect(feed.completeFrom('a')).toBe(1500);
    expect(feed.dropped).toBe(40);
  });

  it('moves the complete range along when the ring is full', () => {
    const { streams, feed } = setUp(['a'], 10);
    streams[0]?.give(rows(Array.from({ length: 25 }, (_, index) => [0, index, index] as const)));
    expect(times(feed, 'a')).toHaveLength(10);
    expect(feed.completeFrom('a')).toBe(15);
  });

  it('ends its stream when disposed', () => {
    const { streams, feed } = setUp(['a']);
    feed[Symbol.dispose]();
    expect(streams[0]?.open).toBe(false);
  });
});
