import type { Port } from '#shared/rpc/index.ts';
import type { EnginePort } from './control.ts';

/** A pipe of frames over Electron's MessagePortMain, as a utility process gets it. */
export function mainPort(port: EnginePort): Port {
  let closed = false;
  const closeListeners: (() => void)[] = [];
  port.on('close', () => {
    if (closed) return;
    closed = true;
    for (const listener of closeListeners) listener();
  });
  return {
    send(frame) {
      if (!closed) port.postMessage(frame);
    },
    onFrame(listener) {
      port.on('message', ({ data }) => {
        // A page that posts anything else than bytes is broken or hostile; an empty frame is refused by the peer.
        listener(data instanceof Uint8Array ? data : new Uint8Array(0));
      });
      port.start();
    },
    onClose: (listener) => void closeListeners.push(listener),
    close() {
      if (closed) return;
      closed = true;
      port.close();
      for (const listener of closeListeners) listener();
    },
  };
}
