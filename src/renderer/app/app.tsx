import type { ReactNode } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { type AppClient, ClientProvider } from '#renderer/client/index.ts';
import { UiProvider } from '#renderer/ui/index.ts';
import { ErrorBoundary } from './error-boundary.tsx';
import { Shell } from './shell.tsx';

export function App({ client }: { readonly client: AppClient }): ReactNode {
  return (
    <UiProvider preferences={client.preferences}>
      <ClientProvider value={client}>
        <ErrorBoundary place="The screen">
          <Router hook={useHashLocation}>
            <Shell />
          </Router>
        </ErrorBoundary>
      </ClientProvider>
    </UiProvider>
  );
}
