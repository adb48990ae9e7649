import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type * as Electron from 'electron';
import type { PageWindow } from './page-window.ts';

/**
 * A small stand-in for the `electron` module, so that the built main bundle runs where the Electron binary can't be
 * had. It knows exactly what the product uses, typed against Electron's own declarations; anything else fails loudly.
 * The utility process is a worker thread, the window is a real Chromium page (see `page-window.ts`).
 */
export interface Recorded {
  readonly windows: { readonly options: Electron.BrowserWindowConstructorOptions; readonly page: PageWindow }[];
  readonly schemes: Electron.CustomScheme[];
  permissionAsked(permission: string): boolean;
  permissionChecked(permission: string): boolean;
  readonly menus: Electron.MenuItemConstructorOptions[][];
  readonly errorBoxes: { readonly title: string; readonly content: string }[];
  readonly awake: Set<number>;
  /** Answers for dialogs to come. */
  readonly answers: { messageBox: number; openPath: string | null; savePath: string | null };
  windowOpen(url: string): 'allow' | 'deny';
  /** True when the page's navigation was prevented. */
  navigationPrevented(): boolean;
  /** Whether the program ended; a refused quit is known after `patienceMs`. */
  quit(patienceMs: number): Promise<boolean>;
  crashEngine(): Promise<void>;
  readonly engineStarts: number;
  /** Clicks the menu entry of this label. */
  choose(label: string): void;
  power(event: 'suspend' | 'resume'): void;
  protocolHandler(): (request: Request) => Promise<Response>;
  closeWindow(index: number): boolean;
}

export interface StandInOptions {
  readonly openPage: (handler: (request: Request) => Promise<Response>, preload: string) => Promise<PageWindow>;
  readonly bootstrap: URL;
}

type Listener = (...args: never[]) => void;

