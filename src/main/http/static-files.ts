import { readdirSync, statSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

export interface StaticFile {
  readonly path: string;
  readonly mediaType: string;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

/** A folder that is written anew while the program runs (a build) is read anew, but not more often than this. */
const RESCAN_MS = 1000;

/**
 * The files below `directory` by their address. Only what the listing found exists: a request never becomes part of a
 * path, so that `..`, its encodings, links and drive letters lead nowhere.
 */
export function createStaticFiles(directory: string): (pathname: string) => StaticFile | null {
  let files = new Map<string, StaticFile>();
  let scanned = Number.NEGATIVE_INFINITY;

  function scan(): void {
    scanned = performance.now();
    const found = new Map<string, StaticFile>();
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) {
      for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
        const mediaType = MEDIA_TYPES[extname(entry.name).toLowerCase()];
        if (!entry.isFile() || mediaType === undefined) continue;
        const path = join(entry.parentPath, entry.name);
        found.set(path.slice(join(directory, sep).length - 1).replaceAll(sep, '/'), { path, mediaType });
      }
    }
    files = found;
  }

  return (pathname) => {
    const wanted = pathname === '/' ? '/index.html' : pathname;
    if (!files.has(wanted) && performance.now() - scanned > RESCAN_MS) scan();
    return files.get(wanted) ?? null;
  };
}
