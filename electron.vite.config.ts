import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig, type UserConfig } from 'electron-vite';
import type { Plugin } from 'vite';

/**
 * Entries by the name of their file under `out/main`. Each worker is an input of its own, because a bundler cannot
 * follow `new Worker(url)` when the URL comes in from the host.
 */
const mainEntries = present({
  index: 'src/main/index.ts',
  engine: 'src/main/engine.ts',
  'historian-writer': 'src/engine/historian/writer-worker.ts',
  'historian-reader': 'src/engine/historian/reader-worker.ts',
  exporter: 'src/engine/exporters/worker.ts',
});
const preloadEntries = present({ index: 'src/preload/index.ts' });
const rendererEntries = present({ index: resolve('src/renderer/index.html') });

/**
 * `scripts/build.mjs` fails when an output is missing; here a missing source only leaves its output out, so that one
 * unfinished entry does not keep the others from being built.
 */
function present(entries: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file)));
}

const some = (entries: Record<string, string>): boolean => Object.keys(entries).length > 0;

/**
 * The same files are served from `app://host/` and from `http://host:port/`, in both cases at the root, so that
 * addresses of pages inside the app can be reloaded. electron-vite sets `./` before this, which suits only file://.
 */
const rootBase = (): Plugin => ({ name: 'parx-root-base', enforce: 'post', config: () => ({ base: '/' }) });

/** Page and engine compare it when they meet: a page of an older build is told to reload (shared/rpc/message.ts). */
const define = { __PARX_BUILD__: JSON.stringify(process.env.PARX_BUILD ?? 'development') };

const main: UserConfig['main'] = {
  define,
  build: {
    outDir: 'out/main',
    // Packages of `dependencies` stay outside: better-sqlite3 and parquet-wasm find their binaries beside themselves.
    externalizeDeps: true,
    sourcemap: false,
    rolldownOptions: {
      input: mainEntries,
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
};

const preload: UserConfig['preload'] = {
  define,
  build: {
    outDir: 'out/preload',
    // A sandboxed preload can require nothing but `electron`, so that everything else goes into the one file.
    externalizeDeps: false,
    sourcemap: false,
    rolldownOptions: {
      input: preloadEntries,
      // A sandboxed preload must be CommonJS; with "type": "module" only the ending .cjs says so.
      output: { format: 'cjs', entryFileNames: '[name].cjs' },
    },
  },
};

const renderer: UserConfig['renderer'] = {
  define,
  root: 'src/renderer',
  publicDir: resolve('resources/public'),
  plugins: [react(), rootBase()],
  build: {
    // Browsers of the last years read it as well as Electron's own Chromium.
    target: 'es2023',
    minify: true,
    outDir: resolve('out/renderer'),
    emptyOutDir: true,
    sourcemap: false,
    // Fonts and images stay files: the content security policy allows no data: fonts.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: rendererEntries,
      // Schemas are made while chunks load, the shared ones before the entry: the setting that keeps zod from
      // compiling (src/renderer/zod-jitless.ts) has to be in the chunk that all of them import.
      output: {
        codeSplitting: { groups: [{ name: 'zod', test: /node_modules[\\/]zod[\\/]|renderer[\\/]zod-jitless\.ts$/ }] },
      },
    },
  },
};

export default defineConfig({
  ...(some(mainEntries) ? { main } : {}),
  ...(some(preloadEntries) ? { preload } : {}),
  ...(some(rendererEntries) ? { renderer } : {}),
});
