import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { isBad } from '#shared/model/index.ts';
import { allItems, type EngineClient, firstItem } from '#test/support/engine.ts';
import { seededRandom } from '#test/support/random.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { startEngineProcess } from './engine-process.ts';

const ROUNDS = process.env.PARX_LONG === '1' ? 60 : 10;
const TAGS = ['demo-strip-speed', 'demo-strip-length', 'demo-s1-force', 'demo-coil-number'];

/** What a screen saw live, and up to when it was told that all is on the disk. */
interface Seen {
  readonly samples: ReadonlyMap<string, ReadonlyMap<number, number>>;
  storedUntil: number;
}

/** Watches as a screen does until the engine is gone. */
function watch(screen: EngineClient): Seen & { readonly gone: Promise<void>; readonly firstStored: Promise<void> } {
  const samples = new Map(TAGS.map((tag) => [tag, new Map<number, number>()]));
  let told: () => void = () => undefined;
  const firstStored = new Promise<void>((resolve) => {
    told = resolve;
  });
  const seen = { samples, storedUntil: 0 };
  const until = async (stream: Promise<void>): Promise<void> => {
    await stream.catch((error: unknown) => {
      if (!isAppError(error, 'rpc.disconnected')) throw error;
    });
  };
  const rows = async (): Promise<void> => {
    for await (const item of screen.live.rows({ tags: TAGS, maxHz: 50 })) {
      expect(item.dropped).toBe(0);
      for (const [index, position] of item.position.entries()) {
        if (isBad(item.quality[index] ?? 0)) continue;
        samples.get(TAGS[position] ?? '')?.set(item.time[index] ?? 0, item.value[index] ?? Number.NaN);
      }
    }
  };
  const recording = async (): Promise<void> => {
    for await (const { storedUntil } of screen.recording.watch()) {
      if (storedUntil === null || storedUntil <= seen.storedUntil) continue;
      // On a busy machine the groups of tags come one after the other: each must have something to be lost.
      const before = (times: ReadonlyMap<number, number>): boolean => [...times.keys()].some((at) => at < storedUntil);
      if (seen.storedUntil > 0 && [...samples.values()].every(before)) told();
      seen.storedUntil = storedUntil;
    }
  };
  const gone = Promise.all([until(rows()), until(recording())]).then(() => undefined);
  return Object.assign(seen, { gone, firstStored });
}

/** Samples that were seen, that lie before what was said to be stored, and that the history does not have so. */
async function missing(screen: EngineClient, { samples, storedUntil }: Seen): Promise<string[]> {
  const lost: string[] = [];
  const times = [...samples.values()].flatMap((one) => [...one.keys()]);
  const range = { from: Math.min(...times), to: storedUntil };
  const checked = new Set<string>();
  for (const { series } of await allItems(
    screen.history.view({ source: 'history', tags: TAGS, range, pixels: 10_000 }),
  )) {
    for (const { tag, time, value, envelope } of series) {
      expect(envelope, 'every sample, not merged ones').toBeNull();
      const stored = new Map(Array.from(time, (at, index) => [at, value[index]]));
      for (const [at, wanted] of samples.get(tag) ?? []) {
        if (at >= storedUntil) continue;
        checked.add(tag);
        if (!Object.is(stored.get(at), wanted)) lost.push(`${tag} ${at}: ${stored.get(at)} instead of ${wanted}`);
      }
    }
  }
  expect([...checked].sort()).toEqual([...TAGS].sort());
  return lost;
}

describe('an engine that is killed while it records', () => {
  it(`has all that it called stored, resumes its recording and gives each absence a reason, ${ROUNDS} times`, async () => {
    const folder = temporaryDirectory();
    // Any spread does; a fixed one makes a failure repeatable as far as kills are.
    const random = seededRandom(4711);
    const lives: Seen[] = [];
    let absences = 0;
    for (let round = 0; round <= ROUNDS; round++) {
      const engine = startEngineProcess(folder);
      const screen = await engine.screen();
      for (const life of lives.slice(-1)) expect(await missing(screen, life), `after kill ${round}`).toEqual([]);
      const { active } = await firstItem(screen.recording.watch());
      if (round === 0) await screen.recording.start({ name: 'Night shift', tagIds: [], preTriggerS: 0 });
      else {
        expect(active?.name).toBe('Night shift');
        const { gaps } = await screen.history.gaps({
          source: 'history',
          range: { from: lives.at(-1)?.storedUntil ?? 0, to: Date.now() * 1000 },
        });
        absences += gaps.filter(({ reason }) => /^The program ended without being stopped/.test(reason)).length;
        expect(absences, 'one gap for each absence').toBe(round);
      }
      if (round === ROUNDS) {
        // The last one ends in order: the recording becomes a file that holds every life.
        for (const life of lives) expect(await missing(screen, life)).toEqual([]);
        await screen.recording.stop();
        const { files } = await firstItem(screen.recording.files(), (item) => item.files.length === 1);
        expect(files[0]).toMatchObject({ name: 'Night shift', damage: [] });
        expect(await engine.stop(), engine.output()).toBe(0);
        break;
      }
      const seen = watch(screen);
      await seen.firstStored;
      await wait(random.next() * 1_200);
      await engine.kill();
      await seen.gone;
      lives.push(seen);
    }
  }, 600_000);
});
