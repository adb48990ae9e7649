import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type * as Electron from 'electron';
import type { PageWindow, StandInDownload } from './page-window.ts';

/**
 * A small stand-in for the `electron` module, so that the built main bundle runs where the Electron binary can't be
 * had. It knows what the product and the steps of the desktop test use, typed against Electron's own declarations;
 * anything else fails loudly. The utility process is a worker thread, the window is a real Chromium page (see
 * `page-window.ts`).
 */
export interface StandInOptions {
  openPage(options: {
    readonly serve: (request: Request) => Promise<Response>;
    readonly preload: string;
    readonly deniesWindows: boolean;
    readonly permissions: readonly StandInPermission[];
    readonly onDownload: (download: StandInDownload) => void;
  }): Promise<PageWindow>;
  readonly bootstrap: URL;
  /** After the last step of quitting. */
  exit(): void;
}

/** Permissions that the product is asked for, as Electron and as the browser names them. */
const PERMISSIONS = [
  ['clipboard-sanitized-write', 'clipboard-write'],
  ['clipboard-read', 'clipboard-read'],
  ['geolocation', 'geolocation'],
  ['notifications', 'notifications'],
  ['media', 'camera'],
] as const;
export type StandInPermission = (typeof PERMISSIONS)[number][1];

type Listener = (...args: never[]) => void;
type CheckHandler = (contents: unknown, permission: string, origin: string, details: object) => boolean;
type RequestHandler = (
  contents: unknown,
  permission: string,
  callback: (granted: boolean) => void,
  details: { readonly requestingUrl: string },
) => void;

const PAGE = 'app://parx/';

