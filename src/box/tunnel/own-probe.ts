import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { BoxId } from '../../protocol/names.ts';

/** Where the box's web answers the box's own question. */
export const probePath = '/.well-known/porchlight/probe';

/**
 * Question and answer by which the box knows that it reached itself through the tunnel. The web answers only questions
 * that are open, with a MAC that nobody else can make: the key never leaves this process.
 */
export class OwnProbe {
  readonly #boxId: BoxId;
  readonly #key = randomBytes(32);
  readonly #open = new Set<string>();

  constructor(boxId: BoxId) {
    this.#boxId = boxId;
  }

  /** A question nobody has asked before. Ends with `close`. */
  ask(): string {
    const nonce = randomBytes(16).toString('hex');
    this.#open.add(nonce);
    return nonce;
  }

  close(nonce: string): void {
    this.#open.delete(nonce);
  }

  /** For the web: JSON `{ nonce, boxId, proof }`, or `undefined` for a question that this process did not ask. */
  answer(nonce: string): string | undefined {
    if (!this.#open.has(nonce)) return undefined;
    return JSON.stringify({ nonce, boxId: this.#boxId, proof: this.#proof(nonce) });
  }

  /** Whether `text` is this process's own answer to `nonce`. */
  isOwn(nonce: string, text: string): boolean {
    const expected = Buffer.from(JSON.stringify({ nonce, boxId: this.#boxId, proof: this.#proof(nonce) }));
    const given = Buffer.from(text);
    return this.#open.has(nonce) && given.length === expected.length && timingSafeEqual(given, expected);
  }

  #proof(nonce: string): string {
    return createHmac('sha256', this.#key).update(nonce).digest('hex');
  }
}
