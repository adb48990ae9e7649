import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { DocumentChange, RecordingFile, RecordingState } from '#shared/model/index.ts';
import { makeConnection, makeDevice, makeTags } from '#test/support/documents.ts';
import { type EngineClient, startEngine } from '#test/support/engine.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { expectNoNewHandles, openHandles } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { mebibytes, openDescriptors, watchProcess } from './measure.ts';
import type { PlantOrder, PlantReady } from './plant-process.ts';
import { createSequences } from './sequence.ts';

// The whole engine at work over real sockets: live, the history, one screen, recordings that start and stop, and a link
// that is lost and comes back all the time. Nothing may be lost, and nothing may grow. PARX_SOAK_MINUTES sets how long.

const MINUTES = Number(process.env.PARX_SOAK_MINUTES ?? (LONG ? 10 : 0.3));
const RUN_MS = MINUTES * 60_000;
const LINKS = 4;
const TAGS = 500;
const PERIOD_MS = 100;
/** The link that is lost again and again. */
const RESTLESS = LINKS - 1;
const LOSE_EVERY_MS = 4_000;
const LOOK_EVERY_MS = 2_000;
const CHECK_EVERY_MS = Math.min(30_000, RUN_MS / 5);
const RECORD_EVERY_MS = Math.min(30_000, RUN_MS / 3);
const KEPT_RECORDINGS = 2;
const REGISTERS = 65_536;

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function startPlant(): Promise<{ ports: readonly number[]; order(what: PlantOrder): void }> {
  const child: ChildProcess = fork(new URL('./plant-process.ts', import.meta.url), [String(LINKS)]);
  cleanUp.push(async () => {
    if (child.exitCode !== null) return;
    child.send('end' satisfies PlantOrder);
    await once(child, 'exit');
  });
  const [ready] = (await once(child, 'message')) as [PlantReady];
  return { ports: ready.ports, order: (what) => child.send(what) };
}

function project(ports: readonly number[]): DocumentChange[] {
  const added = (kind: DocumentChange['kind'], document: { readonly id: string }): DocumentChange => ({
    kind,
    id: document.id,
    document: document as DocumentChange['document'],
    expected: null,
  });
  return ports.flatMap((port, link) => [
    added(
      'connection',
      makeConnection({ id: `link${link}`, name: `Link ${link}`, settings: { host: '127.0.0.1', port } }),
    ),
    added(
      'device',
      makeDevice({
        id: `device${link}`,
        connectionId: `link${link}`,
        name: `Device ${link}`,
        settings: { unitId: 1, responseTimeoutMs: 5_000 },
      }),
    ),
    ...makeTags(TAGS, (index) => ({
      id: `${link}-${index}`,
      name: `Tag ${link} ${index}`,
      deviceId: `device${link}`,
      address: `h${index}`,
      periodMs: PERIOD_MS,
    })).map((tag) => added('tag', tag)),
  ]);
}

const tagIds = (link: number): string[] => Array.from({ length: TAGS }, (_, index) => `${link}-${index}`);

