import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRunning } from '#engine/tsdb/running/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { instant, relation } from '#engine/tsdb/timescale/sql.ts';
import { viewerOf } from '#engine/tsdb/viewer.ts';
import { DEFAULT_LIMITS, type TimeRange } from '#shared/model/index.ts';
import type { PostgresServer } from '#test/support/postgres.ts';
import { panZoom } from './pan-zoom.ts';
import { configOf, contextOf, makeTables, median, never, timed, type Verdict, verdict } from './rig.ts';

const SCHEMA = 'week';
/** Points of a window, as wide as a screen. */
const WIDTH = 1_500;
/** One question of so many is asked without the cache too: they take long, and their time alone is looked at. */
const WITHOUT_EVERY = 10;

interface Question {
  readonly range: TimeRange;
  readonly pixels: number;
}

/**
 * A recorded way of panning and zooming, with the cache of the running source and without: every window that was drawn,
 * asked as it is by whoever keeps nothing; and what the trend itself, which keeps tiles, asked on that way.
 * `questions` of each, and samples so far apart: fewer for a try.
 */
export async function measureCache(
  server: PostgresServer,
  questions = Number.POSITIVE_INFINITY,
  everySeconds = panZoom.everySeconds,
): Promise<Verdict[]> {
  await fill(server, everySeconds);
  const draw = async (asked: readonly Question[], cacheMegabytes: number) => {
    const running = createRunning({
      name: 'bench',
      backend: timescale,
      limits: { ...DEFAULT_LIMITS, cacheMegabytes },
      clock: systemClock(),
      log: createLogger(() => undefined),
      connect: (signal) => timescale.connect(configOf(server, SCHEMA), contextOf(server), signal),
      onChange: () => undefined,
    });
    try {
      const connection = await running.open(never);
      const viewer = viewerOf(running.backend, connection);
      const { tags } = await connection.tags!({ text: '', ids: null, limit: 10, offset: 0 }, never);
      if (tags.length !== panZoom.tags) throw new Error(`WRONG ANSWER: ${tags.length} tags`);
      const ids = tags.map(({ id }) => id);
      const times: number[] = [];
      for (const { range, pixels } of asked) times.push(await timed(() => viewer.view(ids, range, pixels, never)));
      return { cache: running.status().health.cache, times };
    } finally {
      await running.close();
    }
  };
  const measure = async (name: string, asked: readonly Question[], floor: number | null): Promise<Verdict[]> => {
    const without = await draw(
      asked.filter((_, n) => n % WITHOUT_EVERY === 0),
      0,
    );
    const { cache, times } = await draw(asked, DEFAULT_LIMITS.cacheMegabytes);
    const ratio = cache.hits / (cache.hits + cache.misses);
    const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;
    return [
      verdict(
        `cache: hits, ${name}`,
        ratio,
        floor,
        `${cache.hits} of ${cache.hits + cache.misses} tiles, ${asked.length} questions`,
      ),
      verdict(
        `cache: time without to with, ${name}`,
        mean(without.times) / mean(times),
        null,
        `half of them within ${median(without.times).toFixed(1)} ms, ${median(times).toFixed(1)} ms`,
      ),
    ];
  };
  const shown = panZoom.shown.slice(0, questions).map(([from, to]) => ({
    range: { from: panZoom.from + from * 1e6, to: panZoom.from + to * 1e6 },
    pixels: WIDTH,
  }));
  const asked = panZoom.asked.slice(0, questions).map(([from, to, pixels]) => ({ range: { from, to }, pixels }));
  return [
    ...(await measure('windows of a recorded way', shown, 0.8)),
    ...(await measure('what the trend asked on it', asked, null)),
  ];
}

/** The tags that the way led through. */
async function fill(server: PostgresServer, everySeconds: number): Promise<void> {
  const { from, days, tags } = panZoom;
  await makeTables(server, SCHEMA, []);
  const statements = [
    `INSERT INTO ${relation(SCHEMA, 'series')} (metric, type, unit, labels)
SELECT 'bench.value', 'gauge', 'm/min', jsonb_build_object('tag', n::text) FROM generate_series(1, ${tags}) n`,
    `INSERT INTO ${relation(SCHEMA, 'samples')} (time, value, series, quality)
SELECT TIMESTAMPTZ '${instant(from)}' + n * INTERVAL '${everySeconds} seconds', 50 + 40 * sin(n / 900.0) + n % 7, id, 0
FROM generate_series(0, ${(days * 86_400) / everySeconds - 1}) n, ${relation(SCHEMA, 'series')}`,
    'VACUUM ANALYZE',
  ];
  for (const statement of statements) await server.run(statement);
}
