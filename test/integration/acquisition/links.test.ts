import { describe, expect, it } from 'vitest';
import { QUALITY } from '#shared/model/index.ts';
import { createStage, documents, merge } from './rig.ts';

const stage = createStage();

describe('devices that tell by themselves', () => {
  const told = { connection: { protocol: 'push' }, device: { responseTimeoutMs: 500 } };

  it('are missed although they have never told anything', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 1_000]] }, told));
    await clock.advance(1_000);
    expect(rig.link('mill').state).toBe('connecting');
    await clock.advance(700);
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.badStale);
    expect(rig.link('mill').state).toBe('lost');
    expect(rig.link('mill').message).toContain('Check that the device is sending.');
    plant.tell([['v1', 9]]);
    await clock.advance(200);
    expect(rig.latest('mill-1-v1')).toMatchObject({ value: 9, quality: QUALITY.good });
    expect(rig.link('mill').state).toBe('running');
  });

  it('flow, go stale when they fall silent, come back, and survive the loss of the link', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 1_000]] }, told));
    await clock.advance(100);
    expect(rig.link('mill').state).toBe('connecting');
    for (let i = 0; i < 5; i++) {
      plant.tell([['v1', i]]);
      await clock.advance(1_000);
    }
    expect(rig.link('mill').state).toBe('running');
    expect(rig.latest('mill-1-v1').value).toBe(4);
    await clock.advance(700);
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.badStale);
    expect(rig.link('mill')).toMatchObject({
      state: 'lost',
      message: 'No new data from mill for 1 s. Check that the device is sending.',
    });
    plant.tell([['v1', 9]]);
    await clock.advance(200);
    expect(rig.link('mill').state).toBe('running');
    plant.loseLinks();
    await clock.advance(100);
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.badNotConnected);
    await clock.advance(300);
    plant.tell([['v1', 10]]);
    await clock.advance(200);
    expect(rig.latest('mill-1-v1')).toMatchObject({ value: 10, quality: QUALITY.good });
    expect(rig.gaps.map(({ quality }) => quality)).toEqual([QUALITY.badStale, QUALITY.badNotConnected]);
  });

  it('are spoken of by their driver also where no data flow, and set their links up anew', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 1_000]] }, told));
    await clock.advance(100);
    plant.tell([['v1', 1]]);
    await clock.advance(200);
    expect(rig.link('mill')).toMatchObject({ state: 'running', message: null });
    plant.notice = 'What it sends has changed.';
    expect(rig.link('mill').message).toBe('What it sends has changed.');
    await clock.advance(2_000);
    expect(rig.link('mill').state).toBe('lost');
    expect(rig.link('mill').message).toMatch(/^What it sends has changed\. No new data from mill for \d s\./);
    // Once for the silence, once for what is told here.
    expect(plant.renewals).toBe(1);
    rig.acquisition.networkChanged();
    expect(plant.renewals).toBe(2);
    // What waits for its next attempt is tried at once.
    plant.connect = 'refuses';
    plant.loseLinks();
    await clock.advance(5_000);
    const { connects } = plant;
    rig.acquisition.networkChanged();
    await clock.advance(10);
    expect(plant.connects).toBe(connects + 1);
    expect(rig.link('mill').message).not.toContain('What it sends');
  });

  it('get other tags without a new connect', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 1_000]] }, told));
    await clock.advance(100);
    rig.acquisition.apply(
      documents(
        'mill',
        {
          1: [
            ['v1', 1_000],
            ['v2', 1_000],
          ],
        },
        told,
      ),
    );
    await clock.advance(100);
    plant.tell([
      ['v1', 1],
      ['v2', 2],
    ]);
    await clock.advance(200);
    expect([plant.connects, plant.listens, plant.listeners.size]).toEqual([1, 2, 1]);
    expect(rig.latest('mill-1-v2').value).toBe(2);
  });

  it('keep source and receive time apart, and date bad samples behind the last good one on the same clock', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    const hour = 3_600_000_000;
    for (const ahead of [hour, -hour]) {
      const name = ahead > 0 ? 'ahead' : 'behind';
      const source = rig.plant(name);
      rig.acquisition.apply(documents(name, { 1: [['v1', 1_000]] }, { ...told, tag: { timeKind: 'source' } }));
      await clock.advance(100);
      source.tell([['v1', 1, clock.now() + ahead]]);
      await clock.advance(1_100);
      expect(rig.latest(`diag.${name}.${name}-1.clock`).value).toBe(ahead / 1_000);
      const [device] = rig.link(name).devices;
      expect(device).toMatchObject({ clockAheadMs: ahead / 1_000, clockGainPerDayMs: null });
      expect(device?.message).toContain(ahead > 0 ? '1 h 00 min ahead of' : '1 h 00 min behind');
      await clock.advance(1_900);
      const [, first, stale] = rig.of(`${name}-1-v1`);
      expect((first?.time ?? 0) - (first?.received ?? 0)).toBe(ahead);
      expect(stale?.quality).toBe(QUALITY.badStale);
      expect((stale?.time ?? 0) - (stale?.received ?? 0)).toBe(ahead);
      expect(rig.latest(`${name}-1-v1`).quality).toBe(QUALITY.badStale);
      source.tell([['v1', 2, clock.now() + ahead]]);
      await clock.advance(100);
      expect(rig.latest(`${name}-1-v1`)).toMatchObject({ value: 2, quality: QUALITY.good });
    }
    rig.acquisition.apply(documents('mill', { 1: [['v1', 1_000]] }, told));
    await clock.advance(100);
    plant.tell([['v1', 1, clock.now() - hour]]);
    await clock.advance(100);
    // Measured all the same, so that it can be looked at before it is chosen.
    expect(rig.link('mill').devices[0]?.clockAheadMs).toBe(-hour / 1_000);
    expect(rig.of('mill-1-v1').at(-1)?.time, 'the tag wants the receive time').toBe(
      rig.of('mill-1-v1').at(-1)?.received,
    );
  });
});

