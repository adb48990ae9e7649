import { fileNamePart } from '#renderer/ui/offer-file.ts';

/** A name that every file system takes, ending in `.parxproject` once. */
export function projectFileName(name: string): string {
  return `${fileNamePart(name.replace(/\.parxproject$/i, ''), 'project')}.parxproject`;
}

/** Project files are SQLite databases; the first 16 bytes of one are this text and a zero. */
const MAGIC = 'SQLite format 3\0';

/** What speaks against sending a file to the engine, in a sentence; null when nothing does. */
export function fileProblem(name: string, bytes: Uint8Array, maxBytes: number): string | null {
  if (bytes.length === 0) return `"${name}" is empty. Save the project again where it came from.`;
  if (bytes.length > maxBytes) {
    return `"${name}" has ${Math.ceil(bytes.length / 1e6)} MB; a project file has at most ${Math.floor(maxBytes / 1e6)} MB.`;
  }
  const head = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (head !== MAGIC) {
    return `"${name}" is not a project file. Choose a file that ParX saved with the ending .parxproject.`;
  }
  return null;
}
