import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  app,
  BrowserWindow,
  dialog,
  powerMonitor,
  powerSaveBlocker,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  type UtilityProcess,
  utilityProcess,
} from 'electron';
import { PORT_MESSAGE } from '#shared/rpc/handshake.ts';
import { defaultDataDirectory, readInvocation } from './config.ts';
import type { DemoAddress, HostQuestion } from './control.ts';
import { serveAppFile } from './desktop/app-scheme.ts';
import { startEngineProcess } from './desktop/engine-process.ts';
import { type GivenFiles, givenFiles } from './desktop/given-files.ts';
import { installMenu } from './desktop/menu.ts';
import { limitPages } from './desktop/page-rights.ts';
import { endWithComputer, guardSessionEnd } from './desktop/session-end.ts';
import { usableState, windowOptions } from './desktop/window-options.ts';

// The desktop host: windows, dialogs and power. The engine runs in a utility process and talks to each page by a port
// of its own, so neither a frozen window nor this process can hold up a recording.

const here = import.meta.dirname;
const argv = process.argv.slice(app.isPackaged ? 1 : 2);
const given = givenFiles(argv, process.cwd());
const dataDirectory = dataDirectoryOf(argv);
const statePath = join(dataDirectory, 'window.json');

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);

// One program per data folder, not per user: with `--data` a second one may run beside the first.
if (dataDirectory !== defaultDataDirectory()) keepProfileIn(join(dataDirectory, 'window'));
if (!app.requestSingleInstanceLock()) {
  app.quit();
} else {
  app.on('second-instance', (_event, commandLine, folder) => {
    openFiles(givenFiles(commandLine, folder));
    showWindow();
  });
  // macOS tells which file was double-clicked, also before the program is ready.
  app.on('open-file', (event, path) => {
    event.preventDefault();
    const files = givenFiles([path], '/');
    if (ready) openFiles(files);
    else early.push(files);
  });
  void app.whenReady().then(start);
}

let engine: ReturnType<typeof startEngineProcess> | null = null;
let awake: number | null = null;
let quitting = false;
/** The engine has opened the data folder once. */
let ready = false;
const early: GivenFiles[] = [];
let demo: { readonly process: UtilityProcess; readonly address: Promise<DemoAddress> } | null = null;

function start(): void {
  limitPages(session.defaultSession);
  protocol.handle('app', (request) => serveAppFile(join(here, '../renderer'), request.url));
  installMenu(
    {
      newWindow: openWindow,
      openRecording,
      openProject: () => void chooseProject(),
      saveProjectAs,
      showDataFolder: () => void shell.openPath(dataDirectory),
    },
    process.platform,
    !app.isPackaged,
  );
  engine = startEngineProcess({
    entry: join(here, 'engine.js'),
    start: () => ({ kind: 'start', argv, demo: null, protectedSecrets: secretsAreProtected() }),
    answer,
    onReady: () => {
      if (!ready) {
        ready = true;
        for (const files of [given, ...early.splice(0)]) openFiles(files);
      }
      for (const window of BrowserWindow.getAllWindows()) handPort(window);
    },
    onBusy: keepAwake,
    onNotice: (title, text) => dialog.showErrorBox(title, text),
  });
  powerMonitor.on('suspend', () => engine?.send({ kind: 'power', event: 'suspend' }));
  powerMonitor.on('resume', () => engine?.send({ kind: 'power', event: 'resume' }));
  endWithComputer(() => void quit());
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
  });
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) openWindow();
  });
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('before-quit', (event) => {
    if (quitting) return;
    event.preventDefault();
    if (!mayStop()) return;
    void quit();
  });
  openWindow();
}

async function quit(): Promise<void> {
  quitting = true;
  await engine?.stop();
  demo?.process.kill();
  app.quit();
}

/** Closing asks first while something is being recorded; the answer "keep recording" leaves all as it is. */
function mayStop(): boolean {
  const state = engine?.busy();
  if (state === undefined || !state.busy) return true;
  const choice = dialog.showMessageBoxSync({
    type: 'warning',
    message:
      state.recording === null
        ? 'A recording is being written to its file.'
        : `"${state.recording}" is being recorded.`,
    detail:
      'If ParX ends now, nothing is recorded until it is started again. The recording then resumes, with a gap that says why.',
    buttons: ['Keep recording', 'End ParX'],
    defaultId: 0,
    cancelId: 0,
  });
  return choice === 1;
}

function openWindow(): void {
  const state = usableState(
    readState(),
    screen.getAllDisplays().map((display) => display.workArea),
  );
  const window = new BrowserWindow(windowOptions(join(here, '../preload/index.cjs'), state));
  if (state?.maximized === true) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.webContents.on('did-finish-load', () => handPort(window));
  window.on('close', (event) => {
    if (!quitting && BrowserWindow.getAllWindows().length === 1 && process.platform !== 'darwin' && !mayStop()) {
      event.preventDefault();
      return;
    }
    writeState({ ...window.getNormalBounds(), maximized: window.isMaximized() });
  });
  guardSessionEnd(window, {
    busy: () => !quitting && (engine?.busy().busy ?? false),
    quit: () => app.quit(),
    seal: () => void engine?.stop(),
  });
  void window.loadURL('app://parx/');
}

