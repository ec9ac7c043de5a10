import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { attempting, ownersAlone } from './database.ts';
import { Problem } from '../runtime/errors.ts';
import { isReadOnly } from '../disk/place.ts';

/** SQLITE_BUSY: another connection holds the lock. */
const busy = 5;

/**
 * One process for one state folder. The lock is SQLite's on a file of its own: the kernel gives it back however the
 * holder dies, which a lock file with a process id in it does not. A file system that is read-only needs none: nobody can
 * change anything there. Throws `state-in-use`, a `StorageProblem`.
 */
export function lockFolder(folder: string): { release: () => void } {
  if (isReadOnly(folder)) return { release: () => undefined };
  const path = join(folder, '.lock');
  ownersAlone(path);
  const database = attempting(path, () => new DatabaseSync(path));
  try {
    attempting(path, () => database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE'));
  } catch (error) {
    database.close();
    if (((error as Error).cause as { errcode?: number } | undefined)?.errcode !== busy) throw error;
    const message = `another process uses ${folder}; stop it, or choose another folder with --state`;
    throw new Problem('state-in-use', message, { details: { folder }, retryable: false });
  }
  return { release: () => database.close() };
}
