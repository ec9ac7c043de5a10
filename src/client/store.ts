/** Where the SDK keeps what must outlive a page: texts under keys. Another one is as easily written as these two. */
export interface Store {
  load(key: string): Promise<string | undefined>;
  save(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
  keys(): Promise<readonly string[]>;
}

export function memoryStore(): Store {
  const texts = new Map<string, string>();
  return {
    load: async (key) => texts.get(key),
    save: async (key, text) => void texts.set(key, text),
    remove: async (key) => void texts.delete(key),
    keys: async () => [...texts.keys()],
  };
}

/** The part of the DOM's `Storage` that is used. */
interface WebStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A browser's `localStorage`, which all tabs of the app share. */
export function webStore(storage: WebStorage, prefix = 'porchlight:'): Store {
  return {
    load: async (key) => storage.getItem(prefix + key) ?? undefined,
    save: async (key, text) => storage.setItem(prefix + key, text),
    remove: async (key) => storage.removeItem(prefix + key),
    keys: async () =>
      Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '')
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length)),
  };
}
