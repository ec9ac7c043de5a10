import { getEventListeners } from 'node:events';
import { expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/kit/runtime/clock.ts';

it('sleeps at least as long as asked, and not at all for less than nothing', async () => {
  const begun = systemClock.monotonic();
  await systemClock.sleep(20);
  // Node's timers may fire within the last millisecond.
  expect(systemClock.monotonic() - begun).toBeGreaterThan(18);
  await systemClock.sleep(-5);
});

it('sleeps longer than one timer can, and until it is aborted', async () => {
  const warned = vi.fn<(warning: Error) => void>();
  process.on('warning', warned);
  const abort = new AbortController();
  const outcomes = [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY].map((ms) =>
    systemClock.sleep(ms, abort.signal).catch((error: unknown) => error),
  );
  const first = await Promise.race([...outcomes, systemClock.sleep(20).then(() => 'still asleep')]);
  expect(first).toBe('still asleep');
  abort.abort();
  for (const outcome of outcomes) expect(await outcome).toMatchObject({ name: 'AbortError' });
  expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  expect(warned).not.toHaveBeenCalled();
  process.off('warning', warned);
});
