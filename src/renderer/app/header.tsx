import { Bell, Search } from 'lucide-react';
import type { ReactNode } from 'react';
import { useProjectSettings, useStores } from '#renderer/client/index.ts';
import { RecordingControl } from '#renderer/recordings/index.ts';
import { actionStore, Keys, MiddleText, openPalette, Tip } from '#renderer/ui/index.ts';

export function Header(): ReactNode {
  const settings = useProjectSettings();
  const active = useStores('alerts', (state) => state.alerts.filter((alert) => alert.cleared === null).length);
  return (
    <header className="header">
      <div className="header-project">
        <MiddleText text={settings?.name ?? 'ParX Workstation'} />
      </div>
      <button type="button" className="header-search" onClick={openPalette}>
        <Search size={14} aria-hidden />
        <span>Search actions, pages and tags</span>
        <Keys chord="Ctrl+K" />
      </button>
      <RecordingControl />
      <Tip text={active === 0 ? 'Alerts' : `Alerts: ${active} active`} keys="Alt+A">
        <button
          type="button"
          className="btn header-alerts"
          data-look="plain"
          aria-label={`${active} active ${active === 1 ? 'alert' : 'alerts'}`}
          onClick={() =>
            actionStore
              .getState()
              .actions.find((action) => action.id === 'general.alerts')
              ?.run()
          }
        >
          <Bell size={15} aria-hidden />
          <span className="mono" data-active={active > 0 ? '' : undefined}>
            {active}
          </span>
        </button>
      </Tip>
    </header>
  );
}
