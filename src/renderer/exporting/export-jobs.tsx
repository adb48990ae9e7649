import { Download, Trash2, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient, useStores, useZone } from '#renderer/client/index.ts';
import { Button, formatTime, IconButton, JobMark, MiddleText } from '#renderer/ui/index.ts';
import type { ExportJob } from '#shared/rpc/exporting.ts';
import { artifactPath, jobText } from './export-job.ts';
import './exporting.css';

/** Exports of this engine, the newest first: progress, cancel, fetch, forget. */
export function ExportJobs(): ReactNode {
  const client = useClient();
  const zone = useZone();
  const jobs = useStores('exports', (state) => state.jobs);
  const desktop = useStores('health', (state) => state.health?.host === 'desktop');
  if (jobs.length === 0)
    return <p className="export-none quiet">No exports yet. What is exported is listed here until it is removed.</p>;
  const saveAs = (job: ExportJob): void => {
    client.rpc.exports
      .saveAs({ id: job.artifact ?? job.id })
      .then(({ saved }) => {
        if (saved) client.notify({ kind: 'info', text: `"${job.name}" was saved.` });
      })
      .catch((error: unknown) => client.fail(error, `"${job.name}" could not be saved`));
  };
  const newest = [...jobs].sort((a, b) => b.started - a.started);
  return (
    <ul className="export-jobs" aria-label="Exports">
      {newest.map((job) => (
        <li key={job.id} className="export-job" data-state={job.state}>
          <JobMark state={job.state} />
          <div className="export-job-text">
            <MiddleText text={job.name} />
            <span className="quiet">
              {job.format.toUpperCase()} · {formatTime(job.started, zone)} · {jobText(job)}
            </span>
            {job.state === 'running' && (
              <progress
                className="export-progress"
                value={job.progress}
                max={1}
                aria-label={`Progress of ${job.name}`}
              />
            )}
          </div>
          {job.artifact !== null && job.state === 'done' && desktop && (
            <Button icon={Download} onClick={() => saveAs(job)} aria-label={`Save ${job.name} as`}>
              Save as
            </Button>
          )}
          {job.artifact !== null && job.state === 'done' && !desktop && (
            <a
              className="btn"
              data-icon
              data-look="plain"
              href={artifactPath(job.artifact)}
              download
              aria-label={`Save ${job.name}`}
              title="Save the file"
            >
              <Download size={15} aria-hidden />
            </a>
          )}
          {job.state === 'running' || job.state === 'waiting' ? (
            <IconButton
              icon={X}
              label={`Cancel ${job.name}`}
              onClick={() => {
                client.rpc.exports
                  .cancel({ id: job.id })
                  .catch((error: unknown) => client.fail(error, 'The export was not cancelled'));
              }}
            />
          ) : (
            <IconButton
              icon={Trash2}
              label={`Remove ${job.name} from the list`}
              onClick={() => {
                client.rpc.exports
                  .remove({ id: job.id })
                  .catch((error: unknown) => client.fail(error, 'The export was not removed'));
              }}
            />
          )}
        </li>
      ))}
    </ul>
  );
}
