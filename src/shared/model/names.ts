import { z } from 'zod';

export const documentId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'Use 1 to 64 letters, digits, "_" or "-".');
/** A tag document, or one of the engine's own diagnostic tags: those hold dots, which no document's id can. */
export const tagReference = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,160}$/, 'Use 1 to 160 letters, digits, "_", "-" or ".".');
export const displayName = z
  .string()
  .trim()
  .min(1, 'A name is needed.')
  .max(200, 'At most 200 characters.')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'Line breaks and control characters are not allowed.');
