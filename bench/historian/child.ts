// One measure in a process of its own; see jobs.ts.
import { mkdirSync } from 'node:fs';
import { loadContestant } from './contestants.ts';
import type { Job } from './jobs.ts';
import { ask, cold, fillUntilKilled, load, memory, restart, steady, stream } from './measures.ts';
import { calibrate } from './system.ts';

process.once('message', (job: Job) => void serve(job));

async function serve(job: Job): Promise<void> {
  try {
    const calibrationMs = calibrate();
    mkdirSync(job.ask.folder, { recursive: true });
    const answer = await answerTo(job, () => process.send!({ answer: null, calibrationMs }));
    process.send!({ answer, calibrationMs }, () => process.disconnect());
  } catch (error) {
    process.send!({ error: `${job.name}: ${error instanceof Error ? error.stack : String(error)}` }, () =>
      process.exit(1),
    );
  }
}

async function answerTo(job: Job, ready: () => void): Promise<unknown> {
  switch (job.name) {
    case 'stream':
      return stream(await loadContestant(job.ask.who), job.ask.folder, job.ask.commits);
    case 'steady':
      return steady(await loadContestant(job.ask.who), job.ask.folder, job.ask.seconds);
    case 'load':
      return load(await loadContestant(job.ask.who), job.ask.folder, job.ask.size, job.ask.window);
    case 'ask':
      return ask(await loadContestant(job.ask.who), job.ask.folder, job.ask.size, job.ask.budgetMs);
    case 'cold':
      return cold(await loadContestant(job.ask.who), job.ask.folder, job.ask.size);
    case 'memory':
      return memory(job.ask.folder, job.ask.tags, job.ask.perTag);
    case 'fill':
      return fillUntilKilled(job.ask.folder, job.ask.tags, job.ask.perTag, ready);
    case 'restart':
      return restart(job.ask.folder);
  }
}
