import { type Static, Type } from 'typebox';
import { accessLimits } from './constants.ts';

/** What a person who is signed in can do about how they come in. All calls are the console's own, by cookie. */

/**
 * What outlives the session (passkeys, people, the list of apps, settings, updates, backups …) wants *recent proof*: the person
 * has signed in, or proved that it is they, within five minutes. Without it a call answers 403 `proof-needed` with
 * `by: ProofMethod[]`; prove and repeat it.
 *
 * `GET /api/proof` answers 204 when there is proof, else that 403. `POST /api/proof` (204) gives it by password.
 * `POST /api/proof/passkey/options`, `navigator.credentials.get`, `POST /api/proof/passkey` `{ response }` (204) by passkey.
 */
export const ProofRequest = Type.Object(
  { password: Type.String({ minLength: 1, maxLength: accessLimits.passwordMax }) },
  { additionalProperties: false },
);
export type ProofRequest = Static<typeof ProofRequest>;

export const proofMethods = ['password', 'passkey'] as const;
export type ProofMethod = (typeof proofMethods)[number];

export const proofMinutes = 5;
