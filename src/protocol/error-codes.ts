/**
 * Codes that cross a boundary between box, cloud, app and agent. Stable: a code is never given a new meaning.
 * The number is the HTTP status it travels with.
 */
export const errorCodes = {
  'bad-request': 400,
  'client-certificate-required': 401,
  /** No session, or one that is over: sign in. */
  'not-logged-in': 401,
  'wrong-setup-code': 401,
  /** Also for a person who does not exist. */
  'wrong-name-or-password': 401,
  'wrong-recovery-code': 401,
  'invite-refused': 401,
  'passkey-refused': 401,
  /** The password is right; the account wants more beside it (account-api.ts). */
  'second-factor-needed': 401,
  'wrong-code': 401,
  /** Said by a mailbox: the challenge or its signature is wrong; there is no token, or it is over. */
  'sign-in-refused': 401,
  'not-signed-in': 401,
  /** Said to an app instance: its one-time password or its signature is wrong; the signature was made too long ago, or used. */
  'otp-refused': 401,
  'signature-refused': 401,
  'signature-stale': 401,
  'zone-not-yours': 403,
  'mailbox-not-yours': 403,
  /** An app instance that acts for nobody yet: an owner has to be asked first. */
  'not-linked': 403,
  'only-at-home': 403,
  /** Not from a page of the box itself, or without its `x-csrf-token`. */
  'cross-site-request': 403,
  'owner-only': 403,
  /** It outlives the session: prove first that it is you (account-api.ts), then ask again. */
  'proof-needed': 403,
  'client-mismatch': 403,
  /** The app or its redirect URI is not on the owner's list; answered with a page, never a redirect. */
  'app-not-allowed': 403,
  /** Only the session of an agent may sign pages in. */
  'agent-only': 403,
  /** Said by an agent: to a page that none of its boxes lists; to a program of another user of the computer. */
  'origin-not-allowed': 403,
  'other-user': 403,
  /** The box that signed is not the one that the agent is paired with, or signed something else. */
  'signature-wrong': 403,
  /** The person at the computer said no. */
  'sign-in-declined': 403,
  /** An owner said no to this client, until an owner forgets that answer. */
  'client-refused': 403,
  /** RFC 6749, 5.2, which are also in the field `error` with underscores. */
  'invalid-request': 400,
  'invalid-client': 400,
  'invalid-grant': 400,
  'unsupported-grant-type': 400,
  'not-found': 404,
  /** This agent is not paired with that box, or the pairing was ended. */
  'not-paired': 404,
  'method-not-allowed': 405,
  'body-too-slow': 408,
  /** There is no owner yet (first run), or there is one already. */
  'not-claimed': 409,
  'already-claimed': 409,
  'name-taken': 409,
  /** Two boxes have one identity, and the other one was there first. */
  'copied-identity': 409,
  'last-owner': 409,
  'passkey-known': 409,
  /** There is no passkey that could be asked for beside the password; this is the last one, and it is asked for. */
  'no-passkey': 409,
  'last-second-factor': 409,
  /** The clocks of box and computer differ too much to tell a fresh signature from an old one. */
  'clocks-differ': 409,
  /** Not from this agent, used before, or older than 30 s. */
  'challenge-unknown': 410,
  /** No owner answered in time. */
  'approval-expired': 410,
  'body-too-large': 413,
  'unsupported-media-type': 415,
  'address-malformed': 422,
  'address-not-allowed': 422,
  'tunnel-address-unknown': 422,
  'challenge-malformed': 422,
  'too-many-challenges': 422,
  'origin-outside-zone': 422,
  /** A page of an app that the operator of the registration-server does not list. */
  'origin-not-listed': 403,
  'message-malformed': 422,
  'record-not-supported': 422,
  'password-refused': 422,
  /** Too short to protect a backup. */
  'passphrase-refused': 422,
  /** Also for a backup that is damaged. */
  'wrong-passphrase': 422,
  'backup-malformed': 422,
  'backup-too-large': 422,
  'redirect-malformed': 422,
  /** The box has no mailbox of this name. */
  'mailbox-unknown': 422,
  /** The body is not what was signed, or what was encrypted to the box. */
  'body-refused': 422,
  /** A certificate signing request, or the folder that its certificate is wanted in. */
  'csr-refused': 422,
  'destination-refused': 422,
  'rate-limited': 429,
  'mailbox-full': 429,
  'too-many-zones': 429,
  /** Updates: what this box is, does or runs does not allow it now. */
  'not-an-appliance': 409,
  'update-busy': 409,
  'on-trial': 409,
  'downgrade-refused': 409,
  'no-update-server': 409,
  'nothing-to-restart-into': 409,
  'restart-not-possible': 409,
  'no-such-release': 404,
  /** Not signed by whom the box trusts, broken, or for another kind of machine. */
  'bundle-refused': 422,
  /** The disk has no room for it, takes no changes at all, or answers with errors. */
  'storage-full': 507,
  'storage-read-only': 503,
  'storage-failed': 503,
  unexpected: 500,
  'device-ca-damaged': 500,
  'not-ready': 503,
  /** The side channel of app instances does not take letters now. */
  'mailbox-failed': 503,
} as const;

export type ErrorCode = keyof typeof errorCodes;
