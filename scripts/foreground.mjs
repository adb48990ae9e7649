// Runs a long-lived program on behalf of the terminal: it gets each signal once and ends with the launcher.
import { spawn } from 'node:child_process';
import { root } from './setup.mjs';

const windows = process.platform === 'win32';

/**
 * Starts a program and resolves `ended` with its exit code and signal. Ctrl+C, SIGTERM and a closed terminal are passed
 * on once; npm and the terminal both deliver them, so that a second one counts only after a second. `onOutput` sees
 * what the program prints, which appears on the terminal as well. With `tied`, which is for Node alone, the program
 * ends in good order when the launcher is killed.
 */
export function foreground(command, args, { env = process.env, onOutput, tied = false } = {}) {
  const tie = tied ? ['--import', new URL('./end-with-launcher.mjs', import.meta.url).href] : [];
  const child = spawn(command, [...tie, ...args], {
    cwd: root,
    env,
    // A process group of its own, so that the terminal's Ctrl+C comes through this launcher only. Windows has none of
    // this: its console tells every process.
    detached: !windows,
    stdio: ['inherit', onOutput === undefined ? 'inherit' : 'pipe', 'inherit', ...(tied ? ['ipc'] : [])],
  });
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text);
    onOutput(text);
  });
  let last = Number.NEGATIVE_INFINITY;
  const pass = (signal) => {
    const now = performance.now();
    if (now - last > 1000 && !windows) child.kill(signal);
    last = now;
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  const ended = new Promise((resolve) => {
    const end = (code, signal, error) => {
      for (const name of signals) process.off(name, pass);
      resolve({ code, signal, error });
    };
    child.once('error', (error) => end(1, null, error));
    child.once('close', (code, signal) => end(code, signal, undefined));
  });
  return { ended, stop: () => child.kill('SIGTERM') };
}

/** What a shell would report: the code itself, or 128 and the signal's number for the usual ones. */
export function exitCode({ code, signal }) {
  return code ?? { SIGHUP: 129, SIGINT: 130, SIGKILL: 137, SIGTERM: 143 }[signal] ?? 1;
}
