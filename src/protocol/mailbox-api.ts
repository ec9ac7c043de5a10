import { type Static, Type } from 'typebox';
import { mailboxLimits, mailboxPaths, signInText, thumbprintText } from './constants.ts';
import { boxIdSchemaPattern } from './names.ts';

/**
 * Mailbox API (HTTPS): where a box leaves a word for one app instance, which nobody else can read. An instance signs in with
 * a key pair that it made itself, so that nobody needs to know who it is; a box proves with its TLS client certificate which
 * box it is, and writes into a place of its own.
 */

export { mailboxLimits, mailboxPaths, signInText, thumbprintText };

/** 32 bytes in base64url: a coordinate of P-256, a SHA-256. */
const bytes32 = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });

/** The instance's public key (RFC 7517): P-256, because that is the curve of phones' key stores. */
export const MailboxKey = Type.Object({
  kty: Type.Literal('EC'),
  crv: Type.Literal('P-256'),
  x: bytes32,
  y: bytes32,
});
export type MailboxKey = Static<typeof MailboxKey>;

/** `GET /challenge`. */
export const ChallengeAnswer = Type.Object({ challenge: Type.String({ minLength: 1, maxLength: 200 }) });
export type ChallengeAnswer = Static<typeof ChallengeAnswer>;

/** `POST /sign-in`. */
export const SignInRequest = Type.Object({
  publicKey: MailboxKey,
  challenge: Type.String({ minLength: 1, maxLength: 200 }),
  signature: Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' }),
});
export type SignInRequest = Static<typeof SignInRequest>;

export const SignInAnswer = Type.Object({
  uid: bytes32,
  /** Sent as `Authorization: Bearer`. */
  token: Type.String({ minLength: 1, maxLength: 400 }),
  expires_in: Type.Integer({ minimum: 1 }),
});
export type SignInAnswer = Static<typeof SignInAnswer>;

/** Names of what is left in a mailbox. */
const entryNamePattern = '^[a-z]{1,32}$';

/** Of `/mailboxes/{uid}/{name}`. */
export const EntryPath = Type.Object({ uid: bytes32, name: Type.String({ pattern: entryNamePattern }) });
/** Of `/mailboxes/{uid}/{box}/{name}`. */
export const EntryOfBoxPath = Type.Object({
  uid: bytes32,
  box: Type.String({ pattern: boxIdSchemaPattern }),
  name: Type.String({ pattern: entryNamePattern }),
});

/** `PUT /mailboxes/{uid}/{name}` (204): replaces what this box left there under the name. `once`: gone when it is read. */
export const PutEntryRequest = Type.Object({
  value: Type.String({ minLength: 1, maxLength: mailboxLimits.valueBytes }),
  expires_in: Type.Integer({ minimum: 1, maximum: mailboxLimits.entrySeconds }),
  once: Type.Boolean(),
});
export type PutEntryRequest = Static<typeof PutEntryRequest>;

/** `GET /mailboxes/{uid}/{box}/{name}?wait=<seconds>`; 404 `not-found` when there is nothing by then. */
export const EntryAnswer = Type.Object({ value: Type.String() });
export type EntryAnswer = Static<typeof EntryAnswer>;
