import { randomUUID } from 'node:crypto';
import { type Clock, days, minutes, seconds } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import type { sessionKinds } from '../../protocol/access-api.ts';
import type { AuditAction } from '../../protocol/audit-api.ts';
import { type AccessStore, numberOrNull, type Row, textOrNull } from './store.ts';

export interface Session {
  id: string;
  parentId: string | null;
  personId: string | null;
  /** Of an app: its client id. */
  clientId: string | null;
  kind: (typeof sessionKinds)[number];
  label: string;
  createdAt: number;
  lastSeenAt: number;
  lastAddress: string | null;
  expiresAt: number | null;
}

export interface NewSession {
  parentId: string | null;
  personId: string | null;
  clientId?: string;
  kind: Session['kind'];
  label: string;
  address: string | null;
  /** Ends when it, and everything below it, was not used for so long; `null`: never by itself. */
  idleMs: number | null;
  /** Ends then, used or not, ms since the epoch. */
  endsAt?: number;
}

/** How a session came to its end, for the record; nothing said: the box ended it. */
export interface Ending {
  /** Absent: `session-ended`. */
  action?: AuditAction;
  /** Who did it, as people know them. */
  who?: string;
  /** From where; absent: on the box itself. */
  address?: string;
  /** Whose session it is gave it up. */
  byItself?: boolean;
}

/** A person's session in a browser ends when it, and every app that was let in by it, was not used for so long. */
export const cookieIdleMs = days(30);

/** A use is written down at most so often: each one would be a write to the card. */
const touchEveryMs = minutes(1);
/** From another address than before; one session can be used from two in turn. */
const movedEveryMs = seconds(5);

/** A session with all above it, itself first. */
const upward = `WITH RECURSIVE up AS (
  SELECT session.*, 0 AS height FROM session WHERE id = :id
  UNION ALL SELECT session.*, height + 1 FROM session JOIN up ON session.id = up.parent_id
)`;
/** A session with all below it. */
const downward = `WITH RECURSIVE down (id) AS (
  SELECT id FROM session WHERE id = :id
  UNION ALL SELECT session.id FROM session JOIN down ON session.parent_id = down.id
)`;

/** Writes down what becomes of sessions, in the transaction in which it does. */
export interface SessionRecord {
  made(session: Session): void;
  ended: EndedListener;
}

/** Told the ids of what is over, and of the session at their top what it was and how it ended. */
type EndedListener = (ended: readonly string[], top: Session, ending: Ending) => void;

/**
 * The one tree that every sign-in method ends in. A session that is over is gone, with everything below it: tokens, codes, child
 * sessions and, through `onEnded`, the sockets that are open in its name.
 */
export class Sessions {
  readonly #store: AccessStore;
  readonly #clock: Clock;
  readonly #listeners = new Set<EndedListener>();
  #record: SessionRecord | undefined;

