import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kit/runtime/clock.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { type Markers, resetBox } from '../../kit/store/markers.ts';
import { readableName, withoutJoiners } from '../../kit/runtime/text.ts';
import type { InviteRequest, PersonView } from '../../protocol/access-api.ts';
import { inviteMs } from './dated-columns.ts';
import { newHumanCode, normalHumanCode, secretHash } from './secrets.ts';
import type { Ending, Sessions } from './sessions.ts';
import { type AccessStore, type Row, textOrNull } from './store.ts';

export interface Person {
  id: string;
  name: string;
  role: 'owner' | 'member';
}

/** There has been an owner. */
const marker = 'owner';

/** Who has an account. Passwords are in the form of `PasswordHasher`; codes as hashes of what nobody can guess. */
export class People {
  readonly #store: AccessStore;
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #claimed = new OwnedFact(false);
  readonly #markers: Markers | undefined;

  /** With `markers`, a box that had an owner and has none now is damaged, and does not wait for its first person. */
  constructor(options: { store: AccessStore; sessions: Sessions; clock: Clock; markers?: Markers }) {
    this.#markers = options.markers;
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#clock = options.clock;
  }

  /** There is an owner. */
  get claimed(): Fact<boolean> {
    return this.#claimed;
  }

  open(): void {
    const row = this.#store.get("SELECT 1 FROM person WHERE role = 'owner' AND password IS NOT NULL");
    if (row === undefined) {
      const what = 'the account of the owner';
      this.#markers?.expect(marker, { what, path: 'access/access.sqlite', beginNew: resetBox });
    } else this.#markers?.note(marker);
    this.#claimed.set(row !== undefined);
  }

  /**
   * The first owner, with the recovery code to be shown once; `also` is done in the same transaction. Throws
   * `already-claimed` when somebody was faster.
   */
  claim<T = undefined>(
    name: string,
    password: string,
    also?: (person: Person) => T,
  ): { person: Person; recoveryCode: string; also: T | undefined } {
    const made = this.#store.transaction(() => {
      if (this.#claimed.value) throw alreadyClaimed();
      const person = this.#insert(name, 'owner');
      const recoveryCode = this.setPassword(person.id, password);
      return { person, recoveryCode, also: also?.(person) };
    });
    this.#claimed.set(true);
    this.#markers?.note(marker);
    return made;
  }

  byId(id: string): Person | undefined {
    const row = this.#store.get('SELECT * FROM person WHERE id = :id', { id });
    return row && fromRow(row);
  }

  byName(name: string): Person | undefined {
    const row = this.#store.get('SELECT * FROM person WHERE name_key = :key', { key: keyOf(name) });
    return row && fromRow(row);
  }

  /** For `PasswordHasher.verify`; `undefined`: the invite was not used yet. */
  passwordOf(id: string): string | undefined {
    return (
      textOrNull(this.#store.get('SELECT password FROM person WHERE id = :id', { id })?.['password']) ??
      undefined
    );
  }

  /** `password` is hashed. Makes a new recovery code, to be shown once; the one before is void. */
  setPassword(id: string, password: string): string {
    const recoveryCode = newHumanCode(5);
    this.#store.run(
      `UPDATE person SET password = :password, recovery_hash = :recovery, invite_hash = NULL, invite_expires_at = NULL
       WHERE id = :id`,
      { id, password, recovery: codeHash('recovery', recoveryCode) },
    );
    return recoveryCode;
  }

  /** To be shown once; the one before is void. */
  newRecoveryCode(id: string): string {
    const recoveryCode = newHumanCode(5);
    this.#store.run('UPDATE person SET recovery_hash = :recovery WHERE id = :id', {
      id,
      recovery: codeHash('recovery', recoveryCode),
    });
    return recoveryCode;
  }

  changePassword(id: string, password: string): void {
    this.#store.run('UPDATE person SET password = :password WHERE id = :id', { id, password });
  }

  isRecoveryCode(id: string, typed: string): boolean {
    const hash = codeHash('recovery', typed);
    return (
      this.#store.get('SELECT 1 FROM person WHERE id = :id AND recovery_hash = :hash', { id, hash }) !==
      undefined
    );
  }

  /** A person who comes in with a code, for two days. Throws `name-taken`. */
  invite({ name, role }: InviteRequest): { id: string; inviteCode: string; expiresAt: number } {
    const inviteCode = newHumanCode(4);
    const expiresAt = this.#clock.now() + inviteMs;
    const { id } = this.#store.transaction(() => {
      const person = this.#insert(name, role);
      this.#store.run(
        'UPDATE person SET invite_hash = :hash, invite_expires_at = :expiresAt WHERE id = :id',
        {
          id: person.id,
          hash: codeHash('invite', inviteCode),
          expiresAt,
        },
      );
      return person;
    });
    return { id, inviteCode, expiresAt };
  }

  invited(typed: string): Person | undefined {
    const row = this.#store.get(
      'SELECT * FROM person WHERE invite_hash = :hash AND invite_expires_at > :now',
      {
        hash: codeHash('invite', typed),
        now: this.#clock.now(),
      },
    );
    return row && fromRow(row);
  }

  all(): PersonView[] {
    return this.#store.all('SELECT * FROM person ORDER BY created_at, id').map((row) => ({
      ...fromRow(row),
      createdAt: Number(row['created_at']),
      invited: row['password'] === null,
    }));
  }

  /**
   * Ends all their sessions too; answers who it was. Throws `not-found`, and `last-owner`: a box without one is anybody's at
   * home.
   */
  remove(id: string, ending: Ending = {}): Person {
    const person = this.all().find((each) => each.id === id);
    if (person === undefined)
      throw new Problem('not-found', 'there is no such person on this box', { status: 404 });
    if (!this.all().some((each) => each.role === 'owner' && !each.invited && each.id !== id))
      throw new Problem('last-owner', 'the box needs an owner: invite another one first', { status: 409 });
    this.#sessions.endAllOf(id, undefined, ending);
    this.#store.run('DELETE FROM person WHERE id = :id', { id });
    return person;
  }

  #insert(name: string, role: Person['role']): Person {
    const person = { id: randomUUID(), name: cleanName(name), role };
    if (this.byName(name) !== undefined) {
      const message = `there is a person called ${JSON.stringify(person.name)} already; choose another name`;
      throw new Problem('name-taken', message, { status: 409 });
    }
    this.#store.run(
      `INSERT INTO person (id, name, name_key, role, created_at) VALUES (:id, :name, :key, :role, :now)`,
      { ...person, key: keyOf(name), now: this.#clock.now() },
    );
    return person;
  }
}

export function alreadyClaimed(): Problem {
  return new Problem('already-claimed', 'this box has an owner already; sign in', { status: 409 });
}

/** Throws `bad-request` when nothing that can be seen is left of it. */
function cleanName(name: string): string {
  const clean = readableName(name);
  if (clean === '')
    throw new Problem('bad-request', 'this name has nothing that can be read; choose another one', {
      status: 400,
    });
  return clean;
}

/** Names that people take for the same are the same. */
function keyOf(name: string): string {
  return withoutJoiners(cleanName(name)).normalize('NFKC').toLowerCase();
}

const codeHash = (kind: string, typed: string): string => secretHash(kind, normalHumanCode(typed));

function fromRow(row: Row): Person {
  return {
    id: String(row['id']),
    name: String(row['name']),
    role: row['role'] === 'owner' ? 'owner' : 'member',
  };
}
