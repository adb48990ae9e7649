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

/** What the browser keeps of a setting; `saved` is false while the engine does not have it yet. */
interface Copy {
  readonly value: unknown;
  readonly saved: boolean;
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
  const readCopy = (name: string): Copy | null => {
    try {
      const text = localStorage.getItem(PREFIX + name);
      const copy: unknown = text === null ? null : JSON.parse(text);
      return typeof copy === 'object' && copy !== null && 'value' in copy && 'saved' in copy ? (copy as Copy) : null;
    } catch {
      // Storage may be switched off or hold something foreign; the engine's value follows.
      return null;
    }
  };
  const writeCopy = (name: string, copy: Copy): void => {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(copy));
    } catch {
      // Only the copy for the first paint; the engine keeps the value.
    }
  };
  const save = async (name: string, value: unknown): Promise<void> => {
    await session.rpc.preferences.set({ name: storedName(name), value: JSON.stringify(value) });
    if (!dirty.has(name)) writeCopy(name, { value, saved: true });
  };
  const ask = (name: string): void => {
    if (asked.has(name)) return;
    asked.add(name);
    const load = async (): Promise<void> => {
      // A page that was closed right after a change had no time to hand it over; the newer value is here then.
      const copy = readCopy(name);
      if (copy !== null && !copy.saved) {
        await save(name, copy.value);
        return;
      }
      const { value } = await session.rpc.preferences.get({ name: storedName(name) });
      if (value === null || dirty.has(name)) return;
      if (value === JSON.stringify(known.get(name))) return;
      const read: unknown = JSON.parse(value);
      known.set(name, read);
      writeCopy(name, { value: read, saved: true });
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
        if (copy !== null) known.set(name, copy.value);
      }
      ask(name);
      return known.has(name) ? (known.get(name) as T) : fallback;
    },
    set(name, value) {
      known.set(name, value);
      writeCopy(name, { value, saved: false });
      clearTimeout(dirty.get(name));
      dirty.set(
        name,
        window.setTimeout(() => {
          dirty.delete(name);
          save(name, value).catch(onError);
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
