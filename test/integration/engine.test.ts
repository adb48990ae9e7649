import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { HostDialogs } from '#engine/index.ts';
import { type DemoLine, startDemoLine } from '#simulators/demo-line.ts';
import { allItems, firstItem, startEngine, type TestEngine } from '#test/support/engine.ts';
import { expectNoNewHandles, openHandles } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// The whole engine over paired ports, with the demo line on a real socket.

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function withDemo(
  folder = temporaryDirectory(),
  dialogs?: HostDialogs,
): Promise<TestEngine & { readonly line: DemoLine; readonly folder: string }> {
  const line = await startDemoLine({ port: 0 });
  cleanUp.push(() => line.close());
  const started = await startEngine(folder, {
    host: {
      kind: dialogs === undefined ? 'server' : 'desktop',
      startDemo: async () => line.addresses,
      ...(dialogs === undefined ? {} : { dialogs }),
    },
  });
  cleanUp.push(() => started.engine.stop());
  return { ...started, line, folder };
}

const now = (): number => Date.now() * 1000;

describe('the engine', () => {
  it('reads the demo line, shows it live and has it in the history a second later', async () => {
    const { client } = await withDemo();
    const screen = client();
    const values = await firstItem(
      screen.live.values({ tags: ['demo-strip-speed', 'demo-coil-id'], maxHz: 20 }),
      (item) => item.quality.length === 2 && item.quality.every((quality) => quality < 0x4000),
    );
    expect(values.value[0]).toBeGreaterThanOrEqual(0);
    expect(Object.values(values.texts).join()).toMatch(/\w/);
    await firstItem(screen.recording.watch(), (state) => state.storedUntil !== null);
    await wait(1_500);
    const to = now();
    const items = await allItems(
      screen.history.view({
        source: 'history',
        tags: ['demo-strip-speed'],
        range: { from: to - 10_000_000, to },
        pixels: 1000,
      }),
    );
    const [series] = items.flatMap((item) => item.series);
    expect(series?.time.length).toBeGreaterThan(10);
    expect([...(series?.time ?? [])]).toEqual([...(series?.time ?? [])].toSorted((a, b) => a - b));
    expect((await firstItem(screen.engine.health())).historyCache.limit).toBeGreaterThan(1e6);
  });

  it('makes a file of its own of what was recorded, opens it and exports from it', async () => {
    let saveAt: string | null = null;
    const proposed: string[] = [];
    const { client, folder } = await withDemo(temporaryDirectory(), {
      openRecording: async () => null,
      async saveAs(name) {
        proposed.push(name);
        return saveAt;
      },
    });
    const screen = client();
    await firstItem(screen.recording.watch(), (state) => state.storedUntil !== null);
    await screen.recording.start({ name: 'Coil 4711: first/last', tagIds: [], preTriggerS: 0 });
    await expect(screen.recording.start({ name: 'again', tagIds: [], preTriggerS: 0 })).rejects.toMatchObject({
      code: 'config.invalid',
    });
    await wait(1_500);
    await screen.recording.stop();
    const { files } = await firstItem(screen.recording.files(), (item) => item.files.length === 1);
    expect(files[0]).toMatchObject({ name: 'Coil 4711: first/last', damage: [] });
    expect(files[0]?.samples).toBeGreaterThan(100);
    expect(readdirSync(join(folder, 'recordings')).filter((name) => !name.endsWith('.parx'))).toEqual([]);

    const opened = await screen.recording.open({ id: files[0]?.id ?? '', path: null });
    const { range } = await screen.history.bounds({ source: opened.id });
    expect(range).not.toBeNull();
    const { tags } = await screen.history.tags({ source: opened.id });
    expect(tags.find((tag) => tag.id === 'demo-strip-speed')).toMatchObject({ unit: 'm/min', demo: true });

    const { id } = await screen.exports.start({
      traces: ['demo-strip-speed', 'demo-coil-id'].map((tag) => ({ source: opened.id, tag, shiftMs: 0, label: '' })),
      range: range ?? { from: 0, to: 1 },
      format: 'csv',
      name: 'coil 4711',
      quality: true,
      options: {},
    });
    const { jobs } = await firstItem(
      screen.exports.watch(),
      (item) => !['waiting', 'running'].includes(item.jobs[0]?.state ?? ''),
    );
    expect(jobs[0]).toMatchObject({ id, state: 'done', progress: 1, artifact: id });
    expect(jobs[0]?.rows).toBeGreaterThan(10);
    expect(await screen.exports.saveAs({ id })).toEqual({ saved: false });
    saveAt = join(folder, 'no such folder', 'coil.csv');
    await expect(screen.exports.saveAs({ id })).rejects.toMatchObject({ code: 'store.not-found' });
    saveAt = join(folder, 'coil.csv');
    writeFileSync(saveAt, 'an older file that is longer '.repeat(10_000));
    expect(await screen.exports.saveAs({ id })).toEqual({ saved: true });
    expect(statSync(saveAt).size).toBe(jobs[0]?.bytes);
    expect(proposed).toEqual(['coil 4711.csv', 'coil 4711.csv', 'coil 4711.csv']);
    await screen.recording.close({ id: opened.id });
  });

  it('goes on with a running recording after a restart and gives the absence a reason', async () => {
    const folder = temporaryDirectory();
    const first = await startEngine(folder);
    const before = first.client();
    await before.recording.start({ name: 'Night shift', tagIds: [], preTriggerS: 0 });
    await first.engine.stop();
    const second = await startEngine(folder);
    cleanUp.push(() => second.engine.stop());
    const state = await firstItem(second.client().recording.watch());
    expect(state.active?.name).toBe('Night shift');
  });

  it('refuses a second program on the same data folder', async () => {
    const folder = temporaryDirectory();
    const first = await startEngine(folder);
    cleanUp.push(() => first.engine.stop());
    await expect(startEngine(folder)).rejects.toMatchObject({ code: 'store.locked' });
  });

  it('lets two screens edit one connection without losing an edit silently', async () => {
    const { client } = await withDemo();
    const [one, other] = [client(), client()];
    const all = await firstItem(one.project.watch(), (item) => item.complete);
    const entry = all.changes.find((change) => change.kind === 'connection');
    const rename = (name: string) => ({
      changes: [
        {
          kind: 'connection' as const,
          id: entry?.id ?? '',
          document: { ...(entry?.document as object), name },
          expected: entry?.revision ?? 0,
        },
      ],
    });
    await one.project.commit(rename('Renamed by one'));
    await expect(other.project.commit(rename('Renamed by the other'))).rejects.toMatchObject({
      code: 'store.conflict',
    });
    const seen = await firstItem(other.project.watch(), (item) => item.complete);
    expect(seen.changes.find((change) => change.kind === 'connection')?.document).toMatchObject({
      name: 'Renamed by one',
    });
  });

  it('takes 10,000 tags in one commit and refuses bad ones with the place named', async () => {
    const { client } = await withDemo();
    const screen = client();
    const tag = (n: number, part: object = {}) => ({
      kind: 'tag' as const,
      id: `t${n}`,
      expected: null,
      document: {
        id: `t${n}`,
        deviceId: 'demo-mill',
        name: `Tag ${n}`,
        description: '',
        address: String(400_001 + (n % 100)),
        type: 'int16',
        order: null,
        scaling: null,
        unit: null,
        decimals: null,
        range: null,
        periodMs: 60_000,
        timeKind: 'receive',
        enabled: true,
        ...part,
      },
    });
    await expect(screen.project.commit({ changes: [tag(1), tag(2, { name: '' })] })).rejects.toMatchObject({
      code: 'config.invalid',
    });
    const changes = Array.from({ length: 10_000 }, (_, n) => tag(n));
    const { written } = await screen.project.commit({ changes });
    expect(written).toHaveLength(10_000);
    let seen = 0;
    for await (const item of screen.tags.watch()) {
      seen += item.tags.filter((one) => one.id.startsWith('t')).length;
      if (seen >= 10_000) break;
    }
    expect(seen).toBe(10_000);
  });

  it('gives a viewer no way to change anything', async () => {
    const { client } = await withDemo();
    const viewer = client('viewer');
    await expect(viewer.project.commit({ changes: [] })).rejects.toMatchObject({ code: 'access.denied' });
    await expect(viewer.recording.start({ name: '', tagIds: [], preTriggerS: 0 })).rejects.toMatchObject({
      code: 'access.denied',
    });
    await expect(firstItem(viewer.connections.watch())).resolves.toBeDefined();
  });

  it('tests a connection through the running link, step by step', async () => {
    const { client } = await withDemo();
    const screen = client();
    await firstItem(screen.connections.watch(), (item) => item.connections[0]?.state === 'running');
    const { changes } = await firstItem(screen.project.watch(), (item) => item.complete);
    const find = (kind: string) => changes.find((change) => change.kind === kind)?.document as never;
    const steps = await allItems(
      screen.connections.test({ connection: find('connection'), device: find('device'), address: '400001' }),
    );
    expect(steps.length).toBeGreaterThan(3);
    expect(steps.filter((step) => !step.ok && !step.skipped)).toEqual([]);
    for (const step of steps) expect(step.says).toMatch(/\.$/);
  });

  it('shows what goes over the wire in words and bytes', async () => {
    const { client } = await withDemo();
    const { lines } = await firstItem(
      client().connections.trace({ id: 'demo-modbus' }),
      (item) => item.lines.length > 1,
    );
    const [first] = lines.filter((line) => line.direction === 'sent');
    expect(first?.hex).toMatch(/^([0-9a-f]{2} )+[0-9a-f]{2}$/);
    expect(first?.words.join(' ')).toMatch(/read/i);
    await expect(firstItem(client().connections.trace({ id: 'nothing' }))).rejects.toMatchObject({
      code: 'store.not-found',
    });
  });

  it('stops in order, twice, and leaves no handle and no file beside the history', async () => {
    const handles = openHandles();
    const folder = temporaryDirectory();
    const line = await startDemoLine({ port: 0 });
    const { engine, client } = await startEngine(folder, {
      host: { kind: 'server', startDemo: async () => line.addresses },
    });
    await firstItem(client().recording.watch(), (state) => state.storedUntil !== null);
    await Promise.all([engine.stop(), engine.stop()]);
    await line.close();
    expect(existsSync(join(folder, 'history.parx'))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('history.parx') && name !== 'history.parx')).toEqual(
      [],
    );
    await expectNoNewHandles(handles);
  });
});
