import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../runtime/errors.ts';
import { storageFailed } from '../disk/failures.ts';

/** Creates `folder` (and parents) readable by its owner alone; on the disk when it resolves. Throws `StorageProblem`s. */
export async function privateFolder(folder: string, mode = 0o700): Promise<void> {
  await storing(folder, () => make(folder, mode));
}

/** Parents first when there are none: Node's `recursive` calls a read-only file system *no such file or directory*. */
async function make(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, mode);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    await make(dirname(folder), mode);
    return make(folder, mode);
  }
  // Without it a power cut takes the folder, with all that was written and synced in it.
  await syncFolder(dirname(folder));
}

/**
 * Replaces `path` atomically: temporary file beside it, fsync, rename, fsync of the folder. A power cut at any instant
 * leaves the old content or the new, never half. `owner`: whose it is, when not this process's own; only root may say so.
 * A write that the disk does not take is a `StorageProblem` (full, read-only, no right), and told to whoever watches that disk.
 */
export async function writeAtomic(
  path: string,
  data: string | Uint8Array,
  mode = 0o600,
  owner?: Owner,
): Promise<void> {
  const before = writes.get(path);
  const write = storing(path, async () => {
    await before?.catch(() => undefined);
    await replace(path, data, mode, owner);
  });
  writes.set(path, write);
  try {
    await write;
  } finally {
    if (writes.get(path) === write) writes.delete(path);
  }
}

/** The last write of each path that is under way: writes of one file take turns. */
const writes = new Map<string, Promise<void>>();

interface Owner {
  uid: number;
  gid: number;
}

async function replace(
  path: string,
  data: string | Uint8Array,
  mode: number,
  owner: Owner | undefined,
): Promise<void> {
  // One name for each path: what a killed process leaves behind is overwritten by the next write, and never piles up.
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      await file.writeFile(data);
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      // What open gave it is less what the umask takes, and a service's takes all of group and others.
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Gives what is at `from` the name `to`, on the same disk, by one rename that a power cut does not take back. Throws as
 * `writeAtomic` does.
 */
export async function moveTo(from: string, to: string): Promise<void> {
  await storing(to, async () => {
    await rename(from, to);
    await syncFolder(dirname(to));
  });
}

/** Makes a rename, a creation or a removal in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The text of `path`, or `undefined` when there is no such file. Other failures are thrown. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function storing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storageFailed(path, error);
  }
}
