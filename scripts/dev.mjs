// `npm run dev`: rebuilds what changed and restarts the engine (or the window) on it. Pages are reloaded by hand.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { forgetBuild, outputs } from './build.mjs';
import { findElectron } from './electron.mjs';
import { exitCode, foreground } from './foreground.mjs';
import { root, Stop } from './setup.mjs';

export async function develop(tools, flags, { headless }) {
  const electron = headless ? { reason: '--headless was given' } : await findElectron(tools);
  if (electron.path === undefined) console.log(`No window, because ${electron.reason}: open the address in a browser.`);
  forgetBuild();
  const watcher = spawn(tools.node, [join('scripts', 'watch.mjs')], {
    cwd: root,
    env: { ...tools.env, NODE_ENV: 'development' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let running = null;
  let restarting = false;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });

  const launch = () => {
    running =
      electron.path === undefined
        ? foreground(tools.node, [join('out', 'main', 'engine.js'), ...flags], { env: tools.env, tied: true })
        : foreground(electron.path, [root, ...flags], { env: tools.env });
    void running.ended.then((result) => {
      running = null;
      if (restarting) return;
      // Ended by Ctrl+C or by the window; a fault waits for the next change.
      if (result.code === 0 || result.signal !== null) finish(exitCode(result));
      else console.log('The engine ended; it is started again with the next change.');
    });
  };
  const restart = async () => {
    restarting = true;
    const ending = running?.ended;
    running?.stop();
    await ending;
    restarting = false;
    launch();
  };

  watcher.on('message', (built) => {
    if (built === 'renderer') console.log('The page was rebuilt; reload it.');
    else void restart();
  });
  watcher.once('exit', (code) => finish(code ?? 1));
  const code = await finished;
  watcher.kill();
  if (running !== null) running.stop();
  if (code === 1 && running === null && watcher.exitCode === 1) {
    throw new Stop(`Watching ended. A complete build makes: ${outputs.map((path) => `out/${path}`).join(', ')}.`);
  }
  return code;
}
