import { Type } from 'typebox';
import {
  ArrivalAnswer,
  PingEntry,
  RegisterResponse,
  sharedAddressHeader,
} from '../../protocol/registration-api.ts';
import { ChallengeAnswer, EntryAnswer, SignInAnswer } from '../../protocol/mailbox-api.ts';
import { runHeaders, StandingAnswer } from '../../protocol/run-api.ts';
import { TunnelGrant, ZoneState } from '../../protocol/zone-api.ts';
import { type Api, type Call, nothing, page } from './call.ts';

const anybody = { who: 'anybody', security: [] } as const;
const box = { who: 'a box, about itself', security: [{ boxCertificate: [] }] } as const;
const boxCertificate = {
  type: 'mutualTLS',
  description:
    'The self-signed certificate of the box’s identity. Nobody vouches for it: the box id is computed from it, so it is the name.',
};
const thisDocument: Call = {
  route: 'GET /openapi.json',
  who: 'anybody',
  summary: 'This description.',
  answers: { 200: Type.Object({}, { description: 'OpenAPI 3.1' }) },
};
const state = { 200: ZoneState };

/** How a box edits its own zone. */
export const zoneApi: Api = {
  name: 'zone',
  title: 'Porchlight: zone API',
  version: '1.0',
  server: { url: 'https://dns.porchlight.example:5300', description: 'the dns-server of the cloud' },
  description: `How a box edits the DNS names below \`<box id>.<zone root>\`, which are its own. What is answered is already
served. Each write replaces what it names, so it can be repeated. A call is refused before its body is read when it comes
without a certificate (\`client-certificate-required\`), for another zone (\`zone-not-yours\`) or too often (\`rate-limited\`).

Each start of a box has a random id, which it says in the header \`${runHeaders.run}\`, with the one before in
\`${runHeaders.before}\`. While another start with the same identity is alive, because a card was copied, writes are refused
(\`copied-identity\`).`,
  securitySchemes: { boxCertificate },
  callers: { anybody, box },
  hidden: new Set(),
  calls: [
    thisDocument,
    {
      route: 'GET /v1/zones/:boxId',
      who: 'box',
      summary: 'What the zone holds, and what the cloud offers it.',
      answers: state,
    },
    {
      route: 'PUT /v1/zones/:boxId',
      who: 'box',
      summary: 'Replaces the addresses of all names of the zone.',
      answers: state,
    },
    {
      route: 'DELETE /v1/zones/:boxId',
      who: 'box',
      summary: 'Removes the zone.',
      answers: { 204: nothing() },
    },
    {
      route: 'POST /v1/zones/:boxId/challenges',
      who: 'box',
      summary: 'Adds a DNS-01 challenge, which expires by itself.',
      answers: state,
    },
    {
      route: 'DELETE /v1/zones/:boxId/challenges/:value',
      who: 'box',
      summary: 'Removes a DNS-01 challenge.',
      answers: state,
    },
    {
      route: 'PUT /v1/zones/:boxId/caa',
      who: 'box',
      summary: 'Pins the ACME account that may have certificates issued for the zone (RFC 8657).',
      answers: state,
    },
    {
      route: 'POST /v1/zones/:boxId/tunnel',
      who: 'box',
      summary: 'Where to open the tunnel, and with which secret.',
      answers: { 200: TunnelGrant },
    },
    {
      route: 'POST /v1/zones/:boxId/run',
      who: 'box',
      summary:
        'Whether another box has the same identity. The answer is held back while the box knows it, for `waitSeconds` at most.',
      answers: { 200: StandingAnswer },
    },
    {
      route: 'DELETE /v1/zones/:boxId/run',
      who: 'box',
      summary: 'Says that this start of the box ends, so that the next one need not be asked about it.',
      answers: { 204: nothing() },
    },
    {
      route: 'POST /v1/dns/*',
      who: 'box',
      summary:
        'Sets one record of one name, in the words of 2016: the labels of the name backwards, with slashes between them.',
      answers: {
        200: Type.Object({
          name: Type.String(),
          type: Type.String(),
          value: Type.String(),
          serial: Type.Integer(),
        }),
      },
    },
  ],
};

