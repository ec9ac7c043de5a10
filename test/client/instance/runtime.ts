import { Agent, fetch } from 'undici';
import { onTestFinished } from 'vitest';
import type { Runtime } from '../../../src/client/runtime.ts';

/** As an app on a phone would, with names that lead to this machine. `seen`: what it sent, for those who listen. */
export function runtimeFor(caPem: string): {
  runtime: Pick<Runtime, 'fetch'>;
  seen: { url: string; init: RequestInit }[];
} {
  const dispatcher = new Agent({
    connect: {
      ca: caPem,
      lookup: (_host, options, done) =>
        options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    },
  });
  onTestFinished(() => dispatcher.destroy());
  const seen: { url: string; init: RequestInit }[] = [];
  return {
    seen,
    runtime: {
      fetch: async (url, init) => {
        seen.push({ url, init });
        return fetch(url, { ...init, dispatcher } as Parameters<typeof fetch>[1]);
      },
    },
  };
}
