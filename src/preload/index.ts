import { ipcRenderer } from 'electron';
import { PORT_MESSAGE } from '#shared/rpc/handshake.ts';

// One port goes from the main process to the page, and nothing else: no API object, no file access, no second channel.
ipcRenderer.on(PORT_MESSAGE, (event) => {
  const [port] = event.ports;
  if (port !== undefined) window.postMessage(PORT_MESSAGE, location.origin, [port]);
});
