import { appendFileSync } from 'node:fs';
import { expect } from 'vitest';
import { lookFor } from './requirements.mjs';

/** What a test may need besides Node and the packages; the list with the ways to get them is requirements.json. */
export type Need =
  | 'chromium'
  | 'strace'
  | 'mbpoll'
  | 'pymodbus'
  | 'tshark'
  | 'python3'
  | 'postgresql'
  | 'timescaledb'
  | 'namespaces'
  | 'cables'
  | 'root'
  | 'electron';

/**
 * For `describe.skipIf(needs('chromium'))(...)`: true when something is missing, so that the tests are skipped. The
 * reason is kept with the test file, and `npm test` lists the skipped tests by reason; a test that is skipped without
 * one fails the run. Call it once per `describe`, at the top level of a test file.
 */
export function needs(...names: readonly Need[]): boolean {
  const reasons = names.flatMap((name) => {
    const look = lookFor(name);
    return look.found ? [] : [look.reason];
  });
  if (reasons.length > 0) giveReason(reasons.join('; '));
  return reasons.length > 0;
}

/** The same for conditions that are no program: `describe.skipIf(unless(process.platform === 'linux', 'needs /proc'))`. */
export function unless(holds: boolean, reason: string): boolean {
  if (!holds) giveReason(reason);
  return !holds;
}

/** Where the program is; call it inside tests that `needs` has let through. */
export function pathOf(name: Need): string {
  const look = lookFor(name);
  if (!look.found) throw new Error(look.reason);
  return look.path;
}

function giveReason(reason: string): void {
  const file = process.env.PARX_SKIP_REASONS;
  if (file === undefined) return;
  appendFileSync(file, `${JSON.stringify({ file: expect.getState().testPath, reason })}\n`);
}
