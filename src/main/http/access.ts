import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { SessionFile } from './session-file.ts';

/** A browser sends a cookie to every port of an address, so that each running program needs a name of its own. */
export const cookieName = (port: number): string => `parx-session-${port}`;

/** Unused tokens and signed-in browsers that are remembered; the oldest goes first. */
const MAX_REMEMBERED = 64;

const SESSION_MS = 30 * 86_400_000;

export interface Access {
  /** A token that can be exchanged once. */
  issueToken(): string;
  /** The value of a new session cookie, or null when the token is unknown or used. */
  exchange(token: string): string | null;
  /** Whether these request headers carry a session of this program. */
  isSignedIn(headers: IncomingHttpHeaders): boolean;
}

/**
 * Tokens live in memory and end with the process. So do sessions, unless there is a file to keep them in: then a browser
 * goes on by itself after the program was restarted on the same port. Both are kept as hashes only.
 */
export function createAccess(cookie: () => string, kept: SessionFile | null): Access {
  const tokens = new Map<string, number>();
  const sessions = new Map<string, number>(kept?.read(Date.now() - SESSION_MS));
  const remember = (secrets: Map<string, number>): string => {
    const secret = randomBytes(32).toString('base64url');
    secrets.set(digest(secret), Date.now());
    for (const oldest of secrets.keys()) {
      if (secrets.size <= MAX_REMEMBERED) break;
      secrets.delete(oldest);
    }
    return secret;
  };
  return {
    issueToken: () => remember(tokens),
    exchange(token) {
      if (!tokens.delete(digest(token))) return null;
      const session = remember(sessions);
      kept?.write(sessions);
      return session;
    },
    isSignedIn(headers) {
      // Another program of this computer may have set one of the same name, which the browser then sends first.
      return readCookies(headers.cookie, cookie()).some((value) => {
        const since = sessions.get(digest(value));
        return since !== undefined && Date.now() - since < SESSION_MS;
      });
    },
  };
}

/** Looking a hash up tells nothing about the secret by the time it takes. */
const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

function readCookies(header: string | undefined, name: string): string[] {
  return (header?.split(';') ?? []).flatMap((pair) => {
    const [key, value] = pair.trim().split('=', 2);
    return key === name && value !== undefined ? [value] : [];
  });
}

export interface Origins {
  /** Why a request is refused, or null. `needsOrigin`: it changes something or opens a socket. */
  refusal(headers: IncomingHttpHeaders, needsOrigin: boolean): string | null;
}

/**
 * A foreign page can make the browser ask this server: by a name of its own that it lets point to 127.0.0.1 (then the
 * Host header is wrong), or from another origin (then Origin or Sec-Fetch-Site tell). The port belongs to both, because
 * other programs of this computer serve pages too, and cookies do not tell them apart. `listening` is the host as it
 * stands in an address.
 */
export function createOrigins(listening: string, port: () => number): Origins {
  const names = [...new Set([listening, '127.0.0.1', 'localhost', '[::1]'])];
  const hosts = (): string[] => [...names.map((name) => `${name}:${port()}`), ...(port() === 80 ? names : [])];
  return {
    refusal(headers, needsOrigin) {
      const host = headers.host?.toLowerCase();
      if (host === undefined || !hosts().includes(host)) {
        return `This address is not known here. Open http://${listening}:${port()}/ instead.`;
      }
      if (headers.origin === undefined ? needsOrigin : headers.origin.toLowerCase() !== `http://${host}`) {
        return 'Pages of another origin have no access.';
      }
      const site = headers['sec-fetch-site'];
      if (site === undefined || site === 'same-origin' || site === 'none') return null;
      const followsLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
      return followsLink && !needsOrigin ? null : 'Pages of another origin have no access.';
    },
  };
}
