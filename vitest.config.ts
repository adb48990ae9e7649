import { defineConfig } from 'vitest/config';

// One project for all: the folder says what a test may need (docs/testing.md). `PARX_LONG=1` turns the long rounds on.
export default defineConfig({
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts', 'e2e/**/*.spec.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
