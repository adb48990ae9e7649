export { fileChoices, historyChoice } from './send-choices.ts';
export { type SendChoice, SendDialog } from './send-dialog.tsx';
export { SendJobs } from './send-jobs.tsx';
