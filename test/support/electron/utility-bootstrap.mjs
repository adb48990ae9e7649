// What Electron gives a utility process, inside a worker thread: `process.parentPort` with events that carry ports.

import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

const wrap = (port) => ({
  postMessage: (message) => port.postMessage(message),
  on(event, listener) {
    port.on(event, event === 'message' ? (data) => listener({ data }) : listener);
  },
  start: () => port.start(),
  close: () => port.close(),
});
process.parentPort = {
  postMessage: (message) => parentPort.postMessage(message),
  on(event, listener) {
    parentPort.on(event, ({ message, ports }) => listener({ data: message, ports: ports.map(wrap) }));
  },
};
await import(pathToFileURL(workerData.entry).href);
