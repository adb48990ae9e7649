import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultDataDirectory, readInvocation } from './config.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parx-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (argv: readonly string[], env: Record<string, string> = {}) => {
  const invocation = readInvocation(['--data', folder, ...argv], env);
  if (invocation.kind !== 'run') throw new Error(invocation.kind === 'say' ? invocation.text : invocation.kind);
  return invocation;
};
const refusal = (argv: readonly string[], env: Record<string, string> = {}): string => {
  const invocation = readInvocation(['--data', folder, ...argv], env);
  expect(invocation).toMatchObject({ kind: 'say', exitCode: 2 });
  return invocation.kind === 'say' ? invocation.text : '';
};

describe('settings of the program', () => {
  it('takes the flag before the environment before the file before the default', () => {
    writeFileSync(join(folder, 'parx.yaml'), 'port: 1000\nflushMs: 100\nhistoryDays: 3\n');
    const { config, sources } = run(['--port', '3000'], { PARX_PORT: '2000', PARX_FLUSH_MS: '200' });
    expect(config).toMatchObject({
      port: 3000,
      flushMs: 200,
      historyDays: 3,
      historyGigabytes: 20,
      demo: true,
      data: folder,
    });
    expect(sources).toMatchObject({
      port: 'flag --port',
      flushMs: 'environment PARX_FLUSH_MS',
      historyDays: `${join(folder, 'parx.yaml')}, line 3`,
      historyGigabytes: 'default',
    });
  });

  it('forgets by age and size alone unless told otherwise', () => {
    expect(run([]).config).toMatchObject({ keepFreeGigabytes: 0, keepRecordings: 0, archive: '' });
    const told = run(['--keep-free-gigabytes', '2.5', '--keep-recordings=9', '--archive', 'old'], {}).config;
    expect(told).toMatchObject({ keepFreeGigabytes: 2.5, keepRecordings: 9, archive: resolve('old') });
    expect(refusal(['--keep-recordings', '1.5'])).toContain('flag --keep-recordings');
  });

  it('switches the demo off by flag, environment and file', () => {
    expect(run(['--no-demo']).config.demo).toBe(false);
    expect(run([], { PARX_DEMO: 'false' }).config.demo).toBe(false);
    writeFileSync(join(folder, 'parx.yaml'), 'demo: false');
    expect(run([]).config.demo).toBe(false);
  });

  it('names the flag, variable or file that is wrong', () => {
    expect(refusal(['--prot', '1'])).toMatch(/--prot.*\nUse --help/s);
    expect(refusal(['--port', 'http'])).toContain('flag --port');
    expect(refusal(['--port', '70000'])).toContain('port = 70000 (flag --port)');
    expect(refusal([], { PARX_FLUSH_MS: '-5' })).toContain('environment PARX_FLUSH_MS');
    expect(refusal([], { PARX_DEMO: 'maybe' })).toContain('PARX_DEMO');
    expect(refusal(['--config', join(folder, 'none.yaml')])).toContain('There is no configuration file');
  });

  it('names the line of the file that is wrong', () => {
    const file = join(folder, 'parx.yaml');
    const says = (content: string): string => {
      writeFileSync(file, content);
      return refusal([]);
    };
    expect(says('# the line\nport: 1\n\nprot: 1')).toContain(`${file}, line 4: there is no setting "prot"`);
    expect(says('port: 1\nflushMs: 5000')).toContain(`flushMs = 5000 (${file}, line 2): `);
    expect(says('port: 1\nhost: [1\ndemo: false')).toMatch(/can't be read.* at line \d/);
    expect(says('port: 1\nport: 2')).toMatch(/can't be read.* at line 2/);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own notation
    expect(says('port: 1\n\ndata: ${NO_SUCH_NAME}')).toContain('Line 3: the environment variable NO_SUCH_NAME is not');
    writeFileSync(file, '');
    expect(run([]).config.port).toBe(8420);
    writeFileSync(join(folder, 'parx.yaml'), '- 1');
    expect(refusal([])).toContain("can't be read");
  });

  it('replaces ${NAME} in the file and refuses a name that is not set', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own notation
    writeFileSync(join(folder, 'parx.yaml'), 'port: ${MY_PORT}');
    expect(run([], { MY_PORT: '1234' }).config.port).toBe(1234);
    expect(refusal([])).toContain('MY_PORT is not set');
  });

  it('takes the sync of each block, and a list of what is switched off', () => {
    expect(run(['--flush-ms', '0']).config.flushMs).toBe(0);
    expect(run(['--without', 'egd, parquet']).config.without).toBe('egd, parquet');
    expect(refusal(['--without', 'Modbus TCP'])).toMatch(/flag --without\): Write ids as --catalogue lists them/);
  });

  it('explains itself', () => {
    const help = readInvocation(['--help'], {});
    expect(help).toMatchObject({ kind: 'say', exitCode: 0 });
    for (const flag of ['--data', '--port', '--no-demo', '--flush-ms', 'PARX_PORT'])
      expect(help.kind === 'say' && help.text).toContain(flag);
    const printed = readInvocation(['--data', folder, '--print-config'], {});
    expect(printed.kind === 'say' && printed.text).toContain('port: 8420  # default');
  });

  it('is asked for the list of plugins without a data folder', () => {
    expect(readInvocation(['--catalogue'], {})).toEqual({ kind: 'catalogue' });
  });

  it("uses each system's own place for data", () => {
    expect(defaultDataDirectory('win32', { LOCALAPPDATA: 'C:\\Users\\a\\AppData\\Local' })).toContain('ParX');
    expect(defaultDataDirectory('darwin', {})).toMatch(/Library.Application Support.ParX$/);
    expect(defaultDataDirectory('linux', { XDG_DATA_HOME: '/d' })).toBe(join('/d', 'parx'));
  });
});