export function createStandIn(options: StandInOptions): Record<string, unknown> {
  const appEvents = new EventEmitter();
  const powerEvents = new EventEmitter();
  const sessionEvents = new EventEmitter();
  const windows: StandInWindow[] = [];
  const privileged = new Map<string, Electron.Privileges>();
  const awake = new Set<number>();
  /** Running utility processes by a number that is no process of this computer. */
  const utilities = new Map<number, { readonly name: string; readonly worker: Worker }>();
  let menu: StandInMenu | null = null;
  let handler: ((request: Request) => Promise<Response>) | null = null;
  let requestHandler: RequestHandler | null = null;
  let checkHandler: CheckHandler | null = null;
  let blockers = 0;
  let pids = 2 ** 30;
  let quits = false;

  const kill = process.kill.bind(process);
  process.kill = (pid, signal) => {
    const utility = utilities.get(pid);
    if (utility === undefined) return kill(pid, signal);
    void utility.worker.terminate();
    return true;
  };

  const serve = (request: Request): Promise<Response> => {
    if (handler === null) throw new Error('No protocol handler was set.');
    return handler(request);
  };
  /** Electron asks the check first, and makes a request of what the check denies. */
  const grants = (permission: string): boolean => {
    if (checkHandler === null || checkHandler({}, permission, PAGE, { isMainFrame: true })) return true;
    let granted = true;
    requestHandler?.({}, permission, (answer) => void (granted = answer), { requestingUrl: PAGE });
    return granted;
  };
  const quit = async (): Promise<void> => {
    if (quits) return;
    let prevented = false;
    appEvents.emit('before-quit', { preventDefault: () => void (prevented = true) });
    if (prevented) return;
    quits = true;
    for (const window of windows) await window.endPage();
    options.exit();
  };

  class StandInWindow extends EventEmitter {
    readonly webContents: EventEmitter & object;
    private readonly settings: Electron.BrowserWindowConstructorOptions;
    private page: PageWindow | null = null;
    private openHandler: ((details: { url: string }) => { action: 'allow' | 'deny' }) | null = null;

    constructor(settings: Electron.BrowserWindowConstructorOptions) {
      super();
      this.settings = settings;
      const contents = Object.assign(new EventEmitter(), {
        postMessage: (channel: string, _message: unknown, transfer: StandInPort[] = []) => {
          const [port] = transfer;
          if (port !== undefined) void this.page?.handPort(channel, port.raw);
        },
        setWindowOpenHandler: (one: typeof this.openHandler) => void (this.openHandler = one),
        getLastWebPreferences: () => settings.webPreferences,
      });
      this.webContents = strict('webContents', contents);
      windows.push(this);
      appEvents.emit('web-contents-created', {}, this.webContents);
    }
    async loadURL(url: string): Promise<void> {
      if (url !== PAGE) throw new Error(`The stand-in can't load ${url}.`);
      this.page = await options.openPage({
        serve,
        preload: this.settings.webPreferences?.preload ?? '',
        deniesWindows: this.openHandler?.({ url: 'https://example.org' }).action === 'deny',
        permissions: PERMISSIONS.flatMap(([ours, browsers]) => (grants(ours) ? [browsers] : [])),
        onDownload: (download) => downloadBegins(sessionEvents, download),
      });
      this.emit('ready-to-show');
      this.webContents.emit('did-finish-load');
    }
    close(): void {
      let prevented = false;
      this.emit('close', { preventDefault: () => void (prevented = true) });
      if (prevented) return;
      windows.splice(windows.indexOf(this), 1);
      void this.endPage();
      if (windows.length === 0) appEvents.emit('window-all-closed');
    }
    async endPage(): Promise<void> {
      await this.page?.close();
    }
    show(): void {}
    focus(): void {}
    restore(): void {}
    maximize(): void {}
    isMinimized(): boolean {
      return false;
    }
    isMaximized(): boolean {
      return false;
    }
    getNormalBounds(): Electron.Rectangle {
      return { x: 10, y: 10, width: 1440, height: 900 };
    }
    static getAllWindows(): StandInWindow[] {
      return windows.map(proxied);
    }
  }
  const proxies = new WeakMap<StandInWindow, StandInWindow>();
  const proxied = (window: StandInWindow): StandInWindow => {
    const known = proxies.get(window) ?? strict('BrowserWindow', window);
    proxies.set(window, known);
    return known;
  };

  const app: Pick<Electron.App, 'isPackaged' | 'whenReady' | 'requestSingleInstanceLock' | 'quit' | 'setPath'> & {
    on: unknown;
    emit: unknown;
    getAppMetrics(): Pick<Electron.ProcessMetric, 'pid' | 'type' | 'name'>[];
  } = {
    isPackaged: false,
    whenReady: () => Promise.resolve(),
    requestSingleInstanceLock: () => true,
    quit: () => void quit(),
    setPath(name, path) {
      if (!existsSync(path)) throw new Error(`setPath of ${name}: there is no folder ${path}.`);
    },
    on: (event: string, listener: Listener) => appEvents.on(event, listener as never),
    emit: (event: string, ...args: unknown[]) => appEvents.emit(event, ...args),
    getAppMetrics: () => [...utilities].map(([pid, { name }]) => ({ pid, name, type: 'Utility' })),
  };
  const protocol: Pick<Electron.Protocol, 'registerSchemesAsPrivileged'> & { handle: unknown } = {
    registerSchemesAsPrivileged(custom) {
      for (const { scheme, privileges } of custom) privileged.set(scheme, privileges ?? {});
    },
    handle: (scheme: string, one: (request: Request) => Promise<Response>) => {
      const { standard, secure, supportFetchAPI } = privileged.get(scheme) ?? {};
      // Without these a real page has no origin, no clipboard and no fetch.
      if (scheme !== 'app' || standard !== true || secure !== true || supportFetchAPI !== true) {
        throw new Error(`The scheme ${scheme} is not registered as the page needs it.`);
      }
      handler = one;
    },
  };
  const screen: Pick<Electron.Screen, 'getAllDisplays'> = {
    getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } } as Electron.Display],
  };
  const unanswered = (what: string) => (): never => {
    throw new Error(`${what} was shown, and nobody is there to answer it.`);
  };
  // The steps put their own answers in the place of these, as on the real Electron.
  const dialog: Record<
    keyof Pick<Electron.Dialog, 'showErrorBox' | 'showMessageBoxSync' | 'showOpenDialog' | 'showSaveDialog'>,
    unknown
  > = {
    showErrorBox: (title: string, content: string) => process.stderr.write(`Error box: ${title}. ${content}\n`),
    showMessageBoxSync: unanswered('A message box'),
    showOpenDialog: unanswered('An open dialog'),
    showSaveDialog: unanswered('A save dialog'),
  };
  const safeStorage: Pick<
    Electron.SafeStorage,
    'isEncryptionAvailable' | 'getSelectedStorageBackend' | 'encryptString' | 'decryptString'
  > = {
    isEncryptionAvailable: () => true,
    getSelectedStorageBackend: () => 'basic_text',
    encryptString: (text) => Buffer.from(text),
    decryptString: (bytes) => bytes.toString(),
  };

  const modules: Record<string, unknown> = {
    app,
    protocol,
    screen,
    dialog,
    safeStorage,
    net: { fetch: (url: string) => serve(new Request(url)) } satisfies Record<
      keyof Pick<Electron.Net, 'fetch'>,
      unknown
    >,
    session: {
      defaultSession: strict('session', {
        setPermissionRequestHandler: (one: RequestHandler) => void (requestHandler = one),
        setPermissionCheckHandler: (one: CheckHandler) => void (checkHandler = one),
        on: (event: string, listener: Listener) => sessionEvents.on(event, listener as never),
      }),
    },
    powerMonitor: { on: (event: string, listener: Listener) => powerEvents.on(event, listener as never) },
    powerSaveBlocker: {
      start: () => {
        blockers += 1;
        awake.add(blockers);
        return blockers;
      },
      stop: (id: number) => awake.delete(id),
      isStarted: (id: number) => awake.has(id),
    } satisfies Record<keyof Electron.PowerSaveBlocker, unknown>,
    shell: { openPath: async () => '' } satisfies Record<keyof Pick<Electron.Shell, 'openPath'>, unknown>,
    Menu: {
      buildFromTemplate: menuOf,
      setApplicationMenu: (one: StandInMenu) => void (menu = one),
      getApplicationMenu: () => menu,
    },
    utilityProcess: {
      fork: (entry: string, args: string[], { serviceName }: Electron.ForkOptions) => {
        pids += 1;
        const pid = pids;
        const { process: child, worker } = forkWorker(options.bootstrap, entry, args);
        utilities.set(pid, { name: serviceName ?? '', worker });
        worker.on('exit', () => utilities.delete(pid));
        return child;
      },
    },
  };
  const exported: Record<string, unknown> = Object.fromEntries(
    Object.entries(modules).map(([name, value]) => [name, strict(name, value as object)]),
  );
  exported.BrowserWindow = new Proxy(StandInWindow, {
    construct: (target, [settings]) => proxied(new target(settings)),
    get: (target, name) => known('BrowserWindow', target, name),
  });
  exported.MessageChannelMain = class {
    readonly port1: StandInPort;
    readonly port2: StandInPort;
    constructor() {
      const { port1, port2 } = new MessageChannel();
      this.port1 = { raw: port1 };
      this.port2 = { raw: port2 };
    }
  };
  return exported;
}

