// Child of `npm run dev`, on the pinned Node: builds everything, then again whatever changes, and tells the parent
// "renderer" or "engine" each time. It uses the same configurations as the build.
import { resolveConfig } from 'electron-vite';
import { build, mergeConfig } from 'vite';

const { config } = await resolveConfig({ root: process.cwd(), logLevel: 'warn' }, 'build', 'development');
const simulators = { configFile: 'simulators.vite.config.ts', logLevel: 'warn' };
const targets = [
  ['engine', config.main],
  ['engine', config.preload],
  ['engine', simulators],
  ['renderer', config.renderer],
];
const watch = { build: { watch: {}, minify: false } };
let waiting = targets.length;

for (const [name, target] of targets) {
  const watcher = await build(mergeConfig(target, watch));
  let first = true;
  watcher.on('event', (event) => {
    if (event.code === 'ERROR') console.error(event.error?.message ?? event.error);
    if (event.code !== 'END') return;
    if (first) {
      first = false;
      waiting -= 1;
      // Everything is there for the first time.
      if (waiting === 0) process.send?.('engine');
    } else if (waiting === 0) process.send?.(name);
  });
}
process.once('disconnect', () => process.exit(0));
