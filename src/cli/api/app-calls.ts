import { Type } from 'typebox';
import * as access from '../../protocol/access-api.ts';
import { AgentView, SessionSignInAnswer, SignAnswer } from '../../protocol/agent-api.ts';
import { CertificatesView } from '../../protocol/enrolment-api.ts';
import { AskAnswer, InstanceAnswer, InstanceView } from '../../protocol/instance-api.ts';
import { AuthoriseAnswer, AuthorisePending, ServerInfo } from '../../protocol/pairing-api.ts';
import { type Call, nothing, page } from './call.ts';

const text = Type.String();
const done = { 204: nothing() };
const form = 'application/x-www-form-urlencoded';

/** What apps, programs, app instances and devices call on the box. */
export const appCalls: readonly Call[] = [
  {
    route: 'GET /.well-known/oauth-authorization-server',
    summary: 'Where the endpoints for apps are (RFC 8414).',
    answers: {
      200: Type.Object({
        issuer: text,
        authorization_endpoint: text,
        token_endpoint: text,
        revocation_endpoint: text,
        response_types_supported: Type.Array(text),
        response_modes_supported: Type.Array(text),
        grant_types_supported: Type.Array(text),
        code_challenge_methods_supported: Type.Array(text),
        token_endpoint_auth_methods_supported: Type.Array(text),
        revocation_endpoint_auth_methods_supported: Type.Array(text),
        authorization_response_iss_parameter_supported: Type.Boolean(),
      }),
    },
  },
  {
    route: 'GET /connect',
    summary: 'Where an app sends the browser to be let in (RFC 6749, 4.1.1, with PKCE).',
    query: access.ConnectQuery,
    answers: {
      200: page('The page that asks the person.'),
      302: nothing('Back to the app, with an error.'),
      400: page('What is wrong with the request, as a page.'),
      403: page('That the app is not on the list of the box, as a page.'),
    },
  },
  {
    route: 'GET /api/connect',
    summary: 'Which app asks, for the page that asks the person.',
    query: access.ConnectQuery,
    answers: { 200: access.ConnectView },
  },
  {
    route: 'POST /api/connect',
    summary: 'The person’s answer, and where the window goes next.',
    answers: { 200: Type.Object({ redirect: text }) },
  },
  {
    route: 'POST /oauth/token',
    summary:
      'Trades a code or a refresh token for tokens (RFC 6749). Errors have the field `error` of its section 5.2, too.',
    body: {
      type: form,
      schema: Type.Object({
        grant_type: Type.Enum(['authorization_code', 'refresh_token']),
        client_id: text,
        redirect_uri: Type.Optional(text),
        code: Type.Optional(text),
        code_verifier: Type.Optional(text),
        device_name: Type.Optional(
          Type.String({ description: 'what a program calls the device it runs on' }),
        ),
        refresh_token: Type.Optional(text),
      }),
    },
    answers: { 200: access.TokenResponse },
  },
  {
    route: 'POST /oauth/revoke',
    summary: 'Ends the session of a token (RFC 7009).',
    body: { type: form, schema: Type.Object({ token: text, client_id: text }) },
    answers: { 200: nothing() },
  },
  {
    route: 'GET /info',
    summary: 'Which box this is, for programs that have an id of their own.',
    answers: { 200: ServerInfo },
  },
  ...['POST /authorise', 'POST /auth'].map((route) => ({
    route,
    summary: 'Asks an owner to let a program in, and gives it a token once one has.',
    answers: { 200: AuthoriseAnswer, 202: AuthorisePending },
  })),
  ...['GET /w', 'POST /w'].map((route) => ({
    route,
    summary: 'The same socket as the WebSocket `/w`, by long polling (Engine.IO 4).',
    answers: { 200: { what: 'Packets of Engine.IO.', type: 'text/plain' } },
  })),
  {
    route: 'POST /api/agent/challenge',
    summary: 'Signs a sign-in helper’s challenge, for the page that brings it.',
    answers: { 200: SignAnswer },
  },
  { route: 'GET /api/agent', summary: 'What a sign-in helper needs to know.', answers: { 200: AgentView } },
  {
    route: 'POST /api/auth/login/session',
    summary: 'Makes a session for a page, below the sign-in helper’s own.',
    answers: { 201: SessionSignInAnswer },
  },
  {
    route: 'POST /api/instances',
    summary: 'Asks to be let in as an app instance; the answer that counts is in the mailbox.',
    answers: { 200: InstanceAnswer },
  },
  {
    route: 'POST /api/instances/confirm',
    summary: 'Shows the one-time password of the mailbox; the credentials are then there.',
    answers: { 200: InstanceAnswer },
  },
  {
    route: 'GET /api/instance',
    summary: 'Who the instance is, and for whom it acts.',
    answers: { 200: InstanceView },
  },
  { route: 'DELETE /api/instance', summary: 'The instance leaves.', answers: done },
  {
    route: 'POST /api/instance/ask',
    summary: 'Asks an owner whether the instance may act for them.',
    answers: { 200: AskAnswer },
  },
  {
    route: 'GET /enrolment/certificates/:deviceId',
    summary: 'The certificates of a device that enrolled, once.',
    answers: { 200: CertificatesView },
  },
  {
    route: 'GET /enrolment/revoked.crl',
    summary: 'The certificates that were revoked (RFC 5280, 5).',
    answers: { 200: { what: 'A list of revoked certificates, DER.', type: 'application/pkix-crl' } },
  },
];
