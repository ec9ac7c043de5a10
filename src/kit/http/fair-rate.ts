import { type Rate, RateLimit, rateLimited } from './rate-limit.ts';

/**
 * How often something may happen that costs all of us: so often for one client (`clientKey`), and so often for all. A few
 * clients that use up what is there for all keep nobody else out: a little of its share each client has for itself, and what
 * it does with that is counted apart, with a bound of its own for crowds (`reserve`; default: four times that of all). Times in ms, of a clock that only moves forward.
 */
export class FairRate {
  readonly #client: RateLimit;
  readonly #own: RateLimit;
  readonly #all: RateLimit;
  readonly #reserve: RateLimit;

  /** `own`: the part of `client` that nobody can take away. */
  constructor(rates: { client: Rate; own: Rate; all: Rate; reserve?: Rate }, maxKeys?: number) {
    this.#client = new RateLimit(rates.client, maxKeys);
    this.#own = new RateLimit(rates.own, maxKeys);
    this.#all = new RateLimit(rates.all, maxKeys);
    const { all, reserve = { burst: 4 * all.burst, perSecond: 4 * all.perSecond } } = rates;
    this.#reserve = new RateLimit(reserve, maxKeys);
  }

  /** Takes one, or throws `rate-limited`. `crowd`: who shares `all`, when not all do. */
  take(client: string, now: number, what: string, crowd = ''): void {
    const wait = this.tryTake(client, now, crowd);
    if (wait > 0) throw rateLimited(wait, what);
  }

  /** What was taken was no use of it after all. */
  giveBack(client: string, now: number, crowd = ''): void {
    this.#client.giveBack(`${crowd} ${client}`, now);
    this.giveBackToAll(now, crowd);
  }

  /** As `giveBack`, but the client itself goes on being held back. */
  giveBackToAll(now: number, crowd = ''): void {
    this.#all.giveBack(crowd, now);
  }

  /** Takes one and answers 0; or takes nothing and answers after how many seconds to come again. */
  tryTake(client: string, now: number, crowd = ''): number {
    // Who is over their own limit uses up nothing of everybody's.
    const wait = this.#client.tryTake(`${crowd} ${client}`, now);
    if (wait > 0) return wait;
    const reserved = this.#reserve.waitSeconds(crowd, now) === 0;
    if (reserved && this.#own.tryTake(`${crowd} ${client}`, now) === 0)
      return this.#reserve.tryTake(crowd, now);
    return this.#all.tryTake(crowd, now);
  }
}
