import { resolve } from 'node:path';

/** What the system hands over to be opened: by a double-click, a drop on the icon or on the command line. */
export interface GivenFiles {
  readonly recording: string | null;
  readonly project: string | null;
}

/** Reads a command line; paths in it are relative to `folder`, where it was typed. */
export function givenFiles(commandLine: readonly string[], folder: string): GivenFiles {
  const find = (ending: string): string | null => {
    const path = commandLine.find((argument) => argument.toLowerCase().endsWith(ending));
    return path === undefined ? null : resolve(folder, path);
  };
  return { recording: find('.parx'), project: find('.parxproject') };
}
