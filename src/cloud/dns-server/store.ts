import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import {
  openDatabase,
  storing,
  transaction,
  writeNothing,
  storingForCallers,
} from '../../kit/store/database.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { privateFolder } from '../../kit/store/files.ts';
import { checkAfterUncleanEnd } from '../../kit/store/integrity.ts';
import type { Correction } from '../../kit/trusted-time/policy.ts';
import { type DatedTables, redateOnce } from '../../kit/trusted-time/redate.ts';
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
  // What ages: who made a zone (a client network), when, and when its box was last here (coarse: see `ZoneStore.touch`).
  `CREATE TABLE zone_age (
     label TEXT PRIMARY KEY,
     client TEXT NOT NULL,
     made_at REAL NOT NULL,
     touched_at REAL NOT NULL
   ) STRICT, WITHOUT ROWID;
   INSERT INTO zone_age SELECT label, '', 0, unixepoch() * 1000 FROM zone;
   CREATE INDEX zone_touched ON zone_age (touched_at);
   CREATE INDEX zone_client ON zone_age (client, touched_at);
   CREATE TABLE zone_client_count (client TEXT PRIMARY KEY, zones INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO zone_client_count SELECT client, count(*) FROM zone_age GROUP BY client;
   CREATE INDEX zone_most ON zone_client_count (zones);
   CREATE TRIGGER zone_age_more AFTER INSERT ON zone_age BEGIN
     INSERT INTO zone_client_count VALUES (new.client, 1) ON CONFLICT (client) DO UPDATE SET zones = zones + 1;
   END;
   CREATE TRIGGER zone_age_less AFTER DELETE ON zone_age BEGIN
     UPDATE zone_client_count SET zones = zones - 1 WHERE client = old.client;
     DELETE FROM zone_client_count WHERE client = old.client AND zones = 0;
   END;
   CREATE TRIGGER zone_gone AFTER DELETE ON zone BEGIN DELETE FROM zone_age WHERE label = old.label; END`,
  'CREATE TABLE redated (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID',
];

/** Everything here that has a date; see `redateOnce`. What is in a zone for an hour says itself until when. */
export const zoneDates: DatedTables = {
  zone: [{ column: 'expires_at', made: null }],
  zone_age: [{ column: 'made_at' }, { column: 'touched_at' }],
};

