import type { ServedZone } from './served-zone.ts';

/**
 * Zones as they are served, read from the store when first asked for and kept until they change, expire, or are the ones
 * unused for longest. Absence is kept too. So memory does not grow with the number of boxes, and a start reads nothing.
 */
export class ZoneCache {
  readonly #load: (label: string, now: number) => ServedZone | undefined;
  readonly #capacity: number;
  readonly #now: () => number;
  /** In order of last load. */
  readonly #zones = new Map<string, ServedZone | null>();

  constructor(options: {
    load: (label: string, now: number) => ServedZone | undefined;
    capacity: number;
    now: () => number;
  }) {
    this.#load = options.load;
    this.#capacity = options.capacity;
    this.#now = options.now;
  }

  get size(): number {
    return this.#zones.size;
  }

  /** Throws what the store throws. */
  get(label: string): ServedZone | undefined {
    const known = this.#zones.get(label);
    if (known === null) return undefined;
    if (known !== undefined && known.validUntil > this.#now()) return known;
    const zone = this.#load(label, this.#now());
    this.#zones.delete(label);
    this.#zones.set(label, zone ?? null);
    if (this.#zones.size > this.#capacity) this.#forgetOldest();
    return zone;
  }

  /** The zone has changed: the next query reads it again. */
  forget(label: string): void {
    this.#zones.delete(label);
  }

  #forgetOldest(): void {
    for (const oldest of this.#zones.keys()) {
      this.#zones.delete(oldest);
      return;
    }
  }
}
