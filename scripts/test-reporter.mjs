// Writes what every test ended as to the file PARX_TEST_REPORT, for the sum that `npm test` ends with.
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.PARX_TEST_REPORT;
    if (file === undefined) return;
    const tests = [];
    const broken = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        tests.push({
          file: module.moduleId,
          name: test.fullName,
          state: result.state,
          note: result.note ?? null,
          ms: test.diagnostic()?.duration ?? 0,
          figures: test.meta().figures ?? null,
        });
      }
      // A file that cannot be loaded, or whose hooks fail, has errors of its own; its tests are then "skipped".
      const suites = [module, ...module.children.allSuites()];
      if (suites.some((suite) => suite.errors().length > 0)) broken.push(module.moduleId);
    }
    writeFileSync(file, JSON.stringify({ tests, broken, unhandled: unhandledErrors.length }));
  }
}
