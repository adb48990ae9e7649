// `npm run boundaries`: who imports whom, against .dependency-cruiser.cjs. With an unsuitable TypeScript the checker
// sees no TypeScript at all and passes, so that the files it saw are compared with the files there are.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, main, packageFile, root, run, Stop, setUp } from './setup.mjs';

/** TypeScript files under `folder`, relative to the project, with forward slashes. */
function sources(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** Returns what is wrong, a text per rule; none when all rules hold. Throws `Stop` when the checker did not work. */
export async function checkBoundaries({ node, env }) {
  const depcruise = packageFile('dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const args = [depcruise, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
  const { stdout, output, code } = await run(node, args, { env, show: false });
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    throw new Stop(`dependency-cruiser ended with code ${code} and without a report:\n${output.slice(0, 2000)}`);
  }
  const seen = new Set(report.modules.map((module) => module.source));
  const expected = sources('src').filter((path) => !path.endsWith('.d.ts'));
  const unseen = expected.filter((path) => !seen.has(path));
  if (expected.length === 0 || unseen.length > 0) {
    const which = unseen.slice(0, 5).join(', ');
    throw new Stop(
      `The boundaries are not checked: ${unseen.length} of ${expected.length} files were not seen (${which}).`,
    );
  }
  const comments = new Map(report.summary.ruleSetUsed.forbidden.map((rule) => [rule.name, rule.comment]));
  // By rule, with its advice once: a module without a row would repeat it for every import.
  const byRule = new Map();
  for (const violation of report.summary.violations) {
    byRule.set(violation.rule.name, [...(byRule.get(violation.rule.name) ?? []), violation]);
  }
  const problems = [...byRule].map(([name, violations]) => {
    const edges = violations.slice(0, 20).map(({ from, to, cycle }) => {
      const way = cycle === undefined ? to : cycle.map((step) => step.name).join(' -> ');
      return `  ${from} -> ${way}`;
    });
    const more = violations.length > edges.length ? [`  and ${violations.length - edges.length} more`] : [];
    return [`${name}: ${comments.get(name) ?? ''}`, ...edges, ...more].join('\n');
  });
  return {
    problems,
    violations: report.summary.violations.length,
    modules: expected.length,
    dependencies: report.summary.totalDependenciesCruised,
  };
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { problems, violations, modules, dependencies } = await checkBoundaries(setUp());
    for (const problem of problems) console.error(problem);
    console.log(`Boundaries: ${modules} files, ${dependencies} imports, ${violations} violations.`);
    return problems.length === 0 ? 0 : 1;
  });
}
