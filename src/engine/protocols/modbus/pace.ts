import type { Clock } from '#engine/platform/index.ts';
import type { Link } from './link.ts';

/** So much is looked back on when the limit is to be named as what sets the pace. */
const LOOK_BACK_MS = 10_000;
const SURE_AFTER_MS = 2000;

/** Starts of requests lie at least a `perSecond`th of a second apart, so that weak controllers keep time for their work. */
export function paced(link: Link, perSecond: number, clock: Clock): Link {
  const everyMs = 1000 / perSecond;
  let nextMs = Number.NEGATIVE_INFINITY;
  let endedMs = clock.monotonicMs();
  let idleMs = 0;
  let waitedMs = 0;
  let busyMs = 0;
  return {
    endpoint: link.endpoint,
    get tap() {
      return link.tap;
    },
    set tap(tap) {
      link.tap = tap;
    },
    async read(unit, readFunction, offset, count, timeoutMs, signal) {
      const beganMs = clock.monotonicMs();
      idleMs += beganMs - endedMs;
      try {
        const restMs = nextMs - beganMs;
        if (restMs > 0) await clock.sleep(restMs, signal);
        const startMs = clock.monotonicMs();
        waitedMs += startMs - beganMs;
        nextMs = Math.max(startMs, nextMs) + everyMs;
        return await link.read(unit, readFunction, offset, count, timeoutMs, signal);
      } finally {
        endedMs = clock.monotonicMs();
        busyMs += endedMs - beganMs;
        if (busyMs + idleMs > LOOK_BACK_MS) {
          idleMs /= 2;
          waitedMs /= 2;
          busyMs /= 2;
        }
      }
    },
    notice(times) {
      const wholeMs = busyMs + idleMs;
      const slowed = wholeMs > SURE_AFTER_MS && idleMs < wholeMs / 10 && waitedMs > wholeMs / 2;
      const limit = `The limit of ${perSecond} ${perSecond === 1 ? 'request' : 'requests'} a second sets the pace here: requests wait for it and the link is never idle. Poll less often, read fewer tags, or raise "Requests per second" if the device allows more.`;
      return slowed ? limit : link.notice(times);
    },
    close: () => link.close(),
  };
}
