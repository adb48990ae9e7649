/**
 * The work's result, or the signal's reason as soon as it aborts, also where the work does not heed it. `late` gets what
 * comes when nobody waits any more.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal, late?: (result: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const end = (settle: () => void): void => {
      over = true;
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason));
    work.then(
      (result) => (over ? late?.(result) : end(() => resolve(result))),
      (error: unknown) => {
        if (!over) end(() => reject(error));
      },
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
