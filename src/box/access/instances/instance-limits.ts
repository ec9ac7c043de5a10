import type { Clock } from '../../../kit/clock.ts';
import { RateLimit } from '../../../kit/rate-limit.ts';
import { householdOf } from '../visitor.ts';

/** An instance asks once in its life, and some more when a mailbox is slow. */
const requestsByHome = { burst: 10, perSecond: 1 / 10 };
const requestsInAll = { burst: 60, perSecond: 1 };
const confirmsByHome = { burst: 20, perSecond: 1 / 5 };
const confirmsInAll = { burst: 120, perSecond: 2 };
const homes = 10_000;

/** How often strangers may call, by address (a /64 as one) and in all. Those who sign are not counted here. */
export class InstanceLimits {
  readonly #clock: Clock;
  readonly #requestsByHome = new RateLimit(requestsByHome, homes);
  readonly #requests = new RateLimit(requestsInAll, 1);
  readonly #confirmsByHome = new RateLimit(confirmsByHome, homes);
  readonly #confirms = new RateLimit(confirmsInAll, 1);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `rate-limited`. */
  request(address: string): void {
    this.#take(this.#requestsByHome, this.#requests, address);
  }

  /** Throws `rate-limited`. */
  confirm(address: string): void {
    this.#take(this.#confirmsByHome, this.#confirms, address);
  }

  /** The password was right: that was no guess. */
  confirmed(address: string): void {
    const now = this.#clock.monotonic();
    this.#confirmsByHome.giveBack(householdOf(address), now);
    this.#confirms.giveBack('', now);
  }

  /** Who is over their own limit uses up nothing of everybody's. */
  #take(byHome: RateLimit, inAll: RateLimit, address: string): void {
    const now = this.#clock.monotonic();
    byHome.take(householdOf(address), now, 'app instances from your address');
    inAll.take('', now, 'app instances');
  }
}