interface StandInMenu {
  readonly items: readonly { readonly label: string; readonly submenu: StandInMenu | null; click(): void }[];
}

function menuOf(template: readonly Electron.MenuItemConstructorOptions[]): StandInMenu {
  return {
    items: template.map(({ label, submenu, click }) => ({
      label: label ?? '',
      submenu: Array.isArray(submenu) ? menuOf(submenu) : null,
      click: () => (click as (() => void) | undefined)?.(),
    })),
  };
}

/** What Electron does when a page downloads: tells the session, then writes where it was told to. */
function downloadBegins(session: EventEmitter, download: StandInDownload): void {
  const events = new EventEmitter();
  let path = '';
  let dialogOptions: Electron.SaveDialogOptions = {};
  const item: Pick<
    Electron.DownloadItem,
    'getURL' | 'getFilename' | 'getSavePath' | 'setSavePath' | 'getSaveDialogOptions' | 'setSaveDialogOptions'
  > & { once: unknown } = {
    getURL: () => download.url,
    getFilename: () => download.name,
    getSavePath: () => path,
    setSavePath: (to) => void (path = to),
    getSaveDialogOptions: () => dialogOptions,
    setSaveDialogOptions: (asked) => void (dialogOptions = asked),
    once: (event: string, listener: Listener) => events.once(event, listener as never),
  };
  const event = {
    defaultPrevented: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
  };
  session.emit('will-download', event, strict('DownloadItem', item), {});
  if (event.defaultPrevented) {
    void download.cancel();
    return;
  }
  if (path === '') throw new Error('The save dialog of a download was shown, and nobody is there to answer it.');
  download.saveAs(path).then(
    () => events.emit('done', {}, 'completed'),
    () => events.emit('done', {}, 'interrupted'),
  );
}

/** Electron's MessagePortMain, as far as it is handed on unopened. */
export interface StandInPort {
  readonly raw: MessagePort;
}

/** A worker thread with `process.parentPort`, in the place of a utility process. */
function forkWorker(bootstrap: URL, entry: string, args: readonly string[]): { process: object; worker: Worker } {
  const events = new EventEmitter();
  const worker = new Worker(bootstrap, { workerData: { entry, args }, stdout: true, stderr: true, argv: [...args] });
  worker.stderr.on('data', (bytes: Buffer) => process.stderr.write(bytes));
  worker.on('message', (message) => events.emit('message', message));
  worker.on('error', (error) => process.stderr.write(`${String(error)}\n`));
  worker.on('exit', (code) => events.emit('exit', code));
  const child = {
    on: (event: string, listener: Listener) => events.on(event, listener as never),
    postMessage: (message: unknown, transfer: readonly StandInPort[] = []) =>
      worker.postMessage(
        { message, ports: transfer.map((port) => port.raw) },
        transfer.map((port) => port.raw),
      ),
    kill: () => void worker.terminate(),
    stdout: worker.stdout,
  };
  return { process: strict('UtilityProcess', child), worker };
}

/** Reading a property that the stand-in does not have is a test failure, not `undefined`. */
function strict<T extends object>(name: string, target: T): T {
  return new Proxy(target, { get: (one, property) => known(name, one, property) });
}

function known(name: string, target: object, property: string | symbol): unknown {
  if (typeof property === 'string' && !(property in target) && property !== 'then' && property !== 'toJSON') {
    throw new Error(
      `The Electron stand-in has no ${name}.${property}. Add it, typed after Electron's own declaration.`,
    );
  }
  const value = Reflect.get(target, property, target) as unknown;
  return typeof value === 'function' && !/^class\b/.test(Function.prototype.toString.call(value))
    ? value.bind(target)
    : value;
}
