import { ChartLine, Pencil } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { Link } from 'wouter';
import { useClient, useNow, useProject, useStores, useZone } from '#renderer/client/index.ts';
import { EventsList } from '#renderer/recordings/index.ts';
import { LiveQuality, LiveSparkline, LiveValue } from '#renderer/tags/index.ts';
import {
  Banner,
  Button,
  DemoMark,
  formatAge,
  formatBytes,
  formatCount,
  formatNumber,
  formatTime,
  Mark,
  MiddleText,
  NO_VALUE,
  Skeleton,
  StateMark,
  shownLinkState,
  useActions,
  usePreference,
} from '#renderer/ui/index.ts';
import type { EngineHealth } from '#shared/model/index.ts';
import type { RuntimeTagInfo } from '#shared/rpc/contract.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { FirstRun } from './first-run.tsx';
import { KeyValuesDialog } from './key-values-dialog.tsx';
import './overview.css';

export function OverviewPage(): ReactNode {
  const loaded = useProject((state) => state.loaded);
  const connections = useProject((state) => state.connection.size);
  if (!loaded) return <Skeleton rows={8} />;
  if (connections === 0) return <FirstRun />;
  return (
    <div className="overview">
      <h1 className="visually-hidden">Overview</h1>
      <FirstSteps />
      <KeyValues />
      <Connections />
      <Recorder />
      <section className="panel overview-events" aria-label="Events">
        <h2>Events of the last 24 hours</h2>
        <div className="panel-scroll">
          <EventsList source={RUNNING_HISTORY} range={null} />
        </div>
      </section>
    </div>
  );
}

/** While nothing but the demo line is connected, the ways on are offered; closed, it stays away. */
function FirstSteps(): ReactNode {
  const client = useClient();
  const onlyDemo = useProject((state) => [...state.connection.values()].every((stored) => stored.document.demo));
  const trend = useProject((state) => state.trend.keys().next().value ?? null);
  const [closed, setClosed] = usePreference('overview.firstStepsClosed', false);
  if (!onlyDemo || closed) return null;
  return (
    <div className="overview-steps">
      <Banner
        tone="info"
        onClose={() => setClosed(true)}
        actions={
          <>
            {trend !== null && (
              <Button look="primary" icon={ChartLine} onClick={() => client.openTrend(trend)}>
                Live trend
              </Button>
            )}
            <Button onClick={() => client.showPage('/connections/new')}>Add a connection</Button>
            <Button onClick={() => client.showPage('/start')}>Other ways to begin</Button>
          </>
        }
      >
        The demo line is running: a simulated rolling mill on this computer. Its tags are marked DEMO.
      </Banner>
    </div>
  );
}

const FIRST_KEY_VALUES = 12;

/** The tags a user has picked, else those of the first saved trend, else the first numbers of the project. */
function useKeyTags(): { readonly tags: readonly RuntimeTagInfo[]; readonly set: (ids: readonly string[]) => void } {
  const [ids, set] = usePreference<readonly string[] | null>('overview.tags', null);
  const byId = useStores('tags', (state) => state.byId);
  const trend = useProject((state) => state.trend.values().next().value?.document ?? null);
  const tags = useMemo(() => {
    const known = (list: readonly string[]): readonly RuntimeTagInfo[] =>
      list.map((id) => byId.get(id)).filter((tag) => tag !== undefined);
    const picked = known(ids ?? []);
    if (picked.length > 0) return picked;
    const drawn = known((trend?.plots ?? []).flatMap((plot) => plot.traces.map((trace) => trace.tagId)));
    const numbers = [...byId.values()].filter(
      (tag) => tag.kind === 'tag' && tag.enabled && tag.type !== 'bit' && tag.type !== 'string',
    );
    return [...new Set([...drawn, ...numbers])].slice(0, FIRST_KEY_VALUES);
  }, [ids, byId, trend]);
  return { tags, set };
}

function KeyValues(): ReactNode {
  const client = useClient();
  const { tags, set } = useKeyTags();
  const [choosing, setChoosing] = useState(false);
  const drawAll = (): void =>
    client.showInTrend(
      tags.map((tag) => tag.id),
      'replace',
    );
  useActions(
    [
      {
        id: 'overview.trend',
        title: 'Trend of all key values',
        group: 'Overview',
        enabled: () => tags.length > 0,
        run: drawAll,
      },
      { id: 'overview.choose', title: 'Choose the key values', group: 'Overview', run: () => setChoosing(true) },
    ],
    [tags],
  );
  return (
    <section className="panel overview-values" aria-label="Key values">
      <div className="panel-head">
        <h2>Key values</h2>
        <span className="toolbar-gap" />
        <Button look="plain" icon={ChartLine} disabled={tags.length === 0} onClick={drawAll}>
          Trend of all
        </Button>
        <Button look="plain" icon={Pencil} onClick={() => setChoosing(true)}>
          Choose
        </Button>
      </div>
      {tags.length === 0 ? (
        <p className="list-note quiet">
          No tags yet. <Link href="/tags">Add tags</Link> to a connection; the first of them stand here.
        </p>
      ) : (
        <div className="values">
          {tags.map((tag) => (
            <button
              key={tag.id}
              type="button"
              className="value"
              onClick={() => client.showInTrend([tag.id])}
              title={`${tag.name}: open in the trend`}
            >
              <span className="value-name">
                <MiddleText text={tag.name} />
                {tag.demo && <DemoMark />}
              </span>
              <span className="value-number">
                <LiveValue tag={tag} />
                <span className="value-unit">{tag.unit ?? ''}</span>
              </span>
              <LiveSparkline tag={tag} />
              <span className="value-quality">
                <LiveQuality tag={tag} />
              </span>
            </button>
          ))}
        </div>
      )}
      {choosing && (
        <KeyValuesDialog
          chosen={tags.map((tag) => tag.id)}
          onClose={() => setChoosing(false)}
          onChoose={(ids) => set(ids)}
        />
      )}
    </section>
  );
}

