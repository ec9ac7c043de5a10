import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import { mailboxLimits, mailboxPaths, signInText, thumbprintText } from '../../protocol/constants.ts';
import { askJson } from '../answers.ts';
import { type Runtime, runtimeFrom } from '../runtime.ts';
import { toBase64url } from './base64url.ts';
import { type InstanceMailbox, readPatienceMs } from './mailbox.ts';
import { textsIn } from './texts.ts';

type KeyPair = Awaited<ReturnType<typeof newKeys>>;

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const newKeys = () => crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify']);
/** A mailbox that has too many waiting answers at once. */
const pauseMs = 500;

export interface PorchlightMailboxOptions {
  /** `https://mailbox.example.org:4445`. */
  origin: string;
  runtime?: Partial<Runtime>;
}

/** The mailbox of the cloud. The key pair is made here and can be read out by nobody; it is as long-lived as this object. */
export class PorchlightMailbox implements InstanceMailbox {
  readonly name = 'porchlight';
  readonly #origin: string;
  readonly #runtime: Runtime;
  #keys: Promise<KeyPair> | undefined;
  #signedIn: { uid: string; token: string } | undefined;

  constructor({ origin, runtime }: PorchlightMailboxOptions) {
    this.#origin = origin;
    this.#runtime = runtimeFrom(runtime);
  }

  async signIn(signal?: AbortSignal): Promise<string> {
    this.#signedIn = await this.#newToken(signal);
    return this.#signedIn.uid;
  }

  async read(boxId: string, entry: string, signal?: AbortSignal): Promise<string> {
    const { clock } = this.#runtime;
    const until = clock.monotonic() + readPatienceMs;
    for (;;) {
      this.#signedIn ??= await this.#newToken(signal);
      const { uid, token } = this.#signedIn;
      const path = `${mailboxPaths.fromBox(uid, boxId, entry)}?wait=${mailboxLimits.waitSeconds}`;
      try {
        const answer = await this.#ask(path, { headers: { authorization: `Bearer ${token}` } }, signal);
        return textsIn(answer, this.#origin, ['value']).value;
      } catch (error) {
        const code = codeOf(error);
        // The token is an hour old, or the mailbox was started again.
        if (code === 'not-signed-in') this.#signedIn = undefined;
        const again = code === 'not-signed-in' || code === 'not-found';
        if (!again || clock.monotonic() >= until) throw error;
        await clock.sleep(pauseMs, signal);
      }
    }
  }

  async #newToken(signal?: AbortSignal): Promise<{ uid: string; token: string }> {
    this.#keys ??= newKeys();
    const { publicKey, privateKey } = await this.#keys;
    const { kty = '', crv = '', x = '', y = '' } = await crypto.subtle.exportKey('jwk', publicKey);
    const jwk = { kty, crv, x, y };
    const { challenge } = textsIn(await this.#ask(mailboxPaths.challenge, {}, signal), this.#origin, [
      'challenge',
    ]);
    const text = new TextEncoder().encode(signInText(new URL(this.#origin).host, challenge));
    const signature = toBase64url(await crypto.subtle.sign(ecdsa, privateKey, text));
    const body = JSON.stringify({ publicKey: jwk, challenge, signature });
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const signedIn = textsIn(await this.#ask(mailboxPaths.signIn, post, signal), this.#origin, [
      'uid',
      'token',
    ]);
    const thumbprint = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(thumbprintText(jwk)));
    if (signedIn.uid === toBase64url(thumbprint)) return signedIn;
    throw new Problem('bad-answer', `${this.#origin} gave an id that is not of this key`, { status: 502 });
  }

  async #ask(path: string, init: RequestInit, signal?: AbortSignal): Promise<unknown> {
    const ms = (mailboxLimits.waitSeconds + 10) * 1000;
    return (await askJson(this.#origin + path, init, { runtime: this.#runtime, signal, ms })).value;
  }
}
