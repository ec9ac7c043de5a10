import { type Static, Type } from 'typebox';
import { type instanceEntries, instanceLimits, instancePaths, sealedMediaType } from './constants.ts';

/**
 * App instances: a program that reaches the box over the open internet and has nothing to show yet. One call is open to
 * everybody, and what it answers is in a mailbox that only the instance can read (see mailbox-api.ts). From then on every
 * call is signed (RFC 9421). The steps are in docs/access/instances.md.
 */

export { instanceLimits, instancePaths, sealedMediaType };

export type InstanceEntry = (typeof instanceEntries)[keyof typeof instanceEntries];

const deviceId = Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\x21-\\x7e]+$' });
/** Of the mailbox: 43 characters of the built-in one, 28 of Firebase's. No more than goes into a path as it is. */
const uid = Type.String({ pattern: '^[A-Za-z0-9_-]{16,128}$' });

/** `POST /api/instances`: 200 with nothing secret in it, whoever asks; the answer that counts is in the mailbox. */
export const InstanceRequest = Type.Object({
  deviceId,
  uid,
  /** Which of the box's mailboxes; its first when absent. */
  mailbox: Type.Optional(Type.String({ pattern: '^[a-z]{1,32}$' })),
  /** What the person is to read in the list of sessions. */
  label: Type.Optional(Type.String({ maxLength: instanceLimits.labelMax })),
  /** `otp` when absent. `token` is the weaker one: it is shown as it is with every call. */
  variation: Type.Optional(Type.Enum(['otp', 'token'])),
});
export type InstanceRequest = Static<typeof InstanceRequest>;

export const InstanceAnswer = Type.Object({
  boxId: Type.String(),
  /** What was written lies in the mailbox so long. */
  expires_in: Type.Integer(),
});
export type InstanceAnswer = Static<typeof InstanceAnswer>;

/** `POST /api/instances/confirm`: 200 as above; the credentials are in the mailbox. */
export const ConfirmRequest = Type.Object({
  deviceId,
  uid,
  otp: Type.String({ pattern: '^[0-9]{8}$' }),
  /** P-256, the uncompressed point in base64url: the credentials are encrypted to it. */
  publicKey: Type.String({ pattern: '^[A-Za-z0-9_-]{87}$' }),
});
export type ConfirmRequest = Static<typeof ConfirmRequest>;

/** Encrypted by HPKE (RFC 9180), base64url; see sealed.ts. */
export const Sealed = Type.Object({
  enc: Type.String({ pattern: '^[A-Za-z0-9_-]{87}$' }),
  ct: Type.String({ pattern: '^[A-Za-z0-9_-]{22,60000}$' }),
});
export type Sealed = Static<typeof Sealed>;

/** What is in the sealed entry `credentials`. */
export const InstanceCredentials = Type.Object({
  boxId: Type.String(),
  /** The `keyid` of signatures. */
  clientId: Type.String({ minLength: 1, maxLength: 64 }),
  /** 32 bytes in base64url: the key of `hmac-sha256`. */
  hmacSecret: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  /** Of the key pair that the box made for this instance: bodies may be encrypted to it. */
  boxKey: Type.String({ pattern: '^[A-Za-z0-9_-]{87}$' }),
});
export type InstanceCredentials = Static<typeof InstanceCredentials>;

/** `GET /api/instance`. `person`: for whom it acts, once an owner said yes. */
export const InstanceView = Type.Object({
  clientId: Type.String(),
  boxId: Type.String(),
  boxName: Type.String(),
  person: Type.Union([Type.String(), Type.Null()]),
});
export type InstanceView = Static<typeof InstanceView>;

/** `POST /api/instance/ask`: waits up to `wait` seconds for an owner; on `pending` ask again. */
export const AskRequest = Type.Object({
  wait: Type.Optional(Type.Integer({ minimum: 0, maximum: instanceLimits.waitSeconds })),
});
export type AskRequest = Static<typeof AskRequest>;

export const AskAnswer = Type.Object({
  answer: Type.Enum(['allowed', 'refused', 'pending', 'expired']),
  /** To be shown: the owner compares it with the one in the console. Empty when nobody is asked any more. */
  code: Type.String(),
});
export type AskAnswer = Static<typeof AskAnswer>;
