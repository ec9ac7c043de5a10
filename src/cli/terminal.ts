import type { Severity } from '../kit/runtime/health.ts';

/** In front of a line, so that what is wrong is found at a glance. */
export const marks: Readonly<Record<Severity | 'skipped', string>> = {
  ok: '✓',
  warning: '!',
  error: '✗',
  skipped: '–',
};
