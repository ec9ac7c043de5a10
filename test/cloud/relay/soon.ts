import { vi } from 'vitest';
import { soon as patient } from '../../support/soon.ts';

/** Waits until `check` no longer throws. */
export async function soon(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { ...patient, interval: 5 });
}
