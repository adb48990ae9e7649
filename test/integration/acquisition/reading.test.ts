import { describe, expect, it } from 'vitest';
import { documentId, QUALITY, tagReference } from '#shared/model/index.ts';
import { createStage, documents, merge } from './rig.ts';

const stage = createStage();

describe('reading', () => {
  it('brings values, texts and 64 bits from documents to live, each at its own period', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    const wanted = documents('mill', {
      1: [
        ['v1', 10],
        ['v2', 100],
        ['v3', 1_000],
      ],
    });
    rig.acquisition.apply({
      ...wanted,
      tags: wanted.tags.map((tag) =>
        tag.address === 'v2'
          ? { ...tag, type: 'string' as const }
          : tag.address === 'v3'
            ? { ...tag, type: 'uint64' as const }
            : tag,
      ),
    });
    await clock.advance(10_000);
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.good);
    expect(rig.latest('mill-1-v2').text).toMatch(/^v2 \d+$/);
    expect(rig.latest('mill-1-v3').text).toBe('18446744073709551614');
    const rates = rig
      .link('mill')
      .groups.map((group) => [group.periodMs, Math.round(group.actualHz ?? 0), group.overruns]);
    expect(rates).toEqual([
      [10, 100, 0],
      [100, 10, 0],
      [1_000, 1, 0],
    ]);
    expect(plant.mostAtOnce).toBe(1);
    expect(rig.link('mill')).toMatchObject({ state: 'running', message: null, endpoint: 'mill', attempts: 0 });
    expect(rig.link('mill').devices[0]).toMatchObject({ state: 'running', errors: 0, timeouts: 0, message: null });
    expect(rig.link('mill').devices[0]?.responseMs).toBeCloseTo(1, 1);
  });

  it('predicts how long a read of a group takes, from its requests and measured answers', async () => {
    const { clock, rig } = stage.fresh();
    rig.plant('mill').unit(1).latencyMs = 30;
    rig.acquisition.apply(documents('mill', { 1: [['v1', 1_000]] }, { device: { requests: 3 } }));
    await clock.advance(5_000);
    expect(rig.link('mill').groups[0]).toMatchObject({ requestsPerPoll: 3, tags: 1 });
    expect(rig.link('mill').groups[0]?.predictedMs).toBeCloseTo(30, 0);
  });

  it('skips a tick while the last read is unfinished, counts it, and never reads a link twice at once', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    plant.unit(1).latencyMs = 25;
    rig.acquisition.apply(
      documents('mill', {
        1: [
          ['v1', 10],
          ['v2', 50],
        ],
        2: [['v1', 100]],
      }),
    );
    await clock.advance(10_000);
    expect(plant.mostAtOnce).toBe(1);
    const [fast] = rig.link('mill').groups;
    expect(fast?.overruns).toBeGreaterThan(500);
    expect(plant.polls.filter(({ unit }) => unit === 2).length).toBeGreaterThanOrEqual(95);
  });

  it('spreads the first reads of many links instead of firing them together', async () => {
    const { clock, rig } = stage.fresh();
    const parts = Array.from({ length: 20 }, (_, i) => documents(`plc${i}`, { 1: [['v1', 1_000]] }));
    for (let i = 0; i < 20; i++) rig.plant(`plc${i}`);
    rig.acquisition.apply(merge(...parts));
    await clock.advance(20_000);
    const phases = [...rig.plants.values()].map((plant) => Math.round((plant.polls.at(-1)?.atMs ?? 0) % 1_000));
    phases.sort((a, b) => a - b);
    const widest = phases.reduce((gap, phase, i) => Math.max(gap, phase - (phases[i - 1] ?? phase)), 0);
    expect(new Set(phases).size).toBe(20);
    expect(widest).toBeLessThan(150);
  });
});

