export { type Archive, createArchive } from './archive.ts';
export { createExportJobs, type ExportJobs, type ExportRequest } from './export-jobs.ts';
export { createRangeFetcher, type FetchRequest, type RangeFetcher } from './fetch-range.ts';
export { createRecordingFiles, type RecordingFiles } from './files.ts';
export { createRecorder, type Recorder, type RecorderMemory } from './recorder.ts';
export { createRecordingJobs, type RecordingJobs } from './recording-jobs.ts';
export { createSendJobs, type SendJobs, type SendTargets } from './send-jobs.ts';
export type { SeriesThere } from './sent-series.ts';
