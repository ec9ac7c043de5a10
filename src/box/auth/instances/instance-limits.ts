import type { Clock } from '../../../kit/runtime/clock.ts';
import { FairRate } from '../../../kit/http/fair-rate.ts';
import { clientKeyOf } from '../../visitor.ts';

/** An instance asks once in its life, and some more when a mailbox is slow. In all no more than a mailbox takes of one box. */
const requests = {
  client: { burst: 10, perSecond: 1 / 10 },
  own: { burst: 1, perSecond: 1 / 60 },
  all: { burst: 60, perSecond: 1 },
  reserve: { burst: 60, perSecond: 1 },
};
const confirms = {
  client: { burst: 20, perSecond: 1 / 5 },
  own: { burst: 3, perSecond: 1 / 60 },
  all: { burst: 120, perSecond: 2 },
};
const homes = 10_000;

/** How often strangers may call, by client network and in all. Those who sign are not counted here. */
export class InstanceLimits {
  readonly #clock: Clock;
  readonly #requests = new FairRate(requests, homes);
  readonly #confirms = new FairRate(confirms, homes);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `rate-limited`. */
  request(address: string): void {
    this.#take(this.#requests, address);
  }

  /** Throws `rate-limited`. */
  confirm(address: string): void {
    this.#take(this.#confirms, address);
  }

  /** The password was right: that was no guess. */
  confirmed(address: string): void {
    this.#confirms.giveBack(clientKeyOf(address), this.#clock.monotonic());
  }

  #take(rate: FairRate, address: string): void {
    rate.take(clientKeyOf(address), this.#clock.monotonic(), 'app instances');
  }
}
