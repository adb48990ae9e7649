import { BellOff, X } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { useClient, useNow, useProject, useStores, useZone } from '#renderer/client/index.ts';
import { EmptyState, formatAge, formatTime, IconButton, Mark } from '#renderer/ui/index.ts';
import type { Alert } from '#shared/model/index.ts';

const severityMarks = {
  info: { tone: 'info', shape: 'square', text: 'Note' },
  warning: { tone: 'warn', shape: 'triangle', text: 'Warning' },
  error: { tone: 'error', shape: 'cross', text: 'Error' },
} as const;
const rank = { error: 0, warning: 1, info: 2 } as const;

/** Background conditions: what is wrong now first, what has cleared by itself below. Never a dialog. */
export function AlertsPanel({ onClose }: { readonly onClose: () => void }): ReactNode {
  const alerts = useStores('alerts', (state) => state.alerts);
  const { active, cleared } = useMemo(() => {
    const byRank = (a: Alert, b: Alert): number => rank[a.severity] - rank[b.severity] || b.raised - a.raised;
    return {
      active: alerts.filter((alert) => alert.cleared === null).sort(byRank),
      cleared: alerts
        .filter((alert) => alert.cleared !== null)
        .sort((a, b) => (b.cleared ?? 0) - (a.cleared ?? 0))
        .slice(0, 50),
    };
  }, [alerts]);
  return (
    <aside className="alerts" aria-label="Alerts">
      <div className="alerts-head">
        <h2>Alerts</h2>
        <IconButton icon={X} label="Close the alerts" keys="Alt+A" onClick={onClose} />
      </div>
      {active.length === 0 && cleared.length === 0 ? (
        <EmptyState
          icon={BellOff}
          title="No alerts"
          text="What goes wrong in the background is listed here, with what to do about it, and clears by itself."
        />
      ) : (
        <ul className="alerts-list">
          {active.map((alert) => (
            <AlertCard key={alert.id} alert={alert} />
          ))}
          {cleared.length > 0 && <li className="section-title alerts-cleared">Cleared</li>}
          {cleared.map((alert) => (
            <AlertCard key={`${alert.id} ${alert.raised}`} alert={alert} />
          ))}
        </ul>
      )}
    </aside>
  );
}

function AlertCard({ alert }: { readonly alert: Alert }): ReactNode {
  const zone = useZone();
  const now = useNow(1000);
  const client = useClient();
  const mark = severityMarks[alert.severity];
  const connectionId = useProject(
    (state) =>
      [...state.connection.values()].find((stored) => stored.document.name === alert.source)?.document.id ?? null,
  );
  return (
    <li className="alert" data-cleared={alert.cleared === null ? undefined : ''}>
      <div className="alert-line">
        <Mark tone={alert.cleared === null ? mark.tone : 'quiet'} shape={alert.cleared === null ? mark.shape : 'ring'}>
          {alert.cleared === null ? mark.text : 'Cleared'}
        </Mark>
        <span className="quiet">{alert.source}</span>
        <span className="toolbar-gap" />
        <time className="quiet mono" title={formatTime(alert.raised, zone, 'millisecond')}>
          {alert.cleared === null
            ? `for ${formatAge((now - alert.raised) / 1000)}`
            : `${formatTime(alert.raised, zone).slice(11)} to ${formatTime(alert.cleared, zone).slice(11)}`}
        </time>
      </div>
      <p className="selectable">{alert.text}</p>
      {alert.advice !== null && alert.cleared === null && <p className="quiet selectable">{alert.advice}</p>}
      {alert.cleared === null && connectionId !== null && (
        <button type="button" className="link" onClick={() => client.showPage(`/connections/${connectionId}`)}>
          Open the connection
        </button>
      )}
    </li>
  );
}
