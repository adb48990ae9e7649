import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

/** Hashes of sessions with the time of signing in, milliseconds since 1970; oldest first. */
export interface SessionFile {
  /** Those that signed in at `since` or later; nothing when there is no sound file. */
  read(since: number): readonly (readonly [string, number])[];
  write(sessions: ReadonlyMap<string, number>): void;
}

const content = z.array(z.tuple([z.string().max(64), z.number()])).max(1000);

/** `onTrouble` is told in a sentence; the server goes on, and browsers have to sign in again after a restart. */
export function sessionFile(path: string, onTrouble: (sentence: string) => void): SessionFile {
  return {
    read(since) {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onTrouble(`${path} cannot be read: ${String(error)}`);
        return [];
      }
      try {
        return content.parse(JSON.parse(text)).filter(([, signedIn]) => signedIn >= since);
      } catch {
        onTrouble(`${path} is damaged; browsers have to open the printed address again.`);
        return [];
      }
    },
    write(sessions) {
      try {
        writeFileSync(`${path}.new`, JSON.stringify([...sessions]), { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch (error) {
        onTrouble(`${path} cannot be written: ${String(error)}`);
      }
    },
  };
}
