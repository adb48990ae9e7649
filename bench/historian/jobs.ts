import { fork } from 'node:child_process';
import type { ContestantId } from './contestants.ts';
import type { Asked, Cold, Loaded, Memory, Question, Restarted, Streamed } from './measures.ts';
import type { Size } from './mix.ts';

/** What a child process is asked to do, and what it answers. */
export interface Jobs {
  stream: { ask: { who: ContestantId; folder: string; commits: number }; answer: Streamed };
  steady: { ask: { who: ContestantId; folder: string; seconds: number }; answer: number };
  load: { ask: { who: ContestantId; folder: string; size: Size; window: number }; answer: Loaded };
  ask: { ask: { who: ContestantId; folder: string; size: Size; budgetMs: number }; answer: Asked };
  cold: { ask: { who: ContestantId; folder: string; size: Size }; answer: Record<Question, Cold> };
  memory: { ask: { folder: string; tags: number; perTag: number }; answer: Memory };
  /** Never ends by itself: its answer comes when it may be killed. */
  fill: { ask: { folder: string; tags: number; perTag: number }; answer: null };
  restart: { ask: { folder: string }; answer: Restarted };
}

export type JobName = keyof Jobs;
export type Job = { [Name in JobName]: { readonly name: Name; readonly ask: Jobs[Name]['ask'] } }[JobName];

export interface Done<Name extends JobName> {
  readonly answer: Jobs[Name]['answer'];
  /** Of the loop that has nothing to do with the program, in the same process just before. */
  readonly calibrationMs: number;
}

/** Runs a job in a process of its own, of bundled `code`. With `profiles` V8 writes a profile of each thread there. */
export function run<Name extends JobName>(
  name: Name,
  ask: Jobs[Name]['ask'],
  code: string,
  profiles: string | null,
): Promise<Done<Name>> {
  const profile = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const child = fork(`${code}/child.js`, [], {
    serialization: 'advanced',
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning', ...profile],
  });
  const finished = new Promise<Done<Name>>((resolve, reject) => {
    let done: Done<Name> | { readonly error: string } | undefined;
    child.on('message', (message: Done<Name> | { readonly error: string }) => {
      done = message;
      if (name === 'fill') child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (done === undefined) reject(new Error(`The measure "${name}" ended without an answer (${signal ?? code}).`));
      else if ('error' in done) reject(new Error(done.error));
      else resolve(done);
    });
  });
  child.send({ name, ask });
  return finished;
}
