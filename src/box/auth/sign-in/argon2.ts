import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Problem } from '../../../kit/runtime/errors.ts';

const derive = promisify(argon2);

/** The first choice of OWASP's password storage guide: 19 MiB, two passes, one lane. */
const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
const encoded = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/;

/**
 * Argon2id (RFC 9106) for passwords. A small box computes two at a time; more wait in line, and when the line is full the
 * caller is told to come back (429), so that guesses never take the memory that the box needs for its work.
 */
export class PasswordHasher {
  readonly #atOnce: number;
  readonly #lineLength: number;
  readonly #line: (() => void)[] = [];
  #busy = 0;

  constructor(options: { atOnce?: number; lineLength?: number } = {}) {
    this.#atOnce = options.atOnce ?? 2;
    this.#lineLength = options.lineLength ?? 16;
  }

  /** In the form `$argon2id$v=19$m=…,t=…,p=…$salt$tag`, which carries its own cost. */
  async hash(password: string): Promise<string> {
    const nonce = randomBytes(16);
    const tag = await this.#derived(password, nonce, cost);
    const { memory, passes, parallelism } = cost;
    const parts = [
      'argon2id',
      'v=19',
      `m=${memory},t=${passes},p=${parallelism}`,
      base64(nonce),
      base64(tag),
    ];
    return `$${parts.join('$')}`;
  }

  /** With `undefined` (there is no such person, or no password) it takes as long and answers `false`. */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const [, memory, passes, parallelism, salt, tag] = encoded.exec(stored ?? '') ?? [];
    if (salt === undefined || tag === undefined) {
      await this.#derived(password, randomBytes(16), cost);
      return false;
    }
    const expected = Buffer.from(tag, 'base64');
    const found = await this.#derived(password, Buffer.from(salt, 'base64'), {
      memory: Number(memory),
      passes: Number(passes),
      parallelism: Number(parallelism),
      tagLength: expected.length,
    });
    return timingSafeEqual(found, expected);
  }

  async #derived(
    password: string,
    nonce: Buffer,
    parameters: { memory: number; passes: number; parallelism: number; tagLength: number },
  ): Promise<Buffer> {
    await this.#turn();
    try {
      return await derive('argon2id', { message: normalPassword(password), nonce, ...parameters });
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  /** Resolves when it is this caller's turn, which the one before hands over. */
  #turn(): Promise<void> {
    if (this.#busy < this.#atOnce) {
      this.#busy++;
      return Promise.resolve();
    }
    if (this.#line.length >= this.#lineLength) {
      const message = 'too many people are signing in at this moment; try again in a few seconds';
      throw new Problem('rate-limited', message, { status: 429, retryAfterSeconds: 3 });
    }
    return new Promise((resolve) => this.#line.push(resolve));
  }
}

/** The same password typed on different keyboards is the same bytes (NIST SP 800-63B, 5.1.1.2). */
export function normalPassword(password: string): string {
  return password.normalize('NFKC');
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
