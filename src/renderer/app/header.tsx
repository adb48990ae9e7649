import { Bell, Search } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useProjectSettings, useStores } from '#renderer/client/index.ts';
import { RecordingControl } from '#renderer/recordings/index.ts';
import { actionStore, Keys, MiddleText, openPalette, Tip, useActions } from '#renderer/ui/index.ts';
import { ProjectDialog } from './project-dialog.tsx';

export function Header(): ReactNode {
  const settings = useProjectSettings();
  const [editing, setEditing] = useState(false);
  useActions(
    [
      {
        id: 'general.project',
        title: 'Project name and time zone',
        group: 'General',
        words: 'settings utc local time',
        run: () => setEditing(true),
      },
    ],
    [],
  );
  const active = useStores('alerts', (state) => state.alerts.filter((alert) => alert.cleared === null).length);
  return (
    <header className="header">
      <button
        type="button"
        className="header-project"
        aria-label={`Project: ${settings?.name ?? 'ParX project'}`}
        onClick={() => setEditing(true)}
      >
        <MiddleText text={settings?.name ?? 'ParX project'} />
      </button>
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
      {editing && <ProjectDialog onClose={() => setEditing(false)} />}
    </header>
  );
}
