import { agentLimits } from '../../protocol/constants.ts';
import { proofMinutes } from '../../protocol/account-api.ts';
import { boxCalls } from './box-calls.ts';
import type { Api } from './call.ts';

const anyProgram = { who: 'any program; no cookie is looked at', security: [] } as const;

/** What people and apps call on the box itself. */
export const boxApi: Api = {
  name: 'box',
  title: 'Porchlight: box',
  version: '1.0',
  server: { url: 'https://{zone}', description: 'the box, under each of its own names' },
  description: `What people’s browsers, apps and programs call on the box itself, at home and through the tunnel. JSON, unless said
otherwise; times are milliseconds since the epoch.

**The console’s cookie** is a session of a person. What changes something is taken with it only from the box’s own pages
(\`Origin\`), with the token of \`GET /api/session\` in the header \`x-csrf-token\`. What outlives the session wants *recent proof*
beside it: the person has signed in or proved that it is they (\`/api/proof\`) within ${proofMinutes} minutes, else the answer is
\`proof-needed\`.

**Apps** have access tokens (OAuth 2.1 with PKCE, RFC 6749 and 7636) and may call from the origins on the owner’s list. **App instances** sign each
call (HTTP message signatures, RFC 9421, with \`hmac-sha256\`; \`content-digest\` of a body); see docs/access/instances.md. They may
encrypt bodies to the box (\`application/vnd.porchlight.sealed+json\`).

**WebSockets**, which OpenAPI has no words for: \`/api/events\` (the console by its cookie, an app with \`{ accessToken }\` as its first
message; what comes is \`BoxEvent\`, and 4401 closes it when the session is over), \`/w\` (programs; the token in the header or as the subprotocol
\`token.…\`), and \`/sonar\` on ports of its own (devices, by certificate; docs/access/enrolment.md). A sign-in helper
signs a page in with a challenge that works for ${agentLimits.challengeSeconds} seconds (docs/access/agent.md).

Sign-in methods that an owner switched off answer 404. The control socket of the machine is no part of this.`,
  securitySchemes: {
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: '__Host-porchlight',
      description: 'A session of the console.',
    },
    csrf: {
      type: 'apiKey',
      in: 'header',
      name: 'x-csrf-token',
      description: '`csrf` of `GET /api/session`.',
    },
    accessToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'Of `POST /oauth/token` or `POST /authorise`.',
    },
    signature: {
      type: 'apiKey',
      in: 'header',
      name: 'signature-input',
      description: 'With `signature`: an HTTP message signature of an app instance (RFC 9421).',
    },
  },
  callers: {
    open: { who: 'anybody', security: [] },
    'open, changing': { who: 'anybody, from a page of the box', security: [] },
    person: { who: 'a person who is signed in', security: [{ cookie: [] }] },
    'person, changing': { who: 'a person who is signed in', security: [{ cookie: [], csrf: [] }] },
    owner: { who: 'an owner', security: [{ cookie: [] }] },
    'owner, changing': { who: 'an owner', security: [{ cookie: [], csrf: [] }] },
    app: {
      who: 'a person, or an app that acts for one',
      security: [{ cookie: [] }, { accessToken: [] }, { signature: [] }],
    },
    'app, changing': {
      who: 'a person, or an app that acts for one',
      security: [{ cookie: [], csrf: [] }, { accessToken: [] }, { signature: [] }],
    },
    instance: { who: 'an app instance', security: [{ signature: [] }] },
    oauth: anyProgram,
  },
  // Other spellings, which stock clients of Engine.IO use.
  hidden: new Set(['GET /w/', 'POST /w/']),
  calls: boxCalls,
};
