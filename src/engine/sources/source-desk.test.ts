import { describe, expect, it } from 'vitest';
import { createAlerts, createLogger, systemNetwork } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { MetricSamples } from '#shared/model/graph/index.ts';
import { type SourceDocument, sourceDocument } from '#shared/model/index.ts';
import { createFakeClock, settle } from '#test/support/fake-clock.ts';
import { createFaultyServer } from '#test/support/faulty-backend.ts';
import { createSourceDesk } from './index.ts';

const never = new AbortController().signal;
const document = (change: Partial<SourceDocument> = {}): SourceDocument => ({
  ...sourceDocument.parse({ id: 'plant', name: 'Plant', backend: 'faulty', enabled: true, settings: {} }),
  ...change,
});
const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    return isAppError(error) ? error.code : String(error);
  }
  return 'none';
};

const setUp = (documents: SourceDocument[] = [document()]) => {
  const clock = createFakeClock();
  const server = createFaultyServer((ms, signal) => clock.sleep(ms, signal));
  const alerts = createAlerts(clock);
  const kept = new Map<string, string>();
  const project = { documents };
  const place = { file: 'sources.yaml', line: 4 };
  const desk = createSourceDesk({
    clock,
    log: createLogger(() => undefined),
    alerts,
    network: systemNetwork,
    backends: [server.backend],
    history: () => {
      throw new Error('There is no history here.');
    },
    metric: () => undefined,
    documents: () => project.documents,
    configured: [{ document: document({ id: 'given', name: 'Given' }), secret: async () => 'from elsewhere', place }],
    secrets: {
      get: async (name) => kept.get(name),
      set: async (name, value) => void kept.set(name, value),
      remove: (name) => kept.delete(name),
      names: () => [...kept.keys()],
    },
  });
  const stateOf = (id = 'plant') => desk.status().find((one) => one.id === id)?.state;
  return { clock, server, alerts, kept, project, desk, stateOf };
};

