import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { WebSocketServer } from 'ws';
import { messagePort, pairedPorts, webSocketPort } from '#shared/rpc/index.ts';
import { describePort } from './port.ts';

describePort('paired', async () => {
  const [server, client] = pairedPorts();
  return { server, client, release: async () => undefined };
});

describePort('message', async () => {
  const { port1, port2 } = new MessageChannel();
  return { server: messagePort(port1), client: messagePort(port2), release: async () => undefined };
});

/** Server end by `ws`, client end by the WebSocket that browsers and Node have in common. */
describePort('WebSocket', async () => {
  const listener = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(listener, 'listening');
  const accepted = once(listener, 'connection');
  const socket = new WebSocket(`ws://127.0.0.1:${(listener.address() as AddressInfo).port}`);
  // Before the first await, or frames that come with the handshake would be lost.
  const server = accepted.then(([peer]) => webSocketPort(peer));
  await new Promise((resolve) => socket.addEventListener('open', resolve));
  return {
    server: await server,
    client: webSocketPort(socket),
    async release() {
      for (const peer of listener.clients) peer.terminate();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
});
