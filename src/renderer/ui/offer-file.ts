/** The page is not told when the bytes have been taken; by then they have been, also where the user was asked for a place. */
const TAKEN_MS = 10_000;

/**
 * Hands the browser a file to save; in the desktop it asks where. Nothing tells whether it was saved or the question
 * cancelled. `bytes` are copied.
 */
export function offerFile(name: string, content: string | Uint8Array | Blob, type: string): void {
  const link = document.createElement('a');
  const part = content instanceof Uint8Array ? new Uint8Array(content) : content;
  link.href = URL.createObjectURL(new Blob([part], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), TAKEN_MS);
}

/** Of a name the part that every file system takes, without an ending; letters of any script stay. */
export function fileNamePart(name: string, otherwise: string): string {
  const clean = name
    .replace(/[^\p{L}\p{N}_. -]+/gu, '-')
    .replace(/^[. ]+|[. ]+$/g, '')
    .slice(0, 120);
  return clean === '' ? otherwise : clean;
}
