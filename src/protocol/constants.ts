/**
 * What the protocol says without a schema: paths, limits, and what can be told of a name from its text alone. Imports
 * nothing, so that a page in a browser has these without the libraries of the other files, which export them again.
 */

export const accessPaths = {
  /** Answers 204 to anybody, with CORS: this way to the box is open. */
  ping: '/ping',
  /** RFC 8414. */
  metadata: '/.well-known/oauth-authorization-server',
  /** The authorization endpoint: a page, reached by navigating the top window. */
  connect: '/connect',
  /** RFC 6749, 3.2: `application/x-www-form-urlencoded`, grants `authorization_code` and `refresh_token`. CORS for allowed apps. */
  token: '/oauth/token',
  /** RFC 7009. */
  revoke: '/oauth/revoke',
  /** WebSocket of a session: the first message of an app is `{ accessToken }`, the console's cookie comes with the upgrade. */
  events: '/api/events',
} as const;

/** Code with which the events socket closes when the session is over. */
export const sessionEndedClose = 4401;

export const accessLimits = {
  accessTokenSeconds: 600,
  /** Before an access token ends, a new one is sent over the open WebSocket. */
  rotateBeforeSeconds: 120,
  codeSeconds: 60,
  setupTries: 8,
  passwordMin: 8,
  passwordMax: 256,
  nameMax: 63,
  formBytes: 16_384,
  /** A box of a family has some hundred kB. */
  backupBytes: 8 * 1024 * 1024,
} as const;

/** Client authorisation; see pairing-api.ts. `auth` is another spelling of `authorise`. */
export const pairingPaths = { info: '/info', authorise: '/authorise', auth: '/auth', socket: '/w' } as const;
/** The subprotocol of `/w`; a browser, which can send no header, offers the token beside it as `token.<token>`. */
export const pairingProtocol = 'porchlight';
export const tokenProtocolPrefix = 'token.';

export const pairingLimits = {
  /** A call waits at most so long for the owner's answer. */
  waitSeconds: 25,
  /** And when the caller does not say how long. */
  defaultWaitSeconds: 20,
} as const;

/**
 * Header of the answer of `GET /ping` (`?1`, RFC 8941) when more than a handful of boxes are behind the caller's address:
 * not all of them are listed, and an app asks for a short code (`GET /ping?code=…`).
 */
export const sharedAddressHeader = 'shared-address';

/** SHA-256 of an identity certificate's DER in lower-case base32 without padding (RFC 4648): 52 characters. */
export type BoxId = string;

/** A character set of 32 and 256 bits: the last of the 52 characters carries one bit, so only `a` and `q` can stand there. */
const boxIdPattern = /^[a-z2-7]{51}[aq]$/;
export const boxIdSchemaPattern = boxIdPattern.source;

export function isBoxId(text: string): text is BoxId {
  return boxIdPattern.test(text);
}

/** The first characters of a box id, enough for a person to tell boxes apart. */
export function shortId(boxId: BoxId): string {
  return boxId.slice(0, 8);
}

/** Labels under a zone that have a meaning of their own and can name no mirror and no published service. */
export const tunnelLabel = 'remote';

/** Names of mirrors: one letter, so that they can never clash with an address name, the tunnel or a service. */
export const mirrorLabelPattern = '^[a-z]$';

/** Where an agent listens on the computer of a person: the first of these ports that is free. See agent-api.ts. */
export const agentPorts = { first: 41_000, last: 41_020 } as const;

/** Of the agent, on loopback. */
export const agentPaths = {
  alive: '/alive',
  exchange: '/exchange',
  handshake: '/handshake',
  done: '/handshake/done',
  socket: '/ws',
} as const;

/** What starts an agent that is not running: a scheme that `porchlight agent --install` registers. */
export const agentLink = 'porchlight://auth/connect';

/** Of the box, for agents and for pages that want to be signed in by one. */
export const agentBoxPaths = {
  view: '/api/agent',
  challenge: '/api/agent/challenge',
  login: '/api/auth/login/session',
} as const;

/** As which program an agent asks to connect (RFC 8252). Every box knows it; it is returned to any port of loopback. */
export const agentClient = {
  clientId: 'porchlight-agent',
  name: 'Porchlight agent',
  redirectUri: 'http://127.0.0.1/paired',
} as const;

export const agentLimits = {
  challengeSeconds: 30,
  /** A page that an agent signed in: how long at most, and when nobody says how long. */
  pageSeconds: 30 * 86_400,
  pageSecondsDefault: 12 * 3600,
  /** Of one agent; the oldest ends when there are more. */
  pages: 16,
  /** Clocks of box and agent may differ by so much. */
  clockSeconds: 300,
} as const;
