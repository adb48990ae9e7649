import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '#engine/platform/index.ts';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { makeConnection, makeDevice, makeTags } from '#test/support/documents.ts';
import { firstItem } from '#test/support/engine.ts';
import { needs } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { startEngineProcess } from './engine-process.ts';

const noDemo = { flags: ['--no-demo'] } as const;
/** Mounts a small disk on the folder in a namespace of its own, then runs `then` there and last the engine. */
const onSmallDisk = (folder: string, size: string, then = ''): readonly string[] => [
  'unshare',
  '--mount',
  '--map-root-user',
  'sh',
  '-ec',
  `mount -t tmpfs -o size=${size} tmpfs "$1"; ${then} shift; exec "$@"`,
  'sh',
  folder,
];

describe('an engine that cannot start', () => {
  it.skipIf(needs('namespaces'))(
    'says in one sentence that the data folder is read-only, and ends with 1',
    async () => {
      const folder = temporaryDirectory();
      const engine = startEngineProcess(folder, {
        ...noDemo,
        before: onSmallDisk(folder, '8m', 'mount -o remount,ro "$1";'),
      });
      expect(await engine.ended).toBe(1);
      expect(engine.output()).toMatch(/read-only|can.t be written|not be written/i);
      expect(engine.output()).toContain(folder);
      expect(engine.output()).not.toMatch(/^\s+at /m);
    },
  );

  it('says that the folder itself cannot be made, and ends with 1', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'file'), '');
    const engine = startEngineProcess(join(folder, 'file', 'data'), noDemo);
    expect(await engine.ended).toBe(1);
    expect(engine.output()).toContain(join(folder, 'file', 'data'));
    expect(engine.output()).not.toMatch(/^\s+at /m);
  });

  it('refuses a project of a later version by name and leaves the file as it is', async () => {
    const folder = temporaryDirectory();
    const first = startEngineProcess(folder, noDemo);
    await first.ready();
    expect(await first.stop()).toBe(0);
    const path = join(folder, 'project.parxproject');
    const database = openDatabase(path);
    database.pragma('user_version = 9');
    database.close();
    const bytes = readFileSync(path);
    const engine = startEngineProcess(folder, noDemo);
    expect(await engine.ended).toBe(1);
    expect(engine.output()).toMatch(/project\.parxproject/);
    expect(engine.output()).toMatch(/later|newer/);
    expect(engine.output()).not.toMatch(/^\s+at /m);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('leaves a data folder to the program that has it, and names that program', async () => {
    const folder = temporaryDirectory();
    const first = startEngineProcess(folder, noDemo);
    await first.ready();
    const second = startEngineProcess(folder, noDemo);
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`process ${first.child.pid}`);
    expect(second.output()).toContain(folder);
    const screen = await first.screen();
    expect((await firstItem(screen.engine.health())).dataDirectory).toBe(folder);
    expect(await first.stop()).toBe(0);
  });
});

describe('a port that is taken', () => {
  it('is named in one sentence with what to do, and the program ends with 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const engine = startEngineProcess(temporaryDirectory(), { flags: ['--no-demo', '--port', String(port)] });
    expect(await engine.ended, engine.output()).toBe(1);
    expect(engine.output()).toContain(String(port));
    expect(engine.output()).toMatch(/--port/);
    expect(engine.output()).not.toMatch(/^\s+at /m);
  });
});

describe('an engine that ends', () => {
  it('of an unexpected error ends with 70, and its cause becomes the reason of the gap', async () => {
    const folder = temporaryDirectory();
    // A fault in a callback of its own, as a protocol library would throw it; SIGUSR2 is only the trigger.
    const fault = join(folder, 'fault.mjs');
    writeFileSync(fault, "process.on('SIGUSR2', () => { throw new TypeError('the library lost its socket'); });");
    const data = join(folder, 'data');
    const engine = startEngineProcess(data, { nodeFlags: ['--import', fault] });
    const before = await engine.screen();
    await firstItem(before.recording.watch(), (state) => state.storedUntil !== null);
    engine.child.kill('SIGUSR2');
    expect(await engine.ended).toBe(70);
    expect(engine.output()).toContain('the library lost its socket');

    const again = startEngineProcess(data, noDemo);
    const screen = await again.screen();
    const { gaps } = await screen.history.gaps({ source: 'history', range: { from: 0, to: Date.now() * 1000 } });
    expect(gaps.map(({ reason }) => reason)).toContainEqual(
      expect.stringMatching(/unexpected error.*the library lost its socket/),
    );
    // Told once: a later orderly stop and start have a reason of their own.
    expect(await again.stop()).toBe(0);
    expect(existsSync(join(data, 'running.json'))).toBe(false);
  });

  it('while screens are open lets them know at once, whether it was stopped or killed', async () => {
    const folder = temporaryDirectory();
    for (const end of ['stop', 'kill'] as const) {
      const engine = startEngineProcess(folder);
      const screen = await engine.screen();
      const rows = firstItem(screen.live.rows({ tags: ['demo-strip-speed'], maxHz: 10 }), () => false);
      await firstItem(
        screen.live.values({ tags: ['demo-strip-speed'], maxHz: 10 }),
        ({ quality }) => quality.length > 0,
      );
      const refused = expect(rows).rejects.toMatchObject({ code: 'rpc.disconnected', retryable: true });
      if (end === 'stop') expect(await engine.stop()).toBe(0);
      else await engine.kill();
      await refused;
      await expect(screen.catalogue.get()).rejects.toMatchObject({ code: 'rpc.disconnected' });
    }
  });
});

