import { addressKind, networkOf } from '../../protocol/addresses.ts';
import { peerAddress } from '../peer-address.ts';
import { RateLimit } from '../../kit/http/rate-limit.ts';

/** How often the same answer goes to the same network over UDP. */
export interface ResponseRate {
  perSecond: number;
  burst: number;
  /** Every so-manieth answer beyond the rate is sent truncated instead of dropped; 0: all are dropped. */
  slip: number;
  /** All answers to one network, whatever they are. */
  totalPerSecond: number;
  totalBurst: number;
  /** Limit loopback and private networks too: off, for forged queries can only come from the internet. */
  everyone: boolean;
}

export const defaultResponseRate: ResponseRate = {
  perSecond: 20,
  burst: 100,
  slip: 2,
  totalPerSecond: 500,
  totalBurst: 2000,
  everyone: false,
};

const capacity = 50_000;

/**
 * Response rate limiting: a forged flood makes us send one answer again and again to one victim's network, a /24 or /56.
 * So what is counted is *the same answer to the same network*: resolvers of a large provider, a CA's many vantage points
 * and relays ask for many names, and are not slowed down by that. But names are free (each address name below each zone
 * is another answer), so all answers to one network are counted too, at a rate that only the busiest resolvers come near.
 * Real clients that are hit come back by TCP after a slip.
 */
export class ResponseRateLimiter {
  readonly #rate: ResponseRate;
  readonly #buckets: RateLimit;
  readonly #totals: RateLimit;
  /** Network of each client seen lately, `undefined` for those never limited: parsing an address costs as much as an answer. */
  readonly #networks = new Map<string, string | undefined>();
  #limited = 0;

  constructor(rate: ResponseRate) {
    this.#rate = rate;
    this.#buckets = new RateLimit(rate, capacity);
    const { totalPerSecond: perSecond, totalBurst: burst } = rate;
    this.#totals = new RateLimit({ perSecond, burst }, capacity);
  }

  /** `source`: what the answer was made from. `now`: monotonic, ms. */
  decide(client: string, source: string, now: number): 'send' | 'truncate' | 'drop' {
    const network = this.#network(client);
    if (network === undefined) return 'send';
    const often = this.#buckets.tryTake(`${network} ${source}`, now) > 0;
    // What is not sent in full uses up little of the total.
    if (!often && this.#totals.tryTake(network, now) === 0) return 'send';
    this.#limited++;
    return this.#rate.slip > 0 && this.#limited % this.#rate.slip === 0 ? 'truncate' : 'drop';
  }

  #network(client: string): string | undefined {
    if (this.#networks.has(client)) return this.#networks.get(client);
    const address = peerAddress(client);
    const limited = this.#rate.everyone || addressKind(address) === 'public';
    const network = limited ? networkOf(address, 24, 56) : undefined;
    if (this.#networks.size >= capacity) this.#networks.clear();
    this.#networks.set(client, network);
    return network;
  }
}
