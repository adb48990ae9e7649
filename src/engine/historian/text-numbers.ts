import { type Database, storeError } from '#engine/platform/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { Run } from './run.ts';

/** How the numbers of one source's texts become those of the new file. */
export interface TextNumbers {
  /** Puts the file's numbers into a run of texts; true where one of them is another than it was. */
  replace(run: Run): boolean;
}
export interface StringTable {
  /** `onMissing` is told in a sentence of a text that cannot be read: its samples then say that it is lost. */
  of(source: Database, onMissing: (sentence: string) => void): TextNumbers;
  /** Writes the texts that samples use. */
  write(): void;
}

/** A number stays where it is free or stands for the same text: then chunks stay as they are. */
export function stringTableOf(database: Database): StringTable {
  const texts = new Map<number, string>();
  const numbers = new Map<string, number>();
  let highest = 0;
  const take = (number: number, text: string): number => {
    const known = texts.get(number);
    if (known === text) return number;
    const same = numbers.get(text);
    if (known !== undefined && same !== undefined) return same;
    const free = known === undefined ? number : highest + 1;
    highest = Math.max(highest, free);
    texts.set(free, text);
    numbers.set(text, free);
    return free;
  };
  return {
    of(source, onMissing) {
      const select = source.prepare<[number], string>('SELECT text FROM strings WHERE number = ?').pluck();
      const textOf = (number: number): string => {
        let text: string | undefined;
        try {
          text = select.get(number);
        } catch (error) {
          if (!isAppError(storeError('', error), 'store.damaged')) throw error;
        }
        if (text === undefined) onMissing(`Text number ${number} could not be read; its samples say that it is lost.`);
        return text ?? `(text ${number} is lost)`;
      };
      const known = new Map<number, number>();
      return {
        replace(run) {
          let changed = false;
          for (let i = 0; i < run.length; i++) {
            const number = run.value[i]!;
            if (!Number.isSafeInteger(number) || number <= 0) continue;
            let mine = known.get(number);
            if (mine === undefined) {
              mine = take(number, textOf(number));
              known.set(number, mine);
            }
            if (mine === number) continue;
            run.value[i] = mine;
            changed = true;
          }
          return changed;
        },
      };
    },
    write() {
      const insert = database.prepare('INSERT INTO strings VALUES (?, ?)');
      for (const [number, text] of texts) insert.run(number, text);
    },
  };
}
