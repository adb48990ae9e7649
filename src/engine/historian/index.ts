export { openRecording, type RecordingDeps } from './open-recording.ts';
export {
  type Aggregate,
  type AggregatedTag,
  type SearchPart,
  statisticsOf,
  statisticsQuery,
} from './query.ts';
export type {
  HistorySource,
  NewEvent,
  OpenedFile,
  RecoveryReport,
  SampleStore,
  StoredTag,
  StoreOptions,
  StoreStatus,
  TagRegistration,
} from './store.ts';
export { openStore, type StoreDeps } from './store-client.ts';