/** Where boxes announce their addresses, and browsers ask for the boxes of their home. */
export const registrationApi: Api = {
  name: 'registration',
  title: 'Porchlight: registration-server',
  version: '1.0',
  server: {
    url: 'https://registration.porchlight.example:4443',
    description: 'the registration-server of the cloud',
  },
  description: `A box announces the addresses it has, and a browser asks which boxes share its public address. \`message\` is a
JSON text (\`Announcement\` of the sources), as in 2016. Bodies without a \`content-type\` are read as JSON. Pages of any origin
may call what is for anybody. The header \`${sharedAddressHeader}: ?1\` says that not all boxes were listed: ask with a code.`,
  securitySchemes: { boxCertificate },
  callers: { anybody, box },
  hidden: new Set(),
  calls: [
    thisDocument,
    {
      route: 'POST /register',
      who: 'box',
      summary: 'Announces the box. Without another announcement it is forgotten after two minutes.',
      answers: { 200: RegisterResponse },
    },
    {
      route: 'DELETE /register',
      who: 'box',
      summary: 'Takes the announcement back.',
      answers: { 204: nothing() },
    },
    {
      route: 'GET /ping',
      who: 'anybody',
      summary: 'The boxes that share the caller’s public address, or the one with a short code.',
      answers: { 200: Type.Array(PingEntry) },
    },
    {
      route: 'GET /choose',
      who: 'anybody',
      summary: 'The same as a page, which leads back to `return_to`: for pages that may not be told.',
      answers: { 200: page('A page.') },
    },
    {
      route: 'POST /arrivals',
      who: 'box',
      summary: 'Tells that a browser reached the box’s page with this one-time state.',
      answers: { 204: nothing() },
    },
    {
      route: 'GET /arrivals/:hash',
      who: 'anybody',
      summary:
        'Whether the browser with this state has arrived; waits up to `wait` seconds for it. `hash`: SHA-256 of the state.',
      answers: { 200: ArrivalAnswer },
    },
  ],
};

/** Where boxes leave what one app instance may read. */
export const mailboxApi: Api = {
  name: 'mailbox',
  title: 'Porchlight: mailbox',
  version: '1.0',
  server: { url: 'https://mailbox.porchlight.example:4445', description: 'the mailbox of the cloud' },
  description: `A box leaves a word for one app instance, which nobody else can read. An instance signs in with a key pair that it
made itself. What is signed is the text \`porchlight mailbox sign-in\`, the host of the mailbox and the challenge, one a line.
The mailbox keeps everything in memory, for minutes.`,
  securitySchemes: {
    boxCertificate,
    instanceToken: { type: 'http', scheme: 'bearer', description: 'The token of `POST /sign-in`.' },
  },
  callers: {
    anybody,
    box,
    instance: { who: 'the app instance whose mailbox it is', security: [{ instanceToken: [] }] },
  },
  hidden: new Set(),
  calls: [
    thisDocument,
    {
      route: 'GET /challenge',
      who: 'anybody',
      summary: 'What is to be signed to sign in; works once, for a minute.',
      answers: { 200: ChallengeAnswer },
    },
    {
      route: 'POST /sign-in',
      who: 'anybody',
      summary: 'Signs an instance in with its key.',
      answers: { 200: SignInAnswer },
    },
    {
      route: 'PUT /mailboxes/:uid/:name',
      who: 'box',
      summary: 'Replaces what this box left for the instance under the name.',
      answers: { 204: nothing() },
    },
    {
      route: 'DELETE /mailboxes/:uid/:name',
      who: 'box',
      summary: 'Removes what this box left there.',
      answers: { 204: nothing() },
    },
    {
      route: 'GET /mailboxes/:uid/:box/:name',
      who: 'instance',
      summary: 'What a box left under the name; waits up to `wait` seconds for it.',
      answers: { 200: EntryAnswer },
    },
  ],
};
