import { doFileWork, type FileWork } from '#engine/historian/file-work.ts';

/** A program that does one thing with recordings; it says how far it is, so that it can be killed in the middle. */
const [given = ''] = process.argv.slice(2);
doFileWork(JSON.parse(given) as FileWork, {
  now: 1_700_000_000_000_000,
  // A write to a pipe is done when it returns.
  onProgress: () => process.stdout.write('.'),
  check: () => undefined,
});
