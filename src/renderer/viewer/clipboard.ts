import type { AppClient } from '#renderer/client/index.ts';
import { fileNamePart, offerFile } from '#renderer/ui/index.ts';
import type { VisibleTable } from './visible-data.ts';

type Tell = Pick<AppClient, 'notify' | 'fail'>;

/** Puts the picture on the clipboard; where the browser does not let it, it becomes a file. */
export async function copyPicture(canvas: HTMLCanvasElement, name: string, tell: Tell): Promise<void> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob === null) {
    tell.notify({ kind: 'error', text: 'The picture is empty: the plots have no size.' });
    return;
  }
  try {
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
    tell.notify({ kind: 'info', text: 'The picture is on the clipboard.' });
  } catch {
    offerFile(`${fileNamePart(name, 'trend')}.png`, blob, blob.type);
    tell.notify({
      kind: 'info',
      text: 'The clipboard cannot take pictures here. The picture was made as a file instead.',
    });
  }
}

export async function copyText(table: VisibleTable, tell: Tell): Promise<void> {
  if (table.rows === 0) {
    tell.notify({ kind: 'info', text: 'Nothing is visible that could be copied.' });
    return;
  }
  const words = `${table.rows} rows are on the clipboard${table.merged ? '; merged points are means of their samples' : ''}${table.cut ? '. More are visible: export them to a file' : ''}.`;
  try {
    await navigator.clipboard.writeText(table.text);
  } catch (error) {
    // A window that grants no permission at all still copies what a copy event is given.
    if (!copyByEvent(table.text)) {
      tell.fail(error, 'The data was not copied');
      return;
    }
  }
  tell.notify({ kind: 'info', text: words });
}

function copyByEvent(text: string): boolean {
  let taken = false;
  const onCopy = (event: ClipboardEvent): void => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
    event.stopImmediatePropagation();
    taken = true;
  };
  document.addEventListener('copy', onCopy, true);
  document.execCommand('copy');
  document.removeEventListener('copy', onCopy, true);
  return taken;
}
