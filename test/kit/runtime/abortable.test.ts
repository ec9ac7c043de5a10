import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { abortable } from '../../../src/kit/runtime/abortable.ts';

it('has the outcome of the work, and leaves nothing on the signal', async () => {
  const { signal } = new AbortController();
  expect(await abortable(Promise.resolve(1), signal)).toBe(1);
  await expect(abortable(Promise.reject(new Error('work')), signal)).rejects.toThrow('work');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('does not wait for work that does not end', async () => {
  const never = new Promise(() => undefined);
  const abort = new AbortController();
  const outcome = abortable(never, abort.signal).catch((error: unknown) => error);
  abort.abort();
  expect(await outcome).toMatchObject({ name: 'AbortError' });
  await expect(abortable(never, abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
});

it('leaves no rejection unhandled when the work fails after the abort', async () => {
  const work = Promise.withResolvers<never>();
  await expect(abortable(work.promise, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  work.reject(new Error('late'));
  await new Promise((resolve) => setImmediate(resolve));
});
