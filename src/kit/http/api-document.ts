import { join } from 'node:path';
import { type BuiltFile, readBuiltFile, sendBuiltFile } from './built-files.ts';
import { root } from '../root.ts';
import { codeOf, Problem } from '../runtime/errors.ts';
import type { HttpApp, HttpsApp } from './http-server.ts';

/** Where every API of ours describes itself. */
export const apiDocumentPath = '/openapi.json';

/**
 * The description of an API, for whoever wants to call it: OpenAPI 3.1 as `npm run docs` made it of the routes (docs/api). It is
 * read when somebody asks for the first time, so that it costs a small machine nothing before, and pages of any origin may ask.
 * The hooks and limits of `app` hold for it as for all its routes.
 */
export function serveApiDocument(
  app: HttpApp | HttpsApp,
  name: 'zone' | 'registration' | 'mailbox' | 'box',
): void {
  let read: Promise<BuiltFile> | undefined;
  (app as HttpApp).get(apiDocumentPath, async (request, reply) => {
    read ??= readBuiltFile(join(root, 'docs/api', `${name}.json`));
    const file = await read.catch((error: unknown) => {
      read = undefined;
      throw codeOf(error) === 'ENOENT' ? missing(name) : error;
    });
    reply.headers({ 'access-control-allow-origin': '*', 'x-content-type-options': 'nosniff' });
    return sendBuiltFile(file, request, reply);
  });
}

const missing = (name: string): Problem =>
  new Problem('not-found', `docs/api/${name}.json is not installed here; see the one of the sources`, {
    status: 404,
  });
