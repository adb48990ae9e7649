import { Trash2, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient, useStores } from '#renderer/client/index.ts';
import { IconButton, JobMark, MiddleText } from '#renderer/ui/index.ts';
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
            <JobMark state={job.state} warning={job.sound === false && 'Done, with damage'} />
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
