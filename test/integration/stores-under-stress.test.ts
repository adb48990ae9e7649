import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { openProject } from '#engine/project/index.ts';
import { needs } from '#test/support/needs.ts';

let folder = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parx-stress-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const node = ['--input-type=module', '-e'];
const prelude = `
  import { mkdirSync, readdirSync, rmSync, writeSync, openSync, closeSync } from 'node:fs';
  import { join } from 'node:path';
  import { createLogger, systemClock } from '#engine/platform/index.ts';
  import { openProject } from '#engine/project/index.ts';
  import { lockDataDirectory, openInstallation } from '#engine/installation/index.ts';
  import { exporters } from '#engine/exporters/index.ts';
  const folder = process.argv[1];
  const options = { clock: systemClock(), log: createLogger(() => undefined) };
  const connection = { kind: 'connection', id: 'c', expected: null,
    document: { id: 'c', name: 'c', protocol: 'modbus', enabled: true, demo: false, settings: {} } };
  const device = { kind: 'device', id: 'd', expected: null,
    document: { id: 'd', connectionId: 'c', name: 'd', enabled: true, settings: {} } };
  const tag = (id) => ({ kind: 'tag', id, expected: null, document: { id, deviceId: 'd', name: id, description: '',
    address: '400001', type: 'uint16', order: null, scaling: null, unit: null, decimals: null, range: null,
    periodMs: 100, timeKind: 'receive', enabled: true } });
  const codeOf = async (work) => {
    try { await work(); return 'none'; } catch (error) { return error.code ?? String(error); }
  };
`;

describe('a project whose program is killed', () => {
  it('has every commit that was acknowledged, whole, and opens without repair', async () => {
    const path = join(folder, 'plant.parx');
    const program = `${prelude}
      const project = openProject(join(folder, 'plant.parx'), options);
      if (project.list('connection').length === 0) project.commit([connection, device]);
      for (let n = project.list('tag').length; ; n += 3) {
        // Three tags in each commit: a torn one would show.
        project.commit([tag('t' + n), tag('t' + (n + 1)), tag('t' + (n + 2))]);
        writeSync(1, (n + 3) + '\\n');
      }`;
    let acknowledged = 0;
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [...node, program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      let text = '';
      const commits = 3 + 7 * round;
      await new Promise<void>((resolve, reject) => {
        child.once('exit', () => reject(new Error('The writing program ended by itself.')));
        child.stdout.on('data', (bytes: Buffer) => {
          text += bytes.toString();
          if (text.split('\n').length > commits) resolve();
        });
      });
      child.removeAllListeners('exit');
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
      acknowledged = Number(text.trimEnd().split('\n').at(-1));
      const project = openProject(path, { clock: systemClock(), log: createLogger(() => undefined) });
      const tags = project.list('tag').length;
      expect(project.report.problems).toEqual([]);
      expect(tags % 3).toBe(0);
      expect(tags).toBeGreaterThanOrEqual(acknowledged);
      // At most the one commit whose acknowledgement was on its way.
      expect(tags).toBeLessThanOrEqual(acknowledged + 3);
      await project.close();
    }
    expect(acknowledged).toBeGreaterThan(200);
  });
});

