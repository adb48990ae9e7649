import { join } from 'node:path';
import { openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import type { TsdbBackend } from '#engine/tsdb/index.ts';
import { local } from '#engine/tsdb/local/index.ts';
import { createMetricRegistry, keyOf } from '#shared/model/graph/index.ts';
import { PLAIN_RECIPE } from '#shared/model/index.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import { block, never, tag } from './store-samples.ts';
import type { BackendFixture } from './tsdb.ts';

const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
const backend: TsdbBackend = local;

/** Each series becomes a tag of one store, and the registry says which. */
export const localFixture: BackendFixture = {
  backend,
  async start(directory) {
    const { store } = await openStore({ path: join(directory, 'history.parx'), flushMs: 5 }, deps);
    let tags = 0;
    return {
      async open(metrics, samples) {
        const first = tags;
        tags += samples.length;
        store.register(
          samples.map(({ metric }, at) => ({ ...tag(first + at), recipe: { ...PLAIN_RECIPE, unit: metric.unit } })),
        );
        // Copies, because the store takes what it is given for good.
        const all = samples.flatMap(({ time, value, quality }, at) =>
          [...time].map((when, i) => [first + at, when, value[i]!, quality?.[i] ?? 0] as const),
        );
        if (all.length > 0) await store.append(block(all));
        const registry = createMetricRegistry(
          metrics.map((metric) => {
            const series = samples.flatMap(({ metric: of, labels }, at) =>
              keyOf(of) === metric.key ? [{ source: tag(first + at).id, labels }] : [],
            );
            return { ...metric, backends: { local: { ...metric.backends.local, series } } };
          }),
        );
        const context = tsdbContext({ ...deps, history: () => store });
        return {
          source: { backend, connection: await backend.connect({ source: 'history' }, context, never) },
          registry,
        };
      },
      stop: () => store.close(),
    };
  },
};
