import type { Service } from './service.ts';

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a service until the process is asked to end (Ctrl-C, `systemctl stop`, a closed terminal) or `until` resolves,
 * then stops it in order. Throws what `start` throws, unless the end was asked for meanwhile.
 */
export async function runUntilEnded(
  service: Service,
  until?: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  for (const signal of endings) process.on(signal, end);
  try {
    await service.start(ended.signal);
    if (until === undefined) await aborted(ended.signal);
    else await until(ended.signal);
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  } finally {
    await service.stop();
    for (const signal of endings) process.off(signal, end);
  }
}

/** Resolves when `signal` aborts, and keeps the process alive until then. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    // Nothing else needs to keep the process alive: timers and pipes of stopped or waiting parts do not.
    const alive = setInterval(() => undefined, 2 ** 30);
    signal.addEventListener('abort', () => clearInterval(alive), { once: true });
  });
}
