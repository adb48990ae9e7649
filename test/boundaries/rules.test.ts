import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { suiteDirectory } from '#test/support/temporary-directory.ts';

// Every rule of .dependency-cruiser.cjs is broken once on purpose, in a small project of its own: a rule whose pattern
// no longer matches anything would pass for ever.

const root = fileURLToPath(new URL('../..', import.meta.url));
const configFile = join(root, '.dependency-cruiser.cjs');
const config = createRequire(import.meta.url)(configFile) as { forbidden: { name: string; comment: string }[] };

/** Rule, the file that breaks it, and what it imports. */
const breaches: readonly (readonly [rule: string, file: string, imports: string])[] = [
  ['only-main-knows-electron', 'src/engine/platform/b-electron.ts', 'electron'],
  ['server-host-never-reaches-electron', 'src/main/engine.ts', './desktop/index.ts'],
  ['shared-is-pure', 'src/shared/rpc/b-node.ts', 'node:fs'],
  ['shared-is-pure', 'src/shared/rpc/b-package.ts', 'yaml'],
  ['shared-is-pure', 'src/shared/rpc/b-engine.ts', '#engine/platform/index.ts'],
  ['shared-model-and-errors-first', 'src/shared/model/b.ts', '../rpc/index.ts'],
  ['shared-siblings', 'src/shared/formula/b.ts', '#shared/rpc/index.ts'],
  ['engine-stands-alone', 'src/engine/live/b-host.ts', '#main/http/index.ts'],
  ['one-door', 'src/main/http/b-engine.ts', '#engine/live/index.ts'],
  ['main-hosts-only', 'src/main/http/b-screen.ts', '#renderer/ui/index.ts'],
  ['preload-hands-over-one-port', 'src/preload/b.ts', 'node:fs'],
  ['renderer-sees-shared-only', 'src/renderer/client/b-engine.ts', '#engine/index.ts'],
  ['renderer-has-no-node', 'src/renderer/client/b-node.ts', 'node:path'],
  ['simulators-share-nothing-with-the-engine', 'src/simulators/b.ts', '#engine/live/index.ts'],
  ['nobody-imports-simulators', 'src/engine/live/b-simulator.ts', '#simulators/index.ts'],
  ['plugins-do-not-know-each-other', 'src/engine/protocols/modbus/b-sibling.ts', '../mqtt/index.ts'],
  ['plugins-do-not-know-each-other', 'src/renderer/widgets/trend/b-sibling.ts', '../text/index.ts'],
  ['plugins-know-only-their-boundary', 'src/engine/protocols/modbus/b-live.ts', '#engine/live/index.ts'],
  ['plugins-know-only-their-boundary-file', 'src/engine/protocols/modbus/b-array.ts', '../index.ts'],
  ['only-tsdb-local-knows-the-historian', 'src/engine/tsdb/influxdb/b.ts', '#engine/historian/index.ts'],
  ['plugins-take-platform-as-types', 'src/engine/protocols/modbus/b-clock.ts', '#engine/platform/index.ts'],
  ['widgets-know-only-their-boundary', 'src/renderer/widgets/trend/b-client.ts', '#renderer/client/index.ts'],
  ['api-is-the-top', 'src/engine/live/b-api.ts', '#engine/api/index.ts'],
  ['modules-by-their-index', 'src/engine/recording/b-inside.ts', '#engine/live/table.ts'],
  ['every-module-has-a-row', 'src/engine/newcomer/b.ts', '#shared/errors.ts'],
  ['every-module-has-a-row', 'src/renderer/newcomer/b.ts', '#shared/errors.ts'],
  ['module-order-engine-platform', 'src/engine/platform/b.ts', '#engine/live/index.ts'],
  ['module-order-engine-protocols', 'src/engine/protocols/b.ts', '#engine/live/index.ts'],
  ['module-order-engine-historian', 'src/engine/historian/b.ts', '#engine/live/index.ts'],
  ['module-order-engine-project', 'src/engine/project/b.ts', '#engine/live/index.ts'],
  ['module-order-engine-installation', 'src/engine/installation/b.ts', '#engine/project/index.ts'],
  ['module-order-engine-live', 'src/engine/live/b.ts', '#engine/historian/index.ts'],
  ['module-order-engine-tsdb', 'src/engine/tsdb/b.ts', '#engine/live/index.ts'],
  ['module-order-engine-sources', 'src/engine/sources/b.ts', '#engine/historian/index.ts'],
  ['module-order-engine-promql', 'src/engine/promql/b.ts', '#engine/historian/index.ts'],
  ['module-order-engine-exporters', 'src/engine/exporters/b.ts', '#engine/historian/index.ts'],
  ['module-order-engine-acquisition', 'src/engine/acquisition/b.ts', '#engine/recording/index.ts'],
  ['module-order-engine-recording', 'src/engine/recording/b.ts', '#engine/acquisition/index.ts'],
  ['module-order-engine-alarms', 'src/engine/alarms/b.ts', '#engine/recording/index.ts'],
  ['module-order-engine-analytics', 'src/engine/analytics/b.ts', '#engine/recording/index.ts'],
  ['module-order-renderer-backends', 'src/renderer/backends/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-sending', 'src/renderer/sending/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-client', 'src/renderer/client/b.ts', '#renderer/ui/index.ts'],
  ['module-order-renderer-ui', 'src/renderer/ui/b.ts', '#renderer/client/index.ts'],
  ['module-order-renderer-plot', 'src/renderer/plot/b.ts', '#renderer/ui/index.ts'],
  ['module-order-renderer-editor', 'src/renderer/editor/b.ts', '#renderer/ui/index.ts'],
  ['module-order-renderer-widgets', 'src/renderer/widgets/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-dashboards', 'src/renderer/dashboards/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-viewer', 'src/renderer/viewer/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-exporting', 'src/renderer/exporting/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-overview', 'src/renderer/overview/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-tags', 'src/renderer/tags/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-recordings', 'src/renderer/recordings/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-graphs', 'src/renderer/graphs/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-log', 'src/renderer/log/b.ts', '#renderer/setup/index.ts'],
  ['module-order-renderer-setup', 'src/renderer/setup/b.ts', '#renderer/viewer/index.ts'],
  ['api-uses-no-library', 'src/engine/api/b.ts', 'yaml'],
  ['wrapped-libraries-monaco-editor', 'src/renderer/viewer/b-monaco.ts', 'monaco-editor'],
  ['wrapped-libraries-mantine', 'src/renderer/viewer/b-mantine.ts', '@mantine/core'],
  ['wrapped-libraries-tanstack', 'src/renderer/viewer/b-tanstack.ts', '@tanstack/react-table'],
  ['wrapped-libraries-better-sqlite3', 'src/engine/historian/b-sqlite.ts', 'better-sqlite3'],
  ['wrapped-libraries-modbus-serial', 'src/engine/acquisition/b-modbus.ts', 'modbus-serial'],
  ['wrapped-libraries-serialport', 'src/engine/acquisition/b-serial.ts', 'serialport'],
  ['wrapped-libraries-node-opcua', 'src/engine/protocols/modbus/b-opcua.ts', 'node-opcua'],
  ['wrapped-libraries-exceljs', 'src/engine/exporters/csv/b-exceljs.ts', 'exceljs'],
  ['wrapped-libraries-parquet-wasm', 'src/engine/exporters/csv/b-parquet.ts', 'parquet-wasm'],
  ['wrapped-libraries-apache-arrow', 'src/engine/exporters/csv/b-arrow.ts', 'apache-arrow'],
  ['wrapped-libraries-pg', 'src/engine/project/b-pg.ts', 'pg'],
  ['wrapped-libraries-saxes', 'src/engine/project/b-saxes.ts', 'saxes'],
  ['wrapped-libraries-smol-toml', 'src/engine/project/b-toml.ts', 'smol-toml'],
  ['wrapped-libraries-fastify', 'src/main/b-fastify.ts', 'fastify'],
  ['wrapped-libraries-ws', 'src/main/b-ws.ts', 'ws'],
  ['shipped-code-uses-dependencies', 'src/engine/live/b-dev.ts', 'vitest'],
  ['no-undeclared-package', 'src/engine/live/b-undeclared.ts', 'undeclared'],
  ['no-unresolvable', 'src/engine/live/b-nowhere.ts', './nowhere.ts'],
  // Of the two ends of a cycle the checker names one.
  ['no-cycles', 'src/engine/live/b-cycle-back.ts', './b-cycle.ts'],
  ['no-orphans', 'src/engine/live/b-orphan.ts', ''],
  ['no-test-from-source', 'src/engine/live/b-support.ts', '#test/support/clock.ts'],
];

