import { Visitors } from '../../src/box/web/visitors.ts';
import type { WebOptions } from '../../src/box/web/web.ts';
import type { BuiltFile } from '../../src/kit/http/built-files.ts';
import { type Fact, OwnedFact } from '../../src/kit/runtime/fact.ts';

/** A console of one page, for tests that are not about the console. */
export const aPage: ReadonlyMap<string, BuiltFile> = new Map([
  [
    '/',
    {
      type: 'text/html',
      body: Buffer.from('<!doctype html>'),
      gzipped: Buffer.from(''),
      etag: '"1"',
      immutable: false,
    },
  ],
]);

/** Networks on the own links of a box whose test has nothing to say of them. */
export const loopbackLinks: readonly string[] = ['127.0.0.0/8'];

/** What a `Web` has beside its certificates and services, for tests that are about those: nobody is let in, and one call listens. */
export function webParts(
  links: Fact<readonly string[]> = new OwnedFact(loopbackLinks),
): Pick<WebOptions, 'pages' | 'access' | 'visitors' | 'mirrors'> {
  return {
    pages: aPage,
    mirrors: ['a', 'b'],
    access: {
      register: async (app) => void app.post('/echo', async ({ body }) => body),
      upgrade: (_request, socket) =>
        void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    },
    visitors: new Visitors({ links }),
  };
}
