import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect } from 'vitest';

/** Counts of what keeps the process alive, by kind: sockets, servers, timers, worker ports, child processes. */
export type OpenHandles = ReadonlyMap<string, number>;

export function openHandles(): OpenHandles {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    // Work that ends by itself within the turn, and the timers of the test runner.
    if (ignored.has(kind)) continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

const ignored = new Set(['Immediate', 'FSReqCallback', 'FSReqPromise', 'CloseReq', 'TickObject', 'Timeout']);

/** Fails when more is open than in `before`; waits up to a second, since sockets take some turns to close. */
export async function expectNoNewHandles(before: OpenHandles): Promise<void> {
  const started = performance.now();
  let leaks = newHandles(before);
  while (leaks.length > 0 && performance.now() - started < 1000) {
    await wait(10);
    leaks = newHandles(before);
  }
  expect(leaks, 'handles that are still open').toEqual([]);
}

function newHandles(before: OpenHandles): string[] {
  return [...openHandles()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}

/**
 * Every test of the file or `describe` must close what it opens. Timers are not counted, because the test runner keeps
 * some of its own; code with an injected clock has `FakeClock.pending` for them.
 */
export function guardLeaks(): void {
  let before: OpenHandles = new Map();
  beforeEach(() => {
    before = openHandles();
  });
  afterEach(() => expectNoNewHandles(before));
}
