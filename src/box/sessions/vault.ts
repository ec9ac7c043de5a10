import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import { writeAtomic } from '../../kit/store/files.ts';
import { type Markers, resetBox } from '../../kit/store/markers.ts';
import { storageFailed } from '../../kit/disk/failures.ts';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const marker = 'vault';

/**
 * Secrets that the box must be able to read again, which a hash cannot do: encrypted with a key in a file beside the database,
 * so that a copy of the database alone is worth nothing. Each under the name it was put under, and no other.
 */
export class Vault {
  readonly #path: string;
  readonly #markers: Markers | undefined;
  #opening: Promise<void> | undefined;
  #key: Buffer | undefined;

  constructor(folder: string, markers?: Markers) {
    this.#markers = markers;
    this.#path = join(folder, 'vault.key');
  }

  /**
   * Makes the key when it is first needed; may be called by everybody who needs it. A key that was there and is gone, or is
   * another one, would make everything that was sealed worthless in silence: `store-missing`, `vault-damaged`. Throws
   * `storage-failed`.
   */
  async open(): Promise<void> {
    this.#opening ??= this.#open();
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** At the start of the box: a key that was made once must be there, whole. */
  async openIfMade(): Promise<void> {
    if (this.#markers?.has(marker) === true) await this.open();
  }

  async #open(): Promise<void> {
    let key = await readKey(this.#path);
    if (key === undefined) {
      const what = 'the key of app instances and authenticator apps';
      this.#markers?.expect(marker, { what, path: this.#path, beginNew: resetBox });
      key = randomBytes(keyBytes);
      await writeAtomic(this.#path, key);
    }
    if (key.length !== keyBytes) throw this.#damaged(`it has ${key.length} bytes and not ${keyBytes}`);
    const print = createHash('sha256').update('vault key').update(key).digest('hex').slice(0, 16);
    const before = this.#markers?.read(marker);
    if (before !== undefined && before !== print) throw this.#damaged('it is not the one that was made here');
    this.#markers?.note(marker, print);
    this.#key = key;
  }

  seal(name: string, secret: Uint8Array): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#opened, nonce).setAAD(Buffer.from(name));
    const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]);
  }

  /** `undefined` when it was sealed with another key, under another name, or is damaged. */
  unseal(name: string, sealed: Uint8Array): Buffer | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    const body = sealed.subarray(nonceBytes, sealed.length - tagBytes);
    const decipher = createDecipheriv(algorithm, this.#opened, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(sealed.length - tagBytes));
    try {
      return Buffer.concat([decipher.update(body), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  #damaged(why: string): Problem {
    const ways = `restore it from a backup; or, if a new beginning is meant: ${resetBox}`;
    return new Problem('vault-damaged', `${this.#path} is damaged: ${why}; ${ways}`, { retryable: false });
  }

  get #opened(): Buffer {
    if (this.#key === undefined) throw new Error('the vault is opened before it is used');
    return this.#key;
  }
}

async function readKey(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw storageFailed(path, error, { verb: 'use' });
  }
}