describe('the sources of a project', () => {
  it('are opened once and shared, and those of configuration stand beside them', async () => {
    const { server, desk } = setUp();
    desk.apply();
    const [a, b] = await Promise.all([desk.open('plant', never), desk.open('plant', never)]);
    expect(a.connection).toBe(b.connection);
    await desk.open('given', never);
    expect(server.connects).toBe(2);
    expect(desk.status().map(({ id, state, configured, endpoint }) => ({ id, state, configured, endpoint }))).toEqual([
      { id: 'plant', state: 'running', configured: false, endpoint: 'x:1' },
      { id: 'given', state: 'running', configured: true, endpoint: 'x:1' },
    ]);
    expect(desk.status().map(({ place }) => place)).toEqual([null, { file: 'sources.yaml', line: 4 }]);
    expect(await codeOf(() => desk.open('other', never))).toBe('store.not-found');
    await desk.close();
    expect(server.closes).toBe(2);
  });

  it('connect anew for what the connection depends on, and not for a name', async () => {
    const { server, desk, project, stateOf } = setUp();
    desk.apply();
    await settle();
    project.documents = [document({ name: 'Mill' })];
    desk.apply();
    await settle();
    expect(server.connects).toBe(2);
    expect(desk.status()[0]).toMatchObject({ name: 'Mill', state: 'running' });
    project.documents = [document({ settings: { name: 'other' } })];
    desk.apply();
    await settle();
    expect(server.connects).toBe(3);
    expect(desk.status().find(({ id }) => id === 'plant')!.endpoint).toBe('other:1');
    project.documents = [document({ enabled: false })];
    desk.apply();
    await settle();
    expect(stateOf()).toBe('disabled');
    expect(server.closes).toBe(2);
    expect(await codeOf(() => desk.open('plant', never))).toBe('tsdb.unavailable');
    project.documents = [];
    desk.apply();
    expect(stateOf()).toBeUndefined();
    await desk.close();
  });

  it('that cannot run say why and keep no other from running', async () => {
    const { desk, alerts, stateOf } = setUp([
      document({ id: 'typed', settings: { name: 7 } }),
      document({ id: 'gone', backend: 'oracle' }),
      document(),
    ]);
    desk.apply();
    await settle();
    expect([stateOf('typed'), stateOf('gone'), stateOf()]).toEqual(['invalid', 'invalid', 'running']);
    expect(desk.status()[1]!.message).toContain('There is no backend "oracle"');
    expect(
      alerts
        .list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['source-gone', 'source-typed']);
    expect(await codeOf(() => desk.open('typed', never))).toBe('config.invalid');
    await desk.close();
    expect(alerts.list().filter(({ cleared }) => cleared === null)).toEqual([]);
  });

  it('that are not reached hold up nobody, are an alert, and come back by themselves', async () => {
    const { clock, server, desk, alerts, stateOf } = setUp();
    server.down = true;
    desk.apply();
    await settle();
    expect(stateOf()).toBe('lost');
    expect(await codeOf(() => desk.open('plant', never))).toBe('tsdb.unavailable');
    expect(alerts.list().find(({ id }) => id === 'source-plant')).toMatchObject({ severity: 'warning', cleared: null });
    server.down = false;
    await clock.advance(60_000);
    expect(stateOf()).toBe('running');
    expect(alerts.list().filter(({ cleared }) => cleared === null)).toEqual([]);
    await desk.close();
  });

  it('keep their secrets apart, use a new one at once, and refuse documents that hold one', async () => {
    const { server, desk, kept } = setUp();
    desk.apply();
    await settle();
    const connects = server.connects;
    await desk.setSecret('plant', 'password', 'hunter2');
    await settle();
    expect(server.connects).toBe(connects + 1);
    expect([...kept]).toEqual([['source/plant/password', 'hunter2']]);
    expect(desk.secretFields('plant')).toEqual(['password']);
    expect(JSON.stringify(desk.status())).not.toContain('hunter2');
    expect(await codeOf(() => desk.accept(document({ settings: { password: 'x' } }), 'd'))).toBe('config.invalid');
    expect(await codeOf(() => desk.accept(document({ settings: { password: '' } }), 'd'))).toBe('none');
    await desk.setSecret('plant', 'password', null);
    expect(desk.secretFields('plant')).toEqual([]);
    expect(
      await codeOf(() => desk.test({ id: null, backend: 'faulty', settings: {}, secrets: {}, limits: null }, never)),
    ).toBe('tsdb.unsupported-feature');
    await desk.close();
  });

  it('keep the secrets of a removed source until nothing can put it back', async () => {
    const plants = [document(), document({ id: 'other', name: 'Other' }), document({ id: 'gone', name: 'Gone' })];
    const { desk, kept, project } = setUp(plants);
    desk.apply();
    for (const { id } of plants) await desk.setSecret(id, 'password', id);
    await desk.setSecret('draft', 'password', 'of a form that was closed');
    await settle();
    const remove = (...ids: string[]): void => {
      project.documents = project.documents.filter(({ id }) => !ids.includes(id));
      desk.apply();
    };
    remove('gone', 'other');
    expect(desk.secretFields('gone')).toEqual(['password']);
    // Undo.
    project.documents = plants.filter(({ id }) => id !== 'gone');
    desk.apply();
    const damaged = new AppError('store.damaged', 'Damaged.', { details: { path: 'p', reason: 'r' } });
    expect(await codeOf(() => desk.replacing(() => Promise.reject(damaged)))).toBe('store.damaged');
    expect(desk.secretFields('gone')).toEqual(['password']);
    await desk.replacing(async () => remove('other'));
    expect([...kept.keys()].filter((name) => name.startsWith('source/'))).toEqual([
      'source/plant/password',
      'source/other/password',
    ]);
    expect([...kept.keys()].some((name) => name.includes('gone'))).toBe(false);
    remove('plant');
    await desk.close();
    // The other project may be opened again; what was removed from this one may not.
    expect([...kept.keys()].filter((name) => name.startsWith('source/'))).toEqual(['source/other/password']);
  });

  it('take samples, and name what was refused by the rows that were given', async () => {
    const { clock, server, desk } = setUp();
    desk.apply();
    await settle();
    const metric = { namespace: 'plant', name: 'coils', unit: null, type: 'counter' } as const;
    const samples = (time: number[], value: number[]): MetricSamples => ({
      metric,
      labels: { ' line ': 'a' },
      time: Float64Array.from(time),
      value: Float64Array.from(value),
      quality: null,
    });
    server.faults.push('reject-first');
    const written = desk.write(
      'plant',
      [samples([9.5], [1]), samples([30, 20, 10, 40, 20], [3, 2, 1, 0, 5]), samples([50], [-1])],
      never,
    );
    await clock.advance(250);
    expect(await written).toEqual({
      rows: 3,
      rejected: [
        { series: 0, row: 0, reason: 'The time is no whole number of microseconds since 1970.' },
        { series: 2, row: 0, reason: 'A counter cannot be -1. Send it as a gauge, or mark the sample as bad.' },
        { series: 1, row: 2, reason: 'The value is out of range.' },
      ],
      resets: [
        { series: 1, time: 30, from: 5, to: 3 },
        { series: 1, time: 40, from: 3, to: 0 },
      ],
    });
    expect(server.written[0]![0]!.labels).toEqual({ line: 'a' });
    expect([...server.written[0]![0]!.time]).toEqual([10, 20, 30, 40]);
    await desk.close();
  });

  it('send a password only to where it was meant for, unless somebody here leads it elsewhere', async () => {
    const { clock, server, desk, project, stateOf, kept } = setUp();
    const asked: (string | undefined)[] = [];
    const backend = server.backend as { connect: typeof server.backend.connect };
    const { connect } = server.backend;
    backend.connect = async (config, context, signal) => {
      asked.push(await context.secret('password'));
      return connect(config, context, signal);
    };
    await desk.setSecret('plant', 'password', 'hunter2');
    desk.apply();
    await settle();
    expect(asked).toContain('hunter2');
    asked.length = 0;
    // Another project file, with another address under the same id.
    const away = document({ settings: { name: 'evil' } });
    project.documents = [away];
    desk.apply();
    await clock.advance(30_000);
    expect(stateOf()).toBe('lost');
    expect(desk.status().find(({ id }) => id === 'plant')!.message).toContain('was kept for x:1');
    const tested: (string | undefined)[] = [];
    Object.assign(server.backend, {
      async *test(_config: unknown, context: { secret(name: string): Promise<string | undefined> }) {
        tested.push(await context.secret('password'));
        yield* [];
      },
    });
    const testOf = async (settings: Record<string, unknown>): Promise<string> =>
      codeOf(async () => {
        const steps = desk.test({ id: 'plant', backend: 'faulty', settings, secrets: {}, limits: null }, never);
        for await (const _ of steps);
      });
    expect(await testOf(away.settings)).toBe('config.invalid');
    expect(tested).toEqual([]);
    expect(await testOf({ name: 'typed' })).toBe('none');
    expect(tested).toEqual(['hunter2']);
    // A change of its name does not make it right, entering the password does.
    const renamed = { ...away, name: 'Renamed' };
    await desk.accept(renamed, 'd');
    project.documents = [renamed];
    desk.apply();
    desk.retry('plant');
    await settle();
    expect(stateOf()).toBe('lost');
    expect(asked).not.toContain('hunter2');
    await desk.setSecret('plant', 'password', 'hunter3');
    await settle();
    expect(stateOf()).toBe('running');
    // Somebody here moves it.
    const moved = { ...renamed, settings: { name: 'new' } };
    await desk.accept(moved, 'd');
    project.documents = [moved];
    desk.apply();
    await settle();
    expect(stateOf()).toBe('running');
    expect(kept.get('source-place/plant')).toBe('new:1');
    await desk.close();
  });
});