it(
  `loses nothing and grows nowhere in ${MINUTES} minutes with ${LINKS * TAGS} tags, a restless link and recordings`,
  async () => {
    const plant = await startPlant();
    const { engine, client } = await startEngine(temporaryDirectory());
    cleanUp.push(() => engine.stop());
    const screen = client();
    await screen.project.commit({ changes: project(plant.ports) });

    let over = false;
    let allRunning = false;
    let state: RecordingState | null = null;
    let files: readonly RecordingFile[] = [];
    const shown = { items: 0, rows: 0, dropped: 0 };
    const follow = async <T>(stream: AsyncIterable<T>, take: (item: T) => void): Promise<void> => {
      for await (const item of stream) {
        if (over) return;
        take(item);
      }
    };
    const traces = Array.from({ length: 10 }, (_, index) => `0-${index * 50}`);
    const rows = createSequences(REGISTERS);
    const watching = Promise.all([
      follow(screen.live.values({ tags: tagIds(0).slice(0, 200), maxHz: 20 }), () => shown.items++),
      follow(screen.live.rows({ tags: traces, maxHz: 20 }), (item) => {
        shown.items++;
        shown.rows += item.time.length;
        shown.dropped += item.dropped;
        for (let row = 0; row < item.time.length; row++) {
          const one = [row, row + 1] as const;
          const tag = traces[item.position[row]!] ?? '';
          rows.follow(tag, item.time.subarray(...one), item.value.subarray(...one), item.quality.subarray(...one));
        }
      }),
      follow(screen.recording.watch(), (item) => {
        state = item;
      }),
      follow(screen.recording.files(), (item) => {
        files = item.files;
      }),
      follow(screen.connections.watch(), (item) => {
        shown.items++;
        allRunning = item.connections.every((link) => link.state === 'running');
      }),
    ]);
    watching.catch(() => {});
    const stored = (): number => (state as RecordingState | null)?.storedUntil ?? 0;
    const until = async (what: string, done: () => boolean): Promise<void> => {
      const limit = performance.now() + 30_000;
      while (!done()) {
        if (performance.now() > limit) throw new Error(`${what}: not within 30 s.`);
        await wait(20);
      }
    };

    const started = performance.now();
    const elapsed = (): number => performance.now() - started;
    const watch = watchProcess();
    cleanUp.push(() => watch.end());
    const history = createSequences(REGISTERS);
    const restless = createSequences(REGISTERS);
    let checked = 0;
    let recordings = 0;
    let losses = 0;
    let descriptors: number | null = null;
    let handles = openHandles();

    /** Reads back what has been stored since the last time, as a screen would, every sample of every tag. */
    const check = async (): Promise<void> => {
      const to = stored();
      for (let link = 0; link < LINKS; link++) {
        await readBack(screen, 'history', tagIds(link), checked, to, link === RESTLESS ? restless : history);
      }
      checked = to;
    };
    const record = async (): Promise<void> => {
      const name = `Soak ${++recordings}`;
      await screen.recording.start({ name, tagIds: [], preTriggerS: 1 });
      await wait(RECORD_EVERY_MS / 2);
      await screen.recording.stop();
      await until(`the file of ${name}`, () => files.some((file) => file.name === name));
      const file = files.find((one) => one.name === name)!;
      expect(file.samples).toBeGreaterThan((LINKS - 1) * TAGS * (RECORD_EVERY_MS / 2 / PERIOD_MS) * 0.5);
      const opened = await screen.recording.open({ id: file.id, path: null });
      const inFile = createSequences(REGISTERS);
      await readBack(screen, opened.id, traces, opened.from ?? 0, opened.to ?? 0, inFile);
      await screen.recording.close({ id: opened.id });
      expect(inFile.complaint).toBeNull();
      expect(inFile.good).toBeGreaterThan(traces.length);
      if (files.length <= KEPT_RECORDINGS) return;
      const oldest = files.toSorted((a, b) => (a.from ?? 0) - (b.from ?? 0))[0]!;
      await screen.recording.remove({ id: oldest.id });
    };
    const repeat = async (everyMs: number, act: () => unknown): Promise<void> => {
      for (let next = everyMs; next < RUN_MS; next += everyMs) {
        await wait(Math.max(0, next - elapsed()));
        await act();
      }
    };

    await until('the first samples on the disk', () => stored() > 0);
    checked = stored();
    await Promise.all([
      repeat(LOOK_EVERY_MS, () => watch.look()),
      repeat(CHECK_EVERY_MS, check),
      repeat(RECORD_EVERY_MS, record),
      repeat(LOSE_EVERY_MS, () => plant.order({ loseLink: RESTLESS, downMs: losses++ % 2 === 0 ? 0 : 700 })),
      wait(RUN_MS * 0.3)
        .then(() => until('all links there', () => allRunning))
        .then(() => {
          handles = openHandles();
          descriptors = openDescriptors();
        }),
    ]);
    await until('all links there', () => allRunning);
    const end = stored();
    await until('the last samples on the disk', () => stored() > end + 2_000_000);
    await check();

    const [early, late] = [watch.between(0.2, 0.4), watch.between(0.8, 1)];
    figures({
      minutes: MINUTES,
      samples: history.good + restless.good,
      lost: history.lost + restless.lost,
      'links lost': losses,
      recordings,
      'held MiB': `${mebibytes(early.held)} to ${mebibytes(late.held)}`,
      'resident MiB': `${mebibytes(early.resident)} to ${mebibytes(late.resident)}`,
      'stall p99 ms': `${early.stallP99.toFixed(1)} to ${late.stallP99.toFixed(1)}`,
    });
    if (process.env.PARX_SOAK_LOOKS !== undefined) {
      for (const look of watch.looks) {
        console.log(
          `${((look.at - started) / 1000).toFixed(0).padStart(5)} s  held ${mebibytes(look.held)} MiB  resident ${mebibytes(look.resident)} MiB  stall p99 ${look.stallP99.toFixed(1)} ms max ${look.stallMax.toFixed(0)} ms`,
        );
      }
    }
    expect(history.complaint).toBeNull();
    expect(restless.complaint).toBeNull();
    expect(history.bad, 'bad samples of links that were not lost').toBe(0);
    expect(restless.bad, 'the lost link was seen to be lost').toBeGreaterThanOrEqual(losses * TAGS * 0.5);
    // At least half the ticks on however busy a machine; what acquisition could not ask for is counted, not lost.
    expect(history.good).toBeGreaterThan(((LINKS - 1) * TAGS * RUN_MS) / PERIOD_MS / 2);
    expect(rows.complaint).toBeNull();
    expect(shown.dropped).toBe(0);
    const last = state as RecordingState | null;
    expect(last).toMatchObject({ dropped: 0, paused: null });

    // Two samples of a short run say little about a trend: there only what is gross is found.
    const [factor, slack] = LONG ? [1.05, 8] : [1.3, 32];
    expect(mebibytes(late.held), 'held MiB').toBeLessThan(mebibytes(early.held) * factor + slack);
    expect(mebibytes(late.resident), 'resident MiB').toBeLessThan(
      mebibytes(early.resident) * (factor + 0.1) + 4 * slack,
    );
    expect(late.stallP99, 'ms').toBeLessThan(2 * early.stallP99 + 10);
    expect((openDescriptors() ?? 0) - (descriptors ?? 0), 'more descriptors').toBeLessThanOrEqual(3);
    await expectNoNewHandles(handles);

    over = true;
    screen[Symbol.dispose]();
    await watching.catch(() => {});
  },
  RUN_MS + 120_000,
);

async function readBack(
  screen: EngineClient,
  source: string,
  tags: readonly string[],
  from: number,
  to: number,
  into: ReturnType<typeof createSequences>,
): Promise<void> {
  // Below one point a pixel the samples come as they are.
  for (let start = from; start < to; start += 60_000_000) {
    const range = { from: start, to: Math.min(to, start + 60_000_000) };
    for (let at = 0; at < tags.length; at += 200) {
      for await (const { series } of screen.history.view({
        source,
        tags: tags.slice(at, at + 200),
        range,
        pixels: 10_000,
      })) {
        for (const one of series) {
          expect(one.envelope, 'points merged').toBeNull();
          const end = one.time.findLastIndex((time) => time < range.to) + 1;
          const begin = one.time.findIndex((time) => time >= range.from);
          if (begin < 0) continue;
          into.follow(
            one.tag,
            one.time.subarray(begin, end),
            one.value.subarray(begin, end),
            one.quality.subarray(begin, end),
          );
        }
      }
    }
  }
}
