import { type ReactNode, useEffect, useState } from 'react';
import { useClient, useNow, useSession, useStores, useZone } from '#renderer/client/index.ts';
import { Banner, Button, formatClock, formatDuration } from '#renderer/ui/index.ts';

/** Health comes every second; after this long the engine is taken to hang. */
const SILENCE_MS = 6000;

/** Whole seconds: a sentence that is read needs no tenths. */
function seconds(ms: number): string {
  return ms < 60_000 ? `${Math.max(1, Math.round(ms / 1000))} s` : formatDuration(Math.round(ms / 1000) * 1000);
}

/** Says when what is on the page is old, since when, and when the next attempt is made. */
export function SessionBanner(): ReactNode {
  const client = useClient();
  const session = useSession((state) => state);
  const received = useStores('health', (state) => state.receivedAt);
  const zone = useZone();
  useNow(1000);
  const [resumed, setResumed] = useState<number | null>(null);
  const [lostAt, setLostAt] = useState<number | null>(null);

  useEffect(() => {
    if (session.phase === 'lost') setLostAt(session.since);
    if (session.phase === 'open' && lostAt !== null) {
      setResumed(Date.now() - lostAt);
      setLostAt(null);
    }
  }, [session.phase, session.since, lostAt]);
  useEffect(() => {
    if (resumed === null) return;
    const timer = setTimeout(() => setResumed(null), 5000);
    return () => clearTimeout(timer);
  }, [resumed]);

  const now = Date.now();
  if (session.phase === 'refused') {
    return (
      <Banner tone="error" actions={<Button onClick={() => location.reload()}>Reload</Button>}>
        {session.message ?? 'The engine refused this screen.'}
      </Banner>
    );
  }
  if (session.phase === 'lost' || (session.phase === 'connecting' && now - session.since > 1500)) {
    const wait = session.nextAttempt === null ? null : Math.max(0, session.nextAttempt - now);
    const since = seconds(now - session.since);
    return (
      <Banner
        tone="warn"
        actions={
          <Button disabled={wait === null} onClick={() => client.session.retryNow()}>
            Try now
          </Button>
        }
      >
        {session.phase === 'lost'
          ? `The connection to the engine is lost since ${formatClock(session.since * 1000, zone)} (${since}). Values on this page are old; recording goes on if the engine still runs. `
          : `No answer from the engine for ${since}. `}
        {wait === null ? 'Trying now.' : `Next try in ${Math.ceil(wait / 1000)} s.`}
        {session.message !== null && ` ${session.message}`}
      </Banner>
    );
  }
  if (session.phase === 'open' && received > 0 && now - received > SILENCE_MS) {
    return (
      <Banner tone="warn">
        {`The engine is connected but has not answered for ${seconds(now - received)}. Values on this page are old.`}
      </Banner>
    );
  }
  if (resumed !== null) {
    return (
      <Banner tone="info" onClose={() => setResumed(null)}>
        {`Connected to the engine again after ${seconds(resumed)}. Everything is up to date.`}
      </Banner>
    );
  }
  return null;
}
