import type { Fact } from '../kit/runtime/fact.ts';

/** As `OwnedFact` of kit/runtime/fact.ts, which compares with Node's own means, for browsers: values are small and plain. */
export class Observable<T> implements Fact<T> {
  #value: T;
  #text: string;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.#value = initial;
    this.#text = JSON.stringify(initial);
  }

  get value(): T {
    return this.#value;
  }

  /** Tells listeners when the value differs. */
  set(next: T): void {
    const text = JSON.stringify(next);
    if (text === this.#text) return;
    this.#value = next;
    this.#text = text;
    tellAll(this.#listeners, next);
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Every listener is told; what one throws is reported as any uncaught error, and keeps it from nobody else. */
export function tellAll<T>(listeners: Iterable<(value: T) => void>, value: T): void {
  for (const listener of listeners) {
    try {
      listener(value);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** Resolves as soon as `accept` holds of the value, at once if it does now; rejects when `signal` aborts. */
export async function until<T>(
  fact: Fact<T>,
  accept: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  if (accept(fact.value)) return fact.value;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal.reason);
  const unsubscribe = fact.subscribe((value) => accept(value) && resolve(value));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', abort);
  }
}
