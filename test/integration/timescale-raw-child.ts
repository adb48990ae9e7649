import { parentPort, workerData } from 'node:worker_threads';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

/**
 * Runs one statement in a heap that its parent has limited, and tells what came and how many bytes of columns there were
 * at the most.
 */
export interface RawWork {
  readonly settings: unknown;
  readonly password: string;
  readonly text: string;
  readonly rows: number;
}
export interface RawDone {
  readonly samples: number;
  readonly sum: number;
  readonly mostBytes: number;
}

const { settings, password, text, rows } = workerData as RawWork;
const never = new AbortController().signal;
const connection = await timescale.connect(
  timescale.config.parse(settings),
  tsdbContext({ secrets: { password } }),
  never,
);
let mostBytes = 0;
const look = (): void => {
  mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers);
};
const timer = setInterval(look, 5);
const { series } = await connection.raw!({ text, range: { from: 0, to: 1e15 }, limit: rows }, never);
look();
clearInterval(timer);
await connection.close();
const done: RawDone = {
  samples: series.reduce((count, { time }) => count + time.length, 0),
  sum: series.reduce((all, { value }) => all + value.reduce((a, b) => a + b, 0), 0),
  mostBytes,
};
parentPort!.postMessage(done);
