import { type Static, Type } from 'typebox';
import { accessLimits, accessPaths, sessionEndedClose } from './constants.ts';
import { ServiceView } from './service-api.ts';

/**
 * How people and apps are let in at the box: OAuth 2.1 (code + PKCE) for apps, a cookie session for the console. All calls
 * are JSON under `/api` on every name of the box, unless said otherwise. Errors are `{ code, message, … }`.
 */

export { accessLimits, accessPaths, sessionEndedClose };

/**
 * Query of `/connect` (RFC 6749, 4.1.1; RFC 7636, 4.3). `redirect_uri` is matched exactly against the owner's list. Other
 * parameters are ignored (3.1). `state` is the app's own affair: PKCE keeps others from bringing their code here.
 */
export const ConnectQuery = Type.Object({
  client_id: Type.String({ minLength: 1, maxLength: 200 }),
  redirect_uri: Type.String({ minLength: 1, maxLength: 500 }),
  state: Type.Optional(Type.String({ pattern: '^[^\\x00-\\x1f\\x7f]*$', maxLength: 2048 })),
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
  /** Passkeys can be used under this name: to add one, or at `login` to come in with one that exists. */
  passkeys: Type.Boolean(),
  /** Why the box can save nothing now; absent while it can. */
  cannotSave: Type.Optional(Type.Enum(['storage-full', 'storage-read-only', 'storage-failed'])),
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

/** `POST /api/login`. Answers 204 with the cookie. `code`: of a second factor, see account-api.ts. */
export const PasswordSignInRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
    password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
    code: Type.Optional(Type.String({ minLength: 6, maxLength: 16 })),
  },
  { additionalProperties: false },
);
export type PasswordSignInRequest = Static<typeof PasswordSignInRequest>;

/** Ids of `OtherAccessItem`, see account-api.ts. */
const keep = Type.Optional(Type.Array(Type.String({ maxLength: 300 }), { maxItems: 200 }));

/**
 * `POST /api/recover`: a recovery code stands in for a forgotten password, once. Ends every session of the person, and
 * what else lets somebody in, but `keep` (account-api.ts). Wants no second factor. Answers as first run does, with the next
 * recovery code.
 */
export const RecoverRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
    recoveryCode: Type.String({ minLength: 1, maxLength: 64 }),
    keep,
    password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
  },
  { additionalProperties: false },
);
export type RecoverRequest = Static<typeof RecoverRequest>;

/** `PUT /api/password`. Answers 204; every other sign-in of the person ends, and what else lets somebody in but `keep`. */
export const PasswordRequest = Type.Object(
  {
    current: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
    keep,
    password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
  },
  { additionalProperties: false },
);
export type PasswordRequest = Static<typeof PasswordRequest>;

/** `GET /api/connect` with the query of `/connect`: which app asks, for the consent page. */
export const ConnectView = Type.Object({
  app: Type.Object({ name: Type.String(), origin: Type.String() }),
});
export type ConnectView = Static<typeof ConnectView>;

/** `POST /api/connect`, by the person who is signed in, after consent. Answers `{ redirect }`: where the window goes next. */
export const ConsentRequest = Type.Object({ ...ConnectQuery.properties, allow: Type.Boolean() });
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
export type Endpoints = TokenResponse['ways'];

export const sessionKinds = ['login', 'app', 'client', 'agent', 'page', 'device', 'instance'] as const;

/** One node of `GET /api/sessions`, children of a session behind their parent. Times in ms since the epoch. */
export const SessionNode = Type.Object({
  id: Type.String(),
  parentId: Type.Union([Type.String(), Type.Null()]),
  kind: Type.Enum(sessionKinds),
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

/** `GET /api/people` answers `{ people: […] }`; `DELETE /api/people/{id}` ends their sessions too. For owners. */
export const PersonView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: Type.Union([Type.Literal('owner'), Type.Literal('member')]),
  createdAt: Type.Integer(),
  /** Has not yet used the invite code. */
  invited: Type.Boolean(),
});
export type PersonView = Static<typeof PersonView>;

/** `POST /api/people` answers 201 `{ id, inviteCode, expiresAt }`. The code is shown once and works once. */
export const InviteRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
    role: Type.Union([Type.Literal('owner'), Type.Literal('member')]),
  },
  { additionalProperties: false },
);
export type InviteRequest = Static<typeof InviteRequest>;

/** `POST /api/join`, by the one who was invited. Answers as first run does. */
export const JoinRequest = Type.Object(
  {
    inviteCode: Type.String({ minLength: 1, maxLength: 64 }),
    password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
  },
  { additionalProperties: false },
);
export type JoinRequest = Static<typeof JoinRequest>;

/** `GET` and (owners) `PUT /api/apps`: who may ask to connect, and where the browser may be sent back to, exactly. */
export const AppList = Type.Object(
  {
    apps: Type.Array(
      Type.Object(
        {
          clientId: Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }),
          name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
          redirectUris: Type.Array(Type.String({ minLength: 1, maxLength: 500 }), {
            minItems: 1,
            maxItems: 10,
          }),
        },
        { additionalProperties: false },
      ),
      { maxItems: 32 },
    ),
  },
  { additionalProperties: false },
);
export type AppList = Static<typeof AppList>;

const settings = {
  name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
  tunnel: Type.Boolean(),
};
const always = Type.Union([Type.Literal('always'), Type.Literal('off')]);
/** `GET /api/settings`. `until`: ms since the epoch, after which the box is no longer to be found. */
export const SettingsView = Type.Object({
  ...settings,
  discovery: Type.Union([always, Type.Object({ until: Type.Integer() })]),
});
export type SettingsView = Static<typeof SettingsView>;
/** `PUT /api/settings` (owners) answers the settings as they are now. A window is given by its length: clocks differ. */
export const SettingsRequest = Type.Object(
  {
    ...settings,
    discovery: Type.Union([
      always,
      Type.Object({ forMinutes: Type.Integer({ minimum: 1, maximum: 60 }) }, { additionalProperties: false }),
    ]),
  },
  { additionalProperties: false },
);
export type SettingsRequest = Static<typeof SettingsRequest>;

