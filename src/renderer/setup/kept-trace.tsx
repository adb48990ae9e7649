import { ArchiveRestore, Save, X } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useClient } from '#renderer/client/index.ts';
import { Button, formatBytes, formatClock, offerFile, plural } from '#renderer/ui/index.ts';
import type { ConnectionDocument } from '#shared/model/index.ts';
import {
  isTrouble,
  type LogEntry,
  type LogHeading,
  logFileName,
  protocolLogText,
  type TraceLine,
} from './protocol-log-text.ts';

interface Kept {
  readonly since: number;
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}

/**
 * The trace that the engine keeps of a connection whether this page is open or not, for what happens at night: switched
 * on, saved, and forgotten here.
 */
export function KeptTrace({
  connection,
  heading,
}: {
  readonly connection: ConnectionDocument;
  readonly heading: Pick<LogHeading, 'endpoint' | 'zone' | 'zoneText'>;
}): ReactNode {
  const client = useClient();
  const [kept, setKept] = useState<Kept | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    const feed = client.session.follow(
      (rpc, signal) => rpc.connections.keptTraces(undefined, { signal }),
      ({ traces }) => setKept(traces.find(({ connectionId }) => connectionId === connection.id) ?? null),
    );
    return () => feed[Symbol.dispose]();
  }, [client, connection.id]);

  const keep = (on: boolean): void => {
    client.rpc.connections
      .keepTrace({ id: connection.id, on })
      .catch((error: unknown) =>
        client.fail(error, `The trace of "${connection.name}" was not switched ${on ? 'on' : 'off'}`),
      );
  };
  const save = async (known: Kept): Promise<void> => {
    setBusy(true);
    try {
      const lines: TraceLine[] = [];
      for await (const item of client.rpc.connections.readTrace({ id: connection.id })) lines.push(...item.lines);
      const entries = lines.map(
        (line, key): LogEntry => ({ kind: 'packet', key, trouble: isTrouble(line), asked: null, ...line }),
      );
      const savedAt = client.now();
      const { dropped, since } = known;
      const text = protocolLogText(entries, {
        ...heading,
        connection: connection.name,
        savedAt,
        since,
        dropped,
        onlyTrouble: false,
      });
      offerFile(logFileName(connection.name, savedAt, heading.zone), text, 'text/plain;charset=utf-8');
    } catch (error) {
      client.fail(error, `The trace of "${connection.name}" was not saved`);
    } finally {
      setBusy(false);
    }
  };

  if (kept === null) {
    return (
      <Button
        look="plain"
        icon={ArchiveRestore}
        onClick={() => keep(true)}
        title="The engine keeps the newest packets of this connection, at most 16 MB, also while this page is closed."
      >
        Keep in the background
      </Button>
    );
  }
  return (
    <span className="plog-kept">
      <span title={kept.dropped === 0 ? undefined : `${plural(kept.dropped, 'older packet')} had to go to make room.`}>
        {`Kept since ${formatClock(kept.since, heading.zone)}: ${plural(kept.packets, 'packet')}, ${formatBytes(kept.bytes)}`}
      </span>
      <Button look="plain" icon={Save} disabled={kept.packets === 0 || busy} onClick={() => void save(kept)}>
        Save all
      </Button>
      <Button
        look="plain"
        icon={X}
        onClick={() => keep(false)}
        title="Stops keeping packets and forgets those kept so far."
      >
        Forget
      </Button>
    </span>
  );
}
