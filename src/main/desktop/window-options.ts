import type { BrowserWindowConstructorOptions } from 'electron';

/** The renderer is hostile ground; these settings are asserted as data by a test. */
export function windowOptions(preload: string, state: WindowState | null): BrowserWindowConstructorOptions {
  return {
    width: state?.width ?? 1440,
    height: state?.height ?? 900,
    ...(state === null ? {} : { x: state.x, y: state.y }),
    minWidth: 960,
    minHeight: 600,
    title: 'ParX Workstation',
    backgroundColor: '#15181c',
    show: false,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      backgroundThrottling: true,
    },
  };
}

export interface WindowState {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly maximized: boolean;
}

/** A window that was last on a screen that is no longer there would open out of sight: it falls back to the default. */
export function usableState(
  state: unknown,
  screens: readonly { readonly x: number; readonly y: number; readonly width: number; readonly height: number }[],
): WindowState | null {
  if (typeof state !== 'object' || state === null) return null;
  const { x, y, width, height, maximized } = state as Record<string, unknown>;
  if (![x, y, width, height].every((value) => typeof value === 'number' && Number.isFinite(value))) return null;
  const candidate = { x, y, width, height, maximized: maximized === true } as WindowState;
  if (candidate.width < 400 || candidate.height < 300) return null;
  const visible = screens.some(
    (screen) =>
      candidate.x + candidate.width > screen.x + 80 &&
      candidate.x < screen.x + screen.width - 80 &&
      candidate.y >= screen.y - 20 &&
      candidate.y < screen.y + screen.height - 80,
  );
  return visible ? candidate : null;
}