export function createStandIn(options: StandInOptions): { module: Record<string, unknown>; recorded: Recorded } {
  const appEvents = new EventEmitter();
  const powerEvents = new EventEmitter();
  const webContentsEvents: EventEmitter[] = [];
  const openHandlers: ((details: { url: string }) => { action: 'allow' | 'deny' })[] = [];
  const windows: (Recorded['windows'][number] & { readonly window: StandInWindow })[] = [];
  const menus: Electron.MenuItemConstructorOptions[][] = [];
  const errorBoxes: { title: string; content: string }[] = [];
  const schemes: Electron.CustomScheme[] = [];
  const awake = new Set<number>();
  const answers: Recorded['answers'] = { messageBox: 1, openPath: null, savePath: null };
  let handler: ((request: Request) => Promise<Response>) | null = null;
  let requestHandler: ((contents: unknown, permission: string, callback: (granted: boolean) => void) => void) | null =
    null;
  let checkHandler: ((contents: unknown, permission: string) => boolean) | null = null;
  let engineWorker: Worker | null = null;
  let engineStarts = 0;
  let blockers = 0;
  let hasQuit = false;

  const quit = async (patienceMs: number): Promise<boolean> => {
    let prevented = false;
    appEvents.emit('before-quit', { preventDefault: () => void (prevented = true) });
    if (prevented) {
      // The product prevents the first quit, stops its engine and quits again by itself; a refusal leaves it as it is.
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), patienceMs);
        appEvents.once('stand-in-quit', () => {
          clearTimeout(timer);
          resolve(true);
        });
      });
    }
    hasQuit = true;
    for (const { page } of windows) await page.close();
    appEvents.emit('stand-in-quit');
    return true;
  };

  class StandInWindow extends EventEmitter {
    readonly webContents: EventEmitter & {
      postMessage(channel: string, message: unknown, transfer?: StandInPort[]): void;
      setWindowOpenHandler(handler: (details: { url: string }) => { action: 'allow' | 'deny' }): void;
    };
    private readonly settings: Electron.BrowserWindowConstructorOptions;
    private page: PageWindow | null = null;

    constructor(settings: Electron.BrowserWindowConstructorOptions) {
      super();
      this.settings = settings;
      const contents = new EventEmitter();
      webContentsEvents.push(contents);
      this.webContents = Object.assign(contents, {
        postMessage: (channel: string, _message: unknown, transfer: StandInPort[] = []) => {
          const [port] = transfer;
          if (port !== undefined) void this.page?.handPort(channel, port.raw);
        },
        setWindowOpenHandler: (one: (details: { url: string }) => { action: 'allow' | 'deny' }) =>
          void openHandlers.push(one),
      });
      appEvents.emit('web-contents-created', {}, strict('webContents', this.webContents));
    }
    async loadURL(url: string): Promise<void> {
      if (url !== 'app://parx/' || handler === null) throw new Error(`The stand-in can't load ${url}.`);
      const page = await options.openPage(handler, this.settings.webPreferences?.preload ?? '');
      this.page = page;
      windows.push({ options: this.settings, page, window: this });
      this.emit('ready-to-show');
      this.webContents.emit('did-finish-load');
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
      return windows.map(({ window }) => proxied(window));
    }
  }
  const proxies = new WeakMap<StandInWindow, StandInWindow>();
  const proxied = (window: StandInWindow): StandInWindow => {
    const known = proxies.get(window) ?? strict('BrowserWindow', window);
    proxies.set(window, known);
    return known;
  };

  const app: Pick<Electron.App, 'isPackaged' | 'whenReady' | 'requestSingleInstanceLock'> & {
    on: unknown;
    quit(): void;
  } = {
    isPackaged: false,
    whenReady: () => Promise.resolve(),
    requestSingleInstanceLock: () => true,
    quit: () => void (hasQuit ? undefined : quit(0)),
    on: (event: string, listener: Listener) => appEvents.on(event, listener as never),
  };
  const protocol: Pick<Electron.Protocol, 'registerSchemesAsPrivileged'> & { handle: unknown } = {
    registerSchemesAsPrivileged: (custom) => void schemes.push(...custom),
    handle: (scheme: string, one: (request: Request) => Promise<Response>) => {
      if (scheme !== 'app') throw new Error(`Unexpected scheme ${scheme}.`);
      handler = one;
    },
  };
  const screen: Pick<Electron.Screen, 'getAllDisplays'> = {
    getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } } as Electron.Display],
  };
  const dialog = {
    showErrorBox: (title: string, content: string) => void errorBoxes.push({ title, content }),
    showMessageBoxSync: () => answers.messageBox,
    showOpenDialog: async () => ({
      canceled: answers.openPath === null,
      filePaths: answers.openPath === null ? [] : [answers.openPath],
    }),
    showSaveDialog: async () => ({ canceled: answers.savePath === null, filePath: answers.savePath ?? '' }),
  } satisfies Record<
    keyof Pick<Electron.Dialog, 'showErrorBox' | 'showMessageBoxSync' | 'showOpenDialog' | 'showSaveDialog'>,
    unknown
  >;
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
    session: {
      defaultSession: strict('session', {
        setPermissionRequestHandler: (one: typeof requestHandler) => void (requestHandler = one),
        setPermissionCheckHandler: (one: typeof checkHandler) => void (checkHandler = one),
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
    } satisfies Record<'start' | 'stop', unknown>,
    shell: { openPath: async () => '' } satisfies Record<keyof Pick<Electron.Shell, 'openPath'>, unknown>,
    Menu: {
      buildFromTemplate: (template: Electron.MenuItemConstructorOptions[]) => template,
      setApplicationMenu: (template: Electron.MenuItemConstructorOptions[]) => void menus.push(template),
    },
    utilityProcess: {
      fork: (entry: string, args: string[]) => {
        const { process: child, worker } = forkWorker(options.bootstrap, entry, args);
        if (entry.endsWith('engine.js')) {
          engineWorker = worker;
          engineStarts += 1;
        }
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

  return {
    module: exported,
    recorded: {
      windows,
      schemes,
      menus,
      errorBoxes,
      awake,
      answers,
      permissionAsked(permission) {
        let granted = true;
        requestHandler?.({}, permission, (answer) => void (granted = answer));
        return requestHandler === null || granted;
      },
      permissionChecked: (permission) => checkHandler === null || checkHandler({}, permission),
      windowOpen: (url) => openHandlers[0]?.({ url }).action ?? 'allow',
      navigationPrevented() {
        let prevented = false;
        webContentsEvents[0]?.emit('will-navigate', { preventDefault: () => void (prevented = true) });
        return prevented;
      },
      quit,
      async crashEngine() {
        await engineWorker?.terminate();
      },
      get engineStarts() {
        return engineStarts;
      },
      choose(label) {
        const entry = menus
          .flat()
          .flatMap((menu) => (Array.isArray(menu.submenu) ? menu.submenu : []))
          .find((item) => item.label === label);
        if (entry?.click === undefined) throw new Error(`There is no menu entry "${label}".`);
        (entry.click as () => void)();
      },
      power: (event) => void powerEvents.emit(event),
      protocolHandler() {
        if (handler === null) throw new Error('No protocol handler was set.');
        return handler;
      },
      closeWindow(index) {
        let prevented = false;
        windows[index]?.window.emit('close', { preventDefault: () => void (prevented = true) });
        return !prevented;
      },
    },
  };
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