function Connections(): ReactNode {
  const documents = useProject((state) => state.connection);
  const statuses = useStores('connections', (state) => state.byId);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const now = useNow(1000);
  return (
    <section className="panel overview-connections" aria-label="Connections">
      <div className="panel-head">
        <h2>Connections</h2>
      </div>
      <div className="panel-scroll">
        <table className="plain">
          <thead>
            <tr>
              <th>State</th>
              <th>Name</th>
              <th>Endpoint</th>
              <th className="num">Since</th>
              <th className="num">Devices</th>
              <th className="num" title="Polls, or what devices sent by themselves">
                Updates/s
              </th>
              <th className="num">Overruns</th>
            </tr>
          </thead>
          <tbody>
            {[...documents.values()].map(({ document }) => {
              const status = statuses.get(document.id);
              const tells =
                catalogue?.protocols.some((entry) => entry.id === document.protocol && entry.tells) === true;
              const running = status?.devices.filter((device) => device.state === 'running').length ?? 0;
              return (
                <tr key={document.id} title={status?.message ?? undefined}>
                  <td>
                    <StateMark state={shownLinkState(status?.state, document.enabled)} />
                  </td>
                  <td className="name-cell">
                    <span>
                      <Link href={`/connections/${document.id}`} className="table-link">
                        <MiddleText text={document.name} />
                      </Link>
                      {document.demo && <DemoMark />}
                    </span>
                  </td>
                  <td className="mono quiet">{status?.endpoint ?? NO_VALUE}</td>
                  <td className="num">
                    {status === undefined ? NO_VALUE : formatAge((now - status.since) / 1000, 'seconds')}
                  </td>
                  <td className="num">{status === undefined ? NO_VALUE : `${running} of ${status.devices.length}`}</td>
                  <td className="num">
                    {status === undefined
                      ? NO_VALUE
                      : formatNumber(
                          status.groups.reduce((sum, group) => sum + (group.actualHz ?? 0), 0),
                          { decimals: 1 },
                        )}
                  </td>
                  <td className="num">
                    {tells ? NO_VALUE : formatCount(status?.groups.reduce((sum, group) => sum + group.overruns, 0))}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {[...statuses.values()]
          .filter(
            (status) => status.message !== null && status.state !== 'running' && documents.has(status.connectionId),
          )
          .map((status) => (
            <p key={status.connectionId} className="list-note selectable">
              <strong>{documents.get(status.connectionId)?.document.name}</strong>: {status.message}
            </p>
          ))}
      </div>
    </section>
  );
}

function Recorder(): ReactNode {
  const recording = useStores('recording', (state) => state.state);
  const health = useStores('health', (state) => state.health);
  const zone = useZone();
  const active = recording?.active ?? null;
  return (
    <section className="panel overview-recorder" aria-label="Recorder">
      <div className="panel-head">
        <h2>Recorder and engine</h2>
      </div>
      <dl className="facts">
        <dt>Recording</dt>
        <dd>
          {recording === null ? (
            NO_VALUE
          ) : active === null ? (
            'Off; the running history is on'
          ) : (
            <Mark tone="ok" shape="disc">
              {active.name}
            </Mark>
          )}
        </dd>
        <dt>Stored until</dt>
        <dd className="mono">{formatTime(recording?.storedUntil, zone)}</dd>
        <dt>Rate</dt>
        <dd className="mono">
          {recording === null
            ? NO_VALUE
            : `${formatCount(recording.samplesPerSecond)} samples/s, ${formatBytes(recording.bytesPerSecond)}/s`}
        </dd>
        <dt>History</dt>
        <dd className="mono">{formatBytes(recording?.historyBytes)}</dd>
        <dt title="What was decoded for one picture of the history is kept for the next">History cache</dt>
        <dd className="mono">{cacheText(health?.historyCache)}</dd>
        <dt>Disk free</dt>
        <dd className="mono">{formatBytes(recording?.diskFreeBytes)}</dd>
        <dt>Engine</dt>
        <dd>
          {health === null ? (
            NO_VALUE
          ) : (
            <>
              version <span className="mono">{health.version}</span>, running since{' '}
              <span className="mono">{formatTime(health.startedAt, zone, 'minute')}</span>
            </>
          )}
        </dd>
        <dt>Keeps awake</dt>
        <dd>{health === null ? NO_VALUE : health.keepAwake ? 'Yes, this computer does not go to sleep' : 'No'}</dd>
        <dt>Data folder</dt>
        <dd className="mono selectable">{health?.dataDirectory ?? NO_VALUE}</dd>
      </dl>
    </section>
  );
}

function cacheText(cache: EngineHealth['historyCache'] | undefined): string {
  if (cache === undefined) return NO_VALUE;
  const asked = cache.hits + cache.misses;
  const found = asked === 0 ? '' : `, ${Math.round((100 * cache.hits) / asked)} % found in it`;
  return `${formatBytes(cache.bytes)} of ${formatBytes(cache.limit)}${found}`;
}
