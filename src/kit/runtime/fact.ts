import { isDeepStrictEqual } from 'node:util';

/**
 * A fact has one owner and any number of observers: how the parts of Porchlight meet (docs/ARCHITECTURE.md). Observers must not rely on seeing every value, only on being told that the value changed.
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

  /**
   * Tells observers only when the new value differs (by structure) from the present one. Every observer is told, and told
   * the value of now, even when another one throws or changes the fact again; the first error is thrown at the end.
   */
  set(next: T): void {
    if (isDeepStrictEqual(this.#value, next)) return;
    this.#value = next;
    const errors: unknown[] = [];
    for (const listener of this.#listeners) {
      try {
        listener(this.#value);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Resolves with the first value (the present one included) for which `accept` is true; rejects when `signal` aborts. */
export async function until<T>(
  fact: Fact<T>,
  accept: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  if (accept(fact.value)) return fact.value;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal.reason);
  const unsubscribe = fact.subscribe((value) => {
    try {
      if (accept(value)) resolve(value);
    } catch (error) {
      reject(error);
    }
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', abort);
  }
}

/** A fact that follows from others: computed when asked, and told to observers when what follows has changed. */
export function derived<T>(sources: readonly Fact<unknown>[], compute: () => T): Fact<T> {
  return {
    get value() {
      return compute();
    },
    subscribe: (listener) => {
      let last = compute();
      const look = (): void => {
        const next = compute();
        if (isDeepStrictEqual(last, next)) return;
        last = next;
        listener(next);
      };
      const ends = sources.map((source) => source.subscribe(look));
      return () => {
        for (const end of ends) end();
      };
    },
  };
}