type Statements = Record<
  | 'read'
  | 'write'
  | 'remove'
  | 'count'
  | 'serial'
  | 'nextSerial'
  | 'expired'
  | 'made'
  | 'touch'
  | 'aged'
  | 'ofClient'
  | 'cheapest',
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
    await checkAfterUncleanEnd(this.#path);
    const marked = markedStore(this.#folder, 'zones', 'the zones of all boxes');
    const database = openDatabase(this.#path, migrations, marked);
    this.#database = database;
    this.#statements = {
      read: database.prepare('SELECT serial, content FROM zone WHERE label = ?'),
      write: database.prepare(
        `INSERT INTO zone (label, serial, content, expires_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (label) DO UPDATE SET serial = excluded.serial, content = excluded.content, expires_at = excluded.expires_at`,
      ),
      remove: database.prepare('DELETE FROM zone WHERE label = ?'),
      count: database.prepare('SELECT count(*) AS value FROM zone'),
      serial: database.prepare('SELECT value FROM serial'),
      // RFC 1982: serials wrap around at 32 bits.
      nextSerial: database.prepare('UPDATE serial SET value = (value + 1) & 0xffffffff RETURNING value'),
      expired: database.prepare('SELECT label FROM zone WHERE expires_at <= ? LIMIT 1000'),
      made: database.prepare(
        'INSERT INTO zone_age VALUES ($label, $client, $now, $now) ON CONFLICT (label) DO NOTHING',
      ),
      touch: database.prepare('UPDATE zone_age SET touched_at = ? WHERE label = ? AND touched_at < ?'),
      aged: database.prepare(
        `SELECT label FROM zone_age WHERE touched_at < $idle
           OR (touched_at < $fresh AND touched_at - made_at < $settled) LIMIT 1000`,
      ),
      ofClient: database.prepare('SELECT zones FROM zone_client_count WHERE client = ?'),
      cheapest: database.prepare(
        `SELECT zone_age.label, most.client, most.zones
         FROM (SELECT client, zones FROM zone_client_count ORDER BY zones DESC LIMIT 1) AS most
         JOIN zone_age ON zone_age.client = most.client ORDER BY zone_age.touched_at LIMIT 1`,
      ),
    };
    // Damage may be met here first: whoever starts the server is told where.
    storing(this.#path, () => {
      this.#serial = Number(this.#opened.serial.get()?.['value']);
      this.#count = Number(this.#opened.count.get()?.['value']);
    });
  }

  close(): void {
    this.#statements = undefined;
    this.#database?.close();
    this.#database = undefined;
  }

  read(label: string): StoredZone | undefined {
    const row = this.#storing(() => this.#opened.read.get(label));
    return row === undefined
      ? undefined
      : { serial: Number(row['serial']), content: JSON.parse(String(row['content'])) as ZoneContent };
  }

  /**
   * Reads, changes and writes one zone; content and serial appear together. A change that changes nothing costs no write and no serial.
   * What `change` throws leaves everything as it was. Throws a `StorageProblem` when the disk does not take it.
   */
  change(label: string, change: Change, madeBy?: { client: string; now: number }): StoredZone | undefined {
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
        if (madeBy !== undefined) this.#opened.made.run({ label, ...madeBy });
      }
      return serial;
    });
    this.#count += Number(content !== undefined) - Number(before !== undefined);
    return content === undefined ? undefined : { content, serial: this.#serial };
  }

  /** Labels of zones of which a part has expired, at most 1000 at a time. */
  expired(now: number): string[] {
    return this.#storing(() => this.#opened.expired.all(now)).map((row) => String(row['label']));
  }

  /** The box of the zone was here. Written down at most once in `everyMs`, so that looking costs no write. */
  touch(label: string, now: number, everyMs: number): void {
    this.#storing(() => this.#opened.touch.run(now, label, now - everyMs));
  }

  /** Labels of zones whose box was not here since `idle`, or, when it never was here `settled` after it made the zone, since `fresh`. */
  aged(times: { idle: number; fresh: number; settled: number }): string[] {
    return this.#storing(() => this.#opened.aged.all(times)).map((row) => String(row['label']));
  }

  /** Dates again what was made while the clock was in doubt, each correction once. */
  redate(corrections: readonly Correction[]): void {
    const database = this.#database;
    if (database === undefined) throw new Error('the zone store is not open');
    redateOnce(zoneDates, corrections, {
      transaction: (action) => this.#transaction(action),
      isNew: (id) => database.prepare('INSERT OR IGNORE INTO redated VALUES (?)').run(id).changes > 0,
      run: (sql, values) => void database.prepare(sql).run(values),
    });
  }

  /** How many zones a client network made. */
  zonesOf(client: string): number {
    return Number(this.#storing(() => this.#opened.ofClient.get(client))?.['zones'] ?? 0);
  }

  /** Of the network with most zones, the one whose box was away for longest, and how many it has. */
  cheapest(): { label: string; zones: number } | undefined {
    const row = this.#storing(() => this.#opened.cheapest.get());
    return row && { label: String(row['label']), zones: Number(row['zones']) };
  }

  get #opened(): Statements {
    if (this.#statements === undefined)
      throw new Problem('not-ready', 'the zone store is not open', { status: 503 });
    return this.#statements;
  }

  #transaction<T>(action: () => T): T {
    const database = this.#database;
    if (database === undefined) throw new Error('the zone store is not open');
    return this.#storing(() => transaction(database, action));
  }

  /** Callers elsewhere are told what is wrong, not where our files lie. */
  #storing<T>(action: () => T): T {
    return storingForCallers(this.#path, action, () => this.#tryAgain());
  }

  #tryAgain(): void {
    if (this.#database !== undefined) writeNothing(this.#database);
  }

  get #path(): string {
    return join(this.#folder, 'zones.sqlite');
  }
}
