import { type Static, Type } from 'typebox';
import { accessLimits } from './constants.ts';

/** What a person who is signed in can do about how they come in. All calls are the console's own, by cookie. */

/** A code of an authenticator app. */
const code = Type.String({ minLength: 6, maxLength: 16 });

/**
 * What outlives the session (passkeys, people, the list of apps, settings, updates, backups …) wants *recent proof*: the person
 * has signed in, or proved that it is they, within five minutes. Without it a call answers 403 `proof-needed` with
 * `by: ProofMethod[]`; prove and repeat it.
 *
 * `GET /api/proof` answers 204 when there is proof, else that 403. `POST /api/proof` (204) gives it by password.
 * `POST /api/proof/passkey/options`, `navigator.credentials.get`, `POST /api/proof/passkey` `{ response }` (204) by passkey.
 */
export const ProofRequest = Type.Object(
  {
    password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }),
    code: Type.Optional(code),
  },
  { additionalProperties: false },
);
export type ProofRequest = Static<typeof ProofRequest>;

const proofMethods = ['password', 'passkey'] as const;
export type ProofMethod = (typeof proofMethods)[number];

export const proofMinutes = 5;
/**
 * A second factor beside the password, when the person switched it on. `POST /api/login` and `POST /api/proof` without it answer 401
 * `second-factor-needed` with `by: SecondFactor[]`: `totp`, send them again with `code`; `passkey`, use a passkey instead, which
 * is two factors by itself. A code works once (401 `wrong-code`).
 */
const secondFactors = ['totp', 'passkey'] as const;
export type SecondFactor = (typeof secondFactors)[number];

/**
 * `GET /api/second-factor`. `POST /api/second-factor/totp` answers a `TotpView`, `PUT /api/second-factor/totp` `CodeRequest` switches
 * it on (204); `PUT /api/second-factor` switches on that the password wants a passkey beside it (204; 409 `no-passkey`);
 * `DELETE /api/second-factor` switches both off (204).
 */
export const SecondFactorView = Type.Object({
  on: Type.Boolean(),
  totp: Type.Boolean(),
  passkeys: Type.Boolean(),
});
export type SecondFactorView = Static<typeof SecondFactorView>;

/** Shown once. `secret`: base32, to be typed; `uri`: `otpauth://totp/…`, to be scanned. */
export const TotpView = Type.Object({ secret: Type.String(), uri: Type.String() });
export type TotpView = Static<typeof TotpView>;

export const CodeRequest = Type.Object({ code }, { additionalProperties: false });
export type CodeRequest = Static<typeof CodeRequest>;

const otherAccessKinds = [
  'passkey',
  'totp',
  'app',
  'client',
  'agent',
  'page',
  'device',
  'instance',
  'invitation',
  /** An app that an owner put on the list of those that may ask. */
  'listed',
] as const;

/**
 * What lets somebody in beside the password. `GET /api/account/access` (signed in) and `POST /api/recover/access` (with the
 * recovery code, which stays good) answer `OtherAccessView`. `PUT /api/password` and `POST /api/recover` end all of it but what
 * is in their `keep`, by id.
 */
export const OtherAccessItem = Type.Object({
  id: Type.String(),
  kind: Type.Enum(otherAccessKinds),
  label: Type.String(),
  /** When it was used last, or made; ms since the epoch. */
  at: Type.Union([Type.Integer(), Type.Null()]),
});
export type OtherAccessItem = Static<typeof OtherAccessItem>;
export const OtherAccessView = Type.Object({ items: Type.Array(OtherAccessItem) });
export type OtherAccessView = Static<typeof OtherAccessView>;

export const RecoverLookRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }),
    recoveryCode: Type.String({ minLength: 1, maxLength: 64 }),
  },
  { additionalProperties: false },
);
export type RecoverLookRequest = Static<typeof RecoverLookRequest>;

/* `POST /api/recovery-code` answers 201 `{ recoveryCode }`, shown once; the one before is void. */
