import { TestRunner } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    figures?: Record<string, number | string>;
  }
}

/** Whether the long rounds run: `npm run test:long`. */
export const LONG = process.env.PARX_LONG === '1';

/** What the running test counted: rounds, losses, megabytes. `npm run test:long` prints it beside the test's time. */
export function figures(values: Readonly<Record<string, number | string>>): void {
  const test = TestRunner.getCurrentTest();
  if (test === undefined) throw new Error('Figures belong to a running test.');
  test.meta.figures = { ...test.meta.figures, ...values };
}
