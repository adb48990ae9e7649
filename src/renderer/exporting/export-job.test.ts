import { describe, expect, it } from 'vitest';
import type { ExportJob } from '#shared/rpc/exporting.ts';
import { artifactPath, exportName, jobText } from './export-job.ts';

const job: ExportJob = {
  id: 'e1',
  name: 'coil',
  format: 'csv',
  state: 'running',
  progress: 0.4567,
  rows: 12_345,
  bytes: 2_500_000,
  started: 0,
  message: null,
  artifact: null,
};

describe('export names and texts', () => {
  it('make names that every file system takes', () => {
    expect(exportName('Running history', '2026-11-21 14-03-07')).toBe('Running history 2026-11-21 14-03-07');
    expect(exportName('a/b\\c:d*e?', '')).toBe('a-b-c-d-e-');
    expect(exportName('', '')).toBe('export');
    expect(exportName('x'.repeat(300), '').length).toBe(120);
  });
  it('say what a job is doing', () => {
    expect(jobText(job)).toBe('45 %, 12\u202f345 rows, 2.5 MB');
    expect(jobText({ ...job, state: 'waiting', progress: 0 })).toBe('Waits for the exports before it');
    expect(jobText({ ...job, state: 'done' })).toBe('12\u202f345 rows, 2.5 MB');
    expect(jobText({ ...job, state: 'failed', message: 'The disk is full.' })).toBe('The disk is full.');
  });
  it('keep ids inside their path', () => {
    expect(artifactPath('../x')).toBe('/artifacts/..%2Fx');
  });
});
