import type { WorkerUrls } from '#engine/platform/index.ts';

/** Worker entries from source, which Node runs as they are. */
const at = (file: string): URL => new URL(import.meta.resolve(`#engine/historian/${file}`));
export const workers: WorkerUrls = {
  'historian-writer': at('writer-worker.ts'),
  'historian-reader': at('reader-worker.ts'),
  exporter: at('reader-worker.ts'),
};
