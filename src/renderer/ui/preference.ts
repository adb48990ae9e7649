import { createContext, useCallback, useContext, useRef, useSyncExternalStore } from 'react';

/** Where the screen's small settings are kept; the shell gives it. */
export interface PreferenceStore {
  get<T>(name: string, fallback: T): T;
  set<T>(name: string, value: T): void;
  onChange(name: string, listener: () => void): Disposable;
}

function createMemoryPreferences(): PreferenceStore {
  const values = new Map<string, unknown>();
  const listeners = new Set<() => void>();
  return {
    get: <T>(name: string, fallback: T): T => (values.has(name) ? (values.get(name) as T) : fallback),
    set(name, value) {
      values.set(name, value);
      for (const listener of listeners) listener();
    },
    onChange(_name, listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
  };
}

/** Without a shell (a component alone on a page) settings last as long as the page. */
export const PreferenceContext = createContext<PreferenceStore>(createMemoryPreferences());

/** A setting of the screen that outlives it: theme, column widths, sizes of panes. */
export function usePreference<T>(name: string, fallback: T): [T, (value: T) => void] {
  const preferences = useContext(PreferenceContext);
  const initial = useRef(fallback);
  const subscribe = useCallback(
    (listener: () => void) => {
      const watch = preferences.onChange(name, listener);
      return () => watch[Symbol.dispose]();
    },
    [preferences, name],
  );
  const value = useSyncExternalStore(subscribe, () => preferences.get(name, initial.current));
  const set = useCallback((next: T) => preferences.set(name, next), [preferences, name]);
  return [value, set];
}
