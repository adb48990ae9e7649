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
  let wake: (() => void) | null = null;
  const rouse = (): void => {
    wake?.();
    wake = null;
  };
  const subscription = watch(() => {
    dirty = true;
    rouse();
  });
  signal.addEventListener('abort', rouse);
  try {
    while (!signal.aborted) {
      if (!dirty) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      dirty = false;
      yield await read();
      if (signal.aborted) return;
      await clock.sleep(minMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  } finally {
    signal.removeEventListener('abort', rouse);
    subscription[Symbol.dispose]();
  }
}
