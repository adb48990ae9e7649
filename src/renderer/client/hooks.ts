import { createContext, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import type { ConnectionStatus, ProjectSettings, UnixMicros } from '#shared/model/index.ts';
import type { RuntimeTagInfo } from '#shared/rpc/contract.ts';
import type { AppClient } from './client.ts';
import type { SessionState } from './session.ts';
import type { ProjectState, Stores } from './stores.ts';

const ClientContext = createContext<AppClient | null>(null);
export const ClientProvider = ClientContext.Provider;

export function useClient(): AppClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error('useClient is used outside of ClientProvider.');
  return client;
}

type StateOf<S> = S extends { getState(): infer T } ? T : never;

/** A part of one of the client's stores; `pick` should give the same object for the same state. */
export function useStores<K extends keyof Stores, T>(name: K, pick: (state: StateOf<Stores[K]>) => T): T {
  const store = useClient().stores[name] as unknown as Parameters<typeof useStore>[0];
  return useStore(store, pick as (state: unknown) => unknown) as T;
}

export const useProject = <T>(pick: (state: ProjectState) => T): T => useStores('project', pick);

export function useSession<T>(pick: (state: SessionState) => T): T {
  return useStore(useClient().session.state, pick);
}

export function useProjectSettings(): ProjectSettings | null {
  return useProject((state) => state.settings.values().next().value?.document ?? null);
}

/** The IANA zone that times are shown in; null is the computer's own. */
export function useZone(): string | null {
  return useProjectSettings()?.timeZone ?? null;
}

export function useConnectionStatus(id: string): ConnectionStatus | undefined {
  return useStores('connections', (state) => state.byId.get(id));
}

export function useRuntimeTag(id: string): RuntimeTagInfo | undefined {
  return useStores('tags', (state) => state.byId.get(id));
}

/**
 * Runs `paint` at most once per animation frame after one of the tags changed; for writing into the DOM or a canvas.
 * What is known already is painted in the next frame, never at once: reading sizes between writes costs a layout each.
 */
export function useLivePaint(tagIds: readonly string[], paint: () => void): void {
  const { live } = useClient();
  const latest = useRef(paint);
  latest.current = paint;
  const key = tagIds.join('\n');
  useEffect(() => {
    const watch = live.onFrame(key === '' ? [] : key.split('\n'), () => latest.current());
    return () => watch[Symbol.dispose]();
  }, [live, key]);
}

/** The engine's time, renewed every `everyMs`; for elapsed times and ages in ordinary text. */
export function useNow(everyMs: number): UnixMicros {
  const client = useClient();
  const [now, setNow] = useState(() => client.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(client.now()), everyMs);
    return () => clearInterval(timer);
  }, [client, everyMs]);
  return now;
}

/** A call made while the component is there: aborted when it goes or when `inputs` change. */
export function useAbort(): () => AbortSignal {
  const current = useRef<AbortController | null>(null);
  useEffect(() => () => current.current?.abort(), []);
  return useMemo(
    () => () => {
      current.current?.abort();
      current.current = new AbortController();
      return current.current.signal;
    },
    [],
  );
}
