import type { FrameClock } from '#renderer/client/live-cache.ts';
import type { Rpc, Session } from '#renderer/client/session.ts';
import type { LiveColumns, LiveRows } from '#shared/rpc/contract.ts';

/** Frames and timers that a test moves by hand. */
export function handFrames(): FrameClock & { frame(): void; advance(ms: number): void } {
  let frames: (() => void)[] = [];
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    requestFrame: (callback) => frames.push(callback),
    setTimer(run, ms) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return timer;
    },
    clearTimer(timer) {
      timers = timers.filter((known) => known !== timer);
    },
    frame() {
      const due = frames;
      frames = [];
      for (const callback of due) callback();
    },
    advance(ms) {
      now += ms;
      for (
        let next = timers.find((timer) => timer.at <= now);
        next !== undefined;
        next = timers.find((timer) => timer.at <= now)
      ) {
        const { run } = next;
        timers = timers.filter((timer) => timer !== next);
        run();
      }
    },
  };
}

export interface OpenStream<T> {
  readonly tags: readonly string[];
  readonly open: boolean;
  give(item: T, generation?: number): void;
}

/** A session whose live streams are fed by the test; records what was asked for. */
export function handSession<T extends LiveColumns | LiveRows>(): {
  readonly session: Pick<Session, 'follow'>;
  readonly streams: readonly OpenStream<T>[];
} {
  const streams: OpenStream<T>[] = [];
  const session: Pick<Session, 'follow'> = {
    follow(open, onItem) {
      let tags: readonly string[] = [];
      const note = (input: { readonly tags: readonly string[] }): AsyncIterable<never> => {
        tags = input.tags;
        return {
          [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined as never }) }),
        };
      };
      open({ live: { values: note, rows: note } } as unknown as Rpc, new AbortController().signal);
      let isOpen = true;
      streams.push({
        tags,
        get open() {
          return isOpen;
        },
        give(item, generation = 1) {
          // Items that are under way when a stream is left still arrive nowhere.
          if (isOpen) (onItem as unknown as (item: T, generation: number) => void)(item, generation);
        },
      });
      return {
        [Symbol.dispose]: () => {
          isOpen = false;
        },
      };
    },
  };
  return { session, streams };
}