/** Runs `program` on a disk of its own that nobody else sees, `size` bytes large; it prints one line of JSON. */
function onSmallDisk(size: string, program: string, before = ''): unknown {
  const run = spawnSync(
    'unshare',
    [
      '--mount',
      '--map-root-user',
      'sh',
      '-ec',
      `mount -t tmpfs -o size=${size} tmpfs "$1"; ${before} exec "$2" ${node.join(' ')} "$3" "$1"`,
      'sh',
      folder,
      process.execPath,
      `${prelude}${program}`,
    ],
    { encoding: 'utf8' },
  );
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

describe.skipIf(needs('namespaces'))('on a full disk', () => {
  const fill = `
    const fill = () => {
      const file = openSync(join(folder, 'ballast'), 'a');
      for (let size = 65536; size >= 1; size = size >> 1) {
        try { for (;;) writeSync(file, Buffer.alloc(size)); } catch (error) { if (error.code !== 'ENOSPC') throw error; }
      }
      closeSync(file);
    };
    const free = () => rmSync(join(folder, 'ballast'), { force: true });
  `;

  it('a commit is refused by name and changes nothing, and the next one works when there is space again', () => {
    const result = onSmallDisk(
      '8m',
      `${fill}
      const path = join(folder, 'p.parx');
      const project = openProject(path, options);
      project.commit([connection, device]);
      let heard = 0;
      project.watch(() => heard++);
      fill();
      const many = Array.from({ length: 2000 }, (_, i) => tag('t' + i));
      const refused = await codeOf(() => project.commit(many));
      const during = [project.list('tag').length, heard];
      free();
      project.commit(many);
      const after = [project.list('tag').length, heard];
      await project.close();
      const again = openProject(path, options);
      console.log(JSON.stringify({ refused, during, after, reopened: again.list('tag').length }));`,
    );
    expect(result).toEqual({ refused: 'store.disk-full', during: [0, 0], after: [2000, 1], reopened: 2000 });
  });

  it('a copy and an export are refused by name and leave nothing behind', () => {
    const result = onSmallDisk(
      '4m',
      `${fill}
      const project = openProject(join(folder, 'p.parx'), options);
      project.commit([connection, device, ...Array.from({ length: 300 }, (_, i) => tag('t' + i))]);
      fill();
      const copy = await codeOf(() => project.saveAs(join(folder, 'copy.parx')));
      free();
      const codes = [];
      for (const exporter of exporters) {
        const columns = [{ name: 'time', unit: null, type: 'time' }, { name: 'v', unit: null, type: 'number' }];
        const writer = await exporter.open(join(folder, 'out'), columns, exporter.options.parse({}));
        codes.push(await codeOf(async () => {
          for (let at = 0; at < 3e6; at += 8192) {
            await writer.write({ rows: 8192, columns: [
              Float64Array.from({ length: 8192 }, (_, i) => (at + i) * 997),
              Float64Array.from({ length: 8192 }, () => Math.random()) ] });
          }
          await writer.finish();
        }));
        await writer.abort();
      }
      const left = readdirSync(folder).filter((name) => !name.startsWith('p.parx'));
      const works = await codeOf(() => project.saveAs(join(folder, 'copy.parx')));
      console.log(JSON.stringify({ copy, codes, left, works }));`,
    );
    expect(result).toEqual({
      copy: 'store.disk-full',
      codes: ['store.disk-full', 'store.disk-full'],
      left: [],
      works: 'none',
    });
  });

  it('secrets and audit lines are refused by name, preferences stay in memory', () => {
    const result = onSmallDisk(
      '2m',
      `${fill}
      const installation = openInstallation(folder, options);
      await installation.secrets.set('a', 'first');
      fill();
      const secret = await codeOf(() => installation.secrets.set('b', 'x'.repeat(60000)));
      const audit = await codeOf(() => {
        for (let i = 0; i < 100; i++) {
          installation.audit.append({ user: 'u', action: 'a', subject: 'x'.repeat(900), result: 'done' });
        }
      });
      installation.preferences.set('theme', '"dark"');
      installation.preferences.flush();
      const theme = installation.preferences.get('theme');
      free();
      await installation.secrets.set('b', 'second');
      const values = [await installation.secrets.get('a'), await installation.secrets.get('b')];
      console.log(JSON.stringify({ secret, audit, theme, values }));`,
    );
    expect(result).toEqual({
      secret: 'store.disk-full',
      audit: 'store.disk-full',
      theme: '"dark"',
      values: ['first', 'second'],
    });
  });
});

describe.skipIf(needs('namespaces'))('in a read-only data folder', () => {
  it('lock, project, installation and export say so', () => {
    const readOnly = (made: string): unknown =>
      onSmallDisk(
        '4m',
        `
        const csv = exporters[0];
        console.log(JSON.stringify([
          await codeOf(() => lockDataDirectory(folder, options.clock)),
          await codeOf(() => openProject(join(folder, 'p.parx'), options)),
          await codeOf(() => openInstallation(folder, options)),
          await codeOf(() => csv.open(join(folder, 'out.csv'), [], csv.options.parse({}))),
        ]));`,
        `${made} mount -o remount,ro "$1";`,
      );
    const expected = ['store.read-only', 'store.read-only', 'store.read-only', 'store.read-only'];
    expect(readOnly('')).toEqual(expected);
    // The same with files that are there already.
    const make = `"$2" ${node.join(' ')} '${prelude.replaceAll("'", `"`)}
      lockDataDirectory(folder, options.clock)[Symbol.dispose]();
      const project = openProject(join(folder, "p.parx"), options);
      project.commit([connection, device]);
      await project.close();
      openInstallation(folder, options).close();' "$1";`;
    expect(readOnly(make)).toEqual(expected);
  });
});
