import { formatCount, plural } from '#renderer/ui/index.ts';
import type { SendJob } from '#shared/rpc/sending.ts';

export const sendTitle = (job: SendJob): string => `${job.sourceName} to ${job.targetName}`;

/** How far a send is or what came of it, in words. */
export function sendText(job: SendJob): string {
  const of = `${formatCount(job.done)} of ${plural(job.total, 'sample')}`;
  switch (job.state) {
    case 'waiting':
      return 'Waits for the send before it';
    case 'running':
      if (job.message !== null) return `${of}. Waits: ${job.message}`;
      if (job.total === 0) return 'Counting what there is…';
      return job.rate < 1 ? of : `${of}, ${formatCount(Math.round(job.rate))} 1/s`;
    case 'cancelled':
      return `Cancelled. ${plural(job.sent, 'sample')} of ${plural(job.total, 'sample')} lie there and stay.`;
    case 'failed':
      return `${plural(job.sent, 'sample')} of ${plural(job.total, 'sample')} lie there. ${job.message ?? 'It failed.'}`;
    case 'done': {
      const parts = [`${plural(job.sent, 'sample')} of ${plural(job.tags, 'tag')} lie there`];
      if (job.marks > 0) parts.push(`${formatCount(job.marks)} of them without a value where a gap begins`);
      parts.push(job.refused === 0 ? 'none was refused' : `${formatCount(job.refused)} were refused`);
      return `${parts.join(', ')}.${job.message === null ? '' : ` ${job.message}`}`;
    }
  }
}
