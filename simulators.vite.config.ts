import { builtinModules } from 'node:module';
import { defineConfig } from 'vite';

/** The simulators are a program of their own and share no chunk with the engine: `out/simulators/index.js`. */
export default defineConfig({
  publicDir: false,
  build: {
    ssr: true,
    target: 'node24',
    outDir: 'out/simulators',
    emptyOutDir: true,
    minify: false,
    sourcemap: false,
    rolldownOptions: {
      input: { index: 'src/simulators/index.ts' },
      external: [...builtinModules, /^node:/],
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
});
