// The sum that `npm test` ends with: tests by what they ended as, the skipped ones by reason, and why it failed.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { root } from './setup.mjs';

const place = (file) => relative(root, file).replaceAll('\\', '/');

export function createSum() {
  return { passed: 0, failed: 0, skipped: 0, reasons: new Map(), broken: [], long: [] };
}

/** A check that failed, or a suite that could not be run: it counts as one failed test. */
export function addFailure(sum, sentence) {
  sum.failed += 1;
  sum.broken.push(sentence);
}

/**
 * Adds what the reporter wrote (test-reporter.mjs) with the reasons that `needs` wrote (test/support/needs.ts). A test
 * that is skipped without a reason has failed: somebody switched it off. Returns whether the suite is sound.
 */
export function addSuite(sum, name, { reportFile, reasonsFile, code }) {
  if (!existsSync(reportFile)) {
    addFailure(sum, `${name} ended without a report (exit code ${code})`);
    return false;
  }
  const before = sum.failed;
  const { tests, broken, unhandled } = JSON.parse(readFileSync(reportFile, 'utf8'));
  const reasons = readReasons(reasonsFile);
  const notRun = new Map(broken.map((file) => [file, 0]));
  for (const test of tests) {
    const where = `${place(test.file)} > ${test.name}`;
    if (test.state === 'passed') sum.passed += 1;
    else if (test.state === 'skipped') {
      const reason = test.note ?? [...(reasons.get(test.file) ?? [])].join('; ');
      if (reason === '' && notRun.has(test.file)) notRun.set(test.file, notRun.get(test.file) + 1);
      else if (reason === '') addFailure(sum, `skipped without a reason: ${where}`);
      else {
        sum.skipped += 1;
        sum.reasons.set(reason, (sum.reasons.get(reason) ?? 0) + 1);
      }
    } else addFailure(sum, test.state === 'failed' ? where : `interrupted: ${where}`);
  }
  for (const [file, count] of notRun) {
    // The file itself failed, whatever its tests would have said.
    addFailure(sum, `could not be run: ${place(file)}${count > 0 ? `, with ${count} tests in it` : ''}`);
    sum.failed += Math.max(0, count - 1);
  }
  if (unhandled > 0) addFailure(sum, `${unhandled} errors outside of any test in ${name}`);
  if (code !== 0 && sum.failed === before) addFailure(sum, `${name} ended with exit code ${code}`);
  return sum.failed === before;
}

function readReasons(file) {
  const reasons = new Map();
  if (!existsSync(file)) return reasons;
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const entry = JSON.parse(line);
    reasons.set(entry.file, (reasons.get(entry.file) ?? new Set()).add(entry.reason));
  }
  return reasons;
}

/** Keeps what a file of long rounds came to, for the table; `ms` is the whole file's time. */
export function addLongFile(sum, file, { reportFile, ms, ok }) {
  const tests = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')).tests : [];
  const told = tests.filter(({ figures, ms: own }) => figures !== null || own >= TOLD_FROM_MS);
  sum.long.push({ file, ms, ok, tests: told.map(({ name, ms: own, figures }) => ({ name, ms: own, figures })) });
}

/** Tests without figures are in the table when they took this long. */
const TOLD_FROM_MS = 5_000;

/** One line per file, and one per test in it that counted something or took its time. */
export function longTable(sum) {
  if (sum.long.length === 0) return [];
  const time = (ms) => `${(ms / 1000).toFixed(0)} s`.padStart(8);
  const words = (figures) =>
    Object.entries(figures ?? {})
      .map(([name, value]) => `${name} ${typeof value === 'number' ? value.toLocaleString('en') : value}`)
      .join(', ');
  return [
    'Long rounds:',
    ...sum.long.flatMap(({ file, ms, ok, tests }) => [
      `${time(ms)}  ${ok ? 'passed' : 'FAILED'}  ${file}`,
      ...tests.map(
        (test) => `${time(test.ms)}          ${test.name}${test.figures === null ? '' : `: ${words(test.figures)}`}`,
      ),
    ]),
    `${time(sum.long.reduce((all, { ms }) => all + ms, 0))}          in all`,
  ];
}

/** What is printed at the end; the last line is the sum alone. */
export function lastLines(sum, ms) {
  const skipped = [...sum.reasons].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `  ${count}  ${reason}`);
  return [
    ...longTable(sum),
    ...(skipped.length > 0 ? ['Skipped, by reason:', ...skipped] : []),
    ...sum.broken.map((sentence) => `Failed: ${sentence}.`),
    `${(ms / 1000).toFixed(1)} s in all.`,
    `${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`,
  ];
}
