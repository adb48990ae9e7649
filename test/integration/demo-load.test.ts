import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { addDemo } from '#engine/demo.ts';
import { createLogger } from '#engine/platform/index.ts';
import { openProject, type ProjectStore } from '#engine/project/index.ts';
import { startDemoLine } from '#simulators/demo-line.ts';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const demoProject = readFileSync(new URL('../../resources/demo-project.json', import.meta.url), 'utf8');

function openEmpty(): { project: ProjectStore; load(restore: boolean, port?: number): Promise<unknown> } {
  const clock = createFakeClock();
  const log = createLogger(() => undefined);
  const project = openProject(join(temporaryDirectory(), 'project.parxproject'), { clock, log });
  closing.push(() => project.close());
  return {
    project,
    load: (restore, port = 1) =>
      addDemo({
        project,
        demoProject,
        startDemo: async () => ({ modbus: { port }, 'ethernet-ip': { port: port + 1 }, egd: { port: port + 2 } }),
        restore,
        clock,
        log,
      }),
  };
}
function remove(project: ProjectStore, kind: 'connection' | 'tag' | 'trend', ids: readonly string[]): void {
  project.commit(ids.map((id) => ({ kind, id, document: null, expected: project.get(kind, id)!.revision })));
}

describe('loading the demo line', () => {
  it('brings every connection at its address, and a second time changes nothing', async () => {
    const { project, load } = openEmpty();
    await load(true, 100);
    const ports = project.list('connection').map(({ document }) => [document.protocol, document.settings.port]);
    expect(Object.fromEntries(ports)).toEqual({ modbus: 100, 'ethernet-ip': 101, egd: 102 });
    expect(project.list('connection').every(({ document }) => document.demo)).toBe(true);
    const before = JSON.stringify([project.list('connection'), project.list('tag'), project.list('trend')]);
    await load(true, 100);
    expect(JSON.stringify([project.list('connection'), project.list('tag'), project.list('trend')])).toBe(before);
  });

  it('adds the connections that a project of an older version lacks, and leaves what the user has made of the rest', async () => {
    const { project, load } = openEmpty();
    await load(true);
    const tags = project.list('tag').length;
    remove(project, 'tag', ['demo-strip-speed']);
    const others = project.list('device').filter(({ document }) => document.connectionId !== 'demo-modbus');
    const ids = new Set(others.map(({ document }) => document.id));
    const lost = project.list('tag').filter(({ document }) => ids.has(document.deviceId));
    remove(
      project,
      'tag',
      lost.map(({ document }) => document.id),
    );
    project.commit(
      others.map(({ document, revision }) => ({
        kind: 'device',
        id: document.id,
        document: null,
        expected: revision,
      })),
    );
    remove(project, 'connection', ['demo-logix', 'demo-egd']);
    await load(true);
    expect(project.get('connection', 'demo-egd')).toBeDefined();
    expect(project.list('tag').length).toBe(tags - 1);
    expect(project.get('tag', 'demo-strip-speed')).toBeUndefined();
  });

  it('by itself, at the start, only follows the address of what is there and switched on', async () => {
    const { project, load } = openEmpty();
    await load(true, 100);
    remove(project, 'trend', ['demo-trend']);
    const { document, revision } = project.get('connection', 'demo-egd')!;
    project.commit([
      { kind: 'connection', id: 'demo-egd', document: { ...document, enabled: false }, expected: revision },
    ]);
    await load(false, 200);
    expect(project.get('connection', 'demo-modbus')?.document.settings.port).toBe(200);
    expect(project.get('connection', 'demo-logix')?.document.settings.port).toBe(201);
    expect(project.get('connection', 'demo-egd')?.document).toMatchObject({ enabled: false, settings: { port: 102 } });
    expect(project.get('trend', 'demo-trend')).toBeUndefined();
    await load(true, 300);
    expect(project.get('connection', 'demo-egd')?.document).toMatchObject({ enabled: true, settings: { port: 302 } });
    expect(project.get('trend', 'demo-trend')).toBeDefined();
  });
});

it('two engines beside each other show one value of the mill by every protocol, each its own', async () => {
  const speeds = ['demo-strip-speed', 'demo-logix-line-speed', 'demo-egd-line-speed'];
  const screens = await Promise.all(
    [1, 2].map(async (seed) => {
      const line = await startDemoLine({ port: 0, seed });
      closing.push(() => line.close());
      const { engine, client } = await startEngine(temporaryDirectory(), {
        host: { kind: 'server', startDemo: async () => line.addresses },
      });
      closing.push(() => engine.stop());
      return client();
    }),
  );
  for (const screen of screens) {
    const { connections } = await firstItem(screen.connections.watch(), (item) =>
      item.connections.every((connection) => connection.state === 'running'),
    );
    expect(connections).toHaveLength(3);
    const latest = new Map<number, number>();
    await firstItem(screen.live.values({ tags: speeds, maxHz: 20 }), (item) => {
      item.position.forEach((place, at) => {
        if (item.quality[at]! < 0x4000) latest.set(place, item.value[at]!);
      });
      const values = [...latest.values()];
      // Read at slightly different moments of a line that accelerates by 60 m/min a second.
      return values.length === 3 && values[0]! > 10 && Math.max(...values) - Math.min(...values) < 30;
    });
  }
});
