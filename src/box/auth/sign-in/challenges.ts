import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, minutes } from '../../../kit/runtime/clock.ts';

const lifeMs = minutes(5);
const nonceBytes = 16;
const headBytes = nonceBytes + 8;

/**
 * WebAuthn challenges that need no memory until they are used: each carries its end and our signature, so that nobody can
 * fill the box by asking for many. Each works once, for the purpose it was made for, until the box starts again.
 */
export class Challenges {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  readonly #used = new Map<string, number>();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  issue(purpose: string): Buffer<ArrayBuffer> {
    const head = Buffer.alloc(headBytes);
    randomBytes(nonceBytes).copy(head);
    head.writeDoubleBE(this.#clock.monotonic() + lifeMs, nonceBytes);
    return Buffer.concat([head, this.#mac(purpose, head)]);
  }

  /** `challenge` is base64url, as WebAuthn's client data has it. */
  isGood(purpose: string, challenge: string): boolean {
    const bytes = Buffer.from(challenge, 'base64url');
    const head = bytes.subarray(0, headBytes);
    const mac = this.#mac(purpose, head);
    if (bytes.length !== headBytes + mac.length || !timingSafeEqual(bytes.subarray(headBytes), mac))
      return false;
    return head.readDoubleBE(nonceBytes) > this.#clock.monotonic() && !this.#used.has(challenge);
  }

  /** `false` when somebody was faster. */
  use(challenge: string): boolean {
    const now = this.#clock.monotonic();
    for (const [used, until] of this.#used) if (until <= now) this.#used.delete(used);
    if (this.#used.has(challenge)) return false;
    this.#used.set(challenge, now + lifeMs);
    return true;
  }

  #mac(purpose: string, head: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(`${purpose}:`).update(head).digest();
  }
}
