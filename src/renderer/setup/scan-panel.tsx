import { ListPlus, Play, Square } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { Banner, Button, Check, EmptyState, formatCount, plural, SelectField } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { DeviceDocument } from '#shared/model/index.ts';
import type { ScanAreaItem, ScanItem } from '#shared/rpc/looking.ts';
import './looking.css';

/** What most devices have lies below this. */
const FIRST_LAST = 9_999;
/** "Add many" takes so many at once. */
const MOST_TAGS = 2_000;

interface Range {
  readonly chosen: boolean;
  readonly first: string;
  readonly last: string;
}

/** Looks through a device for what can be read, beside its polls; what is found becomes tags. */
export function ScanPanel({ devices }: { readonly devices: readonly DeviceDocument[] }): ReactNode {
  const client = useClient();
  const newSignal = useAbort();
  const [deviceId, setDeviceId] = useState(devices[0]?.id ?? '');
  const [areas, setAreas] = useState<readonly ScanAreaItem[]>([]);
  const [ranges, setRanges] = useState<Readonly<Record<string, Range>>>({});
  const [every, setEvery] = useState(false);
  const [item, setItem] = useState<ScanItem | null>(null);
  const [running, setRunning] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const device = devices.find((entry) => entry.id === deviceId) ?? devices[0];
  const id = device?.id ?? '';

  useEffect(() => {
    if (id === '') return;
    const abort = new AbortController();
    setItem(null);
    client.rpc.looking
      .scanAreas({ deviceId: id }, { signal: abort.signal })
      .then((answer) => setAreas(answer.areas))
      .catch((error: unknown) => {
        if (!abort.signal.aborted) setRefusal(errorText(error));
      });
    return () => abort.abort();
  }, [client, id]);

  const rangeOf = (area: ScanAreaItem): Range =>
    ranges[area.id] ?? { chosen: true, first: '0', last: String(Math.min(FIRST_LAST, area.places - 1)) };
  const set = (area: ScanAreaItem, change: Partial<Range>): void =>
    setRanges((known) => ({ ...known, [area.id]: { ...rangeOf(area), ...change } }));
  const errorOf = (area: ScanAreaItem): string | undefined => {
    const { first, last, chosen } = rangeOf(area);
    if (!chosen) return undefined;
    const [from, to] = [first, last].map((text) => (/^\d+$/.test(text.trim()) ? Number(text) : Number.NaN));
    return from! <= to! && to! < area.places ? undefined : `0 to ${area.places - 1}, in this order.`;
  };
  const wanted = areas.filter((area) => rangeOf(area).chosen);
  const ready = device !== undefined && wanted.length > 0 && wanted.every((area) => errorOf(area) === undefined);

  const run = async (): Promise<void> => {
    if (!ready || running) return;
    const signal = newSignal();
    setItem(null);
    setRefusal(null);
    setRunning(true);
    try {
      const input = {
        deviceId: id,
        every,
        ranges: wanted.map((area) => {
          const { first, last } = rangeOf(area);
          return { area: area.id, first: Number(first), last: Number(last) };
        }),
      };
      for await (const next of client.rpc.looking.scan(input, { signal })) setItem(next);
    } catch (error) {
      if (!isAppError(error, 'rpc.cancelled')) setRefusal(errorText(error));
    } finally {
      if (!signal.aborted) setRunning(false);
    }
  };
  const stop = (): void => {
    newSignal();
    setRunning(false);
  };
  const titleOf = (area: string): string => areas.find((one) => one.id === area)?.title ?? area;

  return (
    <section className="scan" aria-label="Scan">
      <form
        className="scan-form"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <div className="scan-line">
          <SelectField
            label="Device"
            value={id}
            onChange={setDeviceId}
            choices={devices.map((entry) => ({ value: entry.id, label: entry.name }))}
          />
          {running ? (
            <Button icon={Square} onClick={stop}>
              Stop
            </Button>
          ) : (
            <Button look="primary" icon={Play} type="submit" disabled={!ready}>
              Scan
            </Button>
          )}
        </div>
        <div className="scan-areas">
          <div className="scan-area field-label" aria-hidden>
            <span />
            <span>First place</span>
            <span>Last place</span>
          </div>
          {areas.map((area) => (
            <div key={area.id} className="scan-area">
              <Check label={area.title} checked={rangeOf(area).chosen} onChange={(chosen) => set(area, { chosen })} />
              {(['first', 'last'] as const).map((end) => (
                <input
                  key={end}
                  className="input mono"
                  aria-label={`${area.title}, ${end} place`}
                  aria-invalid={errorOf(area) === undefined ? undefined : true}
                  inputMode="numeric"
                  autoComplete="off"
                  disabled={!rangeOf(area).chosen}
                  value={rangeOf(area)[end]}
                  onChange={(event) => set(area, { [end]: event.target.value })}
                />
              ))}
              <span className="field-error">{errorOf(area)}</span>
            </div>
          ))}
        </div>
        <Check
          label="Look at every place, also between refused ones; takes up to two requests for each"
          checked={every}
          onChange={setEvery}
        />
      </form>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      {item !== null && (
        <div className="scan-progress">
          <progress max={1} value={item.done} aria-label="Progress of the scan" />
          <p aria-live="polite">
            {running || item.done === 1 ? item.says : 'Stopped.'}
            <span className="quiet">{` ${plural(item.requests, 'request')}.`}</span>
          </p>
          {item.notes.map((note) => (
            <p key={note} className="quiet selectable">
              {note}
            </p>
          ))}
        </div>
      )}
      <div className="scan-found">
        {item !== null && item.found.length > 0 && (
          <table className="plain" aria-label="Ranges found">
            <thead>
              <tr>
                <th>What</th>
                <th>From</th>
                <th>To</th>
                <th className="num">Places</th>
                <th>First values, raw</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {item.found.map((found) => {
                const count = found.last - found.first + 1;
                return (
                  <tr key={`${found.area} ${found.first}`}>
                    <td>{titleOf(found.area)}</td>
                    <td className="mono selectable">{found.from}</td>
                    <td className="mono selectable">{found.to}</td>
                    <td className="num">{formatCount(count)}</td>
                    <td className="mono scan-values" title={found.values.join(' ')}>
                      {found.values.join(' ')}
                      {count > found.values.length && ' …'}
                    </td>
                    <td>
                      <Button
                        look="plain"
                        icon={ListPlus}
                        onClick={() =>
                          client.addTags(id, {
                            address: found.from,
                            type: found.type,
                            count: Math.min(MOST_TAGS, count),
                          })
                        }
                      >
                        Add tags
                      </Button>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        )}
        {item === null && !running && refusal === null && (
          <EmptyState
            icon={Play}
            title="Not scanned yet"
            text="A scan reads the device in large blocks, searches what is refused, and lists what can be read. It uses the running link between its polls and keeps to the limits in the settings. Places are counted as on the wire, from 0. Nothing is written to the device."
          />
        )}
      </div>
    </section>
  );
}
