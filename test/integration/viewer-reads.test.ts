import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HistorySource, openStore, type SampleStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { type TsdbBackend, type TsdbConnection, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { local } from '#engine/tsdb/local/index.ts';
import { AppError } from '#shared/errors.ts';
import { QUALITY, type Series, STATISTICS } from '#shared/model/index.ts';
import { block, never, SECOND, START, tag } from '#test/contracts/store-samples.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

const directory = suiteDirectory();
const backend: TsdbBackend = local;
const MINUTE = 60 * SECOND;
/** A sample each 100 ms for ten minutes, every hundredth bad. */
const DENSE = 6_000;
/** A setpoint that was last changed three days before all else, and once in the middle. */
const OLD = START - 3 * 86_400 * SECOND;

let store: SampleStore;
let own: ViewerSource;
let adapted: ViewerSource;
let asked: string[];

/** The local backend as one that has no reads of its own for a trend, so that the adapter reads it. */
function asForeign(connection: TsdbConnection, history: HistorySource): TsdbConnection {
  const { viewer: _, client, ...rest } = connection;
  return {
    ...rest,
    client: {
      ...client,
      query(query, signal) {
        asked.push('query');
        return client.query(query, signal);
      },
      stream(query, signal) {
        asked.push('stream');
        return client.stream(query, signal);
      },
    },
    async tags({ ids, offset, limit }, signal) {
      const found = (await history.tags(signal)).filter(({ id }) => ids?.includes(id) ?? true);
      return {
        total: found.length,
        tags: found.slice(offset, offset + limit).map(({ id, name, recipe }) => ({
          id,
          name,
          unit: recipe.unit,
          description: null,
          type: 'number' as const,
          metric: { namespace: 'tag', name: id, unit: recipe.unit, type: 'gauge' as const },
          labels: {},
          override: null,
        })),
      };
    },
  };
}

beforeAll(async () => {
  const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };
  ({ store } = await openStore({ path: join(directory.path, 'history.parx'), flushMs: 5 }, deps));
  store.register([tag(0), tag(1), tag(2)]);
  await store.append(
    block(
      Array.from({ length: DENSE }, (_, i) => {
        const bad = i % 100 === 50;
        return [0, START + i * 100_000, Math.sin(i / 40) * 10, bad ? QUALITY.badNoData : QUALITY.good] as const;
      }),
    ),
  );
  await store.append(
    block([
      [1, OLD, 4],
      [1, START + 5 * MINUTE, 7],
    ]),
  );
  const connection = await backend.connect({ source: 'history' }, tsdbContext({ history: () => store }), never);
  own = viewerOf(backend, connection);
  adapted = viewerOf(backend, asForeign(connection, store));
});
afterAll(() => store.close());

const points = ({ time, value, quality }: Series) =>
  [...time].map((at, i) => [at, quality[i]! >= 0x8000 ? null : value[i], quality[i]]);

describe('a recording is read for a trend', () => {
  it('as it is: one question of the viewer is one of the history, and what it gives is not touched', async () => {
    const calls: unknown[][] = [];
    const answer: Series[] = [];
    const counted = new Proxy(store, {
      get(target, name, receiver) {
        if (name !== 'view') return Reflect.get(target, name, receiver);
        return async (...given: unknown[]) => {
          calls.push(given);
          return answer;
        };
      },
    });
    const connection = await backend.connect({ source: 'history' }, tsdbContext({ history: () => counted }), never);
    const range = { from: START, to: START + MINUTE };
    expect(await viewerOf(backend, connection).view(['tag-0'], range, 800, never)).toBe(answer);
    expect(calls).toEqual([[['tag-0'], range, 800, never]]);
  });
});

