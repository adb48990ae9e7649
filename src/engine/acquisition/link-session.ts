import { alarmAt, type Clock } from '#engine/platform/index.ts';
import type { ProtocolConnection, SharedLink } from '#engine/protocols/protocol.ts';
import { AppError, isAppError } from '#shared/errors.ts';

/** One open link, from a successful connect to its end. */
export interface LinkSession {
  readonly connection: ProtocolConnection;
  /** Aborts everything that runs on the link. */
  readonly signal: AbortSignal;
  /** Why the session is over; null while it lasts. */
  readonly reason: unknown;
  /** For those who take turns at the link beside acquisition: tests, scans, browsing. */
  readonly shared: SharedLink;
  /** The guest whose turn it is; taking it obliges to call it. */
  nextGuest(): (() => Promise<void>) | undefined;
  /**
   * Runs work of the driver. Gives what it threw, `null` when it ended well. Does not wait for a driver that ignores
   * the end of the session.
   */
  attempt(work: () => Promise<unknown>): Promise<Attempt>;
  /** Waits until a monotonic time (Infinity: forever), a wake or the end of the session. */
  idle(untilMs: number, precise: boolean): Promise<void>;
  wake(): void;
  /** Ends the session; what runs on it is aborted with `reason`. Only the first call counts. */
  end(reason: AppError): void;
  /** Ends it if need be, and closes the driver's connection; gives up after a second. */
  close(): Promise<void>;
}

/** What came of a driver's work. `thrown` tells a failure even where `undefined` was thrown. */
export interface Attempt {
  readonly thrown: boolean;
  readonly error: unknown;
}

const WELL: Attempt = { thrown: false, error: null };

/** Time a driver has to obey an abort before it is left to itself. */
const OBEY_MS = 200;
/** Time a driver has to close its sockets before it is left to itself. */
const CLOSE_MS = 1_000;

export function createLinkSession(
  connection: ProtocolConnection,
  endpoint: string,
  clock: Clock,
  onBug: (text: string, error: unknown) => void,
): LinkSession {
  const controller = new AbortController();
  const guests = new Set<Guest>();
  let reason: AppError | null = null;
  let bail: ((attempt: Attempt) => void) | null = null;
  let obey: Disposable | null = null;
  let rouse: (() => void) | null = null;
  let closing: Promise<void> | null = null;

  const wake = (): void => {
    const resolve = rouse;
    rouse = null;
    resolve?.();
  };
  const end = (why: AppError): void => {
    if (reason !== null) return;
    reason = why;
    controller.abort(why);
    wake();
    for (const guest of guests) guest.refuse(why);
    guests.clear();
    if (bail !== null) obey = clock.after(OBEY_MS, () => bail?.({ thrown: true, error: why }));
  };

  return {
    connection,
    signal: controller.signal,
    get reason() {
      return reason;
    },
    shared: {
      run: (use, signal) =>
        new Promise((resolve, reject) => {
          if (reason !== null) return reject(reason);
          if (signal.aborted) return reject(signal.reason);
          const onAbort = (): void => {
            guests.delete(guest);
            reject(signal.reason);
          };
          const guest: Guest = {
            refuse: reject,
            run: () =>
              new Promise((next) => {
                let grace: Disposable | null = null;
                // The link goes on with its own work when the guest has gone, also if his request is still under way.
                const leave = (): void => {
                  grace ??= clock.after(OBEY_MS, done);
                };
                const done = (): void => {
                  grace?.[Symbol.dispose]();
                  signal.removeEventListener('abort', leave);
                  signal.removeEventListener('abort', onAbort);
                  controller.signal.removeEventListener('abort', leave);
                  if (reason !== null) reject(reason);
                  next();
                };
                signal.addEventListener('abort', leave);
                controller.signal.addEventListener('abort', leave);
                use(connection)
                  .then(resolve, (error: unknown) => {
                    // Where no tags are read, guests alone can find that the peer has gone.
                    if (isAppError(error, 'protocol.link-lost')) end(error);
                    reject(error);
                  })
                  .finally(done);
              }),
          };
          signal.addEventListener('abort', onAbort, { once: true });
          guests.add(guest);
          wake();
        }),
    },
    nextGuest() {
      const [guest] = guests;
      if (guest === undefined) return undefined;
      guests.delete(guest);
      return guest.run;
    },
    attempt(work) {
      return new Promise((resolve) => {
        const settle = (attempt: Attempt): void => {
          if (bail === settle) bail = null;
          obey?.[Symbol.dispose]();
          resolve(attempt);
        };
        bail = settle;
        try {
          work().then(
            () => settle(WELL),
            (error: unknown) => settle({ thrown: true, error }),
          );
        } catch (error) {
          settle({ thrown: true, error });
        }
      });
    },
    idle(untilMs, precise) {
      if (reason !== null || guests.size > 0) return Promise.resolve();
      return new Promise((resolve) => {
        const alarm =
          untilMs === Number.POSITIVE_INFINITY
            ? null
            : alarmAt(clock, Math.min(untilMs, clock.monotonicMs() + 3_600_000), precise, wake);
        rouse = () => {
          alarm?.[Symbol.dispose]();
          resolve();
        };
      });
    },
    wake,
    end,
    close() {
      end(linkLost(endpoint));
      closing ??= new Promise((resolve) => {
        const limit = clock.after(CLOSE_MS, () => {
          onBug(`${endpoint} did not close its link within ${CLOSE_MS} ms.`, null);
          resolve();
        });
        const done = (): void => {
          limit[Symbol.dispose]();
          resolve();
        };
        const failed = (error: unknown): void => {
          onBug(`Closing the link to ${endpoint} failed.`, error);
          done();
        };
        try {
          connection.close().then(done, failed);
        } catch (error) {
          failed(error);
        }
      });
      return closing;
    },
  };
}

interface Guest {
  run(): Promise<void>;
  refuse(reason: unknown): void;
}

export function linkLost(endpoint: string): AppError<'protocol.link-lost'> {
  return new AppError('protocol.link-lost', `The connection to ${endpoint} was closed.`, {
    details: { endpoint },
    retryable: true,
  });
}

/** Waits for a driver to connect, and after an abort not much longer; a link that comes late goes to `onLate`. */
export function abortable(
  connecting: Promise<ProtocolConnection>,
  signal: AbortSignal,
  clock: Clock,
  onLate: (connection: ProtocolConnection) => void,
): Promise<ProtocolConnection> {
  return new Promise((resolve, reject) => {
    let given = false;
    let grace: Disposable | null = null;
    const settle = (act: () => void): void => {
      grace?.[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      given = true;
      act();
    };
    const onAbort = (): void => {
      grace = clock.after(OBEY_MS, () => settle(() => reject(signal.reason)));
    };
    connecting.then(
      (connection) => {
        if (given || signal.aborted) onLate(connection);
        if (!given) settle(() => (signal.aborted ? reject(signal.reason) : resolve(connection)));
      },
      (error: unknown) => {
        if (!given) settle(() => reject(signal.aborted ? signal.reason : error));
      },
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
