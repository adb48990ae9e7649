import { createStore, type StoreApi } from 'zustand/vanilla';
import type {
  Alert,
  ConnectionDocument,
  ConnectionStatus,
  DeviceDocument,
  DocumentKind,
  EngineHealth,
  GraphDocument,
  ProjectSettings,
  RecorderDocument,
  RecordingFile,
  RecordingState,
  SourceDocument,
  SourceStatus,
  Stored,
  TagDocument,
  TrendDocument,
  ValueType,
} from '#shared/model/index.ts';
import type { Catalogue } from '#shared/rpc/catalogue.ts';
import type { RuntimeTagInfo } from '#shared/rpc/contract.ts';
import type { ExportJob } from '#shared/rpc/exporting.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { RecordingJob } from '#shared/rpc/recordings.ts';
import type { SendJob } from '#shared/rpc/sending.ts';

type StoredMap<T> = ReadonlyMap<string, Stored<T>>;

/** The project's documents as the engine has them; drafts live with the forms that edit them. */
export interface ProjectState {
  /** False until the first complete answer; then true, also while disconnected. */
  readonly loaded: boolean;
  readonly settings: StoredMap<ProjectSettings>;
  readonly connection: StoredMap<ConnectionDocument>;
  readonly device: StoredMap<DeviceDocument>;
  readonly tag: StoredMap<TagDocument>;
  readonly recorder: StoredMap<RecorderDocument>;
  readonly trend: StoredMap<TrendDocument>;
  readonly source: StoredMap<SourceDocument>;
  readonly graph: StoredMap<GraphDocument>;
}

export interface Notice {
  readonly id: number;
  readonly kind: 'info' | 'error';
  readonly text: string;
  readonly advice: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly action: { readonly label: string; run(): void } | null;
  /** Gone with the next edit of the project: what it offers would then be something else, or is done. */
  readonly untilEdit: boolean;
}

export interface Stores {
  readonly project: StoreApi<ProjectState>;
  readonly connections: StoreApi<{ readonly byId: ReadonlyMap<string, ConnectionStatus> }>;
  readonly sources: StoreApi<{ readonly loaded: boolean; readonly byId: ReadonlyMap<string, SourceStatus> }>;
  readonly tags: StoreApi<{ readonly loaded: boolean; readonly byId: ReadonlyMap<string, RuntimeTagInfo> }>;
  readonly alerts: StoreApi<{ readonly alerts: readonly Alert[] }>;
  readonly recording: StoreApi<{ readonly state: RecordingState | null }>;
  readonly files: StoreApi<{
    readonly loaded: boolean;
    readonly files: readonly RecordingFile[];
    readonly opened: readonly RecordingFile[];
  }>;
  readonly health: StoreApi<{ readonly health: EngineHealth | null; readonly receivedAt: number }>;
  readonly exports: StoreApi<{ readonly jobs: readonly ExportJob[] }>;
  readonly recordingJobs: StoreApi<{ readonly jobs: readonly RecordingJob[] }>;
  readonly sendJobs: StoreApi<{ readonly jobs: readonly SendJob[] }>;
  readonly catalogue: StoreApi<{ readonly catalogue: Catalogue | null }>;
  /** What the answers to clicks have to say: errors without a place of their own, and offers to undo. */
  readonly notices: StoreApi<{ readonly notices: readonly Notice[] }>;
  /** Where the trend reads history from, and which tags another page asked it to show. */
  readonly view: StoreApi<{
    readonly openedSource: string;
    readonly trendRequest: TrendRequest | null;
    /** Device that tags are to be added to; the tags page takes it away when its dialog opens. */
    readonly addTagsTo: AddTagsRequest | null;
  }>;
}

/** What "Add tags" begins with, where another page knows it. */
export interface AddTagsRequest {
  readonly deviceId: string;
  readonly start: { readonly address: string; readonly type: ValueType; readonly count: number } | null;
}

/** Tags or a saved trend that a page sends to the trend; the trend takes the request away when it has shown them. */
export interface TrendRequest {
  /** A trend document to open first; null leaves what is drawn. */
  readonly trendId: string | null;
  readonly tagIds: readonly string[];
  /** Add to what is drawn, or replace it. */
  readonly mode: 'add' | 'replace';
}

export const emptyProject: ProjectState = {
  loaded: false,
  settings: new Map(),
  connection: new Map(),
  device: new Map(),
  tag: new Map(),
  recorder: new Map(),
  trend: new Map(),
  source: new Map(),
  graph: new Map(),
};

