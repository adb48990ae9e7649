import { describe, expect, it } from 'vitest';
import { QUALITY, qualityText } from '#shared/model/index.ts';
import { FAKE_START } from '#test/support/fake-clock.ts';
import { createStage, documents, merge } from './rig.ts';

const stage = createStage();

describe('loss and recovery', () => {
  it('marks a silent device bad within one period plus its time-out of the last good data, with the cause', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await clock.advance(5_000);
    plant.unit(1).mode = 'silent';
    await clock.advance(9_300);
    const samples = rig.of('mill-1-v1');
    const lastGood = samples.findLast((sample) => sample.quality === QUALITY.good);
    const bad = samples.find((sample) => sample.time > (lastGood?.time ?? 0));
    expect(bad?.quality).toBe(QUALITY.badTimeout);
    expect(((bad?.time ?? 0) - (lastGood?.time ?? 0)) / 1_000).toBeLessThanOrEqual(100 + 200 + 1);
    // One bad sample tells it; the trend is not filled with copies.
    expect(samples.filter((sample) => sample.time > (lastGood?.time ?? 0)).length).toBe(1);
    expect(rig.latest('mill-1-v1').lastGood).toBe(lastGood?.time);
    const status = rig.link('mill');
    expect(status.state).toBe('lost');
    expect(status.message).toBe(
      "No answer from mill for 9 s. Trying again every 1 s. Check that the device's server is on.",
    );
    expect(status.devices[0]).toMatchObject({ state: 'lost' });
    expect(status.devices[0]?.timeouts).toBeGreaterThan(1);
  });

  it('recovers by itself, tells the gap with its reason, and does not call an open socket recovery', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(
      documents('mill', {
        1: [
          ['v1', 100],
          ['v2', 500],
        ],
      }),
    );
    await clock.advance(2_000);
    plant.loseLinks();
    plant.unit(1).mode = 'silent';
    await clock.advance(10_000);
    expect(plant.connects).toBeGreaterThan(3);
    expect(rig.link('mill').state).toBe('lost');
    expect(rig.gaps).toEqual([]);
    plant.unit(1).mode = 'answers';
    await clock.advance(2_000);
    expect(rig.link('mill').state).toBe('running');
    expect(good('mill-1-v1') && good('mill-1-v2')).toBe(true);
    expect(rig.gaps.map(({ tagIds }) => tagIds).sort()).toEqual([['mill-1-v1'], ['mill-1-v2']]);
    for (const gap of rig.gaps) {
      const samples = rig.of(gap.tagIds[0] ?? '').filter((sample) => sample.quality === QUALITY.good);
      expect(samples.some(({ time }) => time >= gap.from && time < gap.to)).toBe(false);
      expect(samples.some(({ time }) => time === gap.from - 1)).toBe(true);
      expect(samples.some(({ time }) => time === gap.to)).toBe(true);
      expect(gap.reason).toBe('The link to mill is gone.');
      expect(gap.quality).toBe(QUALITY.badNotConnected);
    }
  });

  it('goes through twenty losses of each kind without leaving a link or a timer behind', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 50]], 2: [['v1', 200]] }));
    await clock.advance(1_000);
    const timers = clock.pending;
    for (let round = 0; round < 20; round++) {
      if (round % 4 === 0) plant.loseLinks();
      if (round % 4 === 1) plant.connect = 'refuses';
      if (round % 4 === 1) plant.loseLinks();
      if (round % 4 === 2) plant.unit(1).mode = 'silent';
      if (round % 4 === 3) plant.unit(1).mode = 'hangs';
      await clock.advance(2_000);
      plant.connect = 'accepts';
      plant.unit(1).mode = 'answers';
      // A driver that hangs is given time for all requests it might have to make.
      await clock.advance(round % 4 === 3 ? 8_000 : 2_000);
      expect(good('mill-1-v1'), `round ${round}: ${qualityText(rig.latest('mill-1-v1').quality)}`).toBe(true);
      expect(good('mill-2-v1')).toBe(true);
      expect(plant.links.size).toBe(1);
    }
    await clock.advance(1_000);
    expect(clock.pending).toBeLessThanOrEqual(timers + 1);
  });

  it('backs off a link that refuses, and tries at once when asked to', async () => {
    const { clock, rig, good } = stage.fresh({ backOff: { minMs: 1_000, maxMs: 30_000 } });
    const plant = rig.plant('mill');
    plant.connect = 'refuses';
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await clock.advance(200_000);
    // 0, 1, 3, 7, 15, 31, then every 30 s.
    expect(plant.connects).toBe(11);
    const status = rig.link('mill');
    expect(status.attempts).toBe(11);
    expect(status.nextAttempt ?? 0).toBeGreaterThan(clock.now());
    expect(status.message).toMatch(
      /^mill refused the connection\. Not connected for 3 min 20 s\. Trying again every 30 s\./,
    );
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.badNotConnected);
    plant.connect = 'accepts';
    rig.acquisition.retry('mill');
    await clock.advance(300);
    expect(good('mill-1-v1')).toBe(true);
    expect(rig.link('mill').attempts).toBe(0);
  });

  it('opens a link that worked again at once, and backs off only when that fails', async () => {
    const { clock, rig, good } = stage.fresh({ backOff: { minMs: 1_000, maxMs: 5_000 } });
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await clock.advance(1_000);
    plant.loseLinks();
    await clock.advance(250);
    expect(good('mill-1-v1')).toBe(true);
    expect(rig.gaps).toHaveLength(1);
    plant.connect = 'refuses';
    plant.loseLinks();
    await clock.advance(3_000);
    // After 0.1 s, then after 1 s; the next one is due 2 s later.
    expect(plant.connects).toBe(4);
  });

  it('gives up a connect that is never answered', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    plant.connect = 'ignores';
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]] }));
    await clock.advance(1_900);
    expect(rig.link('mill').state).toBe('connecting');
    await clock.advance(200);
    expect(rig.link('mill').state).toBe('lost');
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.badTimeout);
    // The next try is under way already and hangs as well; the one after it finds the plant.
    plant.connect = 'accepts';
    await clock.advance(2_500);
    expect(good('mill-1-v1')).toBe(true);
  });

  it('contains what a driver does wrong: logged as a fault, bad quality, other links unharmed', async () => {
    const { clock, rig, good } = stage.fresh();
    rig.plant('mill').unit(1).mode = 'bug';
    rig.plant('other');
    rig.acquisition.apply(merge(documents('mill', { 1: [['v1', 100]] }), documents('other', { 1: [['v1', 100]] })));
    await clock.advance(10_000);
    expect(rig.latest('mill-1-v1').quality).toBe(QUALITY.bad);
    expect(good('other-1-v1')).toBe(true);
    const faults = rig.log.filter(({ level }) => level === 'error');
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length, 'faults are logged at the pace of the retries').toBeLessThan(30);
    expect(JSON.stringify(faults[0])).toContain('undefined is not a function');
    expect(rig.link('mill').message).not.toContain('undefined');
    rig.plant('mill').unit(1).mode = 'answers';
    await clock.advance(2_000);
    expect(good('mill-1-v1')).toBe(true);
  });

  it('keeps good tags good beside refused ones and says which are refused and why', async () => {
    const { clock, rig, good } = stage.fresh();
    rig.plant('mill').unit(1).refused.add('v2');
    rig.acquisition.apply(
      documents('mill', {
        1: [
          ['v1', 100],
          ['v2', 100],
        ],
      }),
    );
    await clock.advance(1_000);
    expect(good('mill-1-v1')).toBe(true);
    expect(rig.latest('mill-1-v2').quality).toBe(0x8f02);
    const status = rig.link('mill');
    expect(status.state).toBe('degraded');
    expect(status.message).toBe(
      '1 of 2 tags of Unit 1 are bad, for example mill-1 v2 (v2): device answered Illegal data address. Check their addresses and types.',
    );
    rig.plant('mill').unit(1).refused.clear();
    await clock.advance(200);
    expect(rig.link('mill')).toMatchObject({ state: 'running', message: null });
  });

  it('does not take an exception for a dead link', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    plant.unit(1).mode = 'exception';
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]], 2: [['v1', 100]] }));
    await clock.advance(10_000);
    expect(plant.connects).toBe(1);
    expect(rig.latest('mill-1-v1').quality).toBe(0x8f02);
    expect(good('mill-2-v1')).toBe(true);
    plant.unit(1).mode = 'answers';
    await clock.advance(1_000);
    expect(good('mill-1-v1')).toBe(true);
  });
});

