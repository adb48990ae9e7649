// `npm start`: sets up, builds when something changed, and opens ParX in a window or, without Electron, in the browser.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { build, buildIsCurrent } from './build.mjs';
import { develop } from './dev.mjs';
import { findElectron } from './electron.mjs';
import { exitCode, foreground } from './foreground.mjs';
import { main, root, Stop, setUp } from './setup.mjs';

/** Flags of the engine, with or without a value; it checks the values itself. `npm test` compares with its own list. */
const engineFlags = {
  '--port': ['N', 'port of the web screen (default 8420; 0 takes a free one)'],
  '--data': ['DIR', 'folder for project, history, recordings and log'],
  '--no-demo': [null, 'do not start the demo rolling mill'],
  '--host': ['ADDRESS', 'address to listen on; only loopback until users exist'],
  '--history-days': ['N', 'age after which the rolling history forgets (default 30)'],
  '--history-gigabytes': ['N', 'size at which the rolling history forgets its oldest (default 20)'],
  '--keep-free-gigabytes': ['N', 'free disk space below which the rolling history forgets (default 0: no matter)'],
  '--keep-recordings': ['N', 'count of recordings above which the oldest are removed (default 0: all are kept)'],
  '--archive': ['DIR', 'folder for Parquet files of what is forgotten or removed (default none)'],
  '--flush-ms': ['N', 'longest time until a sample is safe on the disk, 0 (each block at once) to 1000 (default 1000)'],
  '--without': ['IDS', 'protocols, backends and formats that are switched off: ids as in --catalogue, commas between'],
  '--sources': ['FILE', 'file of sources beside those of the project (default sources.yaml in the data folder)'],
  '--log-level': ['LEVEL', 'debug, info, warn or error (default info)'],
  '--config': ['FILE', 'configuration file (default parx.yaml in the data folder)'],
  '--catalogue': [null, 'list protocols, backends and export formats with their settings as JSON, then end'],
  '--print-config': [null, 'show every setting and where it comes from, then end'],
};
const ownFlags = {
  '--headless': [null, 'no window and no browser: print the address and serve'],
  '--dev': [null, 'rebuild and restart when a source file changes (npm run dev)'],
  '--help': [null, 'this text'],
};

function usage() {
  const row = ([flag, [value, text]]) => `  ${(value === null ? flag : `${flag} ${value}`).padEnd(24)}${text}`;
  return [
    'npm start [-- flags]',
    '',
    'Starts ParX Workstation with the demo rolling mill: in a window of its own where Electron is there or can be',
    'fetched, else in the browser, at an address that is printed and holds a token for one use.',
    '',
    ...Object.entries(ownFlags).map(row),
    ...Object.entries(engineFlags).map(row),
    '',
    'Data lies in ~/.local/share/parx (Linux), ~/Library/Application Support/ParX (macOS) or %LOCALAPPDATA%\\ParX',
    '(Windows) unless --data says otherwise. Ctrl+C ends ParX in good order.',
  ].join('\n');
}

/** Splits the arguments into the launcher's own and the engine's; throws `Stop` for one that neither knows. */
function parse(args) {
  const own = new Set();
  const engine = [];
  for (let index = 0; index < args.length; index++) {
    const [flag, inline] = args[index].split(/=(.*)/s);
    if (flag === '-h') own.add('--help');
    else if (ownFlags[flag] !== undefined && inline === undefined) own.add(flag);
    else if (engineFlags[flag] !== undefined) {
      const takesValue = engineFlags[flag][0] !== null;
      if (!takesValue && inline !== undefined) throw new Stop(`${flag} takes no value.`);
      engine.push(flag);
      if (!takesValue) continue;
      const value = inline ?? args[++index];
      if (value === undefined || value.startsWith('--'))
        throw new Stop(`${flag} needs a value: see npm start -- --help`);
      engine.push(value);
    } else throw new Stop(`There is no flag "${args[index]}". npm start -- --help lists them.`);
  }
  return { own, engine };
}

/** Exit code by which the engine says that it ended because of a fault and can be started again. */
const faultCode = 70;
/** Signals by which a program is ended for a fault of its own: of the runtime itself, or of native code. */
const faultSignals = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGTRAP'];
const pausesMs = [1_000, 2_000, 5_000, 10_000, 30_000];

/** Runs the engine without a window until it ends; after a fault it is started again, at growing intervals. */
export async function runHeadless({ node, env }, flags, { browser }) {
  let faults = 0;
  let opened = !browser;
  for (;;) {
    const started = performance.now();
    let text = '';
    const onOutput = (chunk) => {
      if (opened) return;
      text += chunk;
      const address = /^Open (http:\S+)$/m.exec(text)?.[1];
      if (address === undefined) return;
      opened = true;
      openBrowser(address, env);
    };
    const engine = foreground(node, [join('out', 'main', 'engine.js'), ...flags], { env, onOutput, tied: true });
    const result = await engine.ended;
    if (result.error !== undefined) throw new Stop(`The engine could not be started: ${result.error.message}`);
    if (result.code !== faultCode && !faultSignals.includes(result.signal)) {
      if (result.signal !== null) console.error(`The engine was ended by ${result.signal}.`);
      return exitCode(result);
    }
    if (performance.now() - started > 60_000) faults = 0;
    const pause = pausesMs[Math.min(faults, pausesMs.length - 1)];
    faults += 1;
    console.error(`The engine ended because of a fault and is started again in ${pause / 1000} s. Ctrl+C ends ParX.`);
    await wait(pause);
  }
}

/** Shows the address in the user's browser where there is one; that it cannot be opened is no error. */
function openBrowser(address, env) {
  if (env.CI) return;
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', address]
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler', address]
        : ['xdg-open', address];
  if (process.platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return;
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  child.on('error', () => console.log('No browser was found; open the address above in one.'));
  child.unref();
}

await main(async () => {
  const { own, engine: flags } = parse(process.argv.slice(2));
  if (own.has('--help')) return void console.log(usage());
  const tools = setUp();
  // Flags that only print something need no window either.
  const headless = own.has('--headless') || flags.includes('--print-config') || flags.includes('--catalogue');
  if (own.has('--dev')) return develop(tools, flags, { headless });
  if (!buildIsCurrent()) {
    console.log('Building ...');
    await build(tools, { show: false });
  }
  if (headless) return runHeadless(tools, flags, { browser: false });

  const electron = await findElectron(tools);
  if (electron.path !== undefined) {
    console.log('Opening the ParX window.');
    const started = performance.now();
    const result = await foreground(electron.path, [root, ...flags], { env: tools.env }).ended;
    const failedAtOnce = result.code !== 0 && result.signal !== 'SIGINT' && performance.now() - started < 10_000;
    if (!failedAtOnce) return exitCode(result);
    electron.reason = `Electron did not start (${result.error?.message ?? result.signal ?? `exit code ${result.code}`})`;
  }
  console.log(`No window, because ${electron.reason}: ParX runs in the browser.`);
  return runHeadless(tools, flags, { browser: true });
});
