import { randomBytes } from 'node:crypto';
import { type Clock, seconds } from '../kit/runtime/clock.ts';
import { Problem } from '../kit/runtime/errors.ts';
import { agentLimits } from '../protocol/agent-api.ts';

/** For whom a challenge was made: a page of this origin, and the agent's session at one box. */
export interface Challenged {
  sessionId: string;
  origin: string;
}

/** A person opens a page or two; a page that asks without end is stopped before it costs anything. */
const mostOutstanding = 64;

/** One-time challenges: each works once, for half a minute, for the page and the session it was made for. */
export class Challenges {
  readonly #clock: Clock;
  /** In the order in which they end. */
  readonly #outstanding = new Map<string, Challenged & { endsAt: number }>();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  /** 43 random characters. Throws `rate-limited`. */
  issue({ sessionId, origin }: Challenged): string {
    const now = this.#clock.monotonic();
    for (const [challenge, { endsAt }] of this.#outstanding)
      if (endsAt <= now) this.#outstanding.delete(challenge);
    if (this.#outstanding.size >= mostOutstanding) {
      const message = 'too many pages ask to be signed in; try again in half a minute';
      throw new Problem('rate-limited', message, {
        status: 429,
        retryAfterSeconds: agentLimits.challengeSeconds,
      });
    }
    const challenge = randomBytes(32).toString('base64url');
    const endsAt = now + seconds(agentLimits.challengeSeconds);
    this.#outstanding.set(challenge, { sessionId, origin, endsAt });
    return challenge;
  }

  /** Uses it up, whoever brings it. Throws `challenge-unknown`. */
  take(challenge: string): Challenged {
    const found = this.#outstanding.get(challenge);
    this.#outstanding.delete(challenge);
    if (found !== undefined && found.endsAt > this.#clock.monotonic()) return found;
    const message =
      'this challenge is not of this agent, was used before, or is older than 30 s; ask for another';
    throw new Problem('challenge-unknown', message, { status: 410 });
  }
}