describe('changes while running', () => {
  it('keep untouched connections running without a blip', async () => {
    const { clock, rig, good } = stage.fresh();
    const one = documents('one', {
      1: [
        ['v1', 100],
        ['v2', 100],
      ],
    });
    const two = documents('two', { 1: [['v1', 100]] });
    rig.plant('one');
    rig.plant('two');
    rig.acquisition.apply(merge(one, two));
    await clock.advance(2_000);
    const before = rig.of('two-1-v1').length;
    // Tags come, go and change their period; one connection gets other settings; a name changes.
    rig.acquisition.apply(
      merge(
        {
          ...one,
          tags: [
            ...one.tags.map((tag) => ({ ...tag, periodMs: 200 })),
            { ...one.tags[0]!, id: 'new', name: 'new', address: 'v9' },
          ],
        },
        {
          ...two,
          connections: two.connections.map((connection) => ({
            ...connection,
            settings: { plant: 'two', connectTimeoutMs: 2_000 },
          })),
        },
      ),
    );
    await clock.advance(2_000);
    expect([rig.plant('one').connects, rig.plant('two').connects]).toEqual([1, 2]);
    expect(good('new')).toBe(true);
    expect(
      rig.of('one-1-v1').filter(({ quality }) => quality !== QUALITY.good).length,
      'bad samples beyond the one at the start',
    ).toBe(1);
    expect(rig.of('two-1-v1').length).toBeGreaterThan(before + 15);
    expect(rig.link('one').groups.map(({ periodMs, tags }) => [periodMs, tags])).toEqual([
      [100, 1],
      [200, 2],
    ]);
  });

  it('disable and enable tags, devices and connections, each with its quality', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    const all = documents('mill', {
      1: [
        ['v1', 100],
        ['v2', 100],
      ],
      2: [['v1', 100]],
    });
    rig.acquisition.apply(all);
    await clock.advance(1_000);
    rig.acquisition.apply({
      ...all,
      devices: all.devices.map((device) => (device.id === 'mill-2' ? { ...device, enabled: false } : device)),
      tags: all.tags.map((tag) => (tag.id === 'mill-1-v2' ? { ...tag, enabled: false } : tag)),
    });
    await clock.advance(1_000);
    expect(rig.latest('mill-1-v2').quality).toBe(QUALITY.badDisabled);
    expect(rig.latest('mill-2-v1').quality).toBe(QUALITY.badDisabled);
    expect(good('mill-1-v1')).toBe(true);
    expect(plant.connects).toBe(1);
    expect(rig.link('mill').devices[1]).toMatchObject({ state: 'disabled' });
    rig.acquisition.apply({
      ...all,
      connections: all.connections.map((connection) => ({ ...connection, enabled: false })),
    });
    await clock.advance(1_000);
    expect(rig.link('mill')).toMatchObject({ state: 'disabled', message: null });
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.badDisabled);
    expect(plant.links.size).toBe(0);
    rig.acquisition.apply(all);
    await clock.advance(1_000);
    expect(good('mill-1-v1') && good('mill-1-v2') && good('mill-2-v1')).toBe(true);
    const off = rig.gaps.filter(({ quality }) => quality === QUALITY.badDisabled);
    expect(off.map(({ tagIds, from, to }) => ({ tagIds, seconds: Math.round((to - from) / 1e6) }))).toEqual([
      { tagIds: ['mill-1-v2', 'mill-2-v1'], seconds: 2 },
      { tagIds: ['mill-1-v1'], seconds: 1 },
    ]);
    rig.acquisition.apply({ connections: [], devices: [], tags: [] });
    await clock.advance(1_000);
    expect(plant.links.size).toBe(0);
    expect(rig.acquisition.status()).toEqual([]);
    expect(rig.table.all()).toEqual([]);
  });

  it('survive being applied a hundred times in a row, in any order', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    const all = documents('mill', {
      1: [
        ['v1', 100],
        ['v2', 100],
      ],
      2: [['v1', 50]],
    });
    for (let i = 0; i < 100; i++) {
      rig.acquisition.apply({
        connections: all.connections.map((connection) => ({
          ...connection,
          enabled: i % 7 !== 0,
          settings: { plant: 'mill', connectTimeoutMs: 1_000 + (i % 3) },
        })),
        devices: all.devices.slice(0, 1 + (i % 2)),
        tags: all.tags.filter((_, n) => (i + n) % 4 !== 0),
      });
      await clock.advance(i % 5 === 0 ? 120 : 3);
      expect(plant.links.size).toBeLessThanOrEqual(1);
    }
    rig.acquisition.apply(all);
    await clock.advance(3_000);
    expect(all.tags.every(({ id }) => good(id))).toBe(true);
    expect(rig.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('give a document that can not be used a sentence and let everything else run', async () => {
    const { clock, rig, good } = stage.fresh();
    rig.plant('mill');
    const all = documents('mill', {
      1: [
        ['v1', 100],
        ['bad address', 100],
      ],
      2: [['v1', 100]],
    });
    const alien = documents('alien', { 1: [['v1', 100]] }, { connection: { protocol: 'profibus' } });
    const broken = documents('broken', { 1: [['v1', 100]] }, { connection: { settings: {} } });
    const bare = documents('bare', { 1: [] });
    rig.plant('bare');
    rig.acquisition.apply(
      merge(
        {
          ...all,
          devices: all.devices.map((device) =>
            device.id === 'mill-2' ? { ...device, settings: { unit: -1 } } : device,
          ),
        },
        alien,
        broken,
        bare,
        {
          connections: [],
          devices: [],
          tags: [{ ...all.tags[0]!, id: 'orphan', name: 'orphan', deviceId: 'nowhere' }],
        },
      ),
    );
    await clock.advance(1_000);
    expect(good('mill-1-v1')).toBe(true);
    const problems = rig.acquisition.problems();
    expect(problems.get('mill-1-bad address')).toBe(
      '"bad address" is no address. Write a letter and a number, such as v1.',
    );
    expect(problems.get('mill-2-v1')).toMatch(/^The device settings can't be used\. unit: /);
    expect(problems.get('alien-1-v1')).toBe(
      'The protocol "profibus" is not known to this version of ParX, or switched off by --without. Choose another one, switch it on, or update ParX.',
    );
    expect(problems.get('broken-1-v1')).toMatch(/^The settings can't be used\. plant: /);
    expect(problems.get('orphan')).toBe('The device of this tag does not exist.');
    for (const id of problems.keys()) expect(rig.latest(id).quality).toBe(QUALITY.badConfiguration);
    expect(rig.link('alien')).toMatchObject({ state: 'lost' });
    expect(rig.link('broken').message).toMatch(/^The settings can't be used/);
    expect(rig.link('mill').devices.find(({ deviceId }) => deviceId === 'mill-2')).toMatchObject({ state: 'lost' });
    expect(rig.link('bare')).toMatchObject({ state: 'disabled' });
    expect(rig.plant('bare').connects).toBe(0);
  });
});

describe('diagnostics', () => {
  it('are tags like others: state, response, counts and rates, once a second', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await clock.advance(10_500);
    const names = rig.table
      .all()
      .filter(({ kind }) => kind === 'diagnostic')
      .map(({ id }) => id);
    expect(names).toEqual([
      'diag.mill.state',
      'diag.mill.100ms.rate',
      'diag.mill.100ms.overruns',
      'diag.mill.mill-1.state',
      'diag.mill.mill-1.response',
      'diag.mill.mill-1.requests',
      'diag.mill.mill-1.errors',
      'diag.mill.mill-1.timeouts',
    ]);
    expect(rig.of('diag.mill.state').length).toBe(10);
    expect(rig.latest('diag.mill.state').value).toBe(4);
    expect(rig.latest('diag.mill.100ms.rate').value).toBeCloseTo(10, 0);
    expect(rig.latest('diag.mill.mill-1.response')).toMatchObject({ quality: QUALITY.good });
    plant.unit(1).mode = 'silent';
    await clock.advance(5_000);
    expect(rig.latest('diag.mill.state').value).toBe(1);
    expect(rig.latest('diag.mill.mill-1.timeouts').value).toBeGreaterThan(0);
  });

  it('have ids of their own, whatever the ids of connections, devices and tags are', async () => {
    const { clock, rig } = stage.fresh();
    const named = (connectionId: string, deviceId: string): ReturnType<typeof documents> => {
      const { connections, devices, tags } = documents(connectionId, { 1: [['v1', 100]] });
      const [device, tag] = [devices[0]!, tags[0]!];
      return { connections, devices: [{ ...device, id: deviceId }], tags: [{ ...tag, deviceId }] };
    };
    rig.plant('a').unit(1).mode = 'silent';
    rig.plant('a-b');
    const lookalike = documents('diag-a', { 1: [['state', 100]] });
    rig.acquisition.apply(merge(named('a', 'b-c'), named('a-b', 'c'), named('c', '100ms'), lookalike));
    await clock.advance(3_000);
    const ids = rig.table.all().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(rig.latest('diag.a.b-c.state').value).toBe(1);
    expect(rig.latest('diag.a-b.c.state').value).toBe(4);
    for (const id of ids.filter((one) => one.startsWith('diag.'))) {
      expect(documentId.safeParse(id).success, id).toBe(false);
      expect(tagReference.safeParse(id).success, id).toBe(true);
    }
    const longest = 'x'.repeat(64);
    expect(tagReference.safeParse(`diag.${longest}.${longest}.timeouts`).success).toBe(true);
  });

  it('tells watchers of changes without flooding them, and shows raw bytes only while somebody looks', async () => {
    const { clock, rig } = stage.fresh();
    for (let i = 0; i < 20; i++) rig.plant(`plc${i}`);
    let heard = 0;
    const watching = rig.acquisition.watch(() => heard++);
    rig.acquisition.apply(merge(...Array.from({ length: 20 }, (_, i) => documents(`plc${i}`, { 1: [['v1', 100]] }))));
    await clock.advance(10_000);
    expect(heard).toBeGreaterThanOrEqual(9);
    expect(heard).toBeLessThanOrEqual(20);
    watching[Symbol.dispose]();
    await clock.advance(5_000);
    expect(heard).toBeLessThanOrEqual(20);
  });
});
