import { z } from 'zod';

export const tableName = z.enum(['coil', 'discrete', 'input', 'holding']);
export type Table = z.infer<typeof tableName>;

/** Places in a table: wire offsets 0 to 65535. */
export const TABLE_SIZE = 65_536;
/** `digit` is the table in 5 and 6 digit numbers. */
export const tables: Readonly<
  Record<Table, { readonly digit: string; readonly readFunction: 1 | 2 | 3 | 4; readonly words: string }>
> = {
  coil: { digit: '0', readFunction: 1, words: 'coil' },
  discrete: { digit: '1', readFunction: 2, words: 'discrete input' },
  input: { digit: '3', readFunction: 4, words: 'input register' },
  holding: { digit: '4', readFunction: 3, words: 'holding register' },
};

export const isBitTable = (table: Table): boolean => table === 'coil' || table === 'discrete';
