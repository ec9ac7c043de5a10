import { type Clock, seconds } from '../../kit/clock.ts';
import { Problem } from '../../kit/errors.ts';
import type { BoxId } from '../../protocol/names.ts';
import type { PutEntryRequest } from '../../protocol/mailbox-api.ts';

export interface Place {
  uid: string;
  box: BoxId;
  name: string;
}

export interface EntryLimits {
  /** Values in all mailboxes, and what they weigh. */
  entries: number;
  bytes: number;
  perBox: number;
  perInstance: number;
  /** Instances that wait for a value, in all and each. */
  waiting: number;
  waitingPerInstance: number;
}

const defaultEntryLimits: EntryLimits = {
  entries: 100_000,
  bytes: 64 * 1024 * 1024,
  perBox: 1000,
  perInstance: 8,
  waiting: 10_000,
  waitingPerInstance: 4,
};

interface Entry {
  place: Place;
  value: string;
  once: boolean;
  /** Of the clock that only moves forward. */
  endsAt: number;
}

/**
 * What boxes left for instances, in memory alone: a value lives minutes, and what a restart loses is asked for again. Nothing
 * is on a disk that somebody could read later. Never more than the limits: what does not fit is refused, because to forget
 * another's value instead would let a stranger empty mailboxes.
 */
export class Entries {
  readonly #clock: Clock;
  readonly #limits: EntryLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #boxes = new Map<string, number>();
  readonly #instances = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #bytes = 0;
  #held = 0;

  constructor(options: { clock: Clock; limits?: Partial<EntryLimits> }) {
    this.#clock = options.clock;
    this.#limits = { ...defaultEntryLimits, ...options.limits };
  }

  get figures(): { entries: number; bytes: number; waiting: number } {
    return { entries: this.#entries.size, bytes: this.#bytes, waiting: this.#held };
  }

  /** Replaces what `place` holds. Throws `mailbox-full`. */
  put(place: Place, { value, expires_in: expiresIn, once }: PutEntryRequest): void {
    const key = keyOf(place);
    const before = this.#entries.get(key);
    this.#remove(key);
    const { entries, bytes, perBox, perInstance } = this.#limits;
    const what =
      (this.#boxes.get(place.box) ?? 0) >= perBox
        ? 'the mailboxes hold too much of this box'
        : (this.#instances.get(place.uid) ?? 0) >= perInstance
          ? 'this mailbox is full'
          : this.#entries.size >= entries || this.#bytes + weightOf(value) > bytes
            ? 'all mailboxes are full'
            : undefined;
    if (what !== undefined) {
      if (before !== undefined) this.#add(key, before);
      throw full(what);
    }
    this.#add(key, { place, value, once, endsAt: this.#clock.monotonic() + seconds(expiresIn) });
    for (const tell of this.#waiting.get(key) ?? []) tell();
  }

  remove(place: Place): void {
    this.#remove(keyOf(place));
  }

  /** The value at `place`, as soon as there is one; `undefined` after `ms`, or when `signal` aborts. */
  async read(place: Place, ms: number, signal: AbortSignal): Promise<string | undefined> {
    const key = keyOf(place);
    const now = this.#take(key);
    if (now !== undefined || ms <= 0 || signal.aborted) return now;
    const others = this.#waiting.get(key) ?? new Set();
    if (this.#held >= this.#limits.waiting || others.size >= this.#limits.waitingPerInstance)
      return undefined;
    const told = new AbortController();
    const tell = (): void => told.abort();
    this.#waiting.set(key, others.add(tell));
    this.#held++;
    try {
      await this.#clock.sleep(ms, AbortSignal.any([told.signal, signal])).catch(() => undefined);
      return signal.aborted ? undefined : this.#take(key);
    } finally {
      this.#held--;
      others.delete(tell);
      if (others.size === 0) this.#waiting.delete(key);
    }
  }

  /** Forgets what is over; answers how many. */
  sweep(): number {
    const now = this.#clock.monotonic();
    const over = [...this.#entries].filter(([, { endsAt }]) => endsAt <= now);
    for (const [key] of over) this.#remove(key);
    return over.length;
  }

  #take(key: string): string | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.endsAt <= this.#clock.monotonic()) return undefined;
    if (entry.once) this.#remove(key);
    return entry.value;
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#count(entry, 1);
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#count(entry, -1);
  }

  #count({ place, value }: Entry, by: 1 | -1): void {
    this.#bytes += by * weightOf(value);
    for (const [counts, key] of [
      [this.#boxes, place.box],
      [this.#instances, place.uid],
    ] as const) {
      const count = (counts.get(key) ?? 0) + by;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    }
  }
}

const keyOf = ({ uid, box, name }: Place): string => `${uid}/${box}/${name}`;

/** What an entry takes in memory, about: two bytes a character at worst, and what is around it. */
const weightOf = (value: string): number => 2 * value.length + 600;

const full = (what: string): Problem =>
  new Problem('mailbox-full', `${what}; try again when something has been read or is over`, {
    status: 429,
    retryAfterSeconds: 60,
  });