describe.skipIf(needs('namespaces'))('a disk that fills up', () => {
  it('pauses the history with an alert, lets acquisition go on, and resumes by itself', async () => {
    const folder = temporaryDirectory();
    const data = join(folder, 'data');
    mkdirSync(data);
    const engine = startEngineProcess(data, { before: onSmallDisk(data, '24m'), flags: ['--flush-ms', '100'] });
    const screen = await engine.screen();
    await firstItem(screen.recording.watch(), (state) => state.storedUntil !== null);
    await screen.recording.start({ name: 'On a small disk', tagIds: [], preTriggerS: 0 });
    // The history has a megabyte in hand: many samples, so that it is used up within seconds.
    const device = await startModbusSimulator({ units: { 1: createRegisterImage({ everything: true }) } });
    onTestFinished(() => device.close());
    const settings = { host: device.host, port: device.port };
    const documents = [
      { kind: 'connection' as const, document: makeConnection({ settings }) },
      { kind: 'device' as const, document: makeDevice() },
      ...makeTags(1_000, () => ({ periodMs: 20 })).map((document) => ({ kind: 'tag' as const, document })),
    ];
    await screen.project.commit({
      changes: documents.map(({ kind, document }) => ({ kind, id: document.id, document, expected: null })),
    });

    // The mount is the engine's own; its folder is reached through the process.
    const inside = `/proc/${engine.child.pid}/root${data}`;
    const ballast = join(inside, 'ballast');
    const { bavail, bsize } = statfsSync(inside);
    expect(bavail * bsize, 'the small disk').toBeLessThan(24 * 1024 ** 2);
    fill(ballast);

    const paused = await firstItem(screen.recording.watch(), (state) => state.paused !== null);
    expect(paused.paused).toMatch(/full|space/);
    const { alerts } = await firstItem(screen.engine.alerts(), (item) =>
      item.alerts.some(({ id, cleared }) => id.includes('paused') && cleared === null),
    );
    expect(alerts.find(({ id }) => id.includes('paused'))?.advice).toMatch(/resumes by itself/);
    // Live values still come, newer than the pause.
    const since = Date.now() * 1000;
    await firstItem(screen.live.values({ tags: ['demo-strip-speed'], maxHz: 20 }), ({ time }) =>
      time.some((one) => one > since),
    );

    rmSync(ballast);
    const resumed = await firstItem(
      screen.recording.watch(),
      (state) => state.paused === null && (state.storedUntil ?? 0) > since,
    );
    expect(resumed.active?.name).toBe('On a small disk');
    await firstItem(screen.engine.alerts(), (item) =>
      item.alerts.every(({ id, cleared }) => !id.includes('paused') || cleared !== null),
    );
    // What was lost is counted, and its time is a gap with the cause; what was not lost is there.
    const { gaps } = await screen.history.gaps({ source: 'history', range: { from: 0, to: Date.now() * 1000 } });
    if (resumed.dropped > 0) expect(gaps.map(({ reason }) => reason).join()).toMatch(/full|space/);
    await screen.recording.stop();
    const { files } = await firstItem(screen.recording.files(), (item) => item.files.length === 1);
    expect(files[0]).toMatchObject({ name: 'On a small disk', damage: [] });
    // The log has the time after the pause as well.
    expect(readFileSync(join(inside, 'log', 'parx.log'), 'utf8')).toContain('Recording written.');
    expect(await engine.stop(), engine.output()).toBe(0);
  });
});

function fill(path: string): void {
  for (let size = 1024 ** 2; size >= 1; size = Math.floor(size / 4)) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
