import { Problem } from '../../kit/runtime/errors.ts';
import type { Store } from '../store.ts';
import { fromBase64url, toBase64url } from './base64url.ts';

export type StoreKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

type Bytes = Uint8Array<ArrayBuffer>;

const nonceBytes = 12;

/** The name of the entry is authenticated with it: one cannot be put in the place of another. */
const aes = (iv: Bytes, entry: string): { name: string; iv: Bytes; additionalData: Bytes } => ({
  name: 'AES-GCM',
  iv,
  additionalData: new TextEncoder().encode(entry),
});

/**
 * A store whose texts are encrypted by `key` (AES-GCM, a nonce of its own with each): what is read from the device's disk is
 * worth nothing without it. The key belongs where programs cannot read it: the platform's key store, or in a browser
 * `browserStoreKey`.
 */
export function sealedStore(store: Store, key: StoreKey): Store {
  return {
    ...store,
    save: async (entry, text) => {
      const iv = crypto.getRandomValues(new Uint8Array(nonceBytes));
      const sealed = await crypto.subtle.encrypt(aes(iv, entry), key, new TextEncoder().encode(text));
      await store.save(entry, `${toBase64url(iv)}.${toBase64url(sealed)}`);
    },
    load: async (entry) => {
      const text = await store.load(entry);
      if (text === undefined) return undefined;
      try {
        const [iv = '', sealed = ''] = text.split('.');
        const opened = await crypto.subtle.decrypt(aes(fromBase64url(iv), entry), key, fromBase64url(sealed));
        return new TextDecoder().decode(opened);
      } catch (error) {
        throw new Problem(
          'store-locked',
          `${entry} cannot be opened with this key; remove it and start over`,
          {
            retryable: false,
            cause: error,
          },
        );
      }
    },
  };
}

/** A key for `sealedStore` from the 32 bytes that the platform's key store keeps. */
export function storeKeyFrom(secret: Bytes): Promise<StoreKey> {
  return crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt', 'decrypt']);
}
