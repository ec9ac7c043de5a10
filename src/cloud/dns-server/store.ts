import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { openDatabase, transaction } from '../../kit/database.ts';
import { messageOf, Problem } from '../../kit/errors.ts';
import { privateFolder } from '../../kit/files.ts';
import { checkAfterUncleanEnd } from '../../kit/integrity.ts';
import { markedStore } from '../marked-store.ts';
import { nextExpiry, type ZoneContent } from './zone-content.ts';

export interface StoredZone {
  content: ZoneContent;
  /** SOA serial that first carried this content. */
  serial: number;
}

/** What a change comes to: the zone as it is now, `undefined` when there is none. */
export type Change = (before: ZoneContent | undefined) => ZoneContent | undefined;

const migrations = [
  `CREATE TABLE serial (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), value INTEGER NOT NULL) STRICT;
   INSERT INTO serial VALUES (1, unixepoch());
   CREATE TABLE zone (
     label TEXT PRIMARY KEY,
     serial INTEGER NOT NULL,
     content TEXT NOT NULL,
     expires_at REAL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX zone_expiry ON zone (expires_at) WHERE expires_at IS NOT NULL`,
];

type Statements = Record<
  'read' | 'write' | 'remove' | 'count' | 'serial' | 'nextSerial' | 'expired',
  StatementSync
>;

/**
 * The zones, one row each, and the serial of the whole. The source of everything that is served: a change is on the disk
 * when `change` returns. Synchronous, as `node:sqlite` is: one process writes, a change takes one fsync.
 */
export class ZoneStore {
  readonly #folder: string;
  #database: DatabaseSync | undefined;
  #statements: Statements | undefined;
  #serial = 0;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Serial of the SOA record; moves forward by one with each change. */
  get serial(): number {
    return this.#serial;
  }

  get count(): number {
    return this.#count;
  }

  async open(): Promise<void> {
    await privateFolder(this.#folder);
    const path = join(this.#folder, 'zones.sqlite');
    await checkAfterUncleanEnd(path);
    const database = storing(
      () => openDatabase(path, migrations, markedStore(this.#folder, 'zones', 'the zones of all boxes')),
      path,
    );
    this.#database = database;
    this.#statements = {
      read: database.prepare('SELECT serial, content FROM zone WHERE label = ?'),
      write: database.prepare(
        'INSERT OR REPLACE INTO zone (label, serial, content, expires_at) VALUES (?, ?, ?, ?)',
      ),
      remove: database.prepare('DELETE FROM zone WHERE label = ?'),
      count: database.prepare('SELECT count(*) AS value FROM zone'),
      serial: database.prepare('SELECT value FROM serial'),
      // RFC 1982: serials wrap around at 32 bits.
      nextSerial: database.prepare('UPDATE serial SET value = (value + 1) & 0xffffffff RETURNING value'),
      expired: database.prepare('SELECT label FROM zone WHERE expires_at <= ? LIMIT 1000'),
    };
    this.#serial = Number(this.#opened.serial.get()?.['value']);
    this.#count = Number(this.#opened.count.get()?.['value']);
  }

  close(): void {
    this.#statements = undefined;
    this.#database?.close();
    this.#database = undefined;
  }

  read(label: string): StoredZone | undefined {
    const row = storing(() => this.#opened.read.get(label));
    return row === undefined
      ? undefined
      : { serial: Number(row['serial']), content: JSON.parse(String(row['content'])) as ZoneContent };
  }

  /**
   * Reads, changes and writes one zone; content and serial appear together. A change that changes nothing costs no write and no serial.
   * What `change` throws leaves everything as it was. Throws `storage-failed` when the disk does not take it.
   */
  change(label: string, change: Change): StoredZone | undefined {
    const before = this.read(label);
    const content = change(before?.content);
    if (isDeepStrictEqual(content, before?.content)) return before;
    this.#serial = this.#transaction(() => {
      const serial = Number(this.#opened.nextSerial.get()?.['value']);
      if (content === undefined) this.#opened.remove.run(label);
      else {
        const expiresAt = nextExpiry(content);
        this.#opened.write.run(
          label,
          serial,
          JSON.stringify(content),
          Number.isFinite(expiresAt) ? expiresAt : null,
        );
      }
      return serial;
    });
    this.#count += Number(content !== undefined) - Number(before !== undefined);
    return content === undefined ? undefined : { content, serial: this.#serial };
  }

  /** Labels of zones of which a part has expired, at most 1000 at a time. */
  expired(now: number): string[] {
    return storing(() => this.#opened.expired.all(now)).map((row) => String(row['label']));
  }

  get #opened(): Statements {
    if (this.#statements === undefined)
      throw new Problem('not-ready', 'the zone store is not open', { status: 503 });
    return this.#statements;
  }

  #transaction<T>(action: () => T): T {
    const database = this.#database;
    if (database === undefined) throw new Error('the zone store is not open');
    return storing(() => transaction(database, action));
  }
}

/** Callers elsewhere are told what is wrong, not where our files lie. */
function storing<T>(action: () => T, what = 'the zone store'): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Problem && error.code !== 'storage-failed') throw error;
    const why = `${what} cannot be used (${messageOf(error)}): the disk must be writable and have room`;
    throw new Problem('storage-failed', why, { cause: error });
  }
}
