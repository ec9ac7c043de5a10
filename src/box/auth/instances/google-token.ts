import { createPrivateKey, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Clock, likelyNow, minutes, seconds } from '../../../kit/runtime/clock.ts';
import { messageOf, Problem } from '../../../kit/runtime/errors.ts';
import { HttpClient } from '../../../kit/http/http-client.ts';

/** What is used of the JSON file that Google hands out for a service account. */
const ServiceAccount = Type.Object({
  client_email: Type.String({ minLength: 1 }),
  private_key: Type.String({ minLength: 1 }),
  token_uri: Type.String({ pattern: '^https://' }),
});

const TokenAnswer = Type.Object({
  access_token: Type.String({ minLength: 1, maxLength: 8192 }),
  expires_in: Type.Number({ minimum: 1 }),
});

const scope =
  'https://www.googleapis.com/auth/firebase.database https://www.googleapis.com/auth/userinfo.email';
const lifetimeSeconds = 3600;
/** Another one is asked for so long before the last one ends. */
const earlyMs = minutes(2);

/** Access tokens of a service account (RFC 7523, 2.1), each used until shortly before its end. */
export class GoogleToken {
  readonly #file: string;
  readonly #caPem: string | undefined;
  readonly #clock: Clock;
  #token: { value: string; endsAt: number } | undefined;

  constructor(options: { file: string; caPem?: string | undefined; clock: Clock }) {
    this.#file = options.file;
    this.#caPem = options.caPem;
    this.#clock = options.clock;
  }

  /** Throws `bad-setting` when the file is not what Google hands out, and what asking for a token throws. */
  async get(signal: AbortSignal): Promise<string> {
    const now = this.#clock.monotonic();
    if (this.#token !== undefined && now < this.#token.endsAt - earlyMs) return this.#token.value;
    const answer = await this.#ask(signal);
    this.#token = { value: answer.access_token, endsAt: now + seconds(answer.expires_in) };
    return this.#token.value;
  }

  async #ask(signal: AbortSignal): Promise<{ access_token: string; expires_in: number }> {
    const { client_email: issuer, private_key: key, token_uri: audience } = await this.#account();
    const issuedAt = Math.floor(likelyNow(this.#clock) / 1000);
    const claims = { iss: issuer, scope, aud: audience, iat: issuedAt, exp: issuedAt + lifetimeSeconds };
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: signedJwt(claims, key),
    });
    const { origin, pathname: path } = new URL(audience);
    const http = new HttpClient({ origin, ca: this.#caPem });
    try {
      return await http.request({ method: 'POST', path, body, answer: TokenAnswer, signal });
    } finally {
      await http.close();
    }
  }

  /** Read each time: a key that is replaced needs no restart. */
  async #account(): Promise<{ client_email: string; private_key: string; token_uri: string }> {
    try {
      const account: unknown = JSON.parse(await readFile(this.#file, 'utf8'));
      if (!Value.Check(ServiceAccount, account))
        throw new TypeError('it has no client_email, private_key or token_uri');
      return account;
    } catch (error) {
      const message = `firebase.service-account-file ${this.#file} is no key of a service account: ${messageOf(error)}`;
      throw new Problem('bad-setting', message, { retryable: false });
    }
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** RFC 7515, 7.1 with RS256. */
function signedJwt(claims: object, privateKeyPem: string): string {
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), createPrivateKey(privateKeyPem)).toString('base64url')}`;
}
