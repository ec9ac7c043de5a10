import type { Duplex } from 'node:stream';

/** Counts by key, and forgets keys that are back at nothing. */
export class Tally {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string, change: 1 | -1): void {
    const next = this.of(key) + change;
    if (next === 0) this.#counts.delete(key);
    else this.#counts.set(key, next);
  }

  /** Counts `socket` under `key` as long as it lives; ends it and answers `false` when `most` are there already. */
  admit(socket: Duplex, key: string, most: number): boolean {
    if (this.of(key) >= most) {
      socket.destroy();
      return false;
    }
    this.add(key, 1);
    socket.once('close', () => this.add(key, -1));
    return true;
  }
}
