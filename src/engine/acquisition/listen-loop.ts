import type { Clock } from '#engine/platform/index.ts';
import type { PushConnection, SampleSink, TagBinding } from '#engine/protocols/protocol.ts';
import { type LinkSession, linkLost } from './link-session.ts';

export type DeviceBinding = TagBinding<unknown> & { readonly deviceId: string };

/** Time a driver has to stop listening before its link is given up. */
const OBEY_MS = 1_000;

export interface ListenHost {
  readonly clock: Clock;
  readonly endpoint: string;
  bindings(): readonly DeviceBinding[];
  /** Set when the bindings have changed; the loop clears it. */
  rebind: boolean;
}

/** Listens until the session is over, anew whenever the tags have changed. Throws why it ended. */
export async function listenLoop(
  session: LinkSession,
  connection: PushConnection,
  sink: SampleSink,
  host: ListenHost,
): Promise<never> {
  for (;;) {
    if (session.reason !== null) throw session.reason;
    host.rebind = false;
    const controller = new AbortController();
    const onEnd = (): void => controller.abort(session.signal.reason);
    session.signal.addEventListener('abort', onEnd, { once: true });
    let ended = false;
    const listening = session
      .attempt(() => connection.listen(host.bindings(), sink, controller.signal))
      .then((attempt) => {
        ended = true;
        session.wake();
        return attempt;
      });
    while (!ended && !host.rebind && session.reason === null) {
      // Guests don't wait for their turn here: a told link has no turns.
      const guest = session.nextGuest();
      if (guest !== undefined) await guest();
      else await session.idle(Number.POSITIVE_INFINITY, false);
    }
    controller.abort(session.reason ?? new Error('The tags of this link have changed.'));
    const limit = ended ? null : host.clock.after(OBEY_MS, () => session.end(linkLost(host.endpoint)));
    const attempt = await listening;
    limit?.[Symbol.dispose]();
    session.signal.removeEventListener('abort', onEnd);
    if (session.reason !== null) throw session.reason;
    if (attempt.thrown && !host.rebind) throw attempt.error;
    if (!attempt.thrown && !host.rebind) throw new Error('The driver stopped listening without being asked to.');
  }
}
