export type { Backup, BackupPolicy } from './backups.ts';
export { formatGraph, readGraph } from './graph-yaml.ts';
export type { LoadProblem } from './load.ts';
export {
  type LoadedRegistry,
  loadMetricRegistry,
  openMetricRegistry,
  type ReadRegistryFile,
  registryFolder,
} from './metric-registry.ts';
export type { Change, RemovedDocument } from './plan.ts';
export { type ReplaceReport, replaceProject } from './replace.ts';
export { settingOfType } from './setting-text.ts';
export {
  type ChangedDocument,
  type CommitResult,
  type LoadReport,
  openProject,
  type ProjectOptions,
  type ProjectStore,
} from './store.ts';
export { TAG_COLUMNS } from './tag-columns.ts';
export { formatTagCsv } from './tag-csv.ts';
export { previewTagList, type TagImportPreview, type TagListContext, type TagListInput } from './tag-import.ts';
export { tagListFormats } from './tag-lists/index.ts';
export { isYamlDocument, type PlacedIssue, placeText, readYaml, type YamlDocument } from './yaml-document.ts';
