/**
 * A pipe for whole frames, in order. Bytes change hands: the sender does not touch them after `send`, the receiver owns
 * what it gets. Frames that arrive before `onFrame` wait, and none is delivered within it. The close listener is called once, whichever side closed or
 * lost the pipe; afterwards `send` and `close` do nothing. One listener of each kind.
 */
export interface Port {
  send(frame: Uint8Array): void;
  onFrame(listener: (frame: Uint8Array) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

/**
 * Two ends in one process, for tests and for an engine in the same thread. Delivery is never within `send`; every 64th
 * frame waits for a timer, so that two fast peers cannot keep the event loop from everything else.
 */
export function pairedPorts(): [Port, Port] {
  const ends = [mailbox(), mailbox()] as const;
  const end = (own: Mailbox, other: Mailbox): Port => ({
    send: (frame) => {
      if (!own.closed) other.put(frame);
    },
    onFrame: own.onFrame,
    onClose: own.onClose,
    close: () => {
      own.shut();
      other.put(null);
    },
  });
  return [end(ends[0], ends[1]), end(ends[1], ends[0])];
}

interface Mailbox {
  readonly closed: boolean;
  put(frame: Uint8Array | null): void;
  shut(): void;
  readonly onFrame: Port['onFrame'];
  readonly onClose: Port['onClose'];
}

/** Receiving side of a paired port; null in the queue is the other end's closing, behind all that it has sent. */
function mailbox(): Mailbox {
  const queue: (Uint8Array | null)[] = [];
  let frameListener: ((frame: Uint8Array) => void) | null = null;
  let closeListener: (() => void) | null = null;
  let closed = false;
  let told = false;
  let scheduled = false;
  let delivered = 0;

  function schedule(): void {
    if (scheduled || queue.length === 0 || (frameListener === null && queue[0] !== null)) return;
    scheduled = true;
    if (++delivered % 64 === 0) setTimeout(deliver, 0);
    else queueMicrotask(deliver);
  }
  function deliver(): void {
    scheduled = false;
    const frame = queue.shift();
    if (frame === null) shut();
    else if (frame !== undefined && !closed) frameListener?.(frame);
    schedule();
  }
  function shut(): void {
    closed = true;
    queue.length = 0;
    queueMicrotask(tell);
  }
  function tell(): void {
    if (told || closeListener === null) return;
    told = true;
    closeListener();
  }
  return {
    get closed() {
      return closed;
    },
    put(frame) {
      if (closed) return;
      queue.push(frame);
      schedule();
    },
    shut,
    onFrame(listener) {
      frameListener = listener;
      schedule();
    },
    onClose(listener) {
      closeListener = listener;
      if (closed) queueMicrotask(tell);
    },
  };
}

/** What the message ports of browsers and of Node's worker threads have in common. */
export interface MessagePortLike {
  postMessage(message: unknown): void;
  addEventListener(type: 'message' | 'close', listener: (event: object) => void): void;
  start(): void;
  close(): void;
}

/**
 * Port over a DOM or worker_threads MessagePort. Frames are copied, not transferred: on the way from a page to another
 * process, Electron drops a message whose buffer is transferred (electron/electron#34905).
 */
export function messagePort(port: MessagePortLike): Port {
  let closeListener: (() => void) | null = null;
  let closed = false;
  let started = false;
  const end = (): void => {
    if (closed) return;
    closed = true;
    port.close();
    closeListener?.();
  };
  port.addEventListener('close', end);
  return {
    send(frame) {
      if (closed) return;
      // A clone takes the whole buffer along, not just the view's part.
      port.postMessage(frame.byteLength === frame.buffer.byteLength ? frame : frame.slice());
    },
    onFrame(listener) {
      port.addEventListener('message', (event) => {
        if (closed) return;
        const { data } = event as { readonly data?: unknown };
        if (data instanceof Uint8Array) listener(data);
        else end();
      });
      if (!started) port.start();
      started = true;
    },
    onClose(listener) {
      closeListener = listener;
      if (closed) queueMicrotask(listener);
    },
    close: end,
  };
}

/** What a browser's WebSocket and that of `ws` have in common. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close' | 'error', listener: () => void): void;
}

const OPEN = 1;
/** Close codes of RFC 6455, 7.4.1. */
const UNSUPPORTED_DATA = 1003;
const TRY_AGAIN_LATER = 1013;

export interface WebSocketPortOptions {
  /** Bytes that may wait in the socket before another frame is sent; a reader slower than that is disconnected. */
  readonly maxBufferedBytes?: number;
}

/** Port over a WebSocket that is open or opening; frames sent before it is open are lost. Text messages close it. */
export function webSocketPort(socket: WebSocketLike, options: WebSocketPortOptions = {}): Port {
  const { maxBufferedBytes = 33_554_432 } = options;
  let closeListener: (() => void) | null = null;
  let closed = false;
  const end = (): void => {
    if (closed) return;
    closed = true;
    closeListener?.();
  };
  const shut = (code?: number, reason?: string): void => {
    if (closed) return;
    socket.close(code, reason);
    end();
  };
  const early: Uint8Array[] = [];
  let frameListener = (frame: Uint8Array): void => void early.push(frame);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => {
    if (closed) return;
    if (data instanceof ArrayBuffer) frameListener(new Uint8Array(data));
    else shut(UNSUPPORTED_DATA, 'binary frames only');
  });
  socket.addEventListener('close', end);
  // What went wrong is not told to scripts; the close event that follows says that it did.
  socket.addEventListener('error', () => undefined);
  return {
    send(frame) {
      if (closed) return;
      if (socket.readyState !== OPEN) return;
      if (socket.bufferedAmount > maxBufferedBytes) return shut(TRY_AGAIN_LATER, 'reader too slow');
      socket.send(frame as Uint8Array<ArrayBuffer>);
    },
    onFrame(listener) {
      queueMicrotask(() => {
        for (const frame of early.splice(0)) if (!closed) listener(frame);
        frameListener = listener;
      });
    },
    onClose(listener) {
      closeListener = listener;
      if (closed) queueMicrotask(listener);
    },
    close: () => shut(1000),
  };
}
