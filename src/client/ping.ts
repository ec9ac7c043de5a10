import { accessPaths } from '../protocol/constants.ts';
import type { Runtime } from './runtime.ts';
import { isLocal, type Endpoint } from './endpoints.ts';

/** How long a way may stay without an answer. A name of the home network answers within milliseconds, or not at all. */
const patienceMs = (endpoint: Endpoint): number => (isLocal(endpoint) ? 1500 : 5000);

/** Whether the box answers by this way; `false` also when `signal` aborts. */
export async function isOpen(
  endpoint: Endpoint,
  { fetch, clock }: Runtime,
  signal: AbortSignal,
): Promise<boolean> {
  const done = new AbortController();
  const over = AbortSignal.any([signal, done.signal]);
  const asked = async (): Promise<boolean> => {
    const answer = await fetch(endpoint.origin + accessPaths.ping, {
      cache: 'no-store',
      credentials: 'omit',
      signal: over,
    });
    await answer.body?.cancel();
    return true;
  };
  const tooLong = clock.sleep(patienceMs(endpoint), over).then(() => false);
  try {
    return await Promise.race([asked(), tooLong]);
  } catch {
    return false;
  } finally {
    done.abort();
  }
}
