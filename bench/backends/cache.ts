import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRunning } from '#engine/tsdb/running/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { relation } from '#engine/tsdb/timescale/sql.ts';
import { viewerOf } from '#engine/tsdb/viewer.ts';
import { DEFAULT_LIMITS, type TimeRange } from '#shared/model/index.ts';
import type { PostgresServer } from '#test/support/postgres.ts';
import { panZoom } from './pan-zoom.ts';
import { configOf, contextOf, median, never, timed, type Verdict, verdict } from './rig.ts';

const WIDTH = 1_500;

/** A hand's way through a recording, picture by picture, with the cache of the running source and without. */
export async function measureCache(
  server: PostgresServer,
  schema: string,
  pictures = Number.POSITIVE_INFINITY,
): Promise<Verdict[]> {
  const [ends] = await server.run(
    `SELECT (extract(epoch FROM min(time)) * 1000000)::float8 AS first, (extract(epoch FROM max(time)) * 1000000)::float8 AS last FROM ${relation(schema, 'samples')}`,
  );
  const [first, last] = [ends!.first as number, ends!.last as number];
  const ranges = panZoom()
    .slice(0, pictures)
    .map(
      ([from, to]): TimeRange => ({
        from: Math.round(first + from * (last - first)),
        to: Math.round(first + to * (last - first)),
      }),
    );
  const draw = async (cacheMegabytes: number) => {
    const running = createRunning({
      name: 'bench',
      backend: timescale,
      limits: { ...DEFAULT_LIMITS, cacheMegabytes },
      clock: systemClock(),
      log: createLogger(() => undefined),
      connect: (signal) => timescale.connect(configOf(server, schema), contextOf(server), signal),
      onChange: () => undefined,
    });
    try {
      const connection = await running.open(never);
      const viewer = viewerOf(running.backend, connection);
      const { tags } = await connection.tags!({ text: '', ids: null, limit: 10, offset: 0 }, never);
      const ids = tags.map(({ id }) => id);
      const times: number[] = [];
      for (const range of ranges) times.push(await timed(() => viewer.view(ids, range, WIDTH, never)));
      return { cache: running.status().health.cache, times };
    } finally {
      await running.close();
    }
  };
  const without = await draw(0);
  const { cache, times } = await draw(DEFAULT_LIMITS.cacheMegabytes);
  const ratio = cache.hits / (cache.hits + cache.misses);
  const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
  return [
    verdict(
      'cache: hits on a way of panning and zooming',
      ratio,
      0.8,
      `${cache.hits} of ${cache.hits + cache.misses} tiles, ${ranges.length} pictures`,
    ),
    verdict(
      'cache: time of the whole way, without to with',
      sum(without.times) / sum(times),
      null,
      `picture ${median(without.times).toFixed(1)} ms, ${median(times).toFixed(1)} ms`,
    ),
  ];
}
