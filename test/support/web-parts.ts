import type { WebOptions } from '../../src/box/web/web.ts';
import type { BuiltFile } from '../../src/kit/built-files.ts';
import { OwnedFact } from '../../src/kit/fact.ts';

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

/** What a `Web` has beside its certificates and services, for tests that are about those: nobody is let in, and one call listens. */
export const webParts: Pick<WebOptions, 'pages' | 'access' | 'links' | 'mirrors'> = {
  pages: aPage,
  mirrors: ['a', 'b'],
  access: {
    register: async (app) => void app.post('/echo', async ({ body }) => body),
    upgrade: (_request, socket) =>
      void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
  },
  links: new OwnedFact<readonly string[]>(['127.0.0.0/8']),
};