  constructor(options: { store: AccessStore; clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /** Throws `not-logged-in` when the parent is over. */
  create(wanted: NewSession): Session {
    const now = this.#clock.now();
    const id = randomUUID();
    const { idleMs, endsAt = null } = wanted;
    const expiresAt = idleMs === null ? endsAt : Math.min(now + idleMs, endsAt ?? Infinity);
    return this.#store.transaction(() => {
      if (wanted.parentId !== null && this.find(wanted.parentId) === undefined) throw notSignedIn();
      this.#store.run(
        `INSERT INTO session VALUES (:id, :parentId, :personId, :clientId, :kind, :label, :now, :now, :address, :idleMs, :expiresAt, :endsAt)`,
        { ...wanted, id, clientId: wanted.clientId ?? null, now, expiresAt, endsAt },
      );
      const made = this.find(id);
      if (made === undefined) throw notSignedIn();
      this.#record?.made(made);
      return made;
    });
  }

  /** `undefined` when it, or one above it, is over. */
  find(id: string): Session | undefined {
    const line = this.#store.all(`${upward} SELECT * FROM up ORDER BY height`, { id });
    const [own] = line;
    const now = this.#clock.now();
    const live = line.every((row) => row['expires_at'] === null || Number(row['expires_at']) > now);
    return own !== undefined && live ? fromRow(own) : undefined;
  }

  /** The session is used, from `address`; to use a session is to use those above it. */
  touch(session: Session, address: string | null): void {
    const now = this.#clock.now();
    const everyMs = session.lastAddress === address ? touchEveryMs : movedEveryMs;
    if (Math.abs(now - session.lastSeenAt) < everyMs) return;
    this.#store.transaction(() => {
      const { id } = session;
      this.#store.run('UPDATE session SET last_seen_at = :now, last_address = :address WHERE id = :id', {
        id,
        now,
        address,
      });
      this.#store.run(
        `${upward} UPDATE session SET expires_at = min(:now + idle_ms, coalesce(ends_at, :now + idle_ms)) WHERE idle_ms IS NOT NULL AND id IN (SELECT id FROM up)`,
        { id, now },
      );
    });
  }

  /** The session and all below it, itself first. */
  branch(id: string): Session[] {
    const rows = this.#store.all(
      `${downward} SELECT session.* FROM down JOIN session ON session.id = down.id ORDER BY session.id <> :id`,
      { id },
    );
    return rows.map(fromRow);
  }

  /** Ends the session and all below it; answers what was ended. On every open socket, before this returns. */
  end(id: string, ending: Ending = {}): readonly Session[] {
    const ended = this.#store.transaction(() => {
      const branch = this.branch(id);
      this.#store.run('DELETE FROM session WHERE id = :id', { id });
      const [top] = branch;
      if (top !== undefined) this.#record?.ended(idsOf(branch), top, ending);
      return branch;
    });
    const [top] = ended;
    if (top !== undefined) for (const listener of this.#listeners) listener(idsOf(ended), top, ending);
    return ended;
  }

  /** Ends the person's sessions, but `keep` with those above and below it. */
  endAllOf(personId: string, keep?: string, ending: Ending = {}): void {
    const branch = [`${upward} SELECT id FROM up`, `${downward} SELECT id FROM down`].flatMap((sql) =>
      this.#store.all(sql, { id: keep ?? null }),
    );
    const kept = new Set(branch.map((row) => row['id']));
    for (const { id } of this.all(personId)) if (!kept.has(id)) this.end(id, ending);
  }

  /** Hangs the session, with all below it, below another one of the same person. */
  move(id: string, parentId: string): void {
    this.#store.run('UPDATE session SET parent_id = :parentId WHERE id = :id', { id, parentId });
  }

  /** Ends what has expired; answers when to look again, ms since the epoch, or `undefined`: nothing expires. */
  endExpired(): number | undefined {
    const now = this.#clock.now();
    const expired = this.#store.all('SELECT id FROM session WHERE expires_at <= :now', { now });
    for (const row of expired) this.end(String(row['id']), { action: 'session-expired' });
    const next = this.#store.get('SELECT min(expires_at) AS at FROM session')?.['at'];
    return numberOrNull(next) ?? undefined;
  }

  /** Those of one person, or all; children behind their parent, the youngest first. */
  all(personId?: string): Session[] {
    const rows = this.#store.all(
      'SELECT * FROM session WHERE :personId IS NULL OR person_id = :personId ORDER BY created_at DESC, id',
      { personId: personId ?? null },
    );
    const sessions = rows.map(fromRow);
    const known = new Set(sessions.map(({ id }) => id));
    const children = Map.groupBy(sessions, ({ parentId }) =>
      parentId !== null && known.has(parentId) ? parentId : '',
    );
    const below = (parent: string): Session[] =>
      (children.get(parent) ?? []).flatMap((session) => [session, ...below(session.id)]);
    return below('');
  }

  /** From now on `record` writes down each session that is made or ends. */
  recordBy(record: SessionRecord): void {
    this.#record = record;
  }

  /** `listener` is told of sessions that are over, as soon as they are. */
  onEnded(listener: EndedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

const idsOf = (sessions: readonly Session[]): string[] => sessions.map(({ id }) => id);

export function notSignedIn(): Problem {
  return new Problem('not-logged-in', 'you are not signed in here, or your session was ended; sign in', {
    status: 401,
  });
}

function fromRow(row: Row): Session {
  return {
    id: String(row['id']),
    parentId: textOrNull(row['parent_id']),
    personId: textOrNull(row['person_id']),
    clientId: textOrNull(row['client_id']),
    kind: String(row['kind']) as Session['kind'],
    label: String(row['label']),
    createdAt: Number(row['created_at']),
    lastSeenAt: Number(row['last_seen_at']),
    lastAddress: textOrNull(row['last_address']),
    expiresAt: numberOrNull(row['expires_at']),
  };
}
