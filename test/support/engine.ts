import { readFileSync } from 'node:fs';
import { createEngine, type Engine, type EngineOptions, type WorkerUrls } from '#engine/index.ts';
import { contract } from '#shared/rpc/contract.ts';
import { type ClientOf, connect, pairedPorts } from '#shared/rpc/index.ts';

/** Workers run from source: Node takes the types away itself. */
export const sourceWorkers: WorkerUrls = {
  'historian-writer': new URL('../../src/engine/historian/writer-worker.ts', import.meta.url),
  'historian-reader': new URL('../../src/engine/historian/reader-worker.ts', import.meta.url),
  exporter: new URL('../../src/engine/exporters/worker.ts', import.meta.url),
};

export type EngineClient = ClientOf<typeof contract> & Disposable;

export interface TestEngine {
  readonly engine: Engine;
  /** A screen's end of a new port. */
  client(role?: 'viewer' | 'operator' | 'engineer' | 'admin'): EngineClient;
}

/** The whole engine under plain Node, on a data folder of the test. */
export async function startEngine(
  dataDirectory: string,
  options: Partial<
    Pick<EngineOptions, 'host' | 'clock' | 'history' | 'logLevel' | 'onLog' | 'without' | 'sources'>
  > = {},
): Promise<TestEngine> {
  const engine = await createEngine({
    dataDirectory,
    workers: sourceWorkers,
    version: '0.0.0-test',
    logLevel: 'info',
    host: { kind: 'server' },
    history: { maxAgeMs: 30 * 86_400_000, maxBytes: 10 * 1024 ** 3, flushMs: 100 },
    demoProject: readFileSync(new URL('../../resources/demo-project.json', import.meta.url), 'utf8'),
    ...options,
  });
  return {
    engine,
    client(role = 'admin') {
      const [ours, theirs] = pairedPorts();
      engine.attach(theirs, { user: 'test', role });
      return connect(contract, ours) as EngineClient;
    },
  };
}

/** The first item of a stream that satisfies `wanted`; ends the stream. Rejects when it ends before. */
export async function firstItem<T>(stream: AsyncIterable<T>, wanted: (item: T) => boolean = () => true): Promise<T> {
  for await (const item of stream) if (wanted(item)) return item;
  throw new Error('The stream ended before the wanted item came.');
}

export async function allItems<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