const passphrase = Type.String({ minLength: 1, maxLength: accessLimits.passwordMax });

/** `POST /api/backup` (owners) answers `BackupView`. */
export const BackupRequest = Type.Object({ passphrase }, { additionalProperties: false });
export type BackupRequest = Static<typeof BackupRequest>;

/** The file, base64. */
export const BackupView = Type.Object({ backup: Type.String() });
export type BackupView = Static<typeof BackupView>;

/** `POST /api/restore` (owners) answers 202 `RestoreView` when the backup is staged; the box then starts over. */
export const RestoreRequest = Type.Object(
  {
    passphrase,
    /** The file, base64. */
    backup: Type.String({ pattern: '^[A-Za-z0-9+/]+={0,2}$', maxLength: accessLimits.backupBytes * 1.4 }),
  },
  { additionalProperties: false },
);
export type RestoreRequest = Static<typeof RestoreRequest>;
/** `madeAt`: ms since the epoch; `origin`: where the box will be. */
export const RestoreView = Type.Object({
  boxId: Type.String(),
  name: Type.String(),
  madeAt: Type.Integer(),
  origin: Type.String(),
});
export type RestoreView = Static<typeof RestoreView>;

/** `POST /api/reset` (owners) answers 202; the box then starts over. */
export const ResetRequest = Type.Object(
  {
    /** The name of the box is forgotten too. */
    forgetIdentity: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type ResetRequest = Static<typeof ResetRequest>;

/**
 * Why a password is refused: in the field `reason` of the error `password-refused`, so that a page can say it in the
 * person's language.
 */
export type PasswordRefusal = 'too-short' | 'too-long' | 'repeated' | 'common' | 'own-name';

/** One part of the box, as kit/runtime/health.ts has it. Times in ms since the epoch. */
const condition = Type.Object({
  name: Type.String(),
  severity: Type.Union([Type.Literal('ok'), Type.Literal('warning'), Type.Literal('error')]),
  code: Type.Optional(Type.String()),
  message: Type.String(),
  remedy: Type.Optional(Type.String()),
  since: Type.Integer(),
});

/** `GET /api/state`: how the box is doing, for people who are signed in. Times in ms since the epoch. */
export const StateView = Type.Object({
  /** The box's clock: a page compares it with its own. */
  now: Type.Integer(),
  version: Type.String(),
  /** On the home network. */
  addresses: Type.Array(Type.String()),
  certificate: Type.Union([Type.Object({ notAfter: Type.Integer() }), Type.Null()]),
  tunnel: Type.Object({
    phase: Type.Enum(['off', 'waiting', 'connecting', 'connected', 'rejected', 'lost']),
    origin: Type.Union([Type.String(), Type.Null()]),
  }),
  announce: Type.Object({
    announcedAt: Type.Union([Type.Integer(), Type.Null()]),
    shortCode: Type.Union([Type.String(), Type.Null()]),
  }),
  ways: Type.Array(
    Type.Object({
      kind: Type.Enum(['main', 'mirror', 'tunnel', 'local', 'address']),
      url: Type.String(),
    }),
  ),
  /** Published services. */
  services: Type.Array(ServiceView),
  conditions: Type.Array(condition),
});
export type StateView = Static<typeof StateView>;

/* Calls without a body of their own schema: `POST /api/logout` and `DELETE /api/sessions/{id}` answer 204. */

/**
 * `GET /api/passkeys` answers `{ passkeys: […] }`, `DELETE /api/passkeys/{id}` removes one of the person's own. To add one:
 * `POST /api/passkeys/options`, `navigator.credentials.create`, `POST /api/passkeys` `{ label, response }` (201). To sign in:
 * `POST /api/login/passkey/options`, `navigator.credentials.get`, `POST /api/login/passkey` `{ response }` (204, cookie).
 * Options and responses are WebAuthn's own JSON forms (Level 3, 5.1.9).
 */
export const PasskeyView = Type.Object({
  id: Type.String(),
  label: Type.String(),
  createdAt: Type.Integer(),
  lastUsedAt: Type.Union([Type.Integer(), Type.Null()]),
});
export type PasskeyView = Static<typeof PasskeyView>;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/**
 * One line of `GET /api/logs?after=<seq>&level=<level>` (owners), which answers `{ lines: […] }`, oldest first, redacted.
 */
export const LogLine = Type.Object({
  seq: Type.Integer(),
  time: Type.Integer(),
  level: Type.Enum(logLevels),
  part: Type.String(),
  message: Type.String(),
});
export type LogLine = Static<typeof LogLine>;

/** What comes over the events socket. */
export const BoxEvent = Type.Union([
  /** The session is over; the socket closes with code 4401. */
  Type.Object({ type: Type.Literal('session-ended') }),
  Type.Object({ type: Type.Literal('token'), accessToken: Type.String(), expiresIn: Type.Integer() }),
  /** The endpoints have changed. */
  Type.Object({ type: Type.Literal('ways'), ways: TokenResponse.properties.ways }),
  /** Health or state changed: ask `GET /api/state` again. */
  Type.Object({ type: Type.Literal('state') }),
  /** For owners: somebody is waiting for an answer, or no longer: ask `GET /api/approvals` again. */
  Type.Object({ type: Type.Literal('approvals') }),
]);
export type BoxEvent = Static<typeof BoxEvent>;
