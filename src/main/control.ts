/**
 * What the desktop's main process and the engine's utility process say to each other besides handing ports over. Few
 * and small: everything a page needs goes through its own port.
 */
export type ToEngine =
  | {
      readonly kind: 'start';
      readonly argv: readonly string[];
      readonly demo: DemoAddress | null;
      readonly protectedSecrets: boolean;
    }
  /** Comes with one port. */
  | { readonly kind: 'attach' }
  | { readonly kind: 'open-recording'; readonly path: string }
  | { readonly kind: 'save-project'; readonly path: string }
  | { readonly kind: 'open-project'; readonly path: string }
  | { readonly kind: 'power'; readonly event: 'suspend' | 'resume' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'answer'; readonly request: number; readonly ok: boolean; readonly value: unknown };

export type FromEngine =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'stopped' }
  /** While busy the computer is kept awake and closing the last window asks first. */
  | { readonly kind: 'busy'; readonly busy: boolean; readonly recording: string | null }
  | { readonly kind: 'notice'; readonly title: string; readonly text: string }
  | { readonly kind: 'ask'; readonly request: number; readonly question: HostQuestion };

/** What only the main process can do. */
export type HostQuestion =
  /** Answered with the chosen path, or null. */
  | { readonly kind: 'choose-recording' }
  | { readonly kind: 'choose-place'; readonly name: string }
  | { readonly kind: 'protect'; readonly text: string }
  | { readonly kind: 'unprotect'; readonly text: string }
  | { readonly kind: 'start-demo' };

/** As the engine takes it: by protocol, the settings that lead to the simulator. */
export type DemoAddress = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The engine's end of the pipe: Electron's `process.parentPort`, described by what is used of it. */
export interface ParentPort {
  postMessage(message: FromEngine): void;
  on(
    event: 'message',
    listener: (event: { readonly data: ToEngine; readonly ports: readonly EnginePort[] }) => void,
  ): void;
}
/** Electron's MessagePortMain, described by what is used of it. */
export interface EnginePort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): void;
  on(event: 'close', listener: () => void): void;
  start(): void;
  close(): void;
}