function showWindow(): void {
  const window = BrowserWindow.getAllWindows()[0];
  if (window === undefined) openWindow();
  else {
    if (window.isMinimized()) window.restore();
    window.focus();
  }
}

function openFiles({ recording, project }: GivenFiles): void {
  if (recording !== null) engine?.send({ kind: 'open-recording', path: recording });
  if (project !== null) openProject(project);
}

/** As the engine will read it, from flags, environment or file; where those are wrong, the engine says so. */
function dataDirectoryOf(commandLine: readonly string[]): string {
  const invocation = readInvocation(
    commandLine.filter((argument) => !/\.parx(project)?$/i.test(argument)),
    process.env,
  );
  return invocation.kind === 'run' ? invocation.config.data : defaultDataDirectory();
}

/** Electron keeps its lock of the running program and what pages store in this folder. */
function keepProfileIn(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    app.setPath('userData', path);
  } catch {
    // The data folder can't be made: the engine says so in its own words.
  }
}

function handPort(window: BrowserWindow): void {
  const port = engine?.openPort() ?? null;
  if (port !== null) window.webContents.postMessage(PORT_MESSAGE, null, [port]);
}

function keepAwake(): void {
  const busy = engine?.busy().busy ?? false;
  if (busy && awake === null) awake = powerSaveBlocker.start('prevent-app-suspension');
  if (!busy && awake !== null) {
    powerSaveBlocker.stop(awake);
    awake = null;
  }
}

async function openRecording(): Promise<void> {
  const path = await chooseRecording();
  if (path !== null) engine?.send({ kind: 'open-recording', path });
}

async function chooseRecording(): Promise<string | null> {
  const result = await dialog.showOpenDialog({
    title: 'Open recording',
    filters: [{ name: 'ParX recording', extensions: ['parx'] }],
    properties: ['openFile'],
  });
  return result.canceled ? null : (result.filePaths[0] ?? null);
}

async function chooseProject(): Promise<void> {
  const result = await dialog.showOpenDialog({
    title: 'Open project',
    filters: [{ name: 'ParX project', extensions: ['parxproject'] }],
    properties: ['openFile'],
  });
  const [path] = result.filePaths;
  if (!result.canceled && path !== undefined) openProject(path);
}

/** The present project is kept beside the backups, but what it measures stops: that needs a word before. */
function openProject(path: string): void {
  const choice = dialog.showMessageBoxSync({
    type: 'question',
    message: 'Open this project in place of the present one?',
    detail: `${path}\n\nThe present project is kept in the folder "backups" of the data folder. History and recordings stay.`,
    buttons: ['Cancel', 'Open'],
    defaultId: 1,
    cancelId: 0,
  });
  if (choice === 1) engine?.send({ kind: 'open-project', path });
}

async function saveProjectAs(): Promise<void> {
  const result = await dialog.showSaveDialog({
    title: 'Save project as',
    defaultPath: 'project.parxproject',
    filters: [{ name: 'ParX project', extensions: ['parxproject'] }],
  });
  if (!result.canceled && result.filePath !== '') engine?.send({ kind: 'save-project', path: result.filePath });
}

async function answer(question: HostQuestion): Promise<unknown> {
  switch (question.kind) {
    case 'choose-recording':
      return chooseRecording();
    case 'choose-place': {
      const result = await dialog.showSaveDialog({ title: 'Save as', defaultPath: question.name });
      return result.canceled || result.filePath === '' ? null : result.filePath;
    }
    case 'protect':
      return safeStorage.encryptString(question.text).toString('base64');
    case 'unprotect':
      return safeStorage.decryptString(Buffer.from(question.text, 'base64'));
    case 'start-demo':
      return startDemo();
  }
}

/** On Linux without a keyring the "encryption" is a fixed password; the engine then uses its own key file instead. */
function secretsAreProtected(): boolean {
  if (!safeStorage.isEncryptionAvailable()) return false;
  return process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text';
}

function startDemo(): Promise<DemoAddress> {
  if (demo !== null) return demo.address;
  const child = utilityProcess.fork(join(here, '../simulators/index.js'), ['--port', '0'], {
    serviceName: 'ParX demo line',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = new Promise<DemoAddress>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
      const end = text.indexOf('\n');
      if (end > 0) resolve(JSON.parse(text.slice(0, end)) as DemoAddress);
    });
    child.on('exit', () => {
      demo = null;
      reject(new Error('The demo line ended before it was ready.'));
    });
  });
  demo = { process: child, address };
  return address;
}

function readState(): unknown {
  try {
    return JSON.parse(readFileSync(statePath, 'utf8'));
  } catch {
    // First start, or a damaged file: the default size is as good.
    return null;
  }
}

function writeState(state: object): void {
  try {
    mkdirSync(dirname(statePath), { recursive: true });
    writeFileSync(`${statePath}.part`, JSON.stringify(state));
    renameSync(`${statePath}.part`, statePath);
  } catch {
    // A full disk or a folder that can't be written keeps no window open; the engine tells of it.
  }
}
