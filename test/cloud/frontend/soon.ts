import { vi } from 'vitest';

/** Waits until `check` no longer throws. Patient, because the machine may be busy with other tests. */
export async function soon(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 15_000, interval: 5 });
}