describe('a link shared with tests and scans', () => {
  it('lends the connection between two reads, one guest at a time, and goes on reading', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    expect(rig.acquisition.link('mill')).toBeNull();
    await clock.advance(1_000);
    const link = rig.acquisition.link('mill');
    const polls = plant.polls.length;
    let inside = 0;
    const guests = Promise.all(
      [1, 2].map((n) =>
        link?.run(async (connection) => {
          inside++;
          expect(inside).toBe(1);
          expect(connection.mode).toBe('poll');
          await clock.sleep(250);
          inside--;
          return n;
        }, new AbortController().signal),
      ),
    );
    await clock.advance(2_000);
    expect(await guests).toEqual([1, 2]);
    expect(plant.mostAtOnce).toBe(1);
    expect(plant.polls.length).toBeGreaterThan(polls + 12);
  });

  it('gets the link back from a guest who leaves, and refuses guests when the link is lost', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await clock.advance(1_000);
    const link = rig.acquisition.link('mill');
    const leaving = new AbortController();
    const stuck = link?.run(() => new Promise(() => {}), leaving.signal);
    const outcome = expect(stuck).rejects.toThrow('enough');
    await clock.advance(300);
    leaving.abort(new Error('enough'));
    await clock.advance(1_000);
    await outcome;
    expect(good('mill-1-v1')).toBe(true);
    const failed = expect(link?.run(() => new Promise(() => {}), new AbortController().signal)).rejects.toMatchObject({
      code: 'protocol.link-lost',
    });
    await clock.advance(100);
    rig.acquisition.apply({ connections: [], devices: [], tags: [] });
    await clock.advance(1_000);
    await failed;
    await expect(link?.run(async () => 1, new AbortController().signal)).rejects.toMatchObject({
      code: 'protocol.link-lost',
    });
    expect(plant.links.size).toBe(0);
  });
});

describe('the computer', () => {
  it('wakes up from sleep with links opened anew, a gap that says so, and good data within ten seconds', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await clock.advance(5_000);
    clock.sleepThrough(8 * 3_600_000);
    await clock.advance(10_000);
    expect(plant.connects).toBe(2);
    expect(good('mill-1-v1')).toBe(true);
    expect(rig.gaps).toHaveLength(1);
    expect(rig.gaps[0]).toMatchObject({ reason: 'This computer was asleep.', quality: QUALITY.badAsleep });
    expect(rig.link('mill').groups[0]?.overruns).toBeLessThan(10);
  });

  it('goes on when its clock is set back or forward by an hour', async () => {
    const { clock, rig } = stage.fresh();
    rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    for (const step of [-3_600_000_000, 3_600_000_000]) {
      await clock.advance(5_000);
      clock.setWall(clock.now() + step);
      await clock.advance(1_000);
      const { time, quality } = rig.latest('mill-1-v1');
      expect(quality).toBe(QUALITY.good);
      expect(clock.now() - time).toBeLessThan(200_000);
    }
    expect(rig.plant('mill').connects).toBe(1);
    expect(rig.link('mill').groups[0]?.overruns).toBe(0);
  });
});

describe('stopping', () => {
  it('ends within two seconds with every kind of device, and every tag says that it was stopped', async () => {
    const { clock, rig } = stage.fresh();
    rig.plant('fine');
    rig.plant('hanging').unit(1).mode = 'hangs';
    rig.plant('silent').unit(1).mode = 'silent';
    rig.plant('ignoring').connect = 'ignores';
    rig.plant('refusing').connect = 'refuses';
    rig.acquisition.apply(
      merge(
        ...['fine', 'hanging', 'silent', 'ignoring', 'refusing'].map((name) => documents(name, { 1: [['v1', 100]] })),
      ),
    );
    await clock.advance(500);
    let stopped = false;
    const stopping = rig.acquisition.stop().then(() => {
      stopped = true;
    });
    expect(rig.acquisition.stop()).toBe(rig.acquisition.stop());
    await clock.advance(2_000);
    expect(stopped).toBe(true);
    await stopping;
    for (const name of rig.plants.keys()) expect(rig.latest(`${name}-1-v1`).quality).toBe(QUALITY.badShutdown);
    expect(clock.pending).toBe(0);
    rig.acquisition.apply(documents('fine', { 1: [['v1', 100]] }));
    await clock.advance(1_000);
    expect(rig.plant('fine').connects).toBe(1);
  });
});