describe('dead neighbours', () => {
  it('nine dead connections do not delay the tenth', async () => {
    const { clock, rig } = stage.fresh();
    const parts = Array.from({ length: 10 }, (_, i) => documents(`plc${i}`, { 1: [['v1', 100]] }));
    for (let i = 0; i < 10; i++) rig.plant(`plc${i}`).unit(1).mode = i === 6 ? 'answers' : 'silent';
    rig.acquisition.apply(merge(...parts));
    await clock.advance(30_000);
    const times = rig.plant('plc6').polls.map(({ atMs }) => atMs);
    expect(times.length).toBeGreaterThanOrEqual(299);
    expect(rig.link('plc6').groups[0]?.overruns).toBe(0);
    expect(rig.acquisition.status().filter(({ state }) => state === 'lost').length).toBe(9);
  });

  it('nine dead units on one link delay the tenth by less than its period, from soon after the start', async () => {
    const { clock, rig, good } = stage.fresh({ backOff: { minMs: 1_000, maxMs: 5_000 } });
    const plant = rig.plant('mill');
    const units = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i + 1, [['v1', 500]] as const]));
    for (let unit = 1; unit <= 9; unit++) plant.unit(unit).mode = 'silent';
    rig.acquisition.apply(documents('mill', units, { device: { responseTimeoutMs: 1_000 } }));
    await clock.advance(2_500);
    expect(good('mill-10-v1'), 'the living one is found before the dead have been waited for').toBe(true);
    await clock.advance(120_000);
    const late = rig
      .of('mill-10-v1')
      .filter(({ time, quality }) => quality === QUALITY.good && time > FAKE_START + 60e6);
    const gaps = late.slice(1).map((sample, i) => (sample.time - (late[i]?.time ?? 0)) / 1_000);
    const onTime = gaps.filter((gap) => gap <= 750).length;
    expect(onTime / gaps.length).toBeGreaterThan(0.95);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_500);
    expect(plant.connects, 'the link is not given up for its dead units').toBe(1);
    expect(rig.link('mill')).toMatchObject({ state: 'degraded' });
    expect(rig.link('mill').message).toContain('9 of 10 devices do not answer: Unit 1, Unit 2, Unit 3 and 6 more.');
    expect(rig.latest('mill-3-v1').quality).toBe(QUALITY.badTimeout);
    // And back to life.
    plant.unit(3).mode = 'answers';
    await clock.advance(10_000);
    expect(good('mill-3-v1')).toBe(true);
  });

  it('nine dead units are named within seconds, while the living one is read', async () => {
    for (const living of [1, 5, 10]) {
      const { clock, rig, good } = stage.fresh({ backOff: { minMs: 1_000, maxMs: 5_000 } });
      const name = `mill${living}`;
      const plant = rig.plant(name);
      const units = Array.from({ length: 10 }, (_, i) => i + 1);
      for (const unit of units) if (unit !== living) plant.unit(unit).mode = 'silent';
      rig.acquisition.apply(
        documents(name, Object.fromEntries(units.map((unit) => [unit, [['v1', 500]] as const])), {
          device: { responseTimeoutMs: 1_000 },
        }),
      );
      await clock.advance(4_500);
      expect(good(`${name}-${living}-v1`)).toBe(true);
      const told = units.filter((unit) => rig.latest(`${name}-${unit}-v1`).quality === QUALITY.badTimeout);
      expect(told, `unit ${living} lives`).toEqual(units.filter((unit) => unit !== living));
      expect(rig.link(name).message).toContain('9 of 10 devices do not answer');
      expect(rig.link(name).devices.find(({ state }) => state === 'lost')?.message).toMatch(
        /^No answer from Unit \d+ at mill\d+ for 4 s\. Asking again every 1 s\. Check that the device is on/,
      );
      const reads = plant.polls.filter(({ unit, atMs }) => unit === living && atMs > 3_000).length;
      expect(reads, 'reads of the living one in the last two and a half seconds').toBeGreaterThanOrEqual(3);
      const stopped = rig.acquisition.stop();
      await clock.advance(2_000);
      await stopped;
    }
  });

  it('a slow unit among dead ones is found on every link, although all its neighbours are silent', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    for (const unit of [1, 2, 4]) plant.unit(unit).mode = 'silent';
    plant.unit(3).latencyMs = 400;
    const units = Object.fromEntries([1, 2, 3, 4].map((unit) => [unit, [['v1', 500]] as const]));
    rig.acquisition.apply(documents('mill', units, { device: { responseTimeoutMs: 1_000 } }));
    for (let link = 1; link <= 3; link++) {
      await clock.advance(6_000);
      expect(good('mill-3-v1'), `link ${link}`).toBe(true);
      expect(plant.connects).toBe(link);
      plant.loseLinks();
    }
  });

  it('a slow device on the same link is not taken for a dead one', async () => {
    const { clock, rig, good } = stage.fresh();
    const plant = rig.plant('mill');
    plant.unit(1).latencyMs = 600;
    rig.acquisition.apply(
      documents('mill', { 1: [['v1', 2_000]], 2: [['v1', 100]] }, { device: { responseTimeoutMs: 1_000 } }),
    );
    await clock.advance(10_000);
    expect(good('mill-1-v1')).toBe(true);
    expect(rig.link('mill').devices[0]).toMatchObject({ state: 'running', timeouts: 0 });
  });

  it('a link on which everybody has gone silent is opened anew', async () => {
    const { clock, rig } = stage.fresh();
    const plant = rig.plant('mill');
    rig.acquisition.apply(documents('mill', { 1: [['v1', 100]], 2: [['v1', 100]] }));
    await clock.advance(1_000);
    plant.unit(1).mode = 'silent';
    plant.unit(2).mode = 'silent';
    await clock.advance(5_000);
    expect(plant.connects).toBeGreaterThan(1);
    expect(plant.links.size).toBeLessThanOrEqual(1);
  });
});
