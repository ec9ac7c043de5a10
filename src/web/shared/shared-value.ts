import { useEffect, useState } from 'preact/hooks';

/** One value that parts of a page share, and hear of when it changes. */
export interface SharedValue<T> {
  readonly value: T;
  set(next: T): void;
  subscribe(listener: (value: T) => void): () => void;
}

export function createShared<T>(initial: T): SharedValue<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get value() {
      return value;
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of listeners) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The store's value; the component is drawn again when it changes. */
export function useShared<T>(store: SharedValue<T>): T {
  const [drawn, draw] = useState({ value: store.value });
  useEffect(() => {
    // It may have changed between drawing and this.
    if (!Object.is(drawn.value, store.value)) draw({ value: store.value });
    return store.subscribe((value) => draw({ value }));
  }, [store]);
  return store.value;
}
