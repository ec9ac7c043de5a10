import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import {
  isAlone,
  openDatabase,
  transaction,
  writeNothing,
  storingForCallers,
} from '../../kit/store/database.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { privateFolder } from '../../kit/store/files.ts';
import { checkAfterUncleanEnd } from '../../kit/store/integrity.ts';
import { type Markers, resetBox } from '../../kit/store/markers.ts';
import { isReadOnly } from '../../kit/disk/place.ts';
import type { Correction } from '../../kit/trusted-time/policy.ts';
import { redateOnce } from '../../kit/trusted-time/redate.ts';
import { datedColumns } from './dated-columns.ts';
import { migrations } from './migrations.ts';
import { isAudited, OwedEvents } from './owed-events.ts';

type Values = Record<string, SQLInputValue>;
export type Row = Record<string, SQLOutputValue>;

export function textOrNull(value: SQLOutputValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

export function numberOrNull(value: SQLOutputValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/**
 * The one file in which the box keeps who may come in. A change is on the disk when the call returns; a disk that does not
 * take it is a `StorageProblem`. Synchronous, as `node:sqlite` is, so that what a transaction reads nobody changes meanwhile.
 */
export class AccessStore {
  readonly #folder: string;
  readonly #markers: Markers | undefined;
  readonly #statements = new Map<string, StatementSync>();
  readonly #events = new OwedEvents();
  #database: DatabaseSync | undefined;
  /** Opened on a full disk, for this connection alone: a backup could not read it. */
  #alone = false;
  /** Opened on a file system that was read-only. */
  #readOnly = false;

  /**
   * `folder` is made when it is not there, for its owner alone. With `markers`, a store that was there once and is gone is
   * damage (`store-missing`), and never a box that waits for its first person.
   */
  constructor(folder: string, markers?: Markers) {
    this.#folder = folder;
    this.#markers = markers;
  }

  async open(): Promise<void> {
    await privateFolder(this.#folder);
    await checkAfterUncleanEnd(this.#path);
    this.#open();
  }

  #open(): void {
    const what = 'the list of people, apps and sessions';
    const marked = this.#markers && { markers: this.#markers, name: 'access', what, beginNew: resetBox };
    this.#database = openDatabase(this.#path, migrations, marked);
    this.#alone = isAlone(this.#database);
    this.#readOnly = isReadOnly(this.#folder);
  }

  close(): void {
    this.#statements.clear();
    this.#database?.close();
    this.#database = undefined;
  }

  /** `values` by the names that stand with a colon in `sql`. */
  get(sql: string, values: Values = {}): Row | undefined {
    return this.#storing(() => this.#prepared(sql).get(values));
  }

  all(sql: string, values: Values = {}): Row[] {
    return this.#storing(() => this.#prepared(sql).all(values));
  }

  /** Answers how many rows changed. */
  run(sql: string, values: Values = {}): number {
    this.#writeAgain();
    if (!isAudited(sql)) return this.#run(sql, values);
    return this.transaction(() => {
      const changes = this.#run(sql, values);
      if (changes > 0) this.#events.owe(sql);
      return changes;
    });
  }

  #run(sql: string, values: Values): number {
    const changes = this.#storing(() => Number(this.#prepared(sql).run(values).changes));
    this.#shareAgain();
    return changes;
  }

  /** From now on a transaction must hold the event that its changes owe; see owed-events.ts. */
  demandEvents(): void {
    this.#events.demand();
  }

  /** What `run` cannot see owes an event: which setting it is that changes. */
  oweEvent(what: string): void {
    this.#events.owe(what);
  }

  /** The event of what this transaction does is written, or left out on purpose. */
  eventTold(): void {
    this.#events.tell();
  }

  /** All of `action` or nothing of it; inside another transaction it is a part of that one. */
  transaction<T>(action: () => T): T {
    this.#writeAgain();
    const database = this.#opened;
    if (database.isTransaction) return action();
    this.#events.begin();
    const result = this.#storing(() =>
      transaction(database, () => {
        const done = action();
        this.#events.settle();
        return done;
      }),
    );
    this.#shareAgain();
    return result;
  }

  /** Dates again what was made while the clock was in doubt, each correction once. */
  redate(corrections: readonly Correction[]): void {
    redateOnce(datedColumns, corrections, {
      transaction: (action) =>
        this.transaction(() => {
          action();
          // Nobody did anything.
          this.eventTold();
        }),
      isNew: (id) => this.run("INSERT OR IGNORE INTO setting VALUES ('redated:' || :id, '')", { id }) > 0,
      run: (sql, values) => void this.run(sql, values),
    });
  }

  /** The file system takes writes again: so does a store that was opened to be read. */
  #writeAgain(): void {
    if (!this.#readOnly || isReadOnly(this.#folder)) return;
    this.close();
    this.#storing(() => this.#open());
  }

  /** The disk has taken a write: it is no longer full. */
  #shareAgain(): void {
    if (!this.#alone || this.#opened.isTransaction) return;
    this.close();
    this.#storing(() => this.#open());
  }

  /** Callers are told what is wrong, the log where: who reads it over HTTP may be a stranger. */
  #storing<T>(action: () => T): T {
    return storingForCallers(this.#path, action, () => this.#tryAgain());
  }

  /** Takes up writing again by itself when the disk does. */
  #tryAgain(): void {
    if (this.#database === undefined) return;
    this.#writeAgain();
    writeNothing(this.#opened);
    this.#shareAgain();
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#opened.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  get #path(): string {
    return join(this.#folder, 'access.sqlite');
  }

  get #opened(): DatabaseSync {
    if (this.#database === undefined)
      throw new Problem('not-ready', 'the box is starting; try again in a moment', { status: 503 });
    return this.#database;
  }
}
