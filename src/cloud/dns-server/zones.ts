import { type Clock, days, hours, minutes } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { clientKey } from '../../kit/http/client-key.ts';
import { RateLimit, rateLimited } from '../../kit/http/rate-limit.ts';
import { StorageProblem } from '../../kit/disk/problem.ts';
import { isBoxId } from '../../protocol/names.ts';
import { type ServedZone, servedZone } from './served-zone.ts';
import type { Change, StoredZone, ZoneStore } from './store.ts';
import { emptyZone, unexpired, type ZoneContent } from './zone-content.ts';
import { ZoneCache } from './zone-cache.ts';

export interface ZoneLimits {
  /** Zones in total. When there is no room, the client network with most loses the one whose box was away for longest. */
  zones: number;
  /** New zones from one client network: so many at once, then so many an hour. */
  newZonesBurst: number;
  newZonesPerHour: number;
  /** A zone whose box was away for so long is removed; a box that comes back writes it again. */
  idleDays: number;
}

/** A box that was never here an hour after it made its zone is forgotten after a day: names for an attack cost this much less. */
const settledAfterMs = hours(1);
const freshMs = days(1);
/** How exactly it is written down when a box was here. */
const touchEveryMs = minutes(30);

export const defaultZoneLimits: ZoneLimits = {
  zones: 1_000_000,
  newZonesBurst: 100,
  newZonesPerHour: 120,
  idleDays: 60,
};

export interface ZonesOptions {
  store: ZoneStore;
  zoneRoot: string;
  caaIssuers: readonly string[];
  limits: ZoneLimits;
  clock: Clock;
}

const cachedZones = 20_000;
const sha1Label = /^[0-9a-f]{40}$/;

/** The zones of all boxes: the store, and what is served from it. A change is served when it returns. */
export class Zones {
  readonly #options: ZonesOptions;
  readonly #cache: ZoneCache;
  readonly #newZones: RateLimit;

  constructor(options: ZonesOptions) {
    this.#options = options;
    const { newZonesBurst: burst, newZonesPerHour } = options.limits;
    this.#newZones = new RateLimit({ burst, perSecond: newZonesPerHour / 3600 });
    this.#cache = new ZoneCache({
      capacity: cachedZones,
      now: () => options.clock.now(),
      load: (label, now) => this.#load(label, now),
    });
  }

  get cached(): number {
    return this.#cache.size;
  }

  /** For answers. Throws a `StorageProblem` when the zone is not known by heart and cannot be read. */
  served(label: string): ServedZone | undefined {
    // No other name can be a zone: floods of random names do not reach the store.
    return isBoxId(label) || sha1Label.test(label) ? this.#cache.get(label) : undefined;
  }

  read(label: string): StoredZone | undefined {
    const stored = this.#options.store.read(label);
    return stored === undefined
      ? undefined
      : { ...stored, content: unexpired(stored.content, this.#options.clock.now()) };
  }

  /** As `read`, by the zone's own box: it is not away. */
  visit(label: string): StoredZone | undefined {
    this.#touch(label);
    return this.read(label);
  }

  /** Changes a zone, making it when it is not there. Throws `too-many-zones`, `rate-limited`, `StorageProblem`s. */
  edit(label: string, source: string, change: (content: ZoneContent) => ZoneContent): StoredZone {
    const madeBy = { client: clientKey(source), now: this.#options.clock.now() };
    this.#touch(label);
    const edited = (before: ZoneContent | undefined): ZoneContent => {
      const after = change(unexpired(before ?? emptyZone, this.#options.clock.now()));
      if (before === undefined) this.#admit(madeBy.client);
      return after;
    };
    const stored = this.#change(label, edited, madeBy);
    if (stored === undefined) throw new Error('an edited zone is there');
    return stored;
  }

  remove(label: string): void {
    this.#change(label, () => undefined);
  }

  /** Takes what has expired out of the store; it is not served since. */
  sweep(): void {
    const now = this.#options.clock.now();
    for (const label of this.#options.store.expired(now)) {
      this.#change(label, (content) => (content === undefined ? undefined : unexpired(content, now)));
    }
    const idle = now - days(this.#options.limits.idleDays);
    const aged = this.#options.store.aged({ idle, fresh: now - freshMs, settled: settledAfterMs });
    for (const label of aged) this.remove(label);
  }

  #touch(label: string): void {
    try {
      this.#options.store.touch(label, this.#options.clock.now(), touchEveryMs);
    } catch (error) {
      // A full disk must not keep a box from reading its zone.
      if (!(error instanceof StorageProblem)) throw error;
    }
  }

  #change(label: string, change: Change, madeBy?: { client: string; now: number }): StoredZone | undefined {
    try {
      return this.#options.store.change(label, change, madeBy);
    } finally {
      this.#cache.forget(label);
    }
  }

  /** Lets one more zone of this network be made. Throws `too-many-zones`, `rate-limited`. */
  #admit(client: string): void {
    const { store, limits, clock } = this.#options;
    const wait = this.#newZones.waitSeconds(client, clock.monotonic());
    if (wait > 0) throw rateLimited(wait, 'new zones from your network');
    const cheapest = store.count >= limits.zones ? store.cheapest() : undefined;
    if (cheapest !== undefined) {
      // Who holds most gives the room, unless that is who asks: a box that is there is worth more than one that is new.
      if (store.zonesOf(client) + 1 > cheapest.zones) throw tooManyZones(limits.zones);
      this.remove(cheapest.label);
    }
    this.#newZones.tryTake(client, clock.monotonic());
  }

  #load(label: string, now: number): ServedZone | undefined {
    const stored = this.#options.store.read(label);
    const { zoneRoot, caaIssuers } = this.#options;
    return stored === undefined
      ? undefined
      : servedZone(label, stored.content, { zoneRoot, caaIssuers, now });
  }
}

const tooManyZones = (zones: number): Problem =>
  new Problem(
    'too-many-zones',
    `this server holds ${zones} zones, many of them of your network, and takes no more of it; tell its operator`,
    { status: 429, retryAfterSeconds: 3600 },
  );
