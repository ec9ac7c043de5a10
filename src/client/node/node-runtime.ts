import { lookup } from 'node:dns';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { Agent, fetch, WebSocket } from 'undici';
import { codeOf } from '../../kit/errors.ts';
import { privateFolder } from '../../kit/files.ts';
import { lockFolder } from '../../kit/lock.ts';
import type { Runtime } from '../runtime.ts';

const pauseMs = 20;

/**
 * The world as programs see it. `locks`: folder for what several processes of one person must not do at once. `caPem`:
 * private CAs to trust besides the system's. Names below `.localhost` are this machine, as in browsers (RFC 6761, 6.3).
 */
export function nodeRuntime({
  locks,
  caPem,
}: {
  locks: string;
  caPem?: string | undefined;
}): Pick<Runtime, 'fetch' | 'openSocket' | 'exclusive'> & { close: () => Promise<void> } {
  const dispatcher = new Agent({
    connect: {
      timeout: 5000,
      ...(caPem === undefined ? {} : { ca: [...rootCertificates, caPem] }),
      lookup: (host, wanted, done) => lookup(host.endsWith('.localhost') ? '127.0.0.1' : host, wanted, done),
    },
  });
  return {
    fetch: async (url, init) => fetch(url, { ...init, dispatcher } as Parameters<typeof fetch>[1]),
    openSocket: (url, protocols = []) => new WebSocket(url, { dispatcher, protocols: [...protocols] }),
    exclusive: async (name, work) => {
      const lock = await locked(join(locks, encodeURIComponent(name)));
      try {
        return await work();
      } finally {
        lock.release();
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** Waits its turn: whoever holds a lock does little under it, and gives it back even when it dies. */
async function locked(folder: string): Promise<{ release: () => void }> {
  await privateFolder(folder);
  for (;;) {
    try {
      return lockFolder(folder);
    } catch (error) {
      if (codeOf(error) !== 'state-in-use') throw error;
      await sleep(pauseMs);
    }
  }
}
