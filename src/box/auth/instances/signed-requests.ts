import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { type Clock, likelyNow, seconds } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import {
  digestIn,
  hmacSha256,
  type ParsedSignature,
  parseSignature,
  signatureBase,
  SignatureFault,
  type SignedMessage,
} from '../../../protocol/http-signature.ts';
import { instanceLimits } from '../../../protocol/instance-api.ts';
import { ReplayMemory } from './replay-memory.ts';

const windowMs = seconds(instanceLimits.signatureSeconds + instanceLimits.aheadSeconds);

export interface Signed {
  keyid: string;
  /** SHA-256 that the body must have; that of nothing when the signature covers none. */
  bodyDigest: Uint8Array;
}

/** What a clock moves by when it is not set. */
const stepMs = seconds(2);

const emptyDigest = createHash('sha256').digest();

/** Checks that a request was signed by who has the secret, lately, and once (RFC 9421; RFC 9530 for the body). */
export class SignedRequests {
  readonly #clock: Clock;
  readonly #used = new ReplayMemory(windowMs);
  /** Since when what was used is remembered, by the clock that only moves forward. */
  #startedAt: number;
  /** How far the time of day is ahead of that clock. */
  #offset = Number.NEGATIVE_INFINITY;
  /** The newest `created` that was taken, ms; and what it was when the time of day was last set back. */
  #newest = 0;
  #before = 0;

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
    this.#startedAt = options.clock.monotonic();
  }

  /**
   * `secretOf`: the secret of a key, if there is one. Looks at the head of the request alone: the body is to be checked
   * against `bodyDigest` as it arrives. Throws `signature-refused`, `signature-stale`, `rate-limited`.
   */
  verify(request: FastifyRequest, secretOf: (keyid: string) => Uint8Array | undefined): Signed {
    try {
      return this.#verify(messageOf(request), parsedOf(request.headers), secretOf);
    } catch (error) {
      if (error instanceof SignatureFault) throw refused(error.message);
      throw error;
    }
  }

  /** Forgets which nonces were used so long ago that nothing signed with them is taken. */
  sweep(): void {
    this.#used.sweep(this.#clock.monotonic());
  }

  #verify(
    message: SignedMessage,
    parsed: ParsedSignature,
    secretOf: (keyid: string) => Uint8Array | undefined,
  ): Signed {
    const { input, parameters, signature } = parsed;
    const { created, nonce, keyid, alg = hmacSha256, expires } = parameters;
    if (alg !== hmacSha256) throw new SignatureFault(`alg must be ${hmacSha256}`);
    if (typeof keyid !== 'string' || typeof nonce !== 'string' || nonce.length < 16 || nonce.length > 64)
      throw new SignatureFault('it needs keyid, and a nonce of 16 to 64 characters');
    if (typeof created !== 'number' || !Number.isInteger(created) || typeof (expires ?? 0) !== 'number')
      throw new SignatureFault('created, and expires if it is given, are whole seconds since the epoch');
    const bodyDigest = covered(parsed, message);
    const secret = secretOf(keyid);
    // Without a secret as much is computed as with one.
    const expected = createHmac('sha256', secret ?? emptyDigest)
      .update(signatureBase(input, message))
      .digest();
    const right = signature.length === expected.length && timingSafeEqual(signature, expected);
    if (secret === undefined || !right) throw new SignatureFault('it is not by a key that is known here');
    this.#checkTime(created, Number(expires ?? Infinity));
    // Last: who has no secret fills no memory.
    if (!this.#used.use(keyid, nonce, this.#clock.monotonic()))
      throw new SignatureFault('its nonce was used before; make a new one for each request');
    this.#newest = Math.max(this.#newest, seconds(created));
    return { keyid, bodyDigest };
  }

  #checkTime(created: number, expires: number): void {
    const now = likelyNow(this.#clock);
    this.#noticeStepBack(now);
    const { signatureSeconds, aheadSeconds } = instanceLimits;
    // What was used before a restart is not remembered, so nothing from then is taken.
    const oldest = now - Math.min(seconds(signatureSeconds), this.#clock.monotonic() - this.#startedAt);
    const ms = seconds(created);
    const newest = now + seconds(aheadSeconds);
    const taken = ms <= this.#before && this.#before <= newest;
    if (!taken && ms >= oldest && ms <= newest && seconds(expires) > now) return;
    throw new Problem(
      'signature-stale',
      'the signature is too old, or of a clock that is wrong; sign again',
      {
        status: 401,
        details: { now: Math.floor(now / 1000) },
      },
    );
  }

  /** A clock that is set back comes by times for which nonces have been forgotten: nothing from then is taken twice. */
  #noticeStepBack(now: number): void {
    const monotonic = this.#clock.monotonic();
    const offset = now - monotonic;
    if (offset < this.#offset - stepMs) {
      this.#startedAt = monotonic;
      this.#before = Math.max(this.#before, this.#newest);
    }
    this.#offset = offset;
  }
}

/** What has to be covered; answers the digest of the body. */
function covered({ covered: names }: ParsedSignature, { field }: SignedMessage): Uint8Array {
  const has = (name: string): boolean => names.includes(name);
  const whole = has('@target-uri') || (has('@authority') && has('@path') && has('@query'));
  if (!has('@method') || !whole)
    throw new SignatureFault('it must cover @method, and @target-uri or @authority, @path and @query');
  const digest = field('content-digest');
  const hasBody = field('transfer-encoding') !== undefined || (field('content-length') ?? '0') !== '0';
  if (!hasBody && digest === undefined) return emptyDigest;
  if (digest === undefined || !has('content-digest') || !has('content-type'))
    throw new SignatureFault('with a body it must cover content-digest and content-type');
  return digestIn(digest);
}

function parsedOf(headers: IncomingHttpHeaders): ParsedSignature {
  return parseSignature(String(headers['signature-input'] ?? ''), String(headers['signature'] ?? ''));
}

function messageOf({ method, host, raw, headers }: FastifyRequest): SignedMessage {
  return {
    method,
    authority: host,
    target: raw.url ?? '/',
    field: (name) => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}

/** Passes `body` on and fails at its end (`body-refused`) when it is not the one that was signed. */
export function checkedBody(body: Readable, digest: Uint8Array): Readable {
  const hash = createHash('sha256');
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done: TransformCallback) {
      done(timingSafeEqual(hash.digest(), digest) ? null : bodyRefused('it is not the body that was signed'));
    },
  });
  // Where nobody reads it, nobody hears of its errors: that must not be the end of the box.
  checked.on('error', () => undefined);
  // Not `pipeline`: a refused body would end the connection before it is answered.
  body.once('error', (error) => checked.destroy(error));
  return body.pipe(checked);
}

export const bodyRefused = (why: string): Problem =>
  new Problem('body-refused', `the body is not taken: ${why}`, { status: 422, retryable: false });

const refused = (why: string): Problem =>
  new Problem('signature-refused', `the signature is not taken: ${why}`, { status: 401, retryable: false });
