import { minutes, seconds } from '../../../kit/runtime/clock.ts';
import { accessLimits } from '../../../protocol/access-api.ts';

/** How guesses are slowed down: `free` wrong ones cost nothing, then each doubles the wait from `first` up to `longest`. */
export interface GuessRule {
  free: number;
  firstMs: number;
  longestMs: number;
}

export const guessRules = {
  /** The setup code: on the box, for those at home alone. */
  setup: { free: accessLimits.setupTries, firstMs: seconds(30), longestMs: minutes(60) },
  /** One account. The longest wait is short: a stranger must not be able to keep the owner out for long. */
  account: { free: 8, firstMs: seconds(2), longestMs: minutes(5) },
  /** The code of an authenticator app, of one account: asked for only after the right password, so the waits may be long. */
  code: { free: 5, firstMs: seconds(30), longestMs: minutes(60) },
  /** One address (or /64), whatever the accounts. */
  address: { free: 20, firstMs: seconds(5), longestMs: minutes(30) },
} as const satisfies Record<string, GuessRule>;

/** How long after the `failures`th wrong guess the next one has to wait. */
export function waitAfter(failures: number, rule: GuessRule): number {
  const beyond = failures - rule.free;
  return beyond < 0 ? 0 : Math.min(rule.longestMs, rule.firstMs * 2 ** Math.min(beyond, 40));
}

interface Guesses {
  failures: number;
  /** The last wrong one. */
  at: number;
}

/** Wrong guesses are forgotten after so long without another one. */
const forgetMs = minutes(120);

/**
 * Counts wrong guesses by key. Pure: time comes in as `now`, of a clock that only moves forward. Holds at most `size` keys
 * and forgets first what was quiet longest, which a guesser's own key is not.
 */
export class GuessLimit {
  readonly #rule: GuessRule;
  readonly #size: number;
  readonly #guesses = new Map<string, Guesses>();

  constructor(options: { rule: GuessRule; size?: number }) {
    this.#rule = options.rule;
    this.#size = options.size ?? 4096;
  }

  /** How long the next guess has to wait, ms; 0: it may be made now. */
  wait(key: string, now: number): number {
    const { failures, at } = this.#live(key, now);
    return Math.max(0, at + waitAfter(failures, this.#rule) - now);
  }

  /**
   * Call before the guess is checked, so that guesses made at the same time count too. Answers how to undo it when there was
   * nothing to check: then it is as if it had not been made, and nobody waits longer for it.
   */
  count(key: string, now: number): () => void {
    const before = this.#live(key, now);
    const counted = { failures: before.failures + 1, at: now };
    this.#set(key, counted);
    return () => {
      const found = this.#guesses.get(key);
      if (found === undefined) return;
      // Others may have been counted behind it, whose time holds.
      const at = found === counted ? before.at : found.at;
      if (found.failures > 1) this.#set(key, { failures: found.failures - 1, at });
      else this.#guesses.delete(key);
    };
  }

  /** The right one came: the count is over, also for the waits that wrong ones before it left behind. */
  forgive(key: string): void {
    this.#guesses.delete(key);
  }

  #set(key: string, guesses: Guesses): void {
    this.#guesses.delete(key);
    this.#guesses.set(key, guesses);
    const [oldest] = this.#guesses.keys();
    if (this.#guesses.size > this.#size && oldest !== undefined) this.#guesses.delete(oldest);
  }

  #live(key: string, now: number): Guesses {
    const found = this.#guesses.get(key);
    return found === undefined || now - found.at > forgetMs ? { failures: 0, at: now } : found;
  }
}
