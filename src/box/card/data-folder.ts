import { readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../../kit/runtime/errors.ts';
import { privateFolder, syncFolder, writeAtomic } from '../../kit/store/files.ts';

/**
 * Replaces a file on data atomically, and makes its folder; `undefined` removes it. What is there already is not written
 * again: a card wears out. Throws `storage-failed`.
 */
export async function writeToData(
  path: string,
  content: string | Buffer | undefined,
  mode = 0o644,
): Promise<void> {
  if (content === undefined) return rm(path, { force: true });
  const wanted = Buffer.from(content);
  if ((await there(() => readFile(path)))?.equals(wanted) === true) return;
  await privateFolder(dirname(path), 0o755);
  await writeAtomic(path, wanted, mode);
}

/** The same for a symbolic link. */
export async function linkOnData(path: string, target: string): Promise<void> {
  if ((await there(() => readlink(path))) === target) return;
  await privateFolder(dirname(path), 0o755);
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

async function there<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return undefined;
    throw error;
  }
}