export function createStores(): Stores {
  return {
    project: createStore<ProjectState>(() => emptyProject),
    connections: createStore(() => ({ byId: new Map<string, ConnectionStatus>() })),
    sources: createStore(() => ({ loaded: false, byId: new Map<string, SourceStatus>() })),
    tags: createStore(() => ({ loaded: false, byId: new Map<string, RuntimeTagInfo>() })),
    alerts: createStore(() => ({ alerts: [] as readonly Alert[] })),
    recording: createStore(() => ({ state: null as RecordingState | null })),
    files: createStore(() => ({
      loaded: false,
      files: [] as readonly RecordingFile[],
      opened: [] as readonly RecordingFile[],
    })),
    health: createStore(() => ({ health: null as EngineHealth | null, receivedAt: 0 })),
    exports: createStore(() => ({ jobs: [] as readonly ExportJob[] })),
    recordingJobs: createStore(() => ({ jobs: [] as readonly RecordingJob[] })),
    sendJobs: createStore(() => ({ jobs: [] as readonly SendJob[] })),
    catalogue: createStore(() => ({ catalogue: null as Catalogue | null })),
    notices: createStore(() => ({ notices: [] as readonly Notice[] })),
    view: createStore(() => ({
      openedSource: RUNNING_HISTORY,
      trendRequest: null as TrendRequest | null,
      addTagsTo: null as AddTagsRequest | null,
    })),
  };
}

interface ProjectItem {
  readonly complete: boolean;
  readonly changes: readonly {
    readonly kind: DocumentKind;
    readonly id: string;
    readonly revision: number;
    readonly document?: unknown;
  }[];
}

/**
 * Takes items of `project.watch`. After each (re)connect the whole project comes first, in several items; it replaces
 * what is shown only when it is complete, so that the page never shows half of it.
 */
export function createProjectIntake(store: StoreApi<ProjectState>): (item: ProjectItem, generation: number) => void {
  let filling: { generation: number; maps: Record<DocumentKind, Map<string, Stored<unknown>>> } | null = null;
  let settled = -1;
  /** Every document that was seen, in the project's order: one that is put back stands where it was. */
  const places = new Map<string, number>();
  const emptyMaps = (): Record<DocumentKind, Map<string, Stored<unknown>>> => ({
    settings: new Map(),
    connection: new Map(),
    device: new Map(),
    tag: new Map(),
    recorder: new Map(),
    trend: new Map(),
    source: new Map(),
    graph: new Map(),
  });
  const apply = (maps: Record<DocumentKind, Map<string, Stored<unknown>>>, changes: ProjectItem['changes']): void => {
    const back = new Set<DocumentKind>();
    for (const change of changes) {
      // The engine validated the document with this kind's schema when it was written.
      if (change.document === null || change.document === undefined) maps[change.kind].delete(change.id);
      else {
        const key = `${change.kind}/${change.id}`;
        if (!places.has(key)) places.set(key, places.size);
        else if (!maps[change.kind].has(change.id)) back.add(change.kind);
        maps[change.kind].set(change.id, { revision: change.revision, document: change.document });
      }
    }
    const placeOf = (kind: DocumentKind, id: string): number => places.get(`${kind}/${id}`) ?? places.size;
    for (const kind of back) {
      maps[kind] = new Map([...maps[kind]].sort(([a], [b]) => placeOf(kind, a) - placeOf(kind, b)));
    }
  };
  return (item, generation) => {
    if (settled !== generation) {
      if (filling === null || filling.generation !== generation) {
        filling = { generation, maps: emptyMaps() };
        places.clear();
      }
      apply(filling.maps, item.changes);
      if (!item.complete) return;
      store.setState({ loaded: true, ...(filling.maps as unknown as Omit<ProjectState, 'loaded'>) });
      settled = generation;
      filling = null;
      return;
    }
    const touched = new Set(item.changes.map((change) => change.kind));
    const maps = { ...(store.getState() as unknown as Record<DocumentKind, Map<string, Stored<unknown>>>) };
    for (const kind of touched) maps[kind] = new Map(maps[kind]);
    apply(maps, item.changes);
    const changed: Partial<Record<DocumentKind, Map<string, Stored<unknown>>>> = {};
    for (const kind of touched) changed[kind] = maps[kind];
    store.setState(changed as unknown as Partial<ProjectState>);
  };
}

interface TagsItem {
  readonly complete: boolean;
  readonly tags: readonly RuntimeTagInfo[];
  readonly removed: readonly string[];
}

/** Takes items of `tags.watch` in the same way. */
export function createTagsIntake(store: Stores['tags']): (item: TagsItem, generation: number) => void {
  let filling: { generation: number; map: Map<string, RuntimeTagInfo> } | null = null;
  let settled = -1;
  return (item, generation) => {
    const whole = settled !== generation;
    if (whole && (filling === null || filling.generation !== generation)) filling = { generation, map: new Map() };
    const map = whole && filling !== null ? filling.map : new Map(store.getState().byId);
    for (const tag of item.tags) map.set(tag.id, tag);
    for (const removed of item.removed) map.delete(removed);
    if (whole && !item.complete) return;
    settled = generation;
    filling = null;
    store.setState({ loaded: true, byId: map });
  };
}
