import { CircleCheck, CircleX, Hourglass, Loader, Trash2, TriangleAlert, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient, useStores } from '#renderer/client/index.ts';
import { IconButton, MiddleText } from '#renderer/ui/index.ts';
import type { RecordingJob } from '#shared/rpc/recordings.ts';
import { JOB_TITLES, recordingJobText } from './job-text.ts';

/** Work on recordings, the newest first: progress, cancel, result, forget. Nothing where there is none. */
export function RecordingJobs({ kinds }: { readonly kinds?: readonly RecordingJob['kind'][] }): ReactNode {
  const client = useClient();
  const all = useStores('recordingJobs', (state) => state.jobs);
  const jobs = kinds === undefined ? all : all.filter(({ kind }) => kinds.includes(kind));
  if (jobs.length === 0) return null;
  return (
    <ul className="rec-jobs" aria-label="Work on recordings">
      {jobs.map((job) => {
        const title = `${JOB_TITLES[job.kind]}: ${job.name}`;
        return (
          <li key={job.id} className="rec-job">
            <JobMark job={job} />
            <div className="rec-job-text">
              <MiddleText text={title} />
              <span className="quiet selectable">{recordingJobText(job)}</span>
              {job.state === 'running' && (
                <progress
                  className="rec-job-progress"
                  value={job.progress}
                  max={1}
                  aria-label={`Progress of ${title}`}
                />
              )}
              {job.sentences.map((sentence) => (
                <span key={sentence} className="selectable">
                  {sentence}
                </span>
              ))}
            </div>
            {job.state === 'running' || job.state === 'waiting' ? (
              <IconButton
                icon={X}
                label={`Cancel ${title}`}
                onClick={() => {
                  client.rpc.recordingJobs
                    .cancel({ id: job.id })
                    .catch((error: unknown) => client.fail(error, 'The work was not cancelled'));
                }}
              />
            ) : (
              <IconButton
                icon={Trash2}
                label={`Remove ${title} from the list`}
                onClick={() => {
                  client.rpc.recordingJobs
                    .remove({ id: job.id })
                    .catch((error: unknown) => client.fail(error, 'It was not removed from the list'));
                }}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}

const marks = { waiting: Hourglass, running: Loader, done: CircleCheck, failed: CircleX, cancelled: X } as const;
const words = {
  waiting: 'Waiting',
  running: 'Running',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
} as const;

function JobMark({ job }: { readonly job: RecordingJob }): ReactNode {
  const damaged = job.state === 'done' && job.sound === false;
  const Icon = damaged ? TriangleAlert : marks[job.state];
  return <Icon size={15} aria-label={damaged ? 'Done, with damage' : words[job.state]} role="img" />;
}
