import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { clientKey } from '../kit/http/client-key.ts';
import { type Clock, days, hours } from '../kit/runtime/clock.ts';
import { FairShares } from '../kit/http/fair-shares.ts';
import { boxIdFromDigest } from '../protocol/names.ts';

/** An identity costs nothing, time does: who comes back after so long is no name that was made for an attack just now. */
const provenAfterMs = hours(1);
/** Who was not here for so long is forgotten. */
const forgetMs = days(7);

/**
 * Since when this server knows each box, in memory and bounded: shared between client networks (`FairShares`), so that a crowd
 * of new names makes no other network's boxes unknown. After a restart everybody is new, and proven again an hour later.
 */
export class KnownBoxes {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { since: number; at: number }>();
  readonly #shares: FairShares<string>;

  constructor(options: { clock: Clock; most?: number }) {
    this.#clock = options.clock;
    this.#shares = new FairShares({
      most: options.most ?? 100_000,
      onLost: (box) => this.#seen.delete(box),
    });
  }

  /** The box calls, from `address`. Answers how long it has been known, ms. */
  seen(box: string, address: string): number {
    const now = this.#clock.monotonic();
    const before = this.#seen.get(box);
    const since = before === undefined || now - before.at > forgetMs ? now : before.since;
    this.#seen.set(box, { since, at: now });
    if (this.#shares.has(box)) this.#shares.used(box);
    else this.#shares.add(box, clientKey(address));
    return now - since;
  }

  /** Whether the box has proven itself: it was known for an hour before. */
  isProven(box: string): boolean {
    const seen = this.#seen.get(box);
    const now = this.#clock.monotonic();
    return seen !== undefined && now - seen.since >= provenAfterMs && now - seen.at <= forgetMs;
  }

  /** For `createHttpsApp`: notes who calls, and whether it is proven. */
  readonly isKnown = (socket: TLSSocket): boolean => {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return false;
    const box = boxIdFromDigest(createHash('sha256').update(certificate.raw).digest());
    return this.seen(box, socket.remoteAddress ?? '') >= provenAfterMs;
  };
}
