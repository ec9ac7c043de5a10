import { lookup } from 'node:dns';
import { rootCertificates } from 'node:tls';
import { Agent, fetch, WebSocket } from 'undici';
import type { Runtime } from '../runtime.ts';

/**
 * The world as programs see it. `caPem`: private CAs to trust besides the system's. Names below `.localhost` are this
 * machine, as in browsers (RFC 6761, 6.3).
 */
export function nodeRuntime(options: { caPem?: string | undefined } = {}): Partial<Runtime> & {
  close: () => Promise<void>;
} {
  const { caPem } = options;
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
    close: () => dispatcher.destroy(),
  };
}
