import type { Clock } from './clock.ts';

/** A value that changes, and a way to hear of it. Listeners are called synchronously and must be quick. */
export interface Changing {
  notify(): void;
  watch(listener: () => void): Disposable;
}

export function createChanging(): Changing {
  const listeners = new Set<() => void>();
  return {
    notify: () => {
      for (const listener of [...listeners]) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

/** Lets a stream sleep until something happens; a stream whose signal aborts is roused too. */
function createSleeper(signal: AbortSignal): { rouse(): void; roused(): Promise<void>; [Symbol.dispose](): void } {
  let wake: (() => void) | null = null;
  const rouse = (): void => {
    wake?.();
    wake = null;
  };
  signal.addEventListener('abort', rouse);
  return {
    rouse,
    roused: () =>
      new Promise((resolve) => {
        if (signal.aborted) resolve();
        else wake = resolve;
      }),
    [Symbol.dispose]: () => signal.removeEventListener('abort', rouse),
  };
}

/** Sleeps, or returns early when the signal aborts. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * The state as a pulled stream: once at the start, then after changes, newest only, at least `minMs` apart. A consumer
 * that is slow misses states in between, never the last one. Ends when `signal` aborts.
 */
export async function* conflate<T>(
  read: () => T | Promise<T>,
  watch: (listener: () => void) => Disposable,
  clock: Clock,
  signal: AbortSignal,
  minMs: number,
): AsyncGenerator<T> {
  let dirty = true;
  const sleeper = createSleeper(signal);
  const subscription = watch(() => {
    dirty = true;
    sleeper.rouse();
  });
  try {
    while (!signal.aborted) {
      if (!dirty) {
        await sleeper.roused();
        continue;
      }
      dirty = false;
      yield await read();
      if (signal.aborted) return;
      await pause(clock, minMs, signal);
    }
  } finally {
    sleeper[Symbol.dispose]();
    subscription[Symbol.dispose]();
  }
}

/** Keys in one page: with documents of ordinary size a frame of about a megabyte. */
const KEYS_PER_PAGE = 2_000;
/** Between two pages of changes, so that many small ones become one. */
const PAGES_APART_MS = 20;

/**
 * The keys of a collection in pages, then those that change: the consumer reads what is there now, or that it is gone.
 * Several changes of one key between two pulls become one. `complete` once every key of the beginning has been given;
 * the first page comes at once, also when it is empty. Ends when `signal` aborts.
 */
export async function* changedKeys<Key>(
  all: () => Iterable<Key>,
  watch: (listener: (keys: Iterable<Key>) => void) => Disposable,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<{ readonly complete: boolean; readonly keys: readonly Key[] }> {
  const sleeper = createSleeper(signal);
  // A set keeps its order: the keys of the beginning leave it before any that was added later.
  const due = new Set<Key>();
  const subscription = watch((keys) => {
    for (const key of keys) due.add(key);
    sleeper.rouse();
  });
  const take = (): Key[] => {
    const keys: Key[] = [];
    for (const key of due) {
      if (keys.length === KEYS_PER_PAGE) break;
      due.delete(key);
      keys.push(key);
    }
    return keys;
  };
  try {
    for (const key of all()) due.add(key);
    let atFirst = due.size;
    do {
      const keys = take();
      atFirst -= keys.length;
      yield { complete: atFirst <= 0, keys };
    } while (atFirst > 0 && !signal.aborted);
    while (!signal.aborted) {
      if (due.size === 0) {
        await sleeper.roused();
        continue;
      }
      yield { complete: true, keys: take() };
      await pause(clock, PAGES_APART_MS, signal);
    }
  } finally {
    sleeper[Symbol.dispose]();
    subscription[Symbol.dispose]();
  }
}
