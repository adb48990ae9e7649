// What pages use of the client. Live samples never pass through React: `client.live.onFrame` and `client.live.trace`
// hand out views of ring buffers to whoever draws.
export { type AppClient, createClient, type NoticeInput } from './client.ts';
export {
  ClientProvider,
  useAbort,
  useClient,
  useConnectionStatus,
  useLivePaint,
  useNow,
  useProject,
  useProjectSettings,
  useRuntimeTag,
  useSession,
  useStores,
  useZone,
} from './hooks.ts';
export type { LatestSample, LiveTags } from './live-cache.ts';
export { freeName, newId } from './new-document.ts';
export type { Preferences } from './preferences.ts';
export type { Edit, ProjectEdits } from './project-edits.ts';
export { createRing, type Ring, type RingView } from './ring.ts';
export { errorText, type OpenPort, type Rpc, type Session, type SessionState } from './session.ts';
export type { AddTagsRequest, Notice, ProjectState, Stores, TrendRequest } from './stores.ts';
export type { TraceFeed } from './traces.ts';
