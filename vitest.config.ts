import { defineConfig } from 'vitest/config';

// oxlint-disable-next-line import/no-default-export -- vitest reads its configuration from the default export
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/leftovers.ts'],
    // Processes of their own: tests start servers and children, and a file that hangs can be ended without the others.
    pool: 'forks',
    maxWorkers: 2,
    watch: false,
    reporters: ['default'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A shared machine can stall for seconds; what passes the second time is marked as such in the report.
    retry: process.env['CI'] === undefined ? 0 : 1,
    // What is waited for comes soon, but not on a machine that does three other things.
    expect: { poll: { timeout: 30_000, interval: 20 } },
  },
});
