export type { Backup, BackupPolicy } from './backups.ts';
export { formatGraph, readGraph } from './graph-yaml.ts';
export type { LoadProblem } from './load.ts';
export { type LoadedRegistry, loadMetricRegistry, type ReadRegistryFile, registryFolder } from './metric-registry.ts';
export type { Change, RemovedDocument } from './plan.ts';
export { type ReplaceReport, replaceProject } from './replace.ts';
export {
  type ChangedDocument,
  type CommitResult,
  type LoadReport,
  openProject,
  type ProjectOptions,
  type ProjectStore,
} from './store.ts';
export { formatTagCsv, previewTagCsv, TAG_COLUMNS, type TagImportRow, type TagListContext } from './tag-csv.ts';
export { type PlacedIssue, placeText } from './yaml-document.ts';
