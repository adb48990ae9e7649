import { z } from 'zod';
import { conflate } from '#engine/platform/index.ts';
import { parsedSettings } from '#engine/sources/index.ts';
import { SLOW_QUERY_MS, type TsdbConnection } from '#engine/tsdb/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { keyOf, parseGraph } from '#shared/model/graph/index.ts';
import type { AppContract } from '#shared/rpc/contract.ts';
import type { HandlersOf } from '#shared/rpc/index.ts';
import type { Services } from './services.ts';

const STATE_MS = 250;
/** Mappings, guesses and previews cross as they are; what is read-only here is a copy there. */
type Writable<T> = T extends readonly (infer E)[]
  ? Writable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;
const plain = <T>(value: T): Writable<T> => value as Writable<T>;

export function sourceHandlers(services: Services): HandlersOf<AppContract>['sources'] {
  const { sources, clock } = services;
  const connection = async (id: string, signal: AbortSignal): Promise<TsdbConnection> =>
    (await sources.open(id, signal)).connection;
  const having = async <K extends 'tags' | 'raw' | 'foreign' | 'schema'>(
    id: string,
    part: K,
    signal: AbortSignal,
  ): Promise<NonNullable<TsdbConnection[K]>> => {
    const found = (await connection(id, signal))[part];
    if (found !== undefined && found !== null) return found as NonNullable<TsdbConnection[K]>;
    throw new AppError('tsdb.unsupported-feature', `This source ${LACKS[part]}`, {
      details: { backend: id, feature: part },
    });
  };
  const schema = (id: string, signal: AbortSignal) => having(id, 'schema', signal);
  const foreign = (id: string, signal: AbortSignal) => having(id, 'foreign', signal);

  return {
    watch: (_input, { signal }) =>
      conflate(() => ({ sources: [...sources.status()] }), watchWithFigures(services), clock, signal, STATE_MS),
    async check({ backend: id, settings }) {
      const backend = sources.backend(id);
      try {
        const config = parsedSettings(backend, settings);
        return { issues: [], endpoint: backend.endpoint?.(config) ?? null, url: backend.toUrl?.(config) ?? null };
      } catch (error) {
        if (!isAppError(error, 'config.invalid')) throw error;
        return { issues: [...error.details.issues], endpoint: null, url: null };
      }
    },
    async fromUrl({ backend: id, url }) {
      const backend = sources.backend(id);
      if (backend.fromUrl === undefined) {
        throw new AppError('tsdb.unsupported-feature', `${backend.title} has no addresses. Fill in the fields.`, {
          details: { backend: id, feature: 'addresses' },
        });
      }
      const { settings, secrets } = backend.fromUrl(url);
      return { settings: { ...settings }, secrets: { ...secrets } };
    },
    secrets: async ({ id }) => ({ fields: [...sources.secretFields(id)] }),
    async setSecret({ id, field, value }) {
      await sources.setSecret(id, field, value);
    },
    test: (input, { signal }) => sources.test(input, signal),
    async retry({ id }) {
      sources.retry(id);
    },
    async tags({ id, ...search }, { signal }) {
      const find = await having(id, 'tags', signal);
      const { tags, total, notes = [] } = await find(search, signal);
      return {
        total,
        notes: [...notes],
        tags: tags.map(({ override: _, metric, labels, ...tag }) => ({
          ...tag,
          metric: keyOf(metric),
          labels: { ...labels },
        })),
      };
    },

    async *discover({ id }, { signal }) {
      for await (const relations of (await foreign(id, signal)).discover(signal)) yield { relations: plain(relations) };
    },
    async guess({ id, relation }, { signal }) {
      return { guesses: plain(await (await foreign(id, signal)).guess(relation, signal)) };
    },
    preview: async ({ id, mapping }, { signal }) => plain(await (await foreign(id, signal)).preview(mapping, signal)),
    drift: async ({ id }, { signal }) => ({ drift: plain(await sources.drift(id, signal)) }),

    async schemaForm({ id }, { signal }) {
      const { settings, presets } = await schema(id, signal);
      return {
        settings: z.toJSONSchema(settings, { io: 'input' }) as Record<string, unknown>,
        presets: presets.map((preset) => ({ ...preset, settings: { ...preset.settings } })),
      };
    },
    schemaState: async ({ id }, { signal }) => (await schema(id, signal)).state(signal),
    schemaPlan: async ({ id, request }, { signal }) => (await schema(id, signal)).plan(request, signal),
    async *schemaApply({ id, request, token }, { signal }) {
      yield* (await schema(id, signal)).apply(request, token, signal);
    },
    statistics: async ({ id, exact }, { signal }) => (await schema(id, signal)).statistics({ exact }, signal),
    async seriesStatistics({ id, ...asked }, { signal }) {
      return { series: plain(await (await schema(id, signal)).seriesStatistics(asked, signal)) };
    },

    async slowQueries({ id }) {
      return { thresholdMs: SLOW_QUERY_MS, queries: [...sources.slowQueries(id)] };
    },
    async explain({ source, graph, planOf }, { signal }) {
      const parts = await services.graphs.explain(source, parseGraph(graph), signal);
      const told = parts.map(async (part) => {
        // Recordings of this computer are no sources of the desk, and have no server with a plan.
        const asked = sources.has(part.source) ? (await connection(part.source, signal)).planOf : undefined;
        const plan = part.source === planOf ? await asked?.(part.text, signal) : null;
        return { ...part, canPlan: asked !== undefined, plan: plan ?? null };
      });
      return { parts: await Promise.all(told) };
    },
    async *raw({ id, ...query }, { signal }) {
      const ask = await having(id, 'raw', signal);
      const { series, warnings } = await ask(query, signal);
      const item = { warnings: [...warnings], count: series.length };
      if (series.length === 0) yield { ...item, series: null };
      for (const { envelope: _, labels, ...one } of series)
        yield { ...item, series: { ...one, labels: { ...labels } } };
    },
  };
}

const LACKS = {
  tags: 'does not list its tags.',
  raw: 'takes no queries in a language of its own. Use a graph.',
  foreign: 'has no tables of others that could be mapped.',
  schema: 'has no tables of its own, or its settings leave them alone. Allow writing in its settings.',
} as const;

/** Changes of state at once; figures as they grow. */
function watchWithFigures({ sources, clock }: Services): (listener: () => void) => Disposable {
  return (listener) => {
    const changes = sources.watch(listener);
    let timer = clock.after(1_000, tick);
    function tick(): void {
      timer = clock.after(1_000, tick);
      listener();
    }
    return {
      [Symbol.dispose]() {
        changes[Symbol.dispose]();
        timer[Symbol.dispose]();
      },
    };
  };
}
