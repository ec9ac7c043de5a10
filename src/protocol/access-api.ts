import { type Static, Type } from 'typebox';

/**
 * How people and apps are let in at the box: OAuth 2.1 (code + PKCE) for apps, a cookie session for the console. All calls
 * are JSON under `/api` on every name of the box, unless said otherwise. Errors are `{ code, message, … }`.
 */

export const accessPaths = {
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
} as const;

/** Query of `/connect` (RFC 6749, 4.1.1; RFC 7636, 4.3). `redirect_uri` is matched exactly against the owner's list. */
export const ConnectQuery = Type.Object({
  client_id: Type.String({ minLength: 1, maxLength: 200 }),
  redirect_uri: Type.String({ minLength: 1, maxLength: 500 }),
  state: Type.String({ pattern: '^[A-Za-z0-9_-]{16,128}$' }),
  code_challenge: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  code_challenge_method: Type.Literal('S256'),
  response_type: Type.Literal('code'),
});
export type ConnectQuery = Static<typeof ConnectQuery>;

/** `GET /api/session`: what the console shows. */
export const SessionView = Type.Object({
  /** `first-run`: there is no owner yet. */
  stage: Type.Union([Type.Literal('first-run'), Type.Literal('login'), Type.Literal('in')]),
  boxName: Type.String(),
  boxId: Type.String(),
  /** How this visitor came; first run is possible only at home. */
  through: Type.Union([Type.Literal('home'), Type.Literal('tunnel')]),
  person: Type.Union([
    Type.Object({ id: Type.String(), name: Type.String(), role: Type.String() }),
    Type.Null(),
  ]),
  /** To be sent as `x-csrf-token` with every call that changes something. */
  csrf: Type.Union([Type.String(), Type.Null()]),
  passkeys: Type.Boolean(),
});
export type SessionView = Static<typeof SessionView>;

/** `POST /api/first-run`. Answers 201 `{ recoveryCode }`, which is shown once, and sets the session cookie. */
export const FirstRunRequest = Type.Object(
  {
    setupCode: Type.String({ minLength: 4, maxLength: 32 }),
    name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
    password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
  },
  { additionalProperties: false },
);
export type FirstRunRequest = Static<typeof FirstRunRequest>;

/** `POST /api/login`. Answers 204 with the cookie. A recovery code stands in for a forgotten password, once. */
export const LoginRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
    password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
  },
  { additionalProperties: false },
);
export type LoginRequest = Static<typeof LoginRequest>;

/** `POST /api/connect`, by the person who is logged in, after consent. Answers `{ redirect }`: where the window goes next. */
export const ConsentRequest = Type.Object(
  { ...ConnectQuery.properties, allow: Type.Boolean() },
  { additionalProperties: false },
);
export type ConsentRequest = Static<typeof ConsentRequest>;

/** Answer of the token endpoint (RFC 6749, 5.1), with the box's own words beside it. */
export const TokenResponse = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
  refresh_token: Type.String(),
  box_id: Type.String(),
  box_name: Type.String(),
  /** Origins by which the box can be reached now, in the words of its announcement. */
  ways: Type.Object({
    main: Type.String(),
    mirrors: Type.Array(Type.String()),
    tunnel: Type.Union([Type.String(), Type.Null()]),
    address: Type.Union([Type.String(), Type.Null()]),
  }),
});
export type TokenResponse = Static<typeof TokenResponse>;
export type Ways = TokenResponse['ways'];

export const sessionKinds = ['login', 'app', 'client', 'agent', 'page', 'device', 'instance'] as const;

/** One node of `GET /api/sessions`, children of a session behind their parent. Times in ms since the epoch. */
export const SessionNode = Type.Object({
  id: Type.String(),
  parentId: Type.Union([Type.String(), Type.Null()]),
  kind: Type.Union(sessionKinds.map((kind) => Type.Literal(kind))),
  label: Type.String(),
  personId: Type.Union([Type.String(), Type.Null()]),
  createdAt: Type.Integer(),
  lastSeenAt: Type.Integer(),
  lastAddress: Type.Union([Type.String(), Type.Null()]),
  expiresAt: Type.Union([Type.Integer(), Type.Null()]),
  /** The session that asked. */
  current: Type.Boolean(),
});
export type SessionNode = Static<typeof SessionNode>;

/** What comes over the events socket. */
export const BoxEvent = Type.Union([
  /** The session is over; the socket closes with code 4401. */
  Type.Object({ type: Type.Literal('session-ended') }),
  Type.Object({ type: Type.Literal('token'), accessToken: Type.String(), expiresIn: Type.Integer() }),
  /** The ways in have changed. */
  Type.Object({ type: Type.Literal('ways'), ways: TokenResponse.properties.ways }),
  /** Health or state changed: ask `GET /api/state` again. */
  Type.Object({ type: Type.Literal('state') }),
]);
export type BoxEvent = Static<typeof BoxEvent>;
