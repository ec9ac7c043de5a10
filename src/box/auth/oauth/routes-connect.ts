import type { FastifyRequest, RouteShorthandOptions } from 'fastify';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import { plainPageHeaders } from '../../../kit/http/plain-page.ts';
import { accessLimits, accessPaths, type ConnectView, ConsentRequest } from '../../../protocol/access-api.ts';
import { agentClient } from '../../../protocol/constants.ts';
import { shownOrigin, type Apps } from '../../sessions/apps.ts';
import { readConnectRequest, redirectTo } from './connect-request.ts';
import { unnamed } from '../../visitor.ts';
import { errorPage } from './error-page.ts';
import { preflight, type Guard } from '../../api/guard.ts';
import { originAt } from '../../origins.ts';
import type { Codes } from './codes.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';

export interface ConnectRoutesOptions {
  guard: Guard;
  apps: Apps;
  codes: Codes;
  boxName: Fact<string>;
  /** The console's page: it asks `/api/session` what to show. */
  page: () => string;
  /** The browser has arrived with this one-time `state`: the app that sent it is to learn so by another way. */
  arrived: (state: string) => void;
}

/** Each name of the box is an issuer of its own (RFC 8414, 2), so that a page never has to ask another name. */
const issuerOf = (request: FastifyRequest): string => originAt(request.host);

/** The authorization endpoint (OAuth 2.1): code and PKCE, a person's consent, no implicit way, no scopes. */
export function connectRoutes(app: HttpApp, options: ConnectRoutesOptions): void {
  const { guard, apps, codes, boxName, page, arrived } = options;
  const bodyLimit = accessLimits.formBytes;
  const open = { config: { admission: 'open' }, bodyLimit } as const;

  const oauth = { config: { admission: 'oauth' } } as const;
  app.options(accessPaths.metadata, oauth, preflight);
  app.get(accessPaths.metadata, oauth, async (request) => {
    const issuer = issuerOf(request);
    return {
      issuer,
      authorization_endpoint: issuer + accessPaths.connect,
      token_endpoint: issuer + accessPaths.token,
      revocation_endpoint: issuer + accessPaths.revoke,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      revocation_endpoint_auth_methods_supported: ['none'],
      authorization_response_iss_parameter_supported: true,
    };
  });

  app.get(accessPaths.connect, open, async (request, reply) => {
    reply.type('text/html; charset=utf-8');
    try {
      const asked = readConnectRequest(request.query, apps, issuerOf(request));
      if ('redirect' in asked) return await reply.redirect(asked.redirect, 302);
      if (asked.query.state !== undefined) arrived(asked.query.state);
      return await reply.send(page());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return reply
        .status(error.status)
        .headers(plainPageHeaders)
        .send(errorPage(error, guard.visitor(request).through === 'home' ? boxName.value : unnamed.name));
    }
  });

  app.get('/api/connect', open, async (request): Promise<ConnectView> => {
    const asked = readConnectRequest(request.query, apps, issuerOf(request));
    if ('error' in asked) throw new Problem('bad-request', 'this is no request to connect', { status: 400 });
    return { app: { name: asked.app.name, origin: shownOrigin(asked.query.redirect_uri) } };
  });

  const consent = {
    config: { admission: 'person', recentProof: ({ body }) => staysLonger(body as ConsentRequest) },
    bodyLimit,
    schema: { body: ConsentRequest },
  } as const satisfies RouteShorthandOptions;
  app.post('/api/connect', consent, async (request) => {
    const { allow, ...given } = request.body;
    const asked = readConnectRequest(given, apps, issuerOf(request));
    if ('error' in asked) throw new Problem('bad-request', 'this is no request to connect', { status: 400 });
    const { query } = asked;
    const { redirect_uri: redirectUri, client_id: clientId, code_challenge: challenge, state } = query;
    const answer = allow
      ? { code: codes.issue(guard.who(request).session.id, { clientId, redirectUri, challenge }) }
      : { error: 'access_denied' };
    return { redirect: redirectTo(redirectUri, { ...answer, state, iss: issuerOf(request) }) };
  });
}

/** An app ends with the session that let it in; an agent stays when that one signs out. */
const staysLonger = ({ allow, client_id: clientId }: ConsentRequest): boolean =>
  allow && clientId === agentClient.clientId;
