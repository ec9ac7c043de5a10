import type { StoreKey } from './sealed-store.ts';

/* The part of the DOM's IndexedDB that is used. */

interface Asked<T> {
  readonly result: T;
  readonly error: unknown;
  addEventListener(type: 'success' | 'error' | 'upgradeneeded', listener: () => void): void;
}
interface KeyTable {
  get(name: string): Asked<StoreKey | undefined>;
  add(key: StoreKey, name: string): Asked<unknown>;
}
interface Database {
  createObjectStore(name: string): unknown;
  transaction(name: string, mode: 'readonly' | 'readwrite'): { objectStore(name: string): KeyTable };
  close(): void;
}
interface Factory {
  open(name: string): Asked<Database>;
}

const table = 'keys';
const entry = 'store';

/**
 * The key for `sealedStore` in a browser: made once, and kept by the browser in a form that no script can read out, only use.
 * `factory`: `indexedDB`.
 */
export async function browserStoreKey(factory: Factory): Promise<StoreKey> {
  const opening = factory.open('porchlight');
  opening.addEventListener('upgradeneeded', () => void opening.result.createObjectStore(table));
  const database = await answered(opening);
  try {
    const known = await answered(database.transaction(table, 'readonly').objectStore(table).get(entry));
    if (known !== undefined) return known;
    const algorithm = { name: 'AES-GCM', length: 256 };
    const made = await crypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt']);
    // Another tab may have been faster: then its key is the one.
    await answered(database.transaction(table, 'readwrite').objectStore(table).add(made, entry)).catch(
      () => undefined,
    );
    return (await answered(database.transaction(table, 'readonly').objectStore(table).get(entry))) ?? made;
  } finally {
    database.close();
  }
}

function answered<T>(asked: Asked<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.addEventListener('success', () => resolve(asked.result));
    asked.addEventListener('error', () => reject(asked.error));
  });
}
