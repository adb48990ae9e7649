import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { BrowserContext } from 'playwright-core';
import type { StandInOptions } from './stand-in.ts';

/** A window's page in a real Chromium: its files come from the app's own protocol handler, headers included. */
export interface PageWindow {
  /** What `webContents.postMessage` with a port does: the preload gets a port whose other end is bridged to `port`. */
  handPort(channel: string, port: MessagePort): Promise<void>;
  close(): Promise<void>;
}

export interface StandInDownload {
  /** As the page of the app would have it. */
  readonly url: string;
  readonly name: string;
  saveAs(path: string): Promise<void>;
  cancel(): Promise<void>;
}

export async function openPageWindow(
  browser: BrowserContext,
  { serve, preload, deniesWindows, permissions, onDownload }: Parameters<StandInOptions['openPage']>[0],
): Promise<PageWindow> {
  const server = createServer((request, response) => {
    void serve(new Request(`app://parx${request.url ?? '/'}`)).then(async (answer) => {
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // What is not granted is denied, without a question to anybody.
  await browser.grantPermissions([...permissions], { origin });
  const page = await browser.newPage();
  page.on('download', (download) =>
    onDownload({
      url: download.url().replace(origin, 'app://parx'),
      name: download.suggestedFilename(),
      saveAs: (path) => download.saveAs(path),
      cancel: () => download.cancel(),
    }),
  );
  if (deniesWindows) await page.addInitScript('globalThis.open = () => null;');
  const ports = new Map<number, MessagePort>();
  let numbers = 0;
  await page.exposeBinding('__fromPage', (_source, number: number, base64: string) => {
    ports.get(number)?.postMessage(new Uint8Array(Buffer.from(base64, 'base64')));
  });
  await page.addInitScript({ content: preloadScript(readFileSync(preload, 'utf8')) });
  await page.goto(`${origin}/`, { waitUntil: 'load' });

  return {
    async handPort(channel, port) {
      numbers += 1;
      const number = numbers;
      ports.set(number, port);
      await page.evaluate(
        ({ channel: name, number: id }) => (globalThis as unknown as BridgedPage).__handPort(name, id),
        { channel, number },
      );
      port.on('message', (bytes: Uint8Array) => {
        const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
        page
          .evaluate(({ id, text }) => (globalThis as unknown as BridgedPage).__toPage(id, text), {
            id: number,
            text: base64,
          })
          .catch(() => undefined);
      });
    },
    async close() {
      await page.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

interface BridgedPage {
  __handPort(channel: string, number: number): void;
  __toPage(number: number, base64: string): void;
}

/** Runs the built preload as Electron would: CommonJS, with nothing to require but `electron`. */
function preloadScript(source: string): string {
  return `(() => {
    const listeners = new Map();
    const ports = new Map();
    globalThis.__handPort = (channel, number) => {
      const { port1, port2 } = new MessageChannel();
      ports.set(number, port1);
      port1.onmessage = ({ data }) => {
        let text = '';
        for (const byte of data) text += String.fromCharCode(byte);
        globalThis.__fromPage(number, btoa(text));
      };
      for (const listener of listeners.get(channel) ?? []) listener({ ports: [port2] }, null);
    };
    globalThis.__toPage = (number, base64) => {
      ports.get(number)?.postMessage(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
    };
    const electron = new Proxy({
      ipcRenderer: new Proxy({
        on(channel, listener) {
          listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
        },
      }, { get(target, name) { if (!(name in target)) throw new Error('ipcRenderer.' + String(name)); return target[name]; } }),
    }, { get(target, name) { if (!(name in target)) throw new Error('electron.' + String(name)); return target[name]; } });
    const require = (name) => {
      if (name !== 'electron') throw new Error('A sandboxed preload can require nothing but electron: ' + name);
      return electron;
    };
    const module = { exports: {} };
    (function (exports, require, module) {
${source}
    })(module.exports, require, module);
  })();`;
}
