import type { Clock, Random } from '../kit/runtime/clock.ts';

/** Everything the SDK takes from the world around it. Each is the platform's own by default, and handed in by tests. */
export interface Runtime {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  openSocket: (url: string, protocols?: readonly string[]) => WebSocket;
  crypto: Pick<typeof globalThis.crypto, 'getRandomValues' | 'randomUUID'> & {
    subtle: Pick<typeof globalThis.crypto.subtle, 'digest'>;
  };
  clock: Clock;
  random: Random;
  /** Runs `work` while nobody else on this device runs any under the same name, other tabs included. */
  exclusive: <T>(name: string, work: () => Promise<T>) => Promise<T>;
}

/** The platform's own, but for what is handed in. */
export function runtimeFrom(given: Partial<Runtime> = {}): Runtime {
  return {
    // Browsers refuse to run their fetch as a method of anything but the window.
    fetch: (url, init) => fetch(url, init),
    openSocket: (url, protocols) => new WebSocket(url, [...(protocols ?? [])]),
    crypto,
    clock: pageClock,
    random: Math.random,
    exclusive: exclusiveOnPlatform,
    ...given,
  };
}

/** kit/runtime/clock.ts has the same for Node alone. */
const pageClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      // A timer set to more than this fires at once.
      const timer = setTimeout(wake, Math.min(ms, 2 ** 31 - 1));
      signal?.addEventListener('abort', abort, { once: true });
    }),
};

interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** Web Locks where there are any, which hold between tabs; else a queue of this program's own. */
function exclusiveOnPlatform<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { locks } = (globalThis as { navigator?: { locks?: Locks } }).navigator ?? {};
  return locks === undefined ? queued(name, work) : locks.request(`porchlight:${name}`, work);
}

const queues = new Map<string, Promise<unknown>>();

async function queued<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(name);
  const run = (async () => {
    await before?.catch(() => undefined);
    return work();
  })();
  queues.set(name, run);
  try {
    return await run;
  } finally {
    if (queues.get(name) === run) queues.delete(name);
  }
}
