import { type ReactNode, useEffect } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { type AppClient, ClientProvider } from '#renderer/client/index.ts';
import { UiProvider } from '#renderer/ui/index.ts';
import { ErrorBoundary } from './error-boundary.tsx';
import { Shell } from './shell.tsx';

/** Faults that no page caught still reach the user: a message, not a silent dead button. */
function useStrayErrors(client: AppClient): void {
  useEffect(() => {
    const onError = (event: ErrorEvent): void => {
      // Browsers report a resize that needs another frame as an error; nothing is wrong.
      if (event.message.startsWith('ResizeObserver loop')) return;
      client.fail(event.error ?? event.message, 'A fault in the screen');
    };
    const onRejection = (event: PromiseRejectionEvent): void => client.fail(event.reason, 'A fault in the screen');
    window.addEventListener('error', onError);
    window.addEventListener('unhandledrejection', onRejection);
    return () => {
      window.removeEventListener('error', onError);
      window.removeEventListener('unhandledrejection', onRejection);
    };
  }, [client]);
}

export function App({ client }: { readonly client: AppClient }): ReactNode {
  useStrayErrors(client);
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
