import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Problem } from '../../../kit/runtime/errors.ts';
import { type HttpApp, problemOf } from '../../../kit/http/http-server.ts';
import { refusal } from '../../../kit/http/refusal.ts';
import { days } from '../../../kit/runtime/clock.ts';
import { shortName } from '../../../kit/runtime/text.ts';
import { accessLimits, accessPaths, type TokenResponse } from '../../../protocol/access-api.ts';
import { agentClient } from '../../../protocol/constants.ts';
import {
  asOAuthProblem,
  invalidClient,
  invalidRequest,
  unsupportedGrant,
} from '../../sessions/oauth-problem.ts';
import { preflight, type Guard } from '../../api/guard.ts';
import { cookieIdleMs, type Session, type Sessions } from '../../sessions/sessions.ts';
import { tokenResponse, type TokenResponseOptions } from '../token-response.ts';
import { deviceOf } from '../../visitor.ts';
import type { Apps } from '../../sessions/apps.ts';
import type { Codes } from './codes.ts';
import type { Tokens } from '../../sessions/tokens.ts';

interface TokenRoutesOptions extends TokenResponseOptions {
  guard: Guard;
  apps: Apps;
  codes: Codes;
  tokens: Tokens;
  sessions: Sessions;
}

/** Of an agent that is not used: a computer may be away for a summer. */
const agentIdleMs = days(90);

const text = Type.String({ minLength: 1, maxLength: 500 });
const ByCode = Type.Object({
  grant_type: Type.Literal('authorization_code'),
  client_id: text,
  redirect_uri: text,
  code: text,
  // RFC 7636, 4.1.
  code_verifier: Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' }),
  // Ours: what a program that is no browser calls the device it runs on.
  device_name: Type.Optional(Type.String({ maxLength: 200 })),
});
const ByRefresh = Type.Object({
  grant_type: Type.Literal('refresh_token'),
  client_id: text,
  refresh_token: text,
});
const Revocation = Type.Object({ token: text, client_id: text });

/** The token and revocation endpoints, for the apps' own scripts: forms in, no cookie looked at. Needs a scope of its own. */
export function tokenRoutes(app: HttpApp, options: TokenRoutesOptions): void {
  const { guard, apps, codes, tokens, sessions } = options;
  const oauth = { config: { admission: 'oauth' }, bodyLimit: accessLimits.formBytes } as const;

  // Forms and nothing else.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => parseForm(body),
  );
  app.setErrorHandler(async (error, request, reply) => {
    const problem = asOAuthProblem(problemOf(error));
    if (problem.status >= 500) request.log.error({ err: error }, 'the token endpoint failed');
    // RFC 6749, 5.2: JSON, whoever asks.
    const { status, headers, body } = refusal(problem, { accept: undefined });
    return reply.status(status).headers(headers).send(body);
  });
  for (const path of [accessPaths.token, accessPaths.revoke]) app.options(path, oauth, preflight);

  const byCode = (form: Static<typeof ByCode>, label: string, address: string): Session => {
    const { client_id: clientId, redirect_uri: redirectUri, code, code_verifier: verifier } = form;
    return codes.use({ clientId, redirectUri, code, verifier }, ({ id, personId }) => {
      const app = { personId, clientId, label, address };
      // A program stays when the browser that showed it the way signs out.
      return clientId === agentClient.clientId
        ? sessions.create({ ...app, parentId: null, kind: 'agent', idleMs: agentIdleMs })
        : sessions.create({ ...app, parentId: id, kind: 'app', idleMs: cookieIdleMs });
    });
  };

  /** Throws `invalid-request` when none is named, `invalid-client` for an app that is not, or no longer, on the owner's list. */
  const appOf = (form: unknown): { name: string } => {
    const clientId = (form as { client_id?: unknown } | null | undefined)?.client_id;
    if (clientId === undefined) throw invalidRequest('client_id is missing');
    const found = apps.named(clientId);
    if (found === undefined) throw invalidClient('this app is not on the list of the box');
    return found;
  };

  app.post(accessPaths.token, oauth, async (request): Promise<TokenResponse> => {
    const form = request.body;
    const { address } = guard.visitor(request);
    requireGrantType(form);
    const { name } = appOf(form);
    if (Value.Check(ByRefresh, form)) {
      const { session, pair } = tokens.refresh(form.refresh_token, form.client_id);
      // The next token is on its way whatever else cannot be written down.
      guard.use(session, address);
      return tokenResponse(pair, options);
    }
    if (!Value.Check(ByCode, form)) throw faultOf(form);
    const device = shortName(form.device_name ?? '', accessLimits.nameMax) || deviceOf(request);
    const session = byCode(form, `${name} · ${device}`, address);
    return tokenResponse(tokens.newPair(session.id), options);
  });

  app.post(accessPaths.revoke, oauth, async (request, reply) => {
    const form = request.body;
    appOf(form);
    if (!Value.Check(Revocation, form)) throw invalidRequest('give token and client_id');
    const id = tokens.owner(form.token);
    const session = id === undefined ? undefined : sessions.find(id);
    if (session?.clientId === form.client_id)
      sessions.end(session.id, { who: session.label, address: guard.visitor(request).address });
    // RFC 7009, 2.2: a token that is none is revoked already.
    return reply.status(200).send();
  });
}

const grantTypeOf = (form: unknown): unknown =>
  (form as { grant_type?: unknown } | null | undefined)?.grant_type;

/** Throws `invalid-request`, `unsupported-grant-type`. */
function requireGrantType(form: unknown): void {
  const grantType = grantTypeOf(form);
  const known = 'authorization_code or refresh_token';
  if (grantType === undefined) throw invalidRequest(`grant_type is missing: give ${known}`);
  if (grantType !== 'authorization_code' && grantType !== 'refresh_token')
    throw unsupportedGrant(`grant_type must be ${known}`);
}

function faultOf(form: unknown): Problem {
  return grantTypeOf(form) === 'authorization_code'
    ? invalidRequest('give code, redirect_uri, client_id and code_verifier (43 to 128 characters)')
    : invalidRequest('give refresh_token and client_id');
}

/** RFC 6749, 3.2: a form, each parameter at most once; empty ones count as left out. */
function parseForm(body: string): Record<string, string> {
  const form = new URLSearchParams(body);
  const names = [...form.keys()];
  if (new Set(names).size < names.length) throw invalidRequest('a parameter is given more than once');
  return Object.fromEntries([...form].filter(([, value]) => value !== ''));
}
