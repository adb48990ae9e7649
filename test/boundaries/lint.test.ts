import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// Some lint rules are young and type-aware: they can fall silent with an update. Each that the architecture counts on
// is broken here on purpose; the second table holds what must stay allowed.

const root = fileURLToPath(new URL('../..', import.meta.url));

const asyncFile = 'export async function send(ms: number): Promise<void> {\n  await Promise.resolve(ms);\n}\n';

const breaches: readonly (readonly [rule: string, file: string, text: string])[] = [
  ['lint/style/noDefaultExport', 'src/shared/b-default.ts', 'export default 1;'],
  ['lint/style/noRestrictedImports', 'src/engine/live/b-up.ts', "export { send } from '../../shared/send.ts';"],
  ['lint/nursery/noFloatingPromises', 'src/shared/b-floating.ts', "import { send } from './send.ts';\nsend(1);"],
  [
    'lint/nursery/useExhaustiveSwitchCases',
    'src/shared/b-switch.ts',
    "export function f(kind: 'a' | 'b'): number {\n  switch (kind) {\n    case 'a':\n      return 1;\n  }\n  return 0;\n}",
  ],
  ['lint/suspicious/noConsole', 'src/engine/live/b-console.ts', "console.log('x');"],
  ['lint/suspicious/noConsole', 'src/renderer/ui/b-console.ts', "console.log('x');"],
  ['lint/suspicious/noExplicitAny', 'src/shared/b-any.ts', 'export const x: any = 1;'],
  ['lint/nursery/noJsRestrictedProperties', 'src/engine/recording/b-now.ts', 'export const t = Date.now();'],
  ['lint/nursery/noJsRestrictedProperties', 'src/engine/live/b-now.ts', 'export const t = performance.now();'],
  ['lint/nursery/noJsRestrictedProperties', 'src/engine/live/b-json.ts', 'export const t = JSON.stringify(1);'],
  ['lint/nursery/noJsRestrictedProperties', 'src/engine/historian/b-json.ts', 'export const t = JSON.stringify(1);'],
  ['lint/nursery/noJsRestrictedProperties', 'src/renderer/plot/b-json.ts', 'export const t = JSON.stringify(1);'],
  ['lint/style/noRestrictedGlobals', 'src/engine/protocols/modbus/b-timer.ts', 'setTimeout(() => {}, 1);'],
  ['lint/style/noRestrictedGlobals', 'src/engine/live/b-interval.ts', 'setInterval(() => {}, 1);'],
  ['lint/style/noExcessiveLinesPerFile', 'src/shared/b-long.ts', 'export const x = 1;\n'.repeat(501)],
  ['plugin', 'src/main/b-path.ts', "export const path = new URL('./x', import.meta.url).pathname;"],
  ['lint/style/useNodejsImportProtocol', 'src/main/b-protocol.ts', "export { join } from 'path';"],
];

const sound: readonly (readonly [file: string, text: string])[] = [
  ['src/shared/send.ts', asyncFile],
  ['some.config.ts', 'export default { a: 1 };'],
  ['src/main/hello.ts', "console.log('x');"],
  ['src/simulators/hello.ts', "console.log('x');"],
  ['src/engine/platform/clock.ts', 'export const now = () => Date.now();\nexport const later = setTimeout;'],
  ['src/engine/live/wait.test.ts', 'export const started = Date.now();\nsetTimeout(() => {}, 1);'],
  ['src/engine/project/save.ts', 'export const text = JSON.stringify(1);'],
];

interface Report {
  readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: unknown } }[];
}

it('reports every breach of a lint rule, and nothing in sound files', () => {
  const folder = temporaryDirectory();
  cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
  cpSync(join(root, 'scripts', 'lint'), join(folder, 'scripts', 'lint'), { recursive: true });
  for (const [path, text] of [...sound, ...breaches.map(([, file, text]) => [file, text] as const)]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  }
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
  const ran = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 << 20 });
  const report = JSON.parse(ran.stdout) as Report;
  const found = report.diagnostics.map(({ category, location }) => `${category} in ${pathIn(location.path)}`);
  expect(breaches.map(([rule, file]) => `${rule} in ${file}`).filter((breach) => !found.includes(breach))).toEqual([]);
  const soundFiles = sound.map(([file]) => file);
  expect(found.filter((entry) => soundFiles.some((file) => entry.endsWith(` in ${file}`)))).toEqual([]);
});

/** Older and newer reports give the path as text or inside an object. */
function pathIn(path: unknown): string {
  const text = typeof path === 'string' ? path : JSON.stringify(path);
  return text.replaceAll('\\', '/').replace(/^\.\//, '');
}
