// `npm test`: sets up, checks what the platform must have, and runs every stage from quick to slow. `--long` adds the
// long rounds, with a table of what they came to. Ends with one line: N passed, N failed, N skipped.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { lookFor, requirementNames } from '../test/support/requirements.mjs';
import { checkBoundaries } from './boundaries.mjs';
import { build } from './build.mjs';
import { generatedDifferences } from './generate.mjs';
import { main, packageFile, root, run, Stop, setUp } from './setup.mjs';
import { addFailure, addLongFile, addSuite, createSum, lastLines } from './summary.mjs';

const usage = `npm test [-- stage ...] [-- --long]

Runs all stages, or those that are named: format, lint, boundaries, types, tests, generated, build, built, e2e, long.
  --long   also the stage long: fuzz, kill rounds, soak, one file after the other (npm run test:long)
  --help   this text`;

const biome = packageFile('@biomejs', 'biome', 'bin', 'biome');
const tsc = packageFile('typescript', 'bin', 'tsc');
const vitest = packageFile('vitest', 'vitest.mjs');

/**
 * In order. A check is one thing that holds or not, and the first that does not ends the run; a suite counts tests and
 * the run goes on after it. `after` names a stage without which this one has nothing to run on.
 */
const stages = [
  { name: 'format', check: program(biome, 'format', '.') },
  { name: 'lint', check: program(biome, 'check', '--formatter-enabled=false', '--max-diagnostics=200', '.') },
  { name: 'boundaries', check: boundaries },
  { name: 'types', check: program(tsc, '-b') },
  { name: 'tests', suite: 'tests', minutes: 12 },
  { name: 'generated', check: generated, goOn: true },
  { name: 'build', check: builds },
  { name: 'built', suite: 'built', after: 'build', minutes: 4 },
  { name: 'e2e', suite: 'e2e', after: 'build', minutes: 8 },
  // Limits hold for each file: the longest, the soak and the fuzz, take about ten minutes.
  { name: 'long', long: true, after: 'build', minutes: 16 },
];

function program(file, ...args) {
  return async ({ node, env }) => (await run(node, [file, ...args], { env })).code === 0;
}

async function boundaries(tools) {
  const { problems, violations, modules } = await checkBoundaries(tools);
  for (const problem of problems) console.error(problem);
  console.log(`${modules} files, ${violations} violations.`);
  return problems.length === 0;
}

async function generated() {
  const differences = generatedDifferences();
  for (const difference of differences) console.error(difference);
  return differences.length === 0;
}

async function builds(tools) {
  await build(tools, { show: false });
  return true;
}

async function runStages(selected, { tools, scratch, sum }) {
  const failedStages = new Set();
  for (const [index, stage] of selected.entries()) {
    if (stage.after !== undefined && failedStages.has(stage.after)) {
      sum.broken.push(`${stage.name} did not run, because the stage ${stage.after} failed`);
      continue;
    }
    console.log(`\n== ${stage.name}`);
    const started = performance.now();
    const ok = await runStage(stage, { tools, scratch, sum });
    console.log(`   ${stage.name}: ${ok ? 'passed' : 'FAILED'} in ${seconds(performance.now() - started)}`);
    if (ok) continue;
    failedStages.add(stage.name);
    if (stage.check === undefined) continue;
    addFailure(sum, `the stage ${stage.name} failed`);
    const needed = selected.slice(index + 1).some((later) => later.after === stage.name);
    if (stage.goOn === true || needed) continue;
    const left = selected.slice(index + 1).map((later) => later.name);
    if (left.length > 0) sum.broken.push(`${left.join(', ')} did not run, because the stage ${stage.name} failed`);
    return;
  }
}

function runStage(stage, { tools, scratch, sum }) {
  if (stage.check !== undefined) return holds(stage, tools);
  if (stage.long === true) return runLong(stage, { tools, scratch, sum });
  return runSuite(stage, { tools, scratch, sum });
}

async function holds(stage, tools) {
  try {
    return await stage.check(tools);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(error.message);
    return false;
  }
}

/**
 * Runs one vitest project and adds what its tests ended as to `sum`. With `file` it is that file alone, with its long
 * rounds.
 */
