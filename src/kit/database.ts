import { DatabaseSync } from 'node:sqlite';
import { messageOf, Problem } from './errors.ts';

/**
 * Opens (and migrates) a SQLite store that is durable before it answers: write-ahead log with a full sync per commit.
 * `migrations[n]` brings a store of version n to n + 1; a store from a newer program is refused (`store-too-new`).
 */
export function openDatabase(path: string, migrations: readonly string[]): DatabaseSync {
  const database = opened(path);
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000; PRAGMA foreign_keys = ON');
    const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (found > migrations.length) {
      throw new Problem('store-too-new', `${path} was written by a newer Porchlight (store version ${found}); update this one`, {
        retryable: false,
      });
    }
    for (const [index, migration] of migrations.entries()) {
      if (index >= found) database.exec(`BEGIN IMMEDIATE; ${migration}; PRAGMA user_version = ${index + 1}; COMMIT`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function opened(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw new Problem('storage-failed', `cannot open ${path}: ${messageOf(error)}`, { cause: error, details: { path } });
  }
}
