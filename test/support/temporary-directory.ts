import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

/** A new empty folder that is removed when the running test ends. Call it inside a test. */
export function temporaryDirectory(): string {
  const path = make();
  onTestFinished(() => remove(path));
  return path;
}

/** The same for all tests of a `describe` or a file. Call it at that level; the path is there from `beforeAll` on. */
export function suiteDirectory(): { readonly path: string } {
  let path: string | undefined;
  beforeAll(() => {
    path = make();
  });
  afterAll(() => {
    if (path !== undefined) remove(path);
  });
  return {
    get path() {
      if (path === undefined) throw new Error('The folder exists from beforeAll on.');
      return path;
    },
  };
}

// The real path: macOS hands out a link, and programs compare paths.
const make = (): string => realpathSync(mkdtempSync(join(tmpdir(), 'parx-')));

// Windows keeps a file for a moment after its last handle is closed.
const remove = (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