/** What is allowed, and must not be reported. */
const sound: readonly (readonly [file: string, imports: readonly string[]])[] = [
  ['src/shared/errors.ts', []],
  ['src/shared/model/index.ts', ['zod', '#shared/errors.ts']],
  ['src/shared/rpc/index.ts', ['#shared/model/index.ts', '#shared/errors.ts']],
  ['src/engine/platform/index.ts', ['better-sqlite3', 'node:fs', '#shared/model/index.ts']],
  ['src/engine/historian/index.ts', ['#engine/platform/index.ts', './store.ts']],
  ['src/engine/historian/store.ts', ['#shared/model/index.ts']],
  ['src/engine/project/index.ts', ['#engine/platform/index.ts']],
  ['src/engine/live/index.ts', ['#engine/platform/index.ts', './table.ts']],
  ['src/engine/live/table.ts', ['#shared/model/index.ts']],
  ['src/engine/protocols/protocol.ts', ['zod', 'type #engine/platform/index.ts']],
  ['src/engine/protocols/index.ts', ['./modbus/index.ts', './mqtt/index.ts', './protocol.ts']],
  ['src/engine/protocols/modbus/index.ts', ['modbus-serial', 'type ../protocol.ts', 'type #engine/platform/index.ts']],
  ['src/engine/protocols/mqtt/index.ts', ['type ../protocol.ts']],
  ['src/engine/tsdb/local/index.ts', ['#engine/historian/index.ts']],
  ['src/engine/exporters/exporter.ts', ['#shared/model/index.ts']],
  ['src/engine/exporters/parquet/index.ts', ['parquet-wasm', 'apache-arrow', 'type ../exporter.ts']],
  [
    'src/engine/acquisition/index.ts',
    ['#engine/protocols/index.ts', '#engine/live/index.ts', '#engine/protocols/protocol.ts'],
  ],
  [
    'src/engine/recording/index.ts',
    ['#engine/live/index.ts', '#engine/historian/index.ts', '#engine/historian/store.ts'],
  ],
  ['src/engine/api/index.ts', ['zod', '#engine/acquisition/index.ts', '#engine/recording/index.ts']],
  ['src/engine/index.ts', ['#engine/api/index.ts', '#engine/platform/index.ts']],
  ['src/engine/live/live.test.ts', ['vitest', './table.ts', '#test/support/clock.ts']],
  ['src/main/http/index.ts', ['fastify', 'ws', '#shared/rpc/index.ts']],
  ['src/main/server.ts', ['#engine/index.ts', './http/index.ts']],
  ['src/main/desktop/index.ts', ['electron']],
  ['src/main/index.ts', ['electron', './desktop/index.ts']],
  ['src/preload/index.ts', ['electron', '#shared/rpc/index.ts']],
  ['src/renderer/client/index.ts', ['#shared/rpc/index.ts']],
  ['src/renderer/ui/index.ts', ['@mantine/core', '@tanstack/react-table', '#shared/model/index.ts']],
  ['src/renderer/plot/index.ts', ['#shared/model/index.ts']],
  ['src/renderer/widgets/widget.ts', ['type #renderer/client/index.ts']],
  ['src/renderer/widgets/trend/index.ts', ['../widget.ts', '#renderer/plot/index.ts', '#renderer/ui/index.ts']],
  ['src/renderer/widgets/text/index.ts', ['../widget.ts']],
  ['src/renderer/viewer/index.ts', ['#renderer/plot/index.ts', '#renderer/client/index.ts', '#renderer/ui/index.ts']],
  ['src/renderer/setup/index.ts', ['#renderer/client/index.ts', '#renderer/ui/index.ts']],
  ['src/renderer/app/index.ts', ['#renderer/viewer/index.ts', '#renderer/setup/index.ts']],
  ['src/simulators/index.ts', ['node:net', '#shared/model/index.ts']],
  ['test/support/clock.ts', ['vitest']],
];

