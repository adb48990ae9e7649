export { EventsList } from './events-list.tsx';
export { type FetchChoice, FetchDialog } from './fetch-dialog.tsx';
export { NoteDialog } from './note-dialog.tsx';
export { OpenRecordingDialog } from './open-dialog.tsx';
export { useOpenedElsewhere } from './opened-elsewhere.ts';
export { RecordingControl } from './recording-control.tsx';
export { RecordingsPage } from './recordings-page.tsx';
export { useOpenRecording } from './use-open-recording.ts';
