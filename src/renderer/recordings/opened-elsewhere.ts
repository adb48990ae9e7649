import { useEffect } from 'react';
import { type AppClient, useClient } from '#renderer/client/index.ts';
import type { RecordingFile } from '#shared/model/index.ts';

/** The answer to a click of this page and the list come by different ways; the answer gets this long to be first. */
const ANSWER_MS = 1000;

/** Recordings that are open now and were not before. */
export function openedSince(known: ReadonlySet<string>, opened: readonly RecordingFile[]): readonly RecordingFile[] {
  return opened.filter((file) => !known.has(file.id));
}

/**
 * Offers a recording that was opened without a click in this page: from the desktop's menu, by a double-click on the
 * file, by another screen. A browser that comes later to open recordings is not told of them; a desktop window is,
 * because a double-click may have started it.
 */
export function watchOpenedElsewhere(client: AppClient): Disposable {
  const { files, health, view } = client.stores;
  let known: Set<string> | null = null;
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const offer = (file: RecordingFile): void => {
    if (view.getState().openedSource === file.id) return;
    if (!files.getState().opened.some((open) => open.id === file.id)) return;
    client.notify({
      kind: file.damage.length > 0 ? 'error' : 'info',
      text:
        file.damage.length > 0
          ? `Recording "${file.name}" was opened. It is damaged; what is sound can be shown.`
          : `Recording "${file.name}" was opened.`,
      advice: file.damage.length > 0 ? file.damage.join(' ') : null,
      action: {
        label: 'Show in the trend',
        run: () => {
          view.setState({ openedSource: file.id });
          client.showPage('/trend');
        },
      },
    });
  };
  const look = (): void => {
    const { loaded, opened } = files.getState();
    const host = health.getState().health?.host;
    if (!loaded || (known === null && host === undefined)) return;
    const fresh = known === null && host !== 'desktop' ? [] : openedSince(known ?? new Set(), opened);
    known = new Set(opened.map((file) => file.id));
    for (const file of fresh) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        offer(file);
      }, ANSWER_MS);
      timers.add(timer);
    }
  };
  const stops = [files.subscribe(look), health.subscribe(() => known === null && look())];
  look();
  return {
    [Symbol.dispose]() {
      for (const stop of stops) stop();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

export function useOpenedElsewhere(): void {
  const client = useClient();
  useEffect(() => {
    const watch = watchOpenedElsewhere(client);
    return () => watch[Symbol.dispose]();
  }, [client]);
}
