import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { markedStore } from '../marked-store.ts';
import {
  openDatabase,
  storing,
  transaction,
  writeNothing,
  storingForCallers,
} from '../../kit/store/database.ts';
import type { Correction } from '../../kit/trusted-time/policy.ts';
import { type DatedTables, redateOnce } from '../../kit/trusted-time/redate.ts';
import type { BoxId } from '../../protocol/names.ts';

/**
 * One announcement of a box from one address. A box with IPv4 and IPv6 announces over both and has a record of each
 * family, because nobody knows over which of them the browsers of its home will ask.
 */
export interface BoxRecord {
  client: BoxId;
  family: 4 | 6;
  /** Canonical public address the announcement came from, and the group of callers it belongs to. */
  publicIp: string;
  home: string;
  shortCode: string;
  discoverable: boolean;
  /** The JSON text as announced. */
  message: string;
  /** Time of the announcement, ms since the epoch. */
  announcedAt: number;
  /** Since when the server knows the box. */
  knownSince: number;
}

export type ShownRecord = Pick<BoxRecord, 'client' | 'publicIp' | 'message' | 'announcedAt'>;

// No index holds the time of the announcement, which changes every minute: renewing a record touches one page.
const migrations = [
  `CREATE TABLE boxes (
     id INTEGER PRIMARY KEY,
     client TEXT NOT NULL,
     family INTEGER NOT NULL,
     public_ip TEXT NOT NULL,
     home TEXT NOT NULL,
     short_code TEXT NOT NULL,
     discoverable INTEGER NOT NULL,
     message TEXT NOT NULL,
     announced_at INTEGER NOT NULL,
     UNIQUE (client, family)
   ) STRICT;
   CREATE INDEX boxes_by_home ON boxes (home, short_code);
   CREATE INDEX discoverable_boxes ON boxes (home) WHERE discoverable = 1;
   CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT`,
  `ALTER TABLE boxes ADD COLUMN known_since INTEGER NOT NULL DEFAULT 0`,
];

/** Everything here that has a date; see `redateOnce`. */
export const recordDates: DatedTables = {
  boxes: [{ column: 'announced_at' }, { column: 'known_since' }],
};

const shown = 'client, public_ip AS publicIp, message, announced_at AS announcedAt';

const statements = {
  renew: `UPDATE boxes SET public_ip = $publicIp, message = $message, announced_at = $announcedAt
          WHERE client = $client AND family = $family AND home = $home AND short_code = $shortCode AND discoverable = $discoverable`,
  replace: `INSERT INTO boxes (client, family, public_ip, home, short_code, discoverable, message, announced_at, known_since)
            VALUES ($client, $family, $publicIp, $home, $shortCode, $discoverable, $message, $announcedAt, $knownSince)
            ON CONFLICT (client, family) DO UPDATE SET public_ip = $publicIp, home = $home, short_code = $shortCode,
              discoverable = $discoverable, message = $message, announced_at = $announcedAt, known_since = $knownSince`,
  remove: 'DELETE FROM boxes WHERE client = ?',
  inHome: `SELECT ${shown} FROM boxes WHERE home = ? AND announced_at > ? ORDER BY known_since, client LIMIT ?`,
  discoverable: `SELECT ${shown} FROM boxes WHERE home = ? AND discoverable = 1 AND announced_at > ? ORDER BY known_since, client LIMIT ?`,
  byCode: `SELECT ${shown} FROM boxes WHERE home = ? AND short_code = ? AND announced_at > ? LIMIT 1`,
  count: 'SELECT count(*) AS count FROM boxes',
  page: 'SELECT max(id) AS last FROM (SELECT id FROM boxes WHERE id > ? ORDER BY id LIMIT ?)',
  sweep: 'DELETE FROM boxes WHERE id > ? AND id <= ? AND announced_at <= ?',
} as const;

interface Write {
  apply: () => void;
  done: () => void;
  failed: (error: unknown) => void;
}

/** How many records one step of the sweep looks at before other work gets its turn. */
const sweepPage = 2000;

/**
 * The announcements on disk. Writes are committed in groups: all that arrived in one turn of the event loop share one
 * transaction and one fsync, and each is answered only when that is done. A slow disk thus makes larger groups, not a queue.
 */
