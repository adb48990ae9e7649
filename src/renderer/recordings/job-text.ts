import { formatBytes, formatCount, plural } from '#renderer/ui/index.ts';
import type { RecordingJob } from '#shared/rpc/recordings.ts';

export const JOB_TITLES: Readonly<Record<RecordingJob['kind'], string>> = {
  verify: 'Check',
  repair: 'Repair',
  compact: 'Make compact',
  split: 'Split',
  merge: 'Merge',
  fetch: 'Fetch',
};

/** How far a job is or what came of it, in words. */
export function recordingJobText(job: RecordingJob): string {
  switch (job.state) {
    case 'waiting':
      return 'Waits for the work before it';
    case 'running':
      return `${Math.floor(job.progress * 100)} %`;
    case 'cancelled':
      return `Cancelled. ${job.message ?? 'Nothing was left behind.'}`;
    case 'failed':
      return job.message ?? 'Failed.';
    case 'done': {
      const samples = plural(job.samples, 'sample');
      if (job.kind === 'verify') {
        return job.sound === true
          ? `Sound: ${samples}, everything is as it was written.`
          : `Damaged; ${samples} are sound.`;
      }
      const bytes = formatBytes(job.files.reduce((sum, file) => sum + file.bytes, 0));
      const [first] = job.files;
      const what = job.files.length === 1 ? (first?.id ?? '') : `${formatCount(job.files.length)} files`;
      return `${what}: ${samples}, ${bytes}.${job.kind === 'repair' && job.sound === true ? ' Nothing is missing.' : ''}`;
    }
  }
}
