import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const support = (name: string): string => join(import.meta.dirname, 'test/support', name);

// One seed for the properties of a whole run: another one each time, told at the end, and the same again when it is given.
process.env['TEST_SEED'] ??= String(randomInt(2 ** 31));

// oxlint-disable-next-line import/no-default-export -- vitest reads its configuration from the default export
export default defineConfig({
  test: {
    // `npm run nightly` runs what takes minutes, and programs that only it installs.
    include: [process.env['NIGHTLY'] === undefined ? 'test/**/*.test.ts' : 'test/nightly/*.nightly.ts'],
    globalSetup: [support('leftovers.ts')],
    setupFiles: [support('set-up.ts')],
    // Processes of their own: tests start servers and children, and a file that hangs can be ended without the others.
    pool: 'forks',
    maxWorkers: 2,
    watch: false,
    reporters: ['default', support('report.ts')],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What may be repeated all the same is named in test/support/repeatable.ts.
    retry: 0,
    // What is waited for comes soon, but not on a machine that does three other things.
    expect: { poll: { timeout: 30_000, interval: 20 } },
  },
});
