import { type Static, Type } from 'typebox';
import { boxIdSchemaPattern } from './names.ts';

/**
 * Mailbox API (HTTPS): where a box leaves a word for one app instance, which nobody else can read. An instance signs in with
 * a key pair that it made itself, so that nobody needs to know who it is; a box proves with its TLS client certificate which
 * box it is, and writes into a place of its own.
 */

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

/** The text whose SHA-256 in base64url is the unique id of a key: its thumbprint (RFC 7638, 3). */
export function thumbprintText({ crv, kty, x, y }: MailboxKey): string {
  return JSON.stringify({ crv, kty, x, y });
}

/**
 * What is signed to sign in (ECDSA with SHA-256, both numbers in 32 bytes each as WebCrypto has them). `host`, with the port
 * when it is not 443, is the mailbox the instance means: another one cannot pass the signature on.
 */
export function signInText(host: string, challenge: string): string {
  return `porchlight mailbox sign-in\n${host.toLowerCase().replace(/:443$/, '')}\n${challenge}`;
}

/** `GET /challenge`. */
export const ChallengeAnswer = Type.Object({ challenge: Type.String({ minLength: 1, maxLength: 200 }) });
export type ChallengeAnswer = Static<typeof ChallengeAnswer>;

/** `POST /sign-in`. */
export const SignInRequest = Type.Object(
  {
    publicKey: MailboxKey,
    challenge: Type.String({ minLength: 1, maxLength: 200 }),
    signature: Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' }),
  },
  { additionalProperties: false },
);
export type SignInRequest = Static<typeof SignInRequest>;

export const SignInAnswer = Type.Object({
  uid: bytes32,
  /** Sent as `Authorization: Bearer`. */
  token: Type.String({ minLength: 1, maxLength: 400 }),
  expires_in: Type.Integer({ minimum: 1 }),
});
export type SignInAnswer = Static<typeof SignInAnswer>;

/** Names of what is left in a mailbox. */
export const entryNamePattern = '^[a-z]{1,32}$';

/** Of `/mailboxes/{uid}/{name}`. */
export const EntryPath = Type.Object({ uid: bytes32, name: Type.String({ pattern: entryNamePattern }) });
/** Of `/mailboxes/{uid}/{box}/{name}`. */
export const EntryOfBoxPath = Type.Object({
  uid: bytes32,
  box: Type.String({ pattern: boxIdSchemaPattern }),
  name: Type.String({ pattern: entryNamePattern }),
});

/** `PUT /mailboxes/{uid}/{name}` (204): replaces what this box left there under the name. `once`: gone when it is read. */
export const PutEntryRequest = Type.Object(
  {
    value: Type.String({ minLength: 1, maxLength: mailboxLimits.valueBytes }),
    expires_in: Type.Integer({ minimum: 1, maximum: mailboxLimits.entrySeconds }),
    once: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type PutEntryRequest = Static<typeof PutEntryRequest>;

/** `GET /mailboxes/{uid}/{box}/{name}?wait=<seconds>`; 404 `not-found` when there is nothing by then. */
export const EntryAnswer = Type.Object({ value: Type.String() });
export type EntryAnswer = Static<typeof EntryAnswer>;
