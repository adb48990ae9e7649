import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';

/** Everything the page may load comes from the program's own folder; nothing inline, nothing remote, no frames. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Answers `app://parx/...` from the built renderer. Anything outside that folder does not exist. */
export async function serveAppFile(rendererDirectory: string, url: string): Promise<Response> {
  const { pathname, host } = new URL(url);
  let relative: string;
  try {
    relative = normalize(decodeURIComponent(pathname === '/' ? '/index.html' : pathname));
  } catch {
    return new Response('Not found', { status: 404 });
  }
  const path = join(rendererDirectory, relative);
  const mediaType = MEDIA_TYPES[extname(path)];
  if (host !== 'parx' || !path.startsWith(rendererDirectory + sep) || mediaType === undefined) {
    return new Response('Not found', { status: 404 });
  }
  try {
    const bytes = await readFile(path);
    return new Response(new Uint8Array(bytes), {
      headers: {
        'content-type': mediaType,
        'content-security-policy': CONTENT_SECURITY_POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
      },
    });
  } catch {
    return new Response('Not found', { status: 404 });
  }
}
