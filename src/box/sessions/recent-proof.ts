import { type Clock, minutes } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { type ProofMethod, proofMinutes } from '../../protocol/account-api.ts';

const recentMs = minutes(proofMinutes);

/**
 * When each session last proved that it is the person who sits there, by signing in or by doing so again. A cookie can be
 * copied, and ends with its session; what outlives the session wants more than the cookie (OWASP ASVS 5.0, 7.5). By the clock
 * that only moves forward, and in memory: a box that starts again asks again.
 */
export class RecentProof {
  readonly #clock: Clock;
  readonly #provedAt = new Map<string, number>();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  /** The person of this session has just proved who they are. */
  mark(sessionId: string): void {
    const now = this.#clock.monotonic();
    for (const [id, at] of this.#provedAt) if (now - at >= recentMs) this.#provedAt.delete(id);
    this.#provedAt.set(sessionId, now);
  }

  isRecent(sessionId: string): boolean {
    const at = this.#provedAt.get(sessionId);
    return at !== undefined && this.#clock.monotonic() - at < recentMs;
  }

  /** Throws `proof-needed`, with what this person can prove it by. */
  require(sessionId: string, by: readonly ProofMethod[]): void {
    if (this.isRecent(sessionId)) return;
    const message = `this outlasts your session, so the box asks once more whether it is you: prove it at /api/proof, then ask again`;
    throw new Problem('proof-needed', message, { status: 403, details: { by } });
  }
}
