import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { FairShares } from '../../kit/http/fair-shares.ts';
import type { BoxId } from '../../protocol/names.ts';
import type { PutEntryRequest } from '../../protocol/mailbox-api.ts';

/** Who writes, as far as limits go: a client network (`clientKey`), and whether the box has proven itself over time. */
export interface Writer {
  client: string;
  proven: boolean;
}

export interface Place {
  uid: string;
  box: BoxId;
  name: string;
}

export interface EntryLimits {
  /** What all values weigh: of new boxes, and beside them of those that are proven. Each is shared between client networks. */
  bytes: number;
  provenBytes: number;
  perBox: number;
  perInstance: number;
  /** Instances that wait for a value: in all, shared between client networks, and each. */
  waiting: number;
  waitingPerInstance: number;
}

const defaultEntryLimits: EntryLimits = {
  bytes: 32 * 1024 * 1024,
  provenBytes: 32 * 1024 * 1024,
  perBox: 1000,
  perInstance: 8,
  waiting: 10_000,
  waitingPerInstance: 4,
};

interface Entry {
  place: Place;
  value: string;
  once: boolean;
  by: Writer;
  /** Of the clock that only moves forward. */
  endsAt: number;
}

/**
 * What boxes left for instances, in memory alone: a value lives minutes, and what a restart loses is asked for again. Nothing
 * is on a disk that somebody could read later. Never more than the limits: when all is full, the network that holds most gives
 * the room, or is refused more, so that no crowd of new identities keeps the boxes of another network from writing.
 */
export class Entries {
  readonly #clock: Clock;
  readonly #limits: EntryLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #boxes = new Map<string, number>();
  readonly #instances = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #shares: Record<'fresh' | 'proven', FairShares<string>>;
  readonly #held: FairShares<() => void>;
  #bytes = 0;

  constructor(options: { clock: Clock; limits?: Partial<EntryLimits> }) {
    this.#clock = options.clock;
    this.#limits = { ...defaultEntryLimits, ...options.limits };
    const onLost = (key: string): void => this.#remove(key);
    const sharesOf = (bytes: number): FairShares<string> =>
      new FairShares({ most: Math.floor(bytes / unitBytes), onLost });
    this.#shares = { fresh: sharesOf(this.#limits.bytes), proven: sharesOf(this.#limits.provenBytes) };
    this.#held = new FairShares({ most: this.#limits.waiting, onLost: (tell) => tell() });
  }

  get figures(): { entries: number; bytes: number; waiting: number } {
    return { entries: this.#entries.size, bytes: this.#bytes, waiting: this.#held.count };
  }

  /** Replaces what `place` holds. Throws `mailbox-full`. */
  put(place: Place, { value, expires_in: expiresIn, once }: PutEntryRequest, by: Writer): void {
    const key = keyOf(place);
    const before = this.#entries.get(key);
    this.#remove(key);
    const { perBox, perInstance } = this.#limits;
    const what =
      (this.#boxes.get(place.box) ?? 0) >= perBox
        ? 'the mailboxes hold too much of this box'
        : (this.#instances.get(place.uid) ?? 0) >= perInstance
          ? 'this mailbox is full'
          : this.#sharesOf(by).wouldCostItself(by.client, unitsOf(value))
            ? 'the mailboxes are full, and hold most of your network'
            : undefined;
    if (what !== undefined) {
      if (before !== undefined) this.#add(key, before);
      throw full(what);
    }
    this.#add(key, { place, value, once, by, endsAt: this.#clock.monotonic() + seconds(expiresIn) });
    for (const tell of this.#waiting.get(key) ?? []) tell();
  }

  remove(place: Place): void {
    this.#remove(keyOf(place));
  }

  /** The value at `place`, as soon as there is one; `undefined` after `ms`, or when `signal` aborts. */
  async read(place: Place, ms: number, signal: AbortSignal, client: string): Promise<string | undefined> {
    const key = keyOf(place);
    const now = this.#take(key);
    if (now !== undefined || ms <= 0 || signal.aborted) return now;
    const others = this.#waiting.get(key) ?? new Set();
    if (others.size >= this.#limits.waitingPerInstance) return undefined;
    const told = new AbortController();
    const tell = (): void => told.abort();
    this.#waiting.set(key, others.add(tell));
    this.#held.add(tell, client);
    try {
      await this.#clock.sleep(ms, AbortSignal.any([told.signal, signal])).catch(() => undefined);
      return signal.aborted ? undefined : this.#take(key);
    } finally {
      this.#held.remove(tell);
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

  #sharesOf({ proven }: Writer): FairShares<string> {
    return this.#shares[proven ? 'proven' : 'fresh'];
  }

  #add(key: string, entry: Entry): void {
    this.#sharesOf(entry.by).add(key, entry.by.client, unitsOf(entry.value));
    this.#entries.set(key, entry);
    this.#count(entry, 1);
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#sharesOf(entry.by).remove(key);
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

/** What shares are counted in. */
const unitBytes = 1024;
const unitsOf = (value: string): number => Math.ceil(weightOf(value) / unitBytes);

const full = (what: string): Problem =>
  new Problem('mailbox-full', `${what}; try again when something has been read or is over`, {
    status: 429,
    retryAfterSeconds: 60,
  });
