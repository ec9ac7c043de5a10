import { type Clock, days } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import { RateLimit } from '../../kit/http/rate-limit.ts';
import { shortName } from '../../kit/runtime/text.ts';
import { type AuditAction, type AuditEntry, auditLimits } from '../../protocol/audit-api.ts';
import type { AuditNote } from '../audit-notes.ts';
import { type AccessStore, textOrNull } from './store.ts';

export interface AuditedAction {
  action: AuditAction;
  /** Who did it, as people know them. */
  who: string;
  /** To whom or what; empty when the action says it all. */
  what?: string;
  /** From where; `null`: from the box itself. */
  address: string | null;
  /** Somebody did it, or made the box do it, whom nobody has let in. */
  byStranger?: boolean;
}

/** What strangers cause is written down at most so often: each entry is a write to the card. */
const strangers = { burst: 30, perSecond: 1 / 60 };
const byStrangers: ReadonlySet<AuditAction> = new Set([
  'login-failed',
  'approval-asked',
  'credential-refused',
]);
const textMax = 200;
const shown = (text: string): string => shortName(text, textMax);

/** The audit log: who did what, when and from where, for ninety days. */
export class Audit {
  readonly #store: AccessStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limit = new RateLimit(strangers, 1);

  constructor(options: { store: AccessStore; clock: Clock; log: Log }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Does `action` and writes down what it was, both or neither: one transaction. The store takes no action without an event
   * (owed-events.ts). Throws what `action` throws, and `storage-failed`.
   */
  commit<T>(audited: AuditedAction | ((done: T) => AuditedAction), action: () => T): T {
    return this.#store.transaction(() => {
      const done = action();
      this.record(typeof audited === 'function' ? audited(done) : audited);
      return done;
    });
  }

  /** In the transaction of the action. Throws `storage-failed`: what cannot be written down is not done. */
  record({ action, who, what = '', address, byStranger = byStrangers.has(action) }: AuditedAction): void {
    this.#store.eventTold();
    if (byStranger && this.#isTooMuch()) return;
    this.#insert({ action, who, what, address, at: this.#clock.now(), key: null });
  }

  /** Of what changes nothing (a refusal, a look). Never fails: a full disk must not keep the owner out. */
  note(audited: AuditedAction): void {
    try {
      this.record(audited);
    } catch (error) {
      this.#log.warn({ code: codeOf(error) }, `not in the audit log: ${audited.action}: ${messageOf(error)}`);
    }
  }

  /** An event that was written with its action outside of the store (audit-notes.ts); once, however often it is told. */
  deliver(note: AuditNote): void {
    if (note.at < this.#clock.now() - days(auditLimits.keepDays)) return;
    this.#insert(note);
  }

  #insert({ action, who, what, address, at, key }: Omit<AuditNote, 'key'> & { key: string | null }): void {
    this.#store.run(
      `INSERT OR IGNORE INTO audit (at, action, who, what, address, note)
       VALUES (:at, :action, :who, :what, :address, :key)`,
      { at, action, who: shown(who), what: shown(what), address, key },
    );
  }

  #isTooMuch(): boolean {
    try {
      this.#limit.take('', this.#clock.monotonic(), 'strangers');
      return false;
    } catch (error) {
      if (codeOf(error) !== 'rate-limited') throw error;
      return true;
    }
  }

  /** The youngest first; those before the entry `before`. */
  read(before = Number.MAX_SAFE_INTEGER): AuditEntry[] {
    const rows = this.#store.all('SELECT * FROM audit WHERE id < :before ORDER BY id DESC LIMIT :limit', {
      before,
      limit: auditLimits.page,
    });
    return rows.map((row) => ({
      id: Number(row['id']),
      at: Number(row['at']),
      action: String(row['action']) as AuditAction,
      who: String(row['who']),
      what: String(row['what']),
      address: textOrNull(row['address']),
    }));
  }

  /** Forgets what is too old, and the oldest of what is too much. */
  sweep(): void {
    const old = this.#clock.now() - days(auditLimits.keepDays);
    this.#store.run('DELETE FROM audit WHERE at < :old OR id <= (SELECT max(id) FROM audit) - :entries', {
      old,
      entries: auditLimits.entries,
    });
  }
}