async function runSuite({ name, suite, minutes, file }, { tools, scratch, sum }) {
  const reportFile = join(scratch, `${name.replaceAll(/\W/g, '-')}.json`);
  const reasonsFile = join(scratch, `${name.replaceAll(/\W/g, '-')}-reasons.jsonl`);
  const env = {
    ...tools.env,
    PARX_TEST_REPORT: reportFile,
    PARX_SKIP_REASONS: reasonsFile,
    PARX_LONG: file === undefined ? '' : '1',
    // Colours only where somebody looks at them.
    ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
  };
  const reporters = ['--reporter=default', '--reporter=./scripts/test-reporter.mjs'];
  const args = [vitest, 'run', '--project', suite, '--passWithNoTests', ...reporters];
  if (file !== undefined) args.push(file);
  const started = performance.now();
  const { code } = await run(tools.node, args, { env, timeoutMs: minutes * 60_000 });
  const ms = performance.now() - started;
  const ok = addSuite(sum, name, { reportFile, reasonsFile, code });
  if (!ok && ms >= minutes * 60_000) sum.broken.push(`${name} was ended after its limit of ${minutes} minutes`);
  if (file !== undefined) addLongFile(sum, file, { reportFile, ms, ok });
  return ok;
}

/** One file after the other, so that none disturbs another, and one that hangs takes nobody's results along. */
async function runLong({ minutes }, { tools, scratch, sum }) {
  const files = longFiles();
  console.log(`   ${files.length} files, at most ${minutes} minutes each`);
  let ok = true;
  for (const file of files) {
    const suite = file.startsWith('e2e/') ? 'e2e' : file.includes('.built.') ? 'built' : 'tests';
    console.log(`\n-- ${file}`);
    ok = (await runSuite({ name: `long ${file}`, suite, minutes, file }, { tools, scratch, sum })) && ok;
  }
  return ok;
}

/** Test files that have long rounds say so: by their name, or by asking for PARX_LONG. */
function longFiles() {
  return ['src', 'test', 'e2e'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(test|spec)\.tsx?$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => /\.long\.(test|spec)\./.test(path) || /PARX_LONG|\bLONG\b/.test(readFileSync(path, 'utf8')))
      .map((path) => relative(root, path).replaceAll('\\', '/')),
  );
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** Looks for what the tests need, installs what it can, and returns what is missing all the same. */
function getRequirements() {
  const look = () =>
    requirementNames.flatMap((name) => {
      const found = lookFor(name);
      return found.found ? [] : [{ name, ...found }];
    });
  let missing = look();
  const packages = missing.flatMap(({ apt }) => apt ?? []);
  const debianRoot = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (packages.length > 0 && debianRoot) {
    console.log(`Installing what the tests need, with apt-get: ${packages.join(', ')} ...`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (minutes, ...args) =>
      spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: minutes * 60_000 }).status ===
      0;
    apt(3, 'update', '-qq');
    // One by one: a package that a distribution lacks must not keep the others away.
    for (const name of packages) {
      if (!apt(10, 'install', '-y', '-qq', '--no-install-recommends', name))
        console.error(`apt-get has not installed ${name}.`);
    }
    missing = look();
  }
  for (const { reason, purpose, required } of missing) {
    console.log(`Not here${required ? ' and required' : ''}: ${reason} (for ${purpose}).`);
  }
  return missing;
}

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) return void console.log(usage);
  const wanted = args.filter((arg) => arg !== '--long');
  const unknown = wanted.filter((arg) => !stages.some((stage) => stage.name === arg));
  if (unknown.length > 0) throw new Stop(`There is no stage or flag "${unknown[0]}".\n\n${usage}`);
  const long = args.includes('--long');
  const selected = stages.filter((stage) =>
    wanted.length === 0 ? long || stage.long !== true : wanted.includes(stage.name),
  );

  const started = performance.now();
  const tools = setUp();
  const missing = getRequirements();
  const scratch = mkdtempSync(join(tmpdir(), 'parx-test-'));
  const sum = createSum();
  try {
    await runStages(selected, { tools, scratch, sum });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  for (const { reason, required } of missing) {
    if (required) addFailure(sum, `required on this platform: ${reason}`);
  }
  console.log(`\n${lastLines(sum, performance.now() - started).join('\n')}`);
  return sum.failed > 0 ? 1 : 0;
});
