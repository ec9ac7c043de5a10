import { minutes, seconds } from '../../kit/clock.ts';
import { accessLimits } from '../../protocol/access-api.ts';

/** How guesses are slowed down: `free` wrong ones cost nothing, then each doubles the wait from `first` up to `longest`. */
export interface GuessRule {
  free: number;
  firstMs: number;
  longestMs: number;
}

export const guessRules = {
  /** The setup code: on the box, for the household alone. */
  setup: { free: accessLimits.setupTries, firstMs: seconds(30), longestMs: minutes(60) },
  /** One account. The longest wait is short: a stranger must not be able to keep the owner out for long. */
  account: { free: 8, firstMs: seconds(2), longestMs: minutes(5) },
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

  /** Call before the guess is checked, so that guesses made at the same time count too; and `takeBack` when it was right. */
  count(key: string, now: number): void {
    const { failures } = this.#live(key, now);
    this.#set(key, failures + 1, now);
  }

  takeBack(key: string, now: number): void {
    const { failures, at } = this.#live(key, now);
    if (failures > 1) this.#set(key, failures - 1, at);
    else this.#guesses.delete(key);
  }

  forgive(key: string): void {
    this.#guesses.delete(key);
  }

  #set(key: string, failures: number, at: number): void {
    this.#guesses.delete(key);
    this.#guesses.set(key, { failures, at });
    const [oldest] = this.#guesses.keys();
    if (this.#guesses.size > this.#size && oldest !== undefined) this.#guesses.delete(oldest);
  }

  #live(key: string, now: number): Guesses {
    const found = this.#guesses.get(key);
    return found === undefined || now - found.at > forgetMs ? { failures: 0, at: now } : found;
  }
}
