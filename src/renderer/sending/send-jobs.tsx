import { Play, Trash2, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient, useStores } from '#renderer/client/index.ts';
import { IconButton, JobMark, MiddleText } from '#renderer/ui/index.ts';
import { sendText, sendTitle } from './send-text.ts';
import './sending.css';

/** Sends, the newest first: progress, cancel, go on, result, forget. Nothing where there is none. */
export function SendJobs({ target }: { readonly target?: string }): ReactNode {
  const client = useClient();
  const all = useStores('sendJobs', (state) => state.jobs);
  const jobs = target === undefined ? all : all.filter((job) => job.target === target);
  if (jobs.length === 0) return null;
  const act = (name: 'cancel' | 'resume' | 'remove', id: string, failed: string): void => {
    client.rpc.sending[name]({ id }).catch((error: unknown) => client.fail(error, failed));
  };
  return (
    <ul className="send-jobs" aria-label="Sends to sources">
      {jobs.map((job) => {
        const title = sendTitle(job);
        const open = job.state === 'running' || job.state === 'waiting';
        return (
          <li key={job.id} className="send-job">
            <JobMark
              state={job.state}
              warning={job.refused > 0 && 'Done, with refusals'}
              stuck={job.message !== null && 'Waiting for the source'}
            />
            <div className="send-job-text">
              <MiddleText text={title} />
              <span className="quiet selectable">{sendText(job)}</span>
              {job.state === 'running' && (
                <progress
                  className="send-job-progress"
                  value={job.total === 0 ? 0 : job.done / job.total}
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
            {open ? (
              <IconButton
                icon={X}
                label={`Cancel ${title}`}
                onClick={() => act('cancel', job.id, 'The send was not cancelled')}
              />
            ) : (
              <>
                <IconButton
                  icon={Play}
                  label={job.state === 'done' ? `Send what has come since, ${title}` : `Go on with ${title}`}
                  onClick={() => act('resume', job.id, 'The send does not go on')}
                />
                <IconButton
                  icon={Trash2}
                  label={`Remove ${title} from the list`}
                  onClick={() => act('remove', job.id, 'It was not removed from the list')}
                />
              </>
            )}
          </li>
        );
      })}
    </ul>
  );
}
