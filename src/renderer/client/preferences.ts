import type { Session } from './session.ts';

/**
 * Small settings of the screen, kept per installation by the engine. The browser's own storage is a copy of it for the
 * first paint only: with a free port per start it would be lost each time.
 */
export interface Preferences {
  get<T>(name: string, fallback: T): T;
  set<T>(name: string, value: T): void;
  onChange(name: string, listener: () => void): Disposable;
}

const PREFIX = 'parx.';
/** The engine keeps names of letters, digits, "_" and "-"; the screen groups its own by dots. */
const storedName = (name: string): string => name.replaceAll('.', '-');
const SAVE_MS = 400;

export function createPreferences(session: Session, onError: (error: unknown) => void): Preferences {
  const known = new Map<string, unknown>();
  const asked = new Set<string>();
  const dirty = new Map<string, number>();
  const listeners = new Map<string, Set<() => void>>();
  const tell = (name: string): void => {
    for (const listener of listeners.get(name) ?? []) listener();
  };
  const readCopy = (name: string): unknown => {
    try {
      const text = localStorage.getItem(PREFIX + name);
      return text === null ? undefined : JSON.parse(text);
    } catch {
      // Storage may be switched off or hold something foreign; the engine's value follows.
      return undefined;
    }
  };
  const writeCopy = (name: string, text: string): void => {
    try {
      localStorage.setItem(PREFIX + name, text);
    } catch {
      // Only the copy for the first paint; the engine keeps the value.
    }
  };
  const ask = (name: string): void => {
    if (asked.has(name)) return;
    asked.add(name);
    const load = async (): Promise<void> => {
      const { value } = await session.rpc.preferences.get({ name: storedName(name) });
      if (value === null || dirty.has(name)) return;
      if (value === JSON.stringify(known.get(name))) return;
      known.set(name, JSON.parse(value));
      writeCopy(name, value);
      tell(name);
    };
    const start = (): void => {
      load().catch((error: unknown) => {
        asked.delete(name);
        onError(error);
      });
    };
    if (session.state.getState().phase === 'open') start();
    else {
      const stop = session.state.subscribe((state) => {
        if (state.phase !== 'open') return;
        stop();
        start();
      });
    }
  };
  return {
    get<T>(name: string, fallback: T): T {
      if (!known.has(name)) {
        const copy = readCopy(name);
        if (copy !== undefined) known.set(name, copy);
      }
      ask(name);
      return known.has(name) ? (known.get(name) as T) : fallback;
    },
    set(name, value) {
      const text = JSON.stringify(value);
      known.set(name, value);
      writeCopy(name, text);
      clearTimeout(dirty.get(name));
      dirty.set(
        name,
        window.setTimeout(() => {
          dirty.delete(name);
          session.rpc.preferences.set({ name: storedName(name), value: text }).catch(onError);
        }, SAVE_MS),
      );
      tell(name);
    },
    onChange(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      set.add(listener);
      return { [Symbol.dispose]: () => set.delete(listener) };
    },
  };
}
