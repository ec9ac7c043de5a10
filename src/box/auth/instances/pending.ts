import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, seconds } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import { FairShares } from '../../../kit/http/fair-shares.ts';
import { instanceLimits } from '../../../protocol/instance-api.ts';
import { newToken, secretHash } from '../../sessions/secrets.ts';
import { clientKeyOf } from '../../visitor.ts';
import { goodAt, keyFor, totp } from './otp.ts';

/** Who asked at the open endpoint, and how it is to be known. */
export interface Asker {
  deviceId: string;
  uid: string;
  mailbox: string;
  label: string;
  address: string;
}

interface Waiting {
  asker: Asker;
  /** Of the clock that only moves forward. */
  endsAt: number;
  /** Of the password; of a token only its hash is kept. */
  key: Buffer | undefined;
  tokenHash: string | undefined;
  tries: number;
}

export const mostPending = 256;

const keyOf = ({ deviceId, uid }: Pick<Asker, 'deviceId' | 'uid'>): string => `${uid} ${deviceId}`;

/**
 * What the open endpoint promised and nobody has made good yet: in memory alone and bounded, so that whoever calls it a million
 * times leaves nothing behind. A password is good for a minute, once, for five tries, and for the two ids it was asked with.
 */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();
  readonly #tokens = new Map<string, Waiting>();
  /** Shared between client networks: who asks most loses the oldest. */
  readonly #places = new FairShares<string>({ most: mostPending, onLost: (id) => this.#remove(id) });

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** The one-time password for `asker`; the one before for the same ids is void. Throws `rate-limited`. */
  newOtp(asker: Asker): string {
    const key = keyFor(randomBytes(32), asker.deviceId, asker.uid);
    this.#add({ asker, key, tokenHash: undefined }, instanceLimits.otpSeconds);
    return totp(key, this.#clock.monotonic());
  }

  /** The token of the simpler variation: it is nothing until it is used the first time. Throws `rate-limited`. */
  newToken(asker: Asker): string {
    const token = newToken();
    this.#add(
      { asker, key: undefined, tokenHash: secretHash('instance', token) },
      instanceLimits.deliverySeconds,
    );
    return token;
  }

  /** Who asked for the password, which is used up with it. `undefined`: it is wrong, over, used, or for other ids. */
  useOtp(ids: { deviceId: string; uid: string }, otp: string): Asker | undefined {
    const id = keyOf(ids);
    const waiting = this.#waiting.get(id);
    const now = this.#clock.monotonic();
    if (waiting?.key === undefined || waiting.endsAt <= now) return undefined;
    const given = Buffer.from(otp);
    const good = goodAt(waiting.key, now).some((password) => timingSafeEqual(given, Buffer.from(password)));
    waiting.tries += 1;
    if (good || waiting.tries >= instanceLimits.otpTries) this.#remove(id);
    return good ? waiting.asker : undefined;
  }

  /** Who asked for the token with this hash, which is no longer pending with it. */
  useToken(tokenHash: string): Asker | undefined {
    const waiting = this.#tokens.get(tokenHash);
    if (waiting === undefined || waiting.endsAt <= this.#clock.monotonic()) return undefined;
    this.#remove(keyOf(waiting.asker));
    return waiting.asker;
  }

  forget(ids: { deviceId: string; uid: string }): void {
    this.#remove(keyOf(ids));
  }

  /** Forgets what is over; answers how much. */
  sweep(): number {
    const now = this.#clock.monotonic();
    const over = [...this.#waiting].filter(([, { endsAt }]) => endsAt <= now);
    for (const [id] of over) this.#remove(id);
    return over.length;
  }

  #add(waiting: Pick<Waiting, 'asker' | 'key' | 'tokenHash'>, lifetimeSeconds: number): void {
    const id = keyOf(waiting.asker);
    this.#remove(id);
    const client = clientKeyOf(waiting.asker.address);
    if (this.#waiting.size >= mostPending) this.sweep();
    if (this.#places.wouldCostItself(client)) throw tooMany();
    const added = { ...waiting, tries: 0, endsAt: this.#clock.monotonic() + seconds(lifetimeSeconds) };
    this.#places.add(id, client);
    this.#waiting.set(id, added);
    if (waiting.tokenHash !== undefined) this.#tokens.set(waiting.tokenHash, added);
  }

  #remove(id: string): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#places.remove(id);
    if (waiting?.tokenHash !== undefined) this.#tokens.delete(waiting.tokenHash);
  }
}

const tooMany = (): Problem =>
  new Problem('rate-limited', 'too many app instances ask to be let in; try again in a minute', {
    status: 429,
    retryAfterSeconds: 60,
  });
