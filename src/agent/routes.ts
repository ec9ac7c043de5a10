import type { FastifyReply } from 'fastify';
import { createHttpApp, type HttpApp } from '../kit/http/http-server.ts';
import type { Log } from '../kit/log/log.ts';
import { agentPaths, AliveQuery, ExchangeRequest } from '../protocol/agent-api.ts';
import { admit, type OriginCheckOptions } from './origin-check.ts';
import type { SignIn } from './sign-in.ts';

export interface RoutesOptions {
  signIn: SignIn;
  originCheck: OriginCheckOptions;
  /** Everything that waits for a person or a box ends with it. */
  ended: AbortSignal;
  log: Log;
}

export const bodyLimit = 4096;

/** What pages are answered over HTTP. Never listens itself. */
export async function agentApp({ signIn, originCheck, ended, log }: RoutesOptions): Promise<HttpApp> {
  const app = createHttpApp({ log, bodyLimit });
  // A page elsewhere can send `text/plain` without asking first.
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('page', '');
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', vary: 'Origin' });
    request.page = await admit(request.raw, originCheck);
    share(reply, request.page);
  });

  app.options('*', async (request, reply) => {
    reply.headers({
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': '*',
      'access-control-max-age': '600',
    });
    // Private Network Access; what became of it (Local Network Access) asks the person instead.
    if (request.headers['access-control-request-private-network'] === 'true')
      reply.header('access-control-allow-private-network', 'true');
    return reply.status(204).send();
  });

  app.get(agentPaths.alive, { schema: { querystring: AliveQuery } }, async ({ page, query }) =>
    signIn.alive(page, query.box),
  );
  app.post(agentPaths.exchange, { schema: { body: ExchangeRequest } }, async (request, reply) => {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return signIn.exchange(request.page, request.body, AbortSignal.any([ended, gone.signal]));
  });
  app.get(agentPaths.handshake, async ({ page }) => signIn.handshake(page));
  app.post(agentPaths.done, async (_request, reply) => {
    log.info('a page is done');
    return reply.status(204).send();
  });
  await app.ready();
  return app;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The agent's: origin of the page that asks. */
    page: string;
  }
}

/** CORS (Fetch, 3.2), without credentials. */
function share(reply: FastifyReply, origin: string): void {
  reply.header('access-control-allow-origin', origin);
}
