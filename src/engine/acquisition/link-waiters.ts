import type { SharedLink } from '#engine/protocols/protocol.ts';

/** Those who wait for a link that is not there yet. */
export interface LinkWaiters {
  /** Rejects with the signal's reason, or with what the attempt to open the link ended in. */
  wait(signal: AbortSignal): Promise<SharedLink>;
  here(link: SharedLink): void;
  failed(error: unknown): void;
}

export function createLinkWaiters(): LinkWaiters {
  const waiting = new Set<{ resolve(link: SharedLink): void; reject(error: unknown): void }>();
  return {
    wait(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      return new Promise<SharedLink>((resolve, reject) => {
        const waiter = { resolve, reject };
        waiting.add(waiter);
        signal.addEventListener(
          'abort',
          () => {
            waiting.delete(waiter);
            reject(signal.reason);
          },
          { once: true },
        );
      });
    },
    here(link) {
      for (const { resolve } of waiting) resolve(link);
      waiting.clear();
    },
    failed(error) {
      for (const { reject } of waiting) reject(error);
      waiting.clear();
    },
  };
}
