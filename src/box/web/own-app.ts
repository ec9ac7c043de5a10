import helmet from '@fastify/helmet';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { serveApiDocument } from '../../kit/http/api-document.ts';
import { type BuiltFile, sendBuiltFile, sendZipped } from '../../kit/http/built-files.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { createHttpApp, type HttpApp } from '../../kit/http/http-server.ts';
import type { Log } from '../../kit/log/log.ts';
import { plainPageHeaders } from '../../kit/http/plain-page.ts';
import { type StatusView, statusPage } from './status-page.ts';

export interface OwnAppOptions {
  view: (request: FastifyRequest) => StatusView;
  /** Answers the tunnel's probe of itself; `undefined` for a nonce that is not its own. */
  probe: (nonce: string) => string | undefined;
  probePath: string;
  /** The console, as it was built. */
  pages: ReadonlyMap<string, BuiltFile>;
  /** The part that lets people and apps in: its calls and pages. */
  access: { register(app: HttpApp): Promise<void> };
  log: Log;
}

/** The box's own pages and calls, as a Fastify application that never listens itself: web.ts hands it the requests. */
export async function createOwnApp(options: OwnAppOptions): Promise<HttpApp> {
  const app = createHttpApp({ log: options.log, bodyLimit: 65_536, home: '/' });
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        connectSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
    // The name also answers with the identity's certificate while there is none of a CA: a promise of a trusted
    // certificate for months ahead would lock people out exactly then.
    hsts: false,
  });
  // For any page that wants to know whether the box is there: it says nothing else.
  app.get('/ping', async (_request, reply) =>
    reply.headers({ 'access-control-allow-origin': '*', 'cache-control': 'no-store' }).status(204).send(),
  );
  for (const [path, file] of options.pages) {
    app.get(path, async (request, reply) => sendBuiltFile(file, request, reply));
  }
  serveApiDocument(app, 'box');
  await options.access.register(app);
  app.get('/status', async (request, reply) =>
    sendZipped(statusPage(options.view(request)), request, reply.headers(plainPageHeaders)),
  );
  const query = Type.Object({ nonce: Type.String({ minLength: 1, maxLength: 128 }) });
  app.get(options.probePath, { schema: { querystring: query } }, async (request, reply) => {
    const answer = options.probe(request.query.nonce);
    if (answer === undefined)
      throw new Problem('not-found', 'this box asked no such question', { status: 404 });
    return reply.type('application/json').header('cache-control', 'no-store').send(answer);
  });
  await app.ready();
  return app;
}