export class RecordStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #sql: Record<keyof typeof statements, StatementSync>;
  #waiting: Write[] = [];
  #largestGroup = 0;
  #commits = 0;

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    const prepared = Object.entries(statements).map(([name, sql]) => [
      name,
      storing(path, () => database.prepare(sql)),
    ]);
    this.#sql = Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>;
  }

  static pathIn(stateFolder: string): string {
    return join(stateFolder, 'registration.sqlite');
  }

  /** Throws `StorageProblem`s, `store-too-new`. */
  static open(stateFolder: string): RecordStore {
    const path = RecordStore.pathIn(stateFolder);
    const marked = markedStore(stateFolder, 'registration', 'the announcements of all boxes');
    return new RecordStore(path, openDatabase(path, migrations, marked));
  }

  /** A key of this server's own, made once. Throws a `StorageProblem`. */
  secret(name: string): Uint8Array {
    return storing(this.#path, () => {
      this.#database
        .prepare('INSERT INTO secrets VALUES (?, ?) ON CONFLICT DO NOTHING')
        .run(name, randomBytes(32));
      const row = this.#database.prepare('SELECT value FROM secrets WHERE name = ?').get(name);
      return row?.['value'] as Uint8Array;
    });
  }

  /** Dates again what was announced while the clock was in doubt, each correction once. Throws a `StorageProblem`. */
  redate(corrections: readonly Correction[]): void {
    redateOnce(recordDates, corrections, {
      transaction: (action) => storing(this.#path, () => transaction(this.#database, action)),
      isNew: (id) =>
        this.#database.prepare("INSERT OR IGNORE INTO secrets VALUES ('redated ' || ?, x'')").run(id)
          .changes > 0,
      run: (sql, values) => void this.#database.prepare(sql).run(values),
    });
  }

  get figures(): { records: number; commits: number; largestGroup: number } {
    const records = storing(this.#path, () => Number(this.#sql.count.get()?.['count']));
    return { records, commits: this.#commits, largestGroup: this.#largestGroup };
  }

  /** Resolves when the record is on disk; it replaces the box's record of the same family. */
  put(record: BoxRecord): Promise<void> {
    const row = { ...record, discoverable: record.discoverable ? 1 : 0 };
    const { knownSince: _once, ...renewed } = row;
    return this.#write(() => {
      if (this.#sql.renew.run(renewed).changes === 0) this.#sql.replace.run(row);
    });
  }

  /** Resolves when no record of the box is left on disk. */
  remove(client: BoxId): Promise<void> {
    return this.#write(() => this.#sql.remove.run(client));
  }

  /** Records of `home` announced after `since` (ms), at most `limit`: those that are known for longest first. */
  inHome(home: string, since: number, limit: number): ShownRecord[] {
    return this.#rows(() => this.#sql.inHome.all(home, since, limit));
  }

  /** Those of them whose owner opened a window. */
  discoverable(home: string, since: number, limit: number): ShownRecord[] {
    return this.#rows(() => this.#sql.discoverable.all(home, since, limit));
  }

  byCode(home: string, code: string, since: number): ShownRecord | undefined {
    return this.#rows(() => this.#sql.byCode.all(home, code, since))[0];
  }

  /** Removes what was last announced at `until` or before, page by page. Answers how many. */
  async sweep(until: number, signal: AbortSignal): Promise<number> {
    let removed = 0;
    let first = 0;
    for (;;) {
      signal.throwIfAborted();
      const last = storing(this.#path, () => this.#sql.page.get(first, sweepPage)?.['last']);
      if (typeof last !== 'number') return removed;
      const after = first;
      await this.#write(() => (removed += Number(this.#sql.sweep.run(after, last, until).changes)));
      first = last;
    }
  }

  /** Commits what waits and closes the file. */
  close(): void {
    this.#commit();
    this.#database.close();
  }

  /** Who asks is anybody: the place of the store is for the log alone. */
  #rows(read: () => unknown[]): ShownRecord[] {
    return storingForCallers(this.#path, read) as ShownRecord[];
  }

  #write(apply: () => void): Promise<void> {
    return new Promise((done, failed) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#commit());
      this.#waiting.push({ apply, done, failed });
    });
  }

  #commit(): void {
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length === 0) return;
    try {
      const all = (): void => {
        for (const write of group) write.apply();
      };
      storingForCallers(
        this.#path,
        () => transaction(this.#database, all),
        () => this.#tryAgain(),
      );
    } catch (error) {
      for (const write of group) write.failed(error);
      return;
    }
    this.#commits++;
    this.#largestGroup = Math.max(this.#largestGroup, group.length);
    for (const write of group) write.done();
  }

  #tryAgain(): void {
    if (this.#database.isOpen) writeNothing(this.#database);
  }
}
