import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// What `npm test` prints at the end is the only thing many people read: a small project with one test of each kind
// goes through the real runner and reporter.

interface Summary {
  createSum(): { readonly failed: number };
  addSuite(sum: object, name: string, files: object): boolean;
  addLongFile(sum: object, file: string, result: object): void;
  lastLines(sum: object, ms: number): string[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const summary = (await import(new URL('../../scripts/summary.mjs', import.meta.url).href)) as Summary;

const tests = `
import { describe, it } from 'vitest';
import { unless } from '${join(root, 'test/support/needs.ts').replaceAll('\\', '/')}';
it('passes', () => {});
it('fails', () => { throw new Error('on purpose'); });
it('has its own reason', (context) => context.skip('the tide is low'));
describe.skipIf(unless(false, 'the moon is missing'))('group', () => {
  it('one', () => {});
  it('two', () => {});
});
`;

function runVitest(files: Readonly<Record<string, string>>, long = false) {
  const folder = temporaryDirectory();
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'vitest.config.js'), 'export default { test: { include: ["*.test.ts"] } };');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const reportFile = join(folder, 'report.json');
  const reasonsFile = join(folder, 'reasons.jsonl');
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporter = join(root, 'scripts', 'test-reporter.mjs');
  const ran = spawnSync(process.execPath, [vitest, 'run', `--reporter=${reporter}`], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PARX_TEST_REPORT: reportFile, PARX_SKIP_REASONS: reasonsFile, VITEST: '' },
  });
  const sum = summary.createSum();
  const sound = summary.addSuite(sum, 'sample', { reportFile, reasonsFile, code: ran.status });
  if (long) summary.addLongFile(sum, 'all.test.ts', { reportFile, ms: 61_000, ok: sound });
  return { sound, lines: summary.lastLines(sum, 1234).map((line) => line.replace(/[^ ]*[\\/](?=\w+\.test)/, '')) };
}

it('counts every kind of test and lists the skipped by reason', () => {
  const { sound, lines } = runVitest({ 'all.test.ts': tests });
  expect(sound).toBe(false);
  expect(lines).toEqual([
    'Skipped, by reason:',
    '  2  the moon is missing',
    '  1  the tide is low',
    'Failed: all.test.ts > fails.',
    '1.2 s in all.',
    '1 passed, 1 failed, 3 skipped',
  ]);
});

it('fails a file that cannot be loaded or set up, a test switched off without a reason, and an error outside of tests', () => {
  const { sound, lines } = runVitest({
    'absent.test.ts': "import './absent.ts';",
    'hook.test.ts':
      "import { beforeAll, it } from 'vitest';\nbeforeAll(() => { throw new Error('hook'); });\nit('a', () => {});\nit('b', () => {});",
    'off.test.ts': "import { it } from 'vitest';\nit.skip('off', () => {});\nit.todo('later');",
    'stray.test.ts':
      "import { it } from 'vitest';\nit('passes', async () => {\n  setTimeout(() => { throw new Error('stray'); }, 1);\n  await new Promise((done) => setTimeout(done, 50));\n});",
  });
  expect(sound).toBe(false);
  expect(lines.filter((line) => line.startsWith('Failed')).sort()).toEqual([
    'Failed: 1 errors outside of any test in sample.',
    'Failed: could not be run: absent.test.ts.',
    'Failed: could not be run: hook.test.ts, with 2 tests in it.',
    'Failed: skipped without a reason: off.test.ts > later.',
    'Failed: skipped without a reason: off.test.ts > off.',
  ]);
  expect(lines.at(-1)).toBe('1 passed, 6 failed, 0 skipped');
});

it('passes a sound suite', () => {
  const { sound, lines } = runVitest({ 'good.test.ts': "import { it } from 'vitest';\nit('passes', () => {});" });
  expect(sound).toBe(true);
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 0 skipped');
});

it('fails a suite that ends without a report', () => {
  const sum = summary.createSum();
  expect(summary.addSuite(sum, 'sample', { reportFile: '/absent', reasonsFile: '/absent', code: 1 })).toBe(false);
  expect(summary.lastLines(sum, 0).at(-1)).toBe('0 passed, 1 failed, 0 skipped');
});

it('tells of long rounds what they counted, and how long they took', () => {
  const counting = `
    import { it } from 'vitest';
    it('goes round', ({ task }) => { task.meta.figures = { rounds: 20000, lost: 0 }; });
    it('is not worth a line', () => {});
  `;
  const { sound, lines } = runVitest({ 'all.test.ts': counting }, true);
  expect(sound).toBe(true);
  expect(lines).toEqual([
    'Long rounds:',
    '    61 s  passed  all.test.ts',
    '     0 s          goes round: rounds 20,000, lost 0',
    '    61 s          in all',
    '1.2 s in all.',
    '2 passed, 0 failed, 0 skipped',
  ]);
});
