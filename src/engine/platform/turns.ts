import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** The engine's thread is also the one that polls and serves: work of this length is not noticed. */
const SLICE_MS = 8;

/**
 * For work that takes longer: called between its pieces, it gives a promise to wait for when others are due, else null.
 * The promise rejects with the signal's reason when nobody wants the result any more.
 */
export function createTurns(clock: Clock, signal: AbortSignal): () => Promise<void> | null {
  let since = clock.monotonicMs();
  const giveWay = async (): Promise<void> => {
    await nextTurn();
    signal.throwIfAborted();
    since = clock.monotonicMs();
  };
  return () => (clock.monotonicMs() - since < SLICE_MS ? null : giveWay());
}
