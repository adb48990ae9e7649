export { ExportDialog, type ExportDialogProps } from './export-dialog.tsx';
export { ExportJobs } from './export-jobs.tsx';
