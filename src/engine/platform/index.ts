export { type Clock, systemClock } from './clock.ts';
export { createLogger, type Logger, type LogLevel, type LogLine } from './log.ts';
export type { WorkerName, WorkerUrls } from './workers.ts';
