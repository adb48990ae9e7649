export { createRunning, type RunningOptions, type RunningSource, type RunningStatus } from './running.ts';
export { SLOW_QUERY_MS } from './statistics.ts';
