import { lookup } from 'node:dns';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { Agent, fetch, WebSocket } from 'undici';
import { codeOf } from '../../kit/runtime/errors.ts';
import { privateFolder } from '../../kit/store/files.ts';
import { lockFolder } from '../../kit/store/lock.ts';
import type { Runtime } from '../runtime.ts';

const pauseMs = 20;

/**
 * The world as programs see it. `locks`: folder for what several processes of one person must not do at once. `caPem`:
 * private CAs to trust besides the system's. Names below `.localhost` are this machine, as in browsers (RFC 6761, 6.3).
 */
export function nodeRuntime(options: { locks?: string; caPem?: string | undefined }): Partial<Runtime> & {
  close: () => Promise<void>;
} {
  const { locks, caPem } = options;
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
    ...(locks === undefined
      ? {}
      : { exclusive: (name, work) => inTurn(join(locks, encodeURIComponent(name)), work) }),
    close: () => dispatcher.destroy(),
  };
}

/** Whoever holds the lock of `folder` does little under it, and gives it back even when it dies. */
async function inTurn<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await privateFolder(folder);
  for (;;) {
    let lock: { release: () => void };
    try {
      lock = lockFolder(folder);
    } catch (error) {
      if (codeOf(error) !== 'state-in-use') throw error;
      await sleep(pauseMs);
      continue;
    }
    try {
      return await work();
    } finally {
      lock.release();
    }
  }
}
