interface Held {
  client: string;
  size: number;
}

/**
 * What is limited (places, bytes, questions), shared fairly between clients (`clientKey`). Anybody may take as much as is free.
 * When there is no room, room is made by whoever holds most: the item there that was not used for longest goes. So a crowd of
 * few clients takes from itself alone, however many names and certificates it makes, and who holds little is always let in.
 * With equal holders the newcomer wins. All is done in a time that does not grow with the number of items.
 */
export class FairShares<T> {
  readonly #most: number;
  readonly #onLost: (item: T) => void;
  readonly #items = new Map<T, Held>();
  /** The items of each client, in the order of their last use. */
  readonly #byClient = new Map<string, { items: Set<T>; size: number }>();
  /** The clients that hold so much. */
  readonly #bySize = new Map<number, Set<string>>();
  #heaviest = 0;
  #total = 0;

  /** `onLost` is told what had to go; it is not held any more then. */
  constructor(options: { most: number; onLost: (item: T) => void }) {
    this.#most = options.most;
    this.#onLost = options.onLost;
  }

  get count(): number {
    return this.#items.size;
  }

  /** What all items weigh together. */
  get total(): number {
    return this.#total;
  }

  /** What `client` holds. */
  of(client: string): number {
    return this.#byClient.get(client)?.size ?? 0;
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  /**
   * Whether one more would make the client itself the one that has to give. For what is worse to lose than not to get: ask
   * before `add`, and refuse.
   */
  wouldCostItself(client: string, size = 1): boolean {
    return this.#total + size > this.#most && this.of(client) + size > this.#heaviest;
  }

  /** Takes `item`, which weighs `size` (a whole number, 1 or more), and makes room; `false`: there can be none. */
  add(item: T, client: string, size = 1): boolean {
    this.remove(item);
    if (size > this.#most) return false;
    while (this.#total + size > this.#most) {
      const own = this.of(client) + size > this.#heaviest;
      this.#lose(own && this.of(client) > 0 ? client : this.#heaviestClient());
    }
    this.#items.set(item, { client, size });
    const held = this.#byClient.get(client) ?? { items: new Set<T>(), size: 0 };
    this.#byClient.set(client, held);
    held.items.add(item);
    this.#resize(client, held, size);
    return true;
  }

  /** It was used just now, and is the last of its client to go. */
  used(item: T): void {
    const held = this.#items.get(item);
    const items = held === undefined ? undefined : this.#byClient.get(held.client)?.items;
    if (items?.delete(item) === true) items.add(item);
  }

  remove(item: T): boolean {
    const held = this.#items.get(item);
    const of = held === undefined ? undefined : this.#byClient.get(held.client);
    if (held === undefined || of === undefined) return false;
    this.#items.delete(item);
    of.items.delete(item);
    this.#resize(held.client, of, -held.size);
    return true;
  }

  #lose(client: string): void {
    for (const item of this.#byClient.get(client)?.items ?? []) {
      this.remove(item);
      this.#onLost(item);
      return;
    }
  }

  /** Of those that hold most, the one that has held it for longest. */
  #heaviestClient(): string {
    for (const client of this.#bySize.get(this.#heaviest) ?? []) return client;
    throw new Error('what is full is held by somebody');
  }

  #resize(client: string, held: { size: number }, by: number): void {
    const before = this.#bySize.get(held.size);
    before?.delete(client);
    if (before?.size === 0) this.#bySize.delete(held.size);
    held.size += by;
    this.#total += by;
    if (held.size === 0) this.#byClient.delete(client);
    else this.#bySize.set(held.size, (this.#bySize.get(held.size) ?? new Set()).add(client));
    this.#heaviest = Math.max(this.#heaviest, held.size);
    while (this.#heaviest > 0 && !this.#bySize.has(this.#heaviest)) this.#heaviest--;
  }
}
