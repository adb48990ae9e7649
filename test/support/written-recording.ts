import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { PLAIN_RECIPE, type SampleBlock, type UnixMicros } from '#shared/model/index.ts';
import { sourceWorkers } from './engine.ts';

export interface WrittenRecording {
  /** Tags `tag-0`, named `Tag 00`, and so on. */
  readonly tags: number;
  /** Samples of each tag. */
  readonly polls: number;
  readonly from: UnixMicros;
  readonly periodMs: number;
}

/** The `n`th sample of a tag. */
export const writtenValue = (tag: number, n: number): number =>
  50 + 40 * Math.sin(n / (900 + 200 * tag)) + ((Math.imul(n + tag, 2_654_435_761) >>> 0) / 2 ** 32) * 4;

/** A recording of slow waves with some noise, as fast as the historian takes it. */
export async function writeRecording(path: string, { tags, polls, from, periodMs }: WrittenRecording): Promise<void> {
  const log = createLogger((line) => console.log(line.level, line.text));
  const folder = mkdtempSync(join(tmpdir(), 'parx-written-'));
  const { store } = await openStore(
    // Each block waits for the disk and for nothing else.
    { path: join(folder, 'history.parx'), flushMs: 0 },
    { clock: systemClock(), log, workers: sourceWorkers },
  );
  store.register(
    Array.from({ length: tags }, (_, index) => ({
      index,
      id: `tag-${index}`,
      name: `Tag ${String(index).padStart(2, '0')}`,
      description: '',
      connection: 'Written',
      device: 'Written',
      address: `${index}`,
      periodMs,
      timeKind: 'receive' as const,
      demo: false,
      decimals: null,
      range: null,
      recipe: PLAIN_RECIPE,
    })),
  );
  const chunk = 2_000;
  for (let first = 0; first < polls; first += chunk) {
    const length = Math.min(chunk, polls - first) * tags;
    const block: SampleBlock = {
      length,
      tag: new Uint32Array(length),
      time: new Float64Array(length),
      value: new Float64Array(length),
      quality: new Uint16Array(length),
      received: null,
    };
    for (let at = 0; at < length; at++) {
      const n = first + Math.floor(at / tags);
      const tag = at % tags;
      block.tag[at] = tag;
      block.time[at] = from + n * periodMs * 1000;
      block.value[at] = writtenValue(tag, n);
    }
    await store.append(block);
  }
  const range = { from, to: from + polls * periodMs * 1000 };
  await store.copyRange(path, basename(path, '.parx'), range, [], () => undefined, new AbortController().signal);
  await store.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
