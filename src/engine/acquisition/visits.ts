import { type Clock, type Logger, systemNetwork } from '#engine/platform/index.ts';
import type { SharedLink } from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import type { ResolvedConnection } from './bindings.ts';
import { abortable, createLinkSession, type LinkSession, linkLost } from './link-session.ts';
import { hungDriver } from './poll-loop.ts';
import type { RunningDriver } from './running-driver.ts';

/** A link to look around on. To be disposed when done; the link then stays for a while, as the next look comes soon. */
export interface Visit extends Disposable {
  readonly link: SharedLink;
  /** Opened for visitors, because nothing runs: the connection is switched off. */
  readonly own: boolean;
}

export interface Visits {
  /** Throws what connecting throws, and `config.invalid` where the settings can't be used. */
  visit(resolved: ResolvedConnection, running: RunningDriver | null, signal: AbortSignal): Promise<Visit>;
  /** Ends the own link of a connection, so that the running one gets the port; null where there is none. */
  end(connectionId: string): Promise<void> | null;
  stop(): Promise<void>;
}

/** Looking around is a click now and a click then: a link is not made anew for each of them. */
const LINGER_MS = 20_000;

interface OwnLink {
  readonly key: string;
  readonly session: Promise<LinkSession>;
  readonly connecting: AbortController;
  visitors: number;
  linger: Disposable | null;
}

export function createVisits(clock: Clock, log: Logger): Visits {
  const own = new Map<string, OwnLink>();
  const lingering = new Set<Disposable>();

  const forget = (id: string, link: OwnLink): Promise<void> => {
    if (own.get(id) === link) own.delete(id);
    link.linger?.[Symbol.dispose]();
    link.connecting.abort(linkLost('the device'));
    return link.session.then(
      (session) => session.close(),
      () => undefined,
    );
  };
  const bug = (text: string, error: unknown): void => log.error(text, { error: String(error) });

  const open = (resolved: ResolvedConnection): OwnLink => {
    const { driver, endpoint, config, connectTimeoutMs, devices } = resolved;
    if (driver === null) {
      const sentence = resolved.problem ?? 'The settings of this connection are not valid. Correct them first.';
      throw new AppError('config.invalid', sentence, {
        details: { issues: [{ path: 'settings', message: sentence }] },
      });
    }
    const connecting = new AbortController();
    const limit = clock.after(connectTimeoutMs, () => connecting.abort(hungDriver(endpoint, connectTimeoutMs)));
    const usable = new Map(devices.filter((one) => one.problem === null).map(({ id, settings }) => [id, settings]));
    const context = { log, clock, network: systemNetwork, trace: null };
    const session = abortable(
      driver.connect(config, usable, context, connecting.signal),
      connecting.signal,
      clock,
      (late) => {
        late.close().catch((error: unknown) => bug(`Closing a late link to ${endpoint} failed.`, error));
      },
    )
      .then((connection) => createLinkSession(connection, endpoint, clock, bug))
      .finally(() => limit[Symbol.dispose]());
    return { key: resolved.key, session, connecting, visitors: 0, linger: null };
  };
  /** Lets the visitors in, one after the other, until the session is over. */
  const receive = async (session: LinkSession): Promise<void> => {
    while (session.reason === null) {
      const guest = session.nextGuest();
      if (guest === undefined) await session.idle(Number.POSITIVE_INFINITY, false);
      else await guest();
    }
  };

  const ownVisit = async (resolved: ResolvedConnection, signal: AbortSignal): Promise<Visit> => {
    const { id } = resolved.document;
    let link = own.get(id);
    if (link !== undefined && link.key !== resolved.key) {
      await forget(id, link);
      link = own.get(id);
    }
    if (link === undefined) {
      const made = open(resolved);
      link = made;
      own.set(id, made);
      made.session
        .then(
          (session) => {
            // The peer has gone: the next visitor has a new link made.
            session.signal.addEventListener('abort', () => void forget(id, made), { once: true });
            return receive(session);
          },
          () => forget(id, made),
        )
        .catch((error: unknown) => bug('A visited link failed.', error));
    }
    const used = link;
    used.visitors++;
    used.linger?.[Symbol.dispose]();
    used.linger = null;
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      used.visitors--;
      if (used.visitors > 0 || own.get(id) !== used) return;
      used.linger = clock.after(LINGER_MS, () => void forget(id, used));
    };
    try {
      const { shared } = await unlessAborted(used.session, signal);
      return { link: shared, own: true, [Symbol.dispose]: leave };
    } catch (error) {
      leave();
      throw error;
    }
  };

  return {
    async visit(resolved, running, signal) {
      signal.throwIfAborted();
      if (running === null) return ownVisit(resolved, signal);
      const hold = running.hold();
      let left = false;
      const leave = (): void => {
        if (left) return;
        left = true;
        const timer = clock.after(LINGER_MS, () => {
          lingering.delete(timer);
          hold[Symbol.dispose]();
        });
        lingering.add(timer);
      };
      try {
        return { link: await running.linkSoon(signal), own: false, [Symbol.dispose]: leave };
      } catch (error) {
        hold[Symbol.dispose]();
        throw error;
      }
    },
    end(connectionId) {
      const link = own.get(connectionId);
      return link === undefined ? null : forget(connectionId, link);
    },
    async stop() {
      for (const timer of lingering) timer[Symbol.dispose]();
      await Promise.all([...own].map(([id, link]) => forget(id, link)));
    },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
