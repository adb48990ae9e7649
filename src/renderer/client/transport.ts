import { AppError } from '#shared/errors.ts';
import { PORT_MESSAGE } from '#shared/rpc/handshake.ts';
import { messagePort, type Port, webSocketPort } from '#shared/rpc/index.ts';

/** A server that takes a connection and says nothing is as good as none. */
const ANSWER_MS = 10_000;
const TOKEN_PREFIX = '#token=';

const handed = createHandedPorts();
const openFromServer = createSocketPorts();

/**
 * A port to the engine: in the desktop window the one that the host hands over, in a browser a WebSocket to the server
 * that the page came from. Rejects with `rpc.disconnected` where another try may succeed, and with `access.denied`,
 * which is not retryable, when this browser has to be given a new address first.
 */
export async function openTransport(): Promise<Port> {
  if (location.protocol === 'app:' || handed.known()) return handed.next();
  return (await openFromServer()) ?? handed.next();
}

/**
 * The host hands a port over when the page has loaded and whenever the engine was restarted. The newest one counts: one
 * in use before it belongs to an engine that is gone, and is closed, so that the session asks for the next.
 */
function createHandedPorts(): { known(): boolean; next(): Promise<Port> } {
  let known = false;
  let unused: Port | null = null;
  let used: Port | null = null;
  let waiting: ((port: Port) => void) | null = null;
  window.addEventListener('message', (event) => {
    const [port] = event.ports;
    if (event.source !== window || event.data !== PORT_MESSAGE || port === undefined) return;
    known = true;
    unused?.close();
    unused = messagePort(port);
    used?.close();
    used = null;
    waiting?.(take(unused));
  });
  function take(port: Port): Port {
    waiting = null;
    unused = null;
    used = port;
    return port;
  }
  return {
    known: () => known,
    next: () =>
      new Promise((resolve) => {
        if (unused !== null) resolve(take(unused));
        else waiting = resolve;
      }),
  };
}

/** Gives null when the page's server is only a file server: then a desktop host stands behind it and hands ports over. */
function createSocketPorts(): () => Promise<Port | null> {
  let token = takeToken();
  // A new address typed into this tab changes the fragment only and loads nothing.
  window.addEventListener('hashchange', () => {
    if (location.hash.startsWith(TOKEN_PREFIX)) location.reload();
  });
  return async () => {
    if (token !== null) {
      await ask('/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
      });
      // Used or refused, it is worth nothing now. A browser that is signed in already needs none.
      token = null;
    }
    // The WebSocket would fail without telling why.
    const session = await ask('/session', { cache: 'no-store' });
    if (session.status === 404) return null;
    if (!session.ok) throw await refusal(session);
    return openSocket();
  };
}

/** The token is taken out of the address, so that it stays neither in the history nor in a bookmark. */
function takeToken(): string | null {
  if (!location.hash.startsWith(TOKEN_PREFIX)) return null;
  const token = location.hash.slice(TOKEN_PREFIX.length);
  history.replaceState(null, '', `${location.pathname}${location.search}`);
  return token;
}

async function ask(path: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...request, redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (cause) {
    throw unreachable(cause);
  }
}

async function refusal(response: Response): Promise<AppError> {
  if (response.status !== 401 && response.status !== 403) return unreachable(`status ${response.status}`);
  const body: unknown = await response.json().catch(() => null);
  const message =
    typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string'
      ? body.message
      : 'Open the address that ParX printed last.';
  return new AppError('access.denied', message, { details: { required: 'session' } });
}

function openSocket(): Promise<Port> {
  return new Promise((resolve, reject) => {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(`${scheme}//${location.host}/rpc`);
    // The port listens from the start; the first frame may come in the same turn as the opening.
    const port = webSocketPort(socket);
    const late = window.setTimeout(() => socket.close(), ANSWER_MS);
    socket.addEventListener('open', () => {
      clearTimeout(late);
      resolve(port);
    });
    socket.addEventListener('close', (event) => {
      clearTimeout(late);
      reject(unreachable(`close code ${event.code}`));
    });
  });
}

const unreachable = (cause: unknown): AppError =>
  new AppError('rpc.disconnected', 'The engine cannot be reached.', { details: null, retryable: true, cause });
