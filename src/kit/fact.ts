import { isDeepStrictEqual } from 'node:util';

/**
 * A fact has one owner and any number of observers. Parts of Porchlight never call each other: they own one fact and
 * observe others. Observers must not rely on seeing every value, only on being told that the value changed.
 */
export interface Fact<T> {
  readonly value: T;
  /** `listener` runs after each change, not for the present value. Returns what ends the subscription. */
  subscribe(listener: (value: T) => void): () => void;
}

export class OwnedFact<T> implements Fact<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  /** Tells observers only when the new value differs (by structure) from the present one. */
  set(next: T): void {
    if (isDeepStrictEqual(this.#value, next)) return;
    this.#value = next;
    for (const listener of [...this.#listeners]) listener(next);
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Resolves with the first value (the present one included) for which `accept` is true; rejects when `signal` aborts. */
export function until<T>(fact: Fact<T>, accept: (value: T) => boolean, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    if (accept(fact.value)) return resolve(fact.value);
    const abort = (): void => {
      unsubscribe();
      reject(signal.reason as Error);
    };
    const unsubscribe = fact.subscribe((value) => {
      if (!accept(value)) return;
      unsubscribe();
      signal.removeEventListener('abort', abort);
      resolve(value);
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}
