import type { Clock } from '../../../kit/runtime/clock.ts';
import { FairRate } from '../../../kit/http/fair-rate.ts';
import { RateLimit } from '../../../kit/http/rate-limit.ts';
import { clientKeyOf } from '../../visitor.ts';

/** A client that comes in calls four times, then once every twenty-odd seconds while an owner is asked. */
const byAddress = { burst: 40, perSecond: 1 };
const strangers = {
  client: byAddress,
  own: { burst: 4, perSecond: 1 / 20 },
  all: { burst: 100, perSecond: 10 },
};
const addresses = 10_000;

/** How often may be called: by client network, and by all together whom the box does not know. */
export class CallLimits {
  readonly #clock: Clock;
  readonly #byAddress = new RateLimit(byAddress, addresses);
  readonly #strangers = new FairRate(strangers, addresses);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `rate-limited`. */
  call(address: string): void {
    this.#byAddress.take(clientKeyOf(address), this.#clock.monotonic(), 'calls from your address');
  }

  /** Who called is known: their calls keep others at the same address, who may not be, from none of theirs. */
  known(address: string): void {
    this.#byAddress.giveBack(clientKeyOf(address), this.#clock.monotonic());
  }

  /** Throws `rate-limited`. Those who are known are not counted, so that a crowd of strangers keeps none of them out. */
  stranger(address: string): void {
    this.#strangers.take(clientKeyOf(address), this.#clock.monotonic(), 'unknown clients');
  }
}
