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
  signIn: '/api/auth/login/session',
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

/* Mailboxes of app instances; see mailbox-api.ts. */

export const mailboxLimits = {
  bodyBytes: 16_384,
  /** Of one value, in UTF-8. */
  valueBytes: 8192,
  /** The longest a value is kept; it can ask for less. */
  entrySeconds: 600,
  /** A challenge is to be signed within this. */
  challengeSeconds: 60,
  tokenSeconds: 3600,
  /** The longest an instance may ask the answer to be held back (`?wait=`). */
  waitSeconds: 20,
} as const;

export const mailboxPaths = {
  challenge: '/challenge',
  signIn: '/sign-in',
  /** PUT and DELETE, of the box that calls. */
  toInstance: (uid: string, name: string): string => `/mailboxes/${uid}/${name}`,
  /** GET, for the instance. */
  fromBox: (uid: string, box: string, name: string): string => `/mailboxes/${uid}/${box}/${name}`,
} as const;

/** The text whose SHA-256 in base64url is the unique id of a key: its thumbprint (RFC 7638, 3). */
export function thumbprintText({ crv, kty, x, y }: Record<'crv' | 'kty' | 'x' | 'y', string>): string {
  return JSON.stringify({ crv, kty, x, y });
}

/**
 * What is signed to sign in (ECDSA with SHA-256, both numbers in 32 bytes each as WebCrypto has them). `host`, with the port
 * when it is not 443, is the mailbox the instance means: another one cannot pass the signature on.
 */
export function signInText(host: string, challenge: string): string {
  return `porchlight mailbox sign-in\n${host.toLowerCase().replace(/:443$/, '')}\n${challenge}`;
}

/* App instances; see instance-api.ts. */

export const instancePaths = {
  /** The open one. */
  request: '/api/instances',
  /** Protected by the one-time password. */
  confirm: '/api/instances/confirm',
  /** Signed: who am I (GET), I leave (DELETE). */
  self: '/api/instance',
  /** Signed: an owner is asked whether the instance may act for them. */
  ask: '/api/instance/ask',
} as const;

/** Names of what the box leaves in the mailbox. */
export const instanceEntries = { otp: 'otp', credentials: 'credentials', token: 'token' } as const;

export const instanceLimits = {
  /** A one-time password, from the request on. */
  otpSeconds: 60,
  otpTries: 5,
  /** Credentials, and the token of the simpler variation, wait so long in the mailbox. */
  deliverySeconds: 300,
  /** A signature is good so long after it was made; */
  signatureSeconds: 60,
  /** and a clock may be ahead by so much. */
  aheadSeconds: 5,
  /** A credential that was not used for so long is removed. */
  dormantDays: 90,
  bodyBytes: 4096,
  labelMax: 80,
  waitSeconds: 25,
} as const;

/** Media type of a body `{ enc, ct }` that holds a JSON body. */
export const sealedMediaType = 'application/vnd.porchlight.sealed+json';
