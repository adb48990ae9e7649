import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFaultyServer } from '#test/support/faulty-backend.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { openConfiguredSources, readConfiguredSources } from './index.ts';

const { backend } = createFaultyServer(async () => undefined);
const read = (text: string, env: Record<string, string> = {}) =>
  readConfiguredSources('sources.yaml', text, [backend], env);

describe('sources by configuration', () => {
  it('are read with their limits, and secrets from where they are kept', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'secret'), 'from a file\n');
    const { sources, issues } = read(
      `version: 1
sources:
  plant:
    name: Plant
    backend: faulty
    settings: { name: db }
    limits: { connections: 4 }
    secrets:
      password: { env: PLANT_PASSWORD }
      key: { file: ${JSON.stringify(join(folder, 'secret'))} }
      gone: { file: /no/such/file }
      unset: { env: NOT_SET }
`,
      { PLANT_PASSWORD: 'hunter2' },
    );
    expect(issues).toEqual([]);
    const [{ document, secret, place }] = sources as [(typeof sources)[number]];
    expect(place).toEqual({ file: 'sources.yaml', line: 3 });
    expect(document).toMatchObject({ id: 'plant', enabled: true, limits: { connections: 4, cacheMegabytes: 64 } });
    expect(await secret('password')).toBe('hunter2');
    expect(await secret('key')).toBe('from a file');
    expect(await secret('other')).toBeUndefined();
    await expect(secret('gone')).rejects.toThrow('/no/such/file cannot be read (ENOENT).');
    await expect(secret('unset')).rejects.toThrow('set the environment variable NOT_SET');
  });

  it('a fault is named with its line and leaves out its own source alone', () => {
    const { sources, issues } = read(`version: 1
sources:
  good: { name: Good, backend: faulty }
  typed:
    name: Typed
    backend: faulty
    settings: { name: 7 }
  unknown:
    name: Unknown
    backend: oracle
  told:
    name: Told
    backend: faulty
    settings:
      password: hunter2
  history: { name: Taken, backend: faulty }
  wide:
    name: Wide
    backend: faulty
    limits:
      connections: 5000
`);
    expect(sources.map(({ document }) => document.id)).toEqual(['good']);
    expect(issues.map(({ line, path }) => `${line} ${path}`)).toEqual([
      '7 sources.typed.settings.name',
      '10 sources.unknown.backend',
      '15 sources.told.settings.password',
      '16 sources.history',
      '21 sources.wide.limits.connections',
    ]);
    expect(issues[1]!.message).toBe('There is no backend "oracle" here. Choose from faulty.');
    expect(issues[2]!.message).toContain('secrets: { password: { env: NAME } }');
    expect(JSON.stringify(issues)).not.toContain('hunter2');
  });

  it('a file that is none is told, and one that is not there is not missed', async () => {
    expect(read('sources: [').issues[0]).toMatchObject({ file: 'sources.yaml', line: 1 });
    expect(read('version: 2').issues[0]).toMatchObject({ path: 'version' });
    const folder = temporaryDirectory();
    expect(await openConfiguredSources(join(folder, 'sources.yaml'), [backend])).toEqual({ sources: [], issues: [] });
    expect((await openConfiguredSources(folder, [backend])).issues[0]!.message).toContain('cannot be read');
  });
});
