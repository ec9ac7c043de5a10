import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { codeOf, Problem } from './errors.ts';

/**
 * One process for one state folder. The lock is SQLite's on a file of its own: the kernel gives it back however the
 * holder dies, which a lock file with a process id in it does not. Throws `state-in-use`.
 */
export function lockFolder(folder: string): { release: () => void } {
  const database = new DatabaseSync(join(folder, '.lock'));
  try {
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (codeOf(error) !== 'ERR_SQLITE_ERROR' || !/locked/.test((error as Error).message)) throw error;
    throw new Problem('state-in-use', `another process uses ${folder}; stop it, or choose another folder with --state`, {
      details: { folder },
      retryable: false,
    });
  }
  return { release: () => database.close() };
}
