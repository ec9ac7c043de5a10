/* Before each file of tests: whether it may be repeated, and which seed its properties have. */
import { expect, vi } from 'vitest';
import { hasProperties, mayRepeat, testFile } from './repeatable.ts';

const { path, text } = testFile(expect.getState().testPath ?? '');

// Not among the settings that its type knows; the tests of this folder look that it does what it says.
const retry = { retry: process.env['CI'] !== undefined && mayRepeat(path, text) ? 1 : 0 };
vi.setConfig(retry as Parameters<typeof vi.setConfig>[0]);

if (hasProperties(text)) {
  const { configureGlobal } = await import('fast-check');
  configureGlobal({ seed: Number(process.env['TEST_SEED']) });
}