const packages = [
  ...['zod', 'yaml', 'better-sqlite3', 'modbus-serial', 'node-opcua', 'exceljs', 'parquet-wasm', 'apache-arrow'],
  ...['serialport', 'fastify', 'ws', 'monaco-editor', '@mantine/core', '@tanstack/react-table'],
];
const devPackages = ['electron', 'vitest'];

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  readonly to: string;
}

function source(imports: readonly string[]): string {
  const lines = imports.map((target, index) =>
    target.startsWith('type ')
      ? `import type * as i${index} from '${target.slice(5)}';\nexport type T${index} = typeof i${index};`
      : `import * as i${index} from '${target}';\nexport const v${index} = i${index};`,
  );
  return `${lines.join('\n')}\nexport const own = 1;\n`;
}

/** A project with the real rules, the packages as empty folders, and `files`; returns what the checker reports. */
function cruise(folder: string, files: ReadonlyMap<string, string>): readonly Violation[] {
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const versions = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, '1.0.0']));
  for (const name of [...packages, ...devPackages, 'undeclared']) {
    put(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    put(`node_modules/${name}/index.js`, 'module.exports = {};\n');
  }
  put(
    'package.json',
    JSON.stringify({
      type: 'module',
      imports: {
        '#shared/*': './src/shared/*',
        '#engine/*': './src/engine/*',
        '#main/*': './src/main/*',
        '#renderer/*': './src/renderer/*',
        '#simulators/*': './src/simulators/*',
        '#test/*': './test/*',
      },
      dependencies: versions(packages),
      devDependencies: versions(devPackages),
    }),
  );
  cpSync(join(root, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
  cpSync(configFile, join(folder, '.dependency-cruiser.cjs'));
  for (const [path, text] of files) put(path, text);
  const program = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const args = [program, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
  const ran = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 << 20 });
  const report = JSON.parse(ran.stdout) as { summary: { violations: Violation[]; totalCruised: number } };
  expect(report.summary.totalCruised, ran.stderr).toBeGreaterThanOrEqual(files.size - 1);
  return report.summary.violations;
}

const soundFiles = new Map(sound.map(([file, imports]) => [file, source(imports)]));

describe('the boundary rules', () => {
  const clean = suiteDirectory();
  const broken = suiteDirectory();

  it('each say what to do instead', () => {
    for (const rule of config.forbidden) expect(rule.comment.length, rule.name).toBeGreaterThan(40);
  });

  it('are all tried by a breach below', () => {
    const tried = new Set(breaches.map(([rule]) => rule));
    expect(config.forbidden.map((rule) => rule.name).filter((name) => !tried.has(name))).toEqual([]);
  });

  it('let pass what the architecture allows', () => {
    expect(cruise(clean.path, soundFiles).map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  });

  it('report every breach by name', () => {
    const files = new Map(soundFiles);
    for (const [, file, imports] of breaches) files.set(file, imports === '' ? 'export {};\n' : source([imports]));
    files.set('src/engine/live/b-cycle.ts', source(['./b-cycle-back.ts']));
    files.set('src/engine/tsdb/influxdb/index.ts', source([]));
    const found = new Set(cruise(broken.path, files).map(({ rule, from }) => `${rule.name} in ${from}`));
    expect(breaches.map(([rule, file]) => `${rule} in ${file}`).filter((breach) => !found.has(breach))).toEqual([]);
  });
});
