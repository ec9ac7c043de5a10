import type { Clock } from '../../kit/clock.ts';
import { Problem } from '../../kit/errors.ts';
import { clientKey } from '../../kit/client-key.ts';
import { isBoxId } from '../../protocol/names.ts';
import { type ServedZone, servedZone } from './served-zone.ts';
import type { Change, StoredZone, ZoneStore } from './store.ts';
import { TokenBuckets } from './token-buckets.ts';
import { emptyZone, unexpired, type ZoneContent } from './zone-content.ts';
import { ZoneCache } from './zone-cache.ts';

export interface ZoneLimits {
  /** Zones in total. */
  zones: number;
  /** New zones from one source (IPv4 address or IPv6 /48): so many at once, then so many an hour. */
  newZonesBurst: number;
  newZonesPerHour: number;
}

export const defaultZoneLimits: ZoneLimits = { zones: 1_000_000, newZonesBurst: 50, newZonesPerHour: 20 };

export interface ZonesOptions {
  store: ZoneStore;
  zoneRoot: string;
  caaIssuers: readonly string[];
  limits: ZoneLimits;
  clock: Clock;
  /** Told after each change whether the disk took it: the `storage-failed` that it did not, or nothing. */
  onStored: (failure: Problem | undefined) => void;
}

const cachedZones = 20_000;
const sha1Label = /^[0-9a-f]{40}$/;

/** The zones of all boxes: the store, and what is served from it. A change is served when it returns. */
export class Zones {
  readonly #options: ZonesOptions;
  readonly #cache: ZoneCache;
  readonly #newZones: TokenBuckets;

  constructor(options: ZonesOptions) {
    this.#options = options;
    const { newZonesBurst: burst, newZonesPerHour } = options.limits;
    this.#newZones = new TokenBuckets({ burst, perSecond: newZonesPerHour / 3600, capacity: 50_000 });
    this.#cache = new ZoneCache({
      capacity: cachedZones,
      now: () => options.clock.now(),
      load: (label, now) => this.#load(label, now),
    });
  }

  get cached(): number {
    return this.#cache.size;
  }

  /** For answers. Throws `storage-failed` when the zone is not known by heart and cannot be read. */
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

  /** Changes a zone, making it when it is not there. Throws `too-many-zones`, `rate-limited`, `storage-failed`. */
  edit(label: string, source: string, change: (content: ZoneContent) => ZoneContent): StoredZone {
    const stored = this.#change(label, (before) => {
      const after = change(unexpired(before ?? emptyZone, this.#options.clock.now()));
      if (before === undefined) this.#admit(source);
      return after;
    });
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
  }

  #change(label: string, change: Change): StoredZone | undefined {
    try {
      const stored = this.#options.store.change(label, change);
      this.#options.onStored(undefined);
      return stored;
    } catch (error) {
      if (error instanceof Problem && error.code === 'storage-failed') this.#options.onStored(error);
      throw error;
    } finally {
      this.#cache.forget(label);
    }
  }

  #admit(source: string): void {
    const { store, limits, clock } = this.#options;
    if (store.count >= limits.zones) {
      throw new Problem(
        'too-many-zones',
        `this server holds ${limits.zones} zones and takes no more; tell its operator`,
        {
          status: 429,
          retryAfterSeconds: 3600,
        },
      );
    }
    const wait = this.#newZones.take(clientKey(source), clock.monotonic());
    if (wait > 0) {
      throw new Problem('rate-limited', `too many new zones from ${source}`, {
        status: 429,
        retryAfterSeconds: Math.ceil(wait),
      });
    }
  }

  #load(label: string, now: number): ServedZone | undefined {
    const stored = this.#options.store.read(label);
    const { zoneRoot, caaIssuers } = this.#options;
    return stored === undefined
      ? undefined
      : servedZone(label, stored.content, { zoneRoot, caaIssuers, now });
  }
}
