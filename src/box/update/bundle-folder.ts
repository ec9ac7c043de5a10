import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import { privateFolder } from '../../kit/store/files.ts';
import { storageFailed } from '../../kit/disk/failures.ts';
import { isOfDisk } from '../../kit/disk/problem.ts';
import { updateLimits } from '../../protocol/update-api.ts';

/** The box keeps this much of its disk for itself. */
const spareBytes = 64 * 1024 * 1024;
/** Between two syncs: a slow card must not have to write all of it at the end. */
const syncEveryBytes = 16 * 1024 * 1024;

/** Where bundles lie until they are installed: never more than one, with a limit on its size and on what it leaves free. */
export class BundleFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The place of the bundle with this SHA-256, which may hold a beginning of it. */
  placeOf(sha256: string): string {
    return join(this.#folder, `${sha256}.raucb`);
  }

  /** Where a bundle from a person goes. */
  get uploaded(): string {
    return join(this.#folder, 'uploaded.raucb');
  }

  /** Removes every bundle but `keep`. */
  async clear(keep?: string): Promise<void> {
    await privateFolder(this.#folder);
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.endsWith('.raucb') && path !== keep) await rm(path, { force: true });
    }
  }

  /** Bytes that are there of a bundle; 0 for none. */
  async sizeOf(path: string): Promise<number> {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return 0;
      throw error;
    }
  }

  /**
   * Writes what comes to `path`, from `offset` on. Throws `body-too-large`, `storage-full`, and what `source` throws; what
   * came until then stays, so that a download can go on from there.
   */
  async write(
    path: string,
    source: AsyncIterable<Uint8Array>,
    options: { offset?: number; limit?: number; onBytes?: (written: number) => void } = {},
  ): Promise<void> {
    const { offset = 0, limit = updateLimits.bundleBytes, onBytes } = options;
    const file = await open(path, offset > 0 ? 'r+' : 'w', 0o600).catch((error: unknown) => {
      throw refusedBy(path, error);
    });
    try {
      let written = offset;
      let unsynced = syncEveryBytes;
      for await (const chunk of source) {
        if (written + chunk.length > limit) {
          const message = `the bundle is larger than ${limit} bytes`;
          throw new Problem('body-too-large', message, { status: 413, retryable: false });
        }
        if ((unsynced += chunk.length) >= syncEveryBytes) {
          await file.sync();
          await this.requireSpace(syncEveryBytes);
          unsynced = 0;
        }
        await file.write(chunk, 0, chunk.length, written);
        written += chunk.length;
        onBytes?.(written);
      }
      await file.sync();
    } catch (error) {
      throw refusedBy(path, error);
    } finally {
      await file.close();
    }
  }

  /** Throws `storage-full` when `bytes` more would leave the box too little. */
  async requireSpace(bytes: number): Promise<void> {
    await privateFolder(this.#folder);
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize < bytes + spareBytes) throw full(bytes);
  }

  async sha256Of(path: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }
}

const full = (bytes: number): Problem => {
  const megabytes = Math.ceil((bytes + spareBytes) / 1024 / 1024);
  const message = `there is no room on the disk for this update: it needs ${megabytes} MB free; remove something, or use a larger card`;
  return new Problem('storage-full', message, { status: 507 });
};

/** What the disk does not take is told as of any other store; what comes with the bytes is not of the disk. */
function refusedBy(path: string, error: unknown): unknown {
  if (!isOfDisk(error)) return error;
  const problem = storageFailed(path, error);
  return problem.fault === 'storage-full' ? full(0) : problem;
}
