import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Makes JavaScript of the measures and of the store's threads, as the program has it, and returns the folder: a thread
 * that Node must first strip the types from takes 15 MB and some hundred milliseconds more.
 */
export async function bundle(): Promise<string> {
  const outDir = `${root}.cache/bench-historian`;
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'error',
    build: {
      ssr: true,
      target: 'node24',
      outDir,
      emptyOutDir: true,
      rolldownOptions: {
        input: {
          child: `${root}bench/historian/child.ts`,
          'historian-writer': `${root}src/engine/historian/writer-worker.ts`,
          'historian-reader': `${root}src/engine/historian/reader-worker.ts`,
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
  return outDir;
}
