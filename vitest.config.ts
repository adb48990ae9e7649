import { defineConfig } from 'vitest/config';

/** Long rounds (fuzz, kill, soak) lie in files named `*.long.test.ts` and run with `npm run test:long`. */
const long = process.env.PARX_LONG === '1';
const longFiles = ['**/*.long.{test,spec}.{ts,tsx}'];
const never = ['**/node_modules/**', 'out/**'];
const limits = { testTimeout: long ? 600_000 : 30_000, hookTimeout: 60_000, pool: 'forks' as const };

// The folder and the name say what a test may need (docs/testing.md). Tests of built bundles and of the browser are
// projects of their own, because `npm test` runs them after the build.
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          ...limits,
          name: 'tests',
          include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}', 'bench/**/*.test.ts'],
          exclude: [...never, '**/*.built.test.ts', ...(long ? [] : longFiles)],
        },
      },
      {
        extends: true,
        test: {
          ...limits,
          name: 'built',
          include: ['test/**/*.built.test.ts'],
          exclude: [...never, ...(long ? [] : longFiles)],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...limits,
          testTimeout: long ? 600_000 : 60_000,
          name: 'e2e',
          include: ['e2e/**/*.spec.ts'],
          exclude: [...never, ...(long ? [] : longFiles)],
          // One browser and one engine at a time: two of each starve one another on a small machine.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
