import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type HttpServer, startHttpServer } from '#main/http/index.ts';
import { contract } from '#shared/rpc/contract.ts';
import { type HandlersOf, type Port, serve } from '#shared/rpc/index.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';
import type { TransportPage } from './fixtures/transport-page/page.ts';

const folder = suiteDirectory();
const rendererDirectory = (): string => join(folder.path, 'page');

describe.skipIf(needs('chromium'))('a page in a browser', () => {
  let context: BrowserContext;
  let closeBrowser: () => Promise<void>;
  const servers: HttpServer[] = [];
  const pages: Page[] = [];

  beforeAll(async () => {
    await build({
      root: fileURLToPath(new URL('./fixtures/transport-page/', import.meta.url)),
      base: '/',
      logLevel: 'error',
      configFile: false,
      build: { outDir: rendererDirectory(), target: 'es2023', minify: false },
    });
    const browser = await launchBrowser();
    context = browser.context;
    closeBrowser = browser.close;
  }, 60_000);
  afterAll(() => closeBrowser());
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
    for (const server of servers.splice(0)) await server.close();
    await context.clearCookies();
  });

  async function start(port = 0, dataDirectory?: string) {
    const ports: Port[] = [];
    const seen = { streams: 0, ended: 0 };
    // Only what the page asks for; the engine itself is not part of this test.
    const handlers = {
      live: {
        async *values(_input: unknown, { signal }: { readonly signal: AbortSignal }) {
          seen.streams++;
          try {
            for (let sequence = 0; ; sequence++) {
              yield {
                sequence,
                position: new Uint32Array([0]),
                time: new Float64Array([sequence]),
                value: new Float64Array([1.5, Number.NaN, -0]),
                quality: new Uint16Array([0]),
                lastGood: new Float64Array([sequence]),
                texts: {},
              };
              await new Promise<void>((resolve) => {
                const timer = setTimeout(resolve, 20);
                signal.addEventListener('abort', () => {
                  clearTimeout(timer);
                  resolve();
                });
              });
            }
          } finally {
            seen.ended++;
          }
        },
      },
    } as unknown as HandlersOf<typeof contract>;
    const server = await startHttpServer({
      engine: {
        attach(given, session) {
          ports.push(given);
          return serve(contract, handlers, given, session);
        },
        openArtifact: async () => null,
      },
      rendererDirectory: rendererDirectory(),
      port,
      ...(dataDirectory === undefined ? {} : { dataDirectory }),
    });
    servers.push(server);
    return { server, ports, seen };
  }

  async function openPage(url: string) {
    const page = await context.newPage();
    pages.push(page);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
    const read = (): Promise<TransportPage> => page.evaluate(() => (window as unknown as { parx: TransportPage }).parx);
    const phase = async (): Promise<string | undefined> => (await read()).phases.at(-1);
    return { page, read, phase, complaints };
  }

  it('signs in with the token of the address, takes it out of the address, and gets columns', async () => {
    const { server, seen } = await start();
    const { page, read, phase, complaints } = await openPage(server.url);
    await expect.poll(phase).toBe('open');
    await expect.poll(async () => (await read()).items.length).toBeGreaterThan(3);
    expect((await read()).columns).toEqual([1.5, Number.NaN, -0]);
    expect(page.url()).toBe(`http://127.0.0.1:${server.address.port}/`);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    expect(seen.streams).toBe(1);
    // Nothing the page did was against the content security policy.
    expect(complaints).toEqual([]);
  });

  it('stays signed in after a reload', async () => {
    const { server } = await start();
    const { page, phase } = await openPage(server.url);
    await expect.poll(phase).toBe('open');
    await page.reload();
    await expect.poll(phase).toBe('open');
    const second = await openPage(`http://127.0.0.1:${server.address.port}/`);
    await expect.poll(second.phase).toBe('open');
  });

  it('without a token is told what to do, and goes on when the new address is typed into the same tab', async () => {
    const { server } = await start();
    const { page, read, phase } = await openPage(`http://127.0.0.1:${server.address.port}/`);
    await expect.poll(phase).toBe('refused');
    expect((await read()).message).toContain('Open the address that ParX printed last.');
    await page.goto(server.url);
    await expect.poll(phase).toBe('open');
  });

  it('with a used token is refused in another browser, but not in the one that is signed in', async () => {
    const { server } = await start();
    const first = await openPage(server.url);
    await expect.poll(first.phase).toBe('open');
    const again = await openPage(server.url);
    await expect.poll(again.phase).toBe('open');
    await context.clearCookies();
    const other = await openPage(server.url);
    await expect.poll(other.phase).toBe('refused');
  });

  it('connects again by itself when the socket breaks, and opens its streams again', async () => {
    const { server, ports, seen } = await start();
    const { read, phase } = await openPage(server.url);
    await expect.poll(phase).toBe('open');
    await expect.poll(async () => (await read()).items.length).toBeGreaterThan(0);
    ports[0]!.close();
    await expect.poll(async () => (await read()).items.at(-1)?.generation).toBe(2);
    expect((await read()).phases).toEqual(['connecting', 'open', 'lost', 'open']);
    expect(seen).toEqual({ streams: 2, ended: 1 });
    expect((await read()).errors).toEqual([]);
  });

  it('says so when the server is gone, and that a new address is needed when it comes back without its sessions', async () => {
    const { server } = await start();
    const { page, read, phase } = await openPage(server.url);
    await expect.poll(phase).toBe('open');
    await server.close();
    await expect.poll(phase).toBe('lost');
    const restarted = await start(server.address.port);
    await expect.poll(phase, { timeout: 10_000 }).toBe('refused');
    expect((await read()).message).toContain('belongs to an earlier start');
    await page.goto(restarted.server.url);
    await expect.poll(phase).toBe('open');
  });

  it('goes on by itself after a restart on the same data folder', async () => {
    const { server } = await start(0, folder.path);
    const { read, phase } = await openPage(server.url);
    await expect.poll(phase).toBe('open');
    await server.close();
    await expect.poll(phase).toBe('lost');
    await start(server.address.port, folder.path);
    await expect.poll(phase, { timeout: 10_000 }).toBe('open');
    await expect.poll(async () => (await read()).items.at(-1)?.generation).toBe(2);
  });

  it('of another origin cannot use the cookie for a socket of its own', async () => {
    const { server, ports } = await start();
    const { phase } = await openPage(server.url);
    await expect.poll(phase).toBe('open');
    const evil = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<p>evil'));
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    const page = await context.newPage();
    pages.push(page);
    // Same site, since cookies and sites know no ports: the browser sends the cookie along.
    await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`);
    const outcome = await page.evaluate(
      (url) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve('open');
          socket.onclose = () => resolve('refused');
        }),
      `ws://127.0.0.1:${server.address.port}/rpc`,
    );
    expect(outcome).toBe('refused');
    expect(ports).toHaveLength(1);
    await new Promise((resolve) => {
      evil.close(resolve);
      evil.closeAllConnections();
    });
  });
});
