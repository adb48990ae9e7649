import { type ReactNode, Suspense, useEffect, useState } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { useSession } from '#renderer/client/index.ts';
import { useOpenedElsewhere } from '#renderer/recordings/index.ts';
import { listenForActionKeys, Skeleton } from '#renderer/ui/index.ts';
import { AboutDialog } from './about-dialog.tsx';
import { AlertsPanel } from './alerts-panel.tsx';
import { AppPalette } from './app-palette.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { useGeneralActions } from './general-actions.ts';
import { Header } from './header.tsx';
import { Notices } from './notices.tsx';
import { pageAt, pages } from './pages.ts';
import { ProjectFile } from './project-file.tsx';
import { Rail } from './rail.tsx';
import { SessionBanner } from './session-banner.tsx';
import { ShortcutSheet } from './shortcut-sheet.tsx';
import { StatusBar } from './status-bar.tsx';
import './shell.css';

export function Shell(): ReactNode {
  const [location] = useLocation();
  const [sheet, setSheet] = useState(false);
  const [alerts, setAlerts] = useState(false);
  const [about, setAbout] = useState(false);
  useGeneralActions({
    showSheet: () => setSheet(true),
    toggleAlerts: () => setAlerts((open) => !open),
    showAbout: () => setAbout(true),
  });
  useOpenedElsewhere();
  useEffect(() => {
    const keys = listenForActionKeys();
    return () => keys[Symbol.dispose]();
  }, []);
  const page = pageAt(location);
  useEffect(() => {
    document.title = page === undefined ? 'ParX Workstation' : `${page.title} · ParX Workstation`;
  }, [page]);

  const live = useSession((state) => state.phase === 'open');
  return (
    <div className="shell" data-old={live ? undefined : ''}>
      <button type="button" className="skip btn" onClick={() => document.getElementById('page')?.focus()}>
        To the page
      </button>
      <Rail current={page?.path ?? ''} />
      <Header />
      <main className="shell-page" id="page" tabIndex={-1} aria-label={page?.title ?? 'Page'}>
        <SessionBanner />
        <div className="shell-content">
          <ErrorBoundary key={page?.path ?? location} place={page === undefined ? 'The page' : `"${page.title}"`}>
            <Suspense fallback={<Skeleton rows={10} />}>
              <Switch>
                {pages.map((entry) => (
                  <Route key={entry.path} path={entry.pattern ?? entry.path} component={entry.Component} />
                ))}
                <Route>
                  <Redirect to="/" replace />
                </Route>
              </Switch>
            </Suspense>
          </ErrorBoundary>
        </div>
      </main>
      {alerts && <AlertsPanel onClose={() => setAlerts(false)} />}
      <StatusBar alertsOpen={alerts} onAlerts={() => setAlerts((open) => !open)} />
      <Notices />
      <AppPalette />
      <ProjectFile />
      {about && <AboutDialog onClose={() => setAbout(false)} />}
      {sheet && <ShortcutSheet page={page?.title ?? ''} onClose={() => setSheet(false)} />}
    </div>
  );
}
