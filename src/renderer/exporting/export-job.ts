import { formatBytes, formatCount } from '#renderer/ui/format.ts';
import type { ExportJob } from '#shared/rpc/exporting.ts';

/** A file name that every file system takes, made of the source and the range's start. */
export function exportName(source: string, from: string): string {
  const clean = `${source} ${from}`
    .replace(/[^\p{L}\p{N}_. -]+/gu, '-')
    .replace(/\s+/g, ' ')
    .trim();
  return clean.slice(0, 120) || 'export';
}

/** What a job is doing, in words. */
export function jobText(job: ExportJob): string {
  const amount = `${formatCount(job.rows)} rows, ${formatBytes(job.bytes)}`;
  switch (job.state) {
    case 'waiting':
      return 'Waits for the exports before it';
    case 'running':
      return `${Math.floor(job.progress * 100)} %, ${amount}`;
    case 'done':
      return job.message === null ? amount : `${amount}. ${job.message}`;
    case 'failed':
      return job.message ?? 'It failed. The log says more.';
    case 'cancelled':
      return 'Cancelled. Nothing was left behind.';
  }
}

/** Where the browser fetches a finished file. */
export const artifactPath = (artifact: string): string => `/artifacts/${encodeURIComponent(artifact)}`;
