import {
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import {
  type MailboxKey,
  mailboxLimits,
  signInText,
  type SignInRequest,
  thumbprintText,
} from '../../protocol/mailbox-api.ts';

type Purpose = 'challenge' | 'token';

/**
 * Anonymous sign-in by a key pair, with nothing to remember: a challenge and a token are what they say, the time they end,
 * and a MAC of both. So whoever asks a million times costs no memory. The key is made at each start: after it everybody signs
 * in again. Times are of the clock that only moves forward.
 */
export class SignIn {
  readonly #clock: Clock;
  readonly #certificate: X509Certificate;
  readonly #key = randomBytes(32);

  /** `certPem`: of the mailbox; the names in it are its own. */
  constructor(options: { clock: Clock; certPem: string }) {
    this.#clock = options.clock;
    this.#certificate = new X509Certificate(options.certPem);
  }

  challenge(): string {
    return this.#issue('challenge', randomBytes(16).toString('base64url'), mailboxLimits.challengeSeconds);
  }

  /**
   * The id and token of whoever holds the private half of `publicKey`. `host`: by which name this mailbox was called, which must
   * be one of its own: else another mailbox could bring here, under its own name, what was signed for it. A challenge may be used again while it lasts: it answers the same person with the same right. Throws `sign-in-refused`.
   */
  signIn({ publicKey, challenge, signature }: SignInRequest, host: string): { uid: string; token: string } {
    if (this.#read('challenge', challenge) === undefined)
      throw refused('the challenge is not from here or too old; ask for another one');
    if (!this.#isOwn(host)) throw refused('the mailbox was not called by a name in its certificate');
    const text = Buffer.from(signInText(host, challenge));
    const key = { key: keyOf(publicKey), dsaEncoding: 'ieee-p1363' } as const;
    if (!verify('sha256', text, key, Buffer.from(signature, 'base64url')))
      throw refused('the signature is not of this key, this challenge and this mailbox');
    const uid = createHash('sha256').update(thumbprintText(publicKey)).digest('base64url');
    return { uid, token: this.#issue('token', uid, mailboxLimits.tokenSeconds) };
  }

  /** Whose token it is; `undefined` when it is none, or over. */
  uidOf(token: string): string | undefined {
    return this.#read('token', token);
  }

  #isOwn(host: string): boolean {
    const name = URL.canParse(`https://${host}`) ? new URL(`https://${host}`).hostname : '';
    const address = name.replace(/^\[(.*)\]$/, '$1');
    const found =
      isIP(address) === 0 ? this.#certificate.checkHost(name) : this.#certificate.checkIP(address);
    return found !== undefined;
  }

  #issue(purpose: Purpose, subject: string, lifetimeSeconds: number): string {
    const body = `${subject}.${Math.floor(this.#clock.monotonic() + seconds(lifetimeSeconds))}`;
    return `${body}.${this.#mac(purpose, body).toString('base64url')}`;
  }

  #read(purpose: Purpose, text: string): string | undefined {
    const [, body = '', subject, endsAt, mac = ''] = /^(([\w-]+)\.(\d{1,16}))\.([\w-]{43})$/.exec(text) ?? [];
    const given = Buffer.from(mac, 'base64url');
    const expected = this.#mac(purpose, body);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return this.#clock.monotonic() < Number(endsAt) ? subject : undefined;
  }

  #mac(purpose: Purpose, body: string): Buffer {
    return createHmac('sha256', this.#key).update(`${purpose}:${body}`).digest();
  }
}

function keyOf(publicKey: MailboxKey): KeyObject {
  try {
    return createPublicKey({ key: publicKey, format: 'jwk' });
  } catch (error) {
    throw refused(`the public key is no point of P-256 (${codeOf(error)})`);
  }
}

const refused = (why: string): Problem =>
  new Problem('sign-in-refused', `nobody is signed in: ${why}`, { status: 401, retryable: false });