describe('a source without reads of its own', () => {
  beforeAll(() => {
    asked = [];
  });

  it('gives every sample where they are few, with one before and one after', async () => {
    const range = { from: START + 10 * SECOND, to: START + 20 * SECOND };
    const [theirs] = await adapted.view(['tag-0'], range, 200, never);
    const [ours] = await own.view(['tag-0'], range, 200, never);
    expect(theirs!.envelope).toBeNull();
    expect(points(theirs!)).toEqual(points(ours!));
  });

  it('finds the value that reaches in from days before, and the next one', async () => {
    const range = { from: START + MINUTE, to: START + 2 * MINUTE };
    const [theirs] = await adapted.view(['tag-1'], range, 200, never);
    expect([...theirs!.time]).toEqual([OLD, START + 5 * MINUTE]);
    expect([...theirs!.value]).toEqual([4, 7]);
  });

  it('draws a range whose neighbours would cost too much to find, without them', async () => {
    const connection = await backend.connect({ source: 'history' }, tsdbContext({ history: () => store }), never);
    const plain = asForeign(connection, store);
    const range = { from: START + 5 * MINUTE - SECOND, to: START + 5 * MINUTE + SECOND };
    const costly: TsdbConnection = {
      ...plain,
      client: {
        ...plain.client,
        query(query, signal) {
          const { range: wanted } = (query as unknown as { plan: { range: { from: number; to: number } } }).plan;
          if (wanted.to - wanted.from > MINUTE) {
            throw new AppError('query.too-many-samples', 'Too many rows.', { details: { limit: 1 } });
          }
          return plain.client.query(query, signal);
        },
      },
    };
    const [found] = await viewerOf(backend, costly).view(['tag-1'], range, 200, never);
    expect(points(found!)).toEqual([[START + 5 * MINUTE, 7, 0]]);
  });

  it('does not draw a table that was changed as an empty trace: it says what has become of it', async () => {
    const connection = await backend.connect({ source: 'history' }, tsdbContext({ history: () => store }), never);
    const plain = asForeign(connection, store);
    const changed: TsdbConnection = {
      ...plain,
      client: {
        ...plain.client,
        async query(query, signal) {
          const answer = await plain.client.query(query, signal);
          return { ...answer, series: [], warnings: ['mean0: Column "value" is gone. Correct the mapping.'] };
        },
      },
    };
    const range = { from: START, to: START + MINUTE };
    await expect(viewerOf(backend, changed).view(['tag-0'], range, 100, never)).rejects.toMatchObject({
      code: 'tsdb.refused',
      message: 'Column "value" is gone. Correct the mapping.',
    });
  });

  it('merges many samples and keeps every extreme, with two queries at most', async () => {
    asked = [];
    const range = { from: START, to: START + 10 * MINUTE };
    const [theirs] = await adapted.view(['tag-0'], range, 100, never);
    const [ours] = await own.view(['tag-0'], range, 100, never);
    expect(asked).toEqual(['query']);
    expect(theirs!.time.length).toBeLessThanOrEqual(202);
    const lowest = (series: Series) => Math.min(...series.envelope!.min.filter((value) => !Number.isNaN(value)));
    const highest = (series: Series) => Math.max(...series.envelope!.max.filter((value) => !Number.isNaN(value)));
    expect(lowest(theirs!)).toBe(lowest(ours!));
    expect(highest(theirs!)).toBe(highest(ours!));
    for (const [i, at] of theirs!.time.entries()) if (i > 0) expect(at).toBeGreaterThan(theirs!.time[i - 1]!);
  });

  it('leaves a tag without samples, and one that is not there, empty', async () => {
    const range = { from: START, to: START + MINUTE };
    const found = await adapted.view(['tag-2', 'elsewhere'], range, 100, never);
    expect(found.map(({ tag, time }) => [tag, time.length])).toEqual([['tag-2', 0]]);
  });

  it('has the neighbours of a sample among many and across days', async () => {
    for (const [id, time] of [
      ['tag-0', START + 33 * SECOND],
      ['tag-0', START + 33 * SECOND + 1],
      ['tag-1', START],
      ['tag-1', OLD],
      ['tag-1', START + 5 * MINUTE],
      ['tag-2', START],
    ] as const) {
      expect(await adapted.neighbours(id, time, never), `${id} at ${time - START}`).toEqual(
        await own.neighbours(id, time, never),
      );
    }
  });

  it('has the same exact numbers', async () => {
    const range = { from: START + 1_234_567, to: START + 7 * MINUTE };
    const numbers = async (source: ViewerSource) => {
      const all: Record<string, number>[] = [];
      for await (const part of source.statistics(['tag-0', 'tag-1'], range, never)) {
        for (const { values } of part) all.push(Object.fromEntries(STATISTICS.map((name, i) => [name, values[i]!])));
      }
      return all;
    };
    const [theirs, ours] = [await numbers(adapted), await numbers(own)];
    expect(theirs.length).toBe(2);
    for (const [at, one] of theirs.entries()) {
      for (const name of STATISTICS) {
        const [found, right] = [one[name]!, ours[at]![name]!];
        if (Number.isNaN(right)) expect(found, name).toBeNaN();
        else expect(found, name).toBeCloseTo(right, 9);
      }
    }
  });

  it('reads raw samples in order, the same as the recording', async () => {
    const range = { from: START + MINUTE, to: START + 2 * MINUTE };
    const read = async (source: ViewerSource) => {
      const found: unknown[] = [];
      for await (const part of source.raw(['tag-0'], range, never)) for (const one of part) found.push(...points(one));
      return found;
    };
    expect(await read(adapted)).toEqual(await read(own));
  });
});
