import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { codeOf, messageOf, Problem } from '../runtime/errors.ts';
import { damagedStore } from './integrity.ts';
import type { Markers, Missing } from './markers.ts';
import { storageFailed, tellFailure } from '../disk/failures.ts';
import { isReadOnly } from '../disk/place.ts';
import { StorageProblem, storageProblem, toldOutside } from '../disk/problem.ts';
import { damageOfLog } from './store-log.ts';

/** A store whose absence is damage once it has been there. */
export interface Marked extends Omit<Missing, 'path'> {
  markers: Markers;
  name: string;
}

/**
 * Opens (and migrates) a SQLite store that is durable before it answers: write-ahead log with a full sync per commit.
 * `migrations[n]` brings a store of version n to n + 1; a store from a newer program is refused (`store-too-new`). One that
 * is `marked` and gone or empty is not made again (`store-missing`). One that is damaged is `store-damaged`.
 * Throws a `StorageProblem` when the file cannot be opened, written, or is no store.
 */
export function openDatabase(path: string, migrations: readonly string[], marked?: Marked): DatabaseSync {
  // An empty file, too, is a new store to SQLite; a log beside it may hold all of it.
  if (!holds(path) && !holds(`${path}-wal`)) marked?.markers.expect(marked.name, { ...marked, path });
  const damage = damageOfLog(`${path}-wal`);
  if (damage !== undefined) throw damagedStore(path, damage);
  const database = openedEitherWay(path, migrations, marked);
  marked?.markers.note(marked.name);
  return database;
}

function holds(path: string): boolean {
  return existsSync(path) && statSync(path).size > 0;
}

function openedEitherWay(
  path: string,
  migrations: readonly string[],
  marked: Marked | undefined,
): DatabaseSync {
  if (isReadOnly(dirname(path))) return openedToRead(path, migrations);
  try {
    return opened(path, migrations, 'NORMAL', marked);
  } catch (error) {
    if (!(error instanceof StorageProblem)) throw error;
    if (isDamage(error)) throw damagedStore(path, messageOf((error as Error).cause), error);
    // A full disk has no room for the file by which processes share a store (-shm). Alone, this one needs none
    // (sqlite.org/wal.html, 8), and can read, also while nothing can be written.
    tellFailure({ problem: error, path });
    return opened(path, migrations, 'EXCLUSIVE', marked);
  }
}

/**
 * A store is for its owner's eyes alone, whatever the folder says. SQLite would make it as the umask has it, and gives the files
 * beside it (-wal, -shm) the mode of the store. What cannot be done here, SQLite says better.
 */
export function ownersAlone(path: string): void {
  // Never opened when it is there: to close it would end the locks that this process has on it (POSIX, fcntl).
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch {
    for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
      try {
        chmodSync(file, 0o600);
      } catch {
        // It is not there, or somebody else's.
      }
    }
  }
}

/**
 * On a file system that takes no writes. A log that is there is read with the store; without one SQLite would want to make
 * it, unless it is told that nothing changes (sqlite.org/uri.html, *immutable*).
 */
function openedToRead(path: string, migrations: readonly string[]): DatabaseSync {
  const immutable = holds(`${path}-wal`) ? '' : '?immutable=1';
  const database = attempting(
    path,
    () => new DatabaseSync(new URL(`${pathToFileURL(path).href}${immutable}`), { readOnly: true }),
  );
  const found = versionOf(database, path);
  if (found === migrations.length) return database;
  database.close();
  if (found > migrations.length) throw tooNew(path, found);
  const message = `cannot use ${path}: it is of an older version, and its file system is read-only`;
  throw new StorageProblem('storage-read-only', message, { details: { path, system: 'EROFS' } });
}

function versionOf(database: DatabaseSync, path: string): number {
  return attempting(path, () => Number(database.prepare('PRAGMA user_version').get()?.['user_version']));
}

function tooNew(path: string, found: number): Problem {
  const message = `${path} was written by a newer Porchlight (store version ${found}); update this one`;
  return new Problem('store-too-new', message, { retryable: false, details: { path } });
}

/** Whether a store was opened for this connection alone, because the disk was full. */
export function isAlone(database: DatabaseSync): boolean {
  return database.prepare('PRAGMA locking_mode').get()?.['locking_mode'] === 'exclusive';
}

/** SQLITE_CORRUPT and SQLITE_NOTADB; extended codes carry the primary one in the low byte. */
function isDamage(error: unknown): boolean {
  const number = ((error as Error).cause as { errcode?: number } | undefined)?.errcode ?? 0;
  return [11, 26].includes(number & 0xff);
}

function opened(
  path: string,
  migrations: readonly string[],
  locking: 'NORMAL' | 'EXCLUSIVE',
  marked: Marked | undefined,
): DatabaseSync {
  ownersAlone(path);
  const database = attempting(path, () => new DatabaseSync(path));
  try {
    return attempting(path, () => {
      database.exec(`PRAGMA busy_timeout = 2000; PRAGMA locking_mode = ${locking}`);
      return migrated(database, path, migrations, marked);
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrated(
  database: DatabaseSync,
  path: string,
  migrations: readonly string[],
  marked: Marked | undefined,
): DatabaseSync {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('PRAGMA foreign_keys = ON');
  const found = versionOf(database, path);
  if (found === 0) marked?.markers.expect(marked.name, { ...marked, path });
  if (found > migrations.length) throw tooNew(path, found);
  for (const [index, migration] of migrations.entries()) {
    if (index < found) continue;
    database.exec(`BEGIN IMMEDIATE; ${migration}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
  return database;
}

/** All of `action` or nothing of it. */
export function transaction<T>(database: DatabaseSync, action: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = action();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has rolled back by itself after some errors (disk full), and then refuses to do it again.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Runs what touches the store at `path`, with an error of SQLite's as a `StorageProblem` that is told to whoever watches that
 * disk. `tryAgain` writes to the store without changing anything, see `writeNothing`.
 */
export function storing<T>(path: string, action: () => T, tryAgain?: () => void): T {
  try {
    return action();
  } catch (error) {
    if (codeOf(error) !== 'ERR_SQLITE_ERROR') throw error;
    throw storageFailed(path, error, { verb: 'use', tryAgain });
  }
}

/** As `storing`, for callers who may be strangers: they are told what is wrong, and not where our files lie. */
export function storingForCallers<T>(path: string, action: () => T, tryAgain?: () => void): T {
  try {
    return storing(path, action, tryAgain);
  } catch (error) {
    throw error instanceof StorageProblem ? toldOutside(error) : error;
  }
}

/** As `storing`, where a failure is no news of the disk: it is tried otherwise, or means something else. */
export function attempting<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (codeOf(error) !== 'ERR_SQLITE_ERROR') throw error;
    throw storageProblem(path, error, 'use');
  }
}

/** Writes to a store what it holds already: its first page goes to the disk as with any change. */
export function writeNothing(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  database.exec(`PRAGMA user_version = ${version}`);
}
