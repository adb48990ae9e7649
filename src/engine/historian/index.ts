export type { FileWork, FileWorkDone, SplitBy } from './file-work.ts';
export { openRecording, type RecordingDeps } from './open-recording.ts';
export { removeParts } from './part-file.ts';
export { statisticsOf, statisticsQuery } from './query.ts';
export type { Reread } from './reread.ts';
export type {
  Aggregate,
  AggregatedTag,
  HistorySource,
  NewEvent,
  OpenedFile,
  RecoveryReport,
  SampleStore,
  SearchPart,
  StoredTag,
  StoreOptions,
  StoreStatus,
  TagRegistration,
} from './store.ts';
export { openStore, type StoreDeps } from './store-client.ts';
export { workOnFiles } from './work-on-files.ts';
