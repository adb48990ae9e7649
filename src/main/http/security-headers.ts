/** Everything the page loads comes from this server; nothing inline but styles, which the component library sets. */
function pagePolicy(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self'",
    "img-src 'self' data: blob:",
    // Not every browser takes 'self' for the WebSocket of the same origin.
    `connect-src 'self' ws://${host}`,
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** For answers that are no page: should a browser show one as a page all the same, it can do nothing. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";

const COMMON = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()',
} as const;

/** `host` is a Host header that has been checked. */
export function pageHeaders(host: string): Record<string, string> {
  return { ...COMMON, 'content-security-policy': pagePolicy(host), 'cache-control': 'no-store' };
}

/** Build outputs under /assets carry a hash of their content in the name; other files are asked for anew each time. */
export function assetHeaders(hashed: boolean): Record<string, string> {
  return {
    ...COMMON,
    'content-security-policy': DATA_POLICY,
    'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
}

export function dataHeaders(): Record<string, string> {
  return { ...COMMON, 'content-security-policy': DATA_POLICY, 'cache-control': 'no-store' };
}
