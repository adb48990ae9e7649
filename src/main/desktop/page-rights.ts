import { type DownloadItem, dialog, type Session } from 'electron';

/**
 * What the pages of a window may do beyond showing themselves: put a picture or a text on the clipboard, and save a file
 * that they made themselves, where the system's own dialog says. Everything else is refused.
 */
export function limitPages(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, callback, details) =>
    callback(mayUse(permission, details.requestingUrl)),
  );
  session.setPermissionCheckHandler((_contents, permission, origin) => mayUse(permission, origin));
  session.on('will-download', (event, item) => {
    const url = item.getURL();
    // A page's own files are blobs; the engine's exports do not come this way.
    if (!url.startsWith('blob:') || !isOwn(url.slice('blob:'.length))) {
      event.preventDefault();
      return;
    }
    // Electron asks with the system's dialog and proposes the folder that was used last.
    item.setSaveDialogOptions({ title: 'Save as', defaultPath: item.getFilename(), ...filterOf(item) });
    item.once('done', (_event, state) => {
      if (state === 'interrupted') {
        dialog.showErrorBox(
          'The file could not be saved',
          `${item.getSavePath()} could not be written. Check that the disk has room and that the folder can be written, and save again.`,
        );
      }
    });
  });
}

/** Writing what the page has made; reading the clipboard is another permission and stays refused. */
const mayUse = (permission: string, url: string): boolean => permission === 'clipboard-sanitized-write' && isOwn(url);

function isOwn(url: string): boolean {
  // `URL.origin` is "null" for a scheme of one's own.
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed !== null && parsed.protocol === 'app:' && parsed.host === 'parx';
}

function filterOf(item: DownloadItem): { filters?: { name: string; extensions: string[] }[] } {
  const extension = /\.([A-Za-z0-9]+)$/.exec(item.getFilename())?.[1];
  if (extension === undefined) return {};
  return {
    filters: [
      { name: `${extension.toUpperCase()} file`, extensions: [extension] },
      { name: 'All files', extensions: ['*'] },
    ],
  };
}
