import { openStore } from '#engine/historian/index.ts';
import { openWriter } from '#engine/historian/writer.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { QUALITY, type SampleBlock } from '#shared/model/index.ts';
import { registration } from '#test/integration/historian/direct.ts';
import { workers } from './historian-workers.ts';

/**
 * A program that appends to a history until it is killed: through the store with its threads (`store`), or through the
 * bare writer with such small segments that it seals and folds all the time (`writer`), or with larger chunks, which
 * are sealed for a recording and removed by retention meanwhile (`growing`). Each sample's value is its number, times rise by 1 ms a
 * sample, and now and then a sample comes late. After `blocks` blocks it only waits. A line with a number says that all samples up to it were acknowledged.
 */
const [path = '', first = '0', tagCount = '5', mode = 'store', blocks = 'Infinity'] = process.argv.slice(2);
const TAGS = Number(tagCount);
const START = 1_700_000_000_000_000;
/** Samples of a tag that retention keeps. */
const KEPT = 6_000;

const registrations = Array.from({ length: TAGS }, (_, index) => registration(index));
const append = mode === 'store' ? await throughStore() : await throughWriter();

async function throughStore(): Promise<(block: SampleBlock, upTo: number) => void> {
  const { store, recovery } = await openStore(
    { path, flushMs: 40 },
    { clock: systemClock(), log: createLogger(() => undefined), workers },
  );
  say(`opened ${recovery.samplesReplayed}`);
  store.register(registrations);
  return (block, upTo) => {
    store.append(block).then(
      () => say(`stored ${upTo} ${store.status().storedUntil}`),
      (error: unknown) => say(`failed ${String(error)}`),
    );
  };
}

async function throughWriter(): Promise<(block: SampleBlock, upTo: number) => void> {
  const writer = await openWriter(
    mode === 'growing'
      ? { path, flushMs: 20, segmentBytes: 400_000, foldMs: 100, chunkSamples: 4_096, textGraceMs: 0 }
      : { path, flushMs: 20, segmentBytes: 60_000, foldMs: 100, chunkSamples: 128, textGraceMs: 0 },
    {
      clock: systemClock(),
      onDurable: (note) =>
        note.error === null
          ? say(`stored ${note.upTo} ${note.counts.storedUntil}`)
          : say(`failed ${String(note.error)}`),
      onTexts: () => undefined,
      onLargeWal: () => undefined,
      warn: (text) => say(`failed ${text}`),
    },
  );
  say(`opened ${writer.started.recovery.samplesReplayed}`);
  writer.register(registrations);
  let appended = 0;
  return (block, upTo) => {
    writer.append(upTo, block);
    if (mode !== 'growing') return;
    appended++;
    if (appended % 20 === 0) void writer.seal(['tag-1', 'tag-2'], { from: START, to: START + upTo * 1_000 });
    if (appended % 30 === 0 && upTo > KEPT) {
      say(`pruning ${upTo - KEPT}`);
      void writer.prune(START + (upTo - KEPT) * 1_000);
    }
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

let next = Number(first);
for (let block = 0; ; block++) {
  if (block < Number(blocks)) appendNext();
  await new Promise((resolve) => setTimeout(resolve, 2));
}

function appendNext(): void {
  const perTag = 40;
  const length = perTag * TAGS;
  const block = {
    length,
    tag: new Uint32Array(length),
    time: new Float64Array(length),
    value: new Float64Array(length),
    quality: new Uint16Array(length),
    received: null,
  };
  let at = 0;
  for (let i = 0; i < perTag; i++) {
    for (let tag = 0; tag < TAGS; tag++) {
      // Every seventh pair of a tag's samples comes in the wrong order.
      const number = next + (i % 7 === 0 && i + 1 < perTag ? i + 1 : i % 7 === 1 ? i - 1 : i);
      block.tag[at] = tag;
      block.time[at] = START + number * 1_000;
      block.value[at] = number;
      block.quality[at] = QUALITY.good;
      at++;
    }
  }
  next += perTag;
  append(block, next);
}
