import type { OtherAccessItem } from '../../../protocol/account-api.ts';
import type { Apps } from '../../sessions/apps.ts';
import type { Audit } from '../../sessions/audit.ts';
import type { Passkeys } from './passkeys.ts';
import type { People, Person } from '../../sessions/people.ts';
import type { SecondFactors } from './second-factors.ts';
import type { Session, Sessions } from '../../sessions/sessions.ts';

export interface OtherAccessOptions {
  people: People;
  passkeys: Passkeys;
  sessions: Sessions;
  apps: Apps;
  secondFactors: SecondFactors;
  audit: Audit;
}

/** By whom and from where, for the record. */
interface By {
  who: string;
  address: string;
}

/**
 * What lets somebody in beside the password. Whoever comes back by the recovery code, or changes a password that may be in
 * strange hands, sees it all, and what they do not keep ends: else who stole the one has the other still.
 */
export class OtherAccess {
  readonly #options: OtherAccessOptions;

  constructor(options: OtherAccessOptions) {
    this.#options = options;
  }

  /** All but sign-ins in browsers, which end anyway. For an owner also what lets in others: invitations, added apps. */
  of(person: Person): OtherAccessItem[] {
    const { people, passkeys, apps, secondFactors } = this.#options;
    const owner = person.role === 'owner';
    const totp = secondFactors.since(person.id);
    return [
      ...passkeys.of(person.id).map(({ id, label, createdAt, lastUsedAt }) => ({
        id: `passkey:${id}`,
        kind: 'passkey' as const,
        label,
        at: lastUsedAt ?? createdAt,
      })),
      ...(totp === undefined ? [] : [{ id: 'totp', kind: 'totp' as const, label: '', at: totp }]),
      ...this.#sessions(person).map(({ id, kind, label, lastSeenAt }) => ({
        id: `session:${id}`,
        kind: kind as OtherAccessItem['kind'],
        label,
        at: lastSeenAt,
      })),
      ...(owner ? people.all() : [])
        .filter(({ invited }) => invited)
        .map(({ id, name, createdAt }) => ({
          id: `invitation:${id}`,
          kind: 'invitation' as const,
          label: name,
          at: createdAt,
        })),
      ...(owner ? apps.added : []).map(({ clientId, name }) => ({
        id: `listed:${clientId}`,
        kind: 'listed' as const,
        label: name,
        at: null,
      })),
    ];
  }

  /**
   * Ends all of it but `keep`, and all sign-ins but `sessionId`. An app that is kept hangs below `sessionId` from now on. Call it in
   * the transaction that changes the password.
   */
  end(person: Person, keep: readonly string[], sessionId: string, by: By): void {
    const { people, passkeys, sessions, apps, secondFactors, audit } = this.#options;
    const ends = ({ id }: { id: string }): boolean => !keep.includes(id);
    const items = this.of(person);
    for (const session of this.#sessions(person)) {
      if (ends({ id: `session:${session.id}` })) sessions.end(session.id, by);
      else if (session.parentId !== null) sessions.move(session.id, sessionId);
    }
    for (const { id, kind } of sessions.all(person.id))
      if (kind === 'login' && id !== sessionId) sessions.end(id, by);
    for (const item of items.filter(ends)) {
      const id = item.id.slice(item.id.indexOf(':') + 1);
      const { label: what } = item;
      if (item.kind === 'passkey') {
        passkeys.remove(person.id, id);
        audit.record({ ...by, action: 'passkey-removed' });
      } else if (item.kind === 'totp') {
        secondFactors.off(person.id);
        audit.record({ ...by, action: 'second-factor-off' });
      } else if (item.kind === 'invitation') {
        people.remove(id, by);
        audit.record({ ...by, action: 'person-removed', what });
      } else if (item.kind === 'listed') {
        apps.revert(id);
        for (const session of sessions.all()) if (session.clientId === id) sessions.end(session.id, by);
        audit.record({ ...by, action: 'apps-changed', what: apps.all.map(({ name }) => name).join(', ') });
      }
    }
  }

  /** The tops of what is no sign-in in a browser: what hangs below them goes, or stays, with them. */
  #sessions(person: Person): Session[] {
    const all = this.#options.sessions.all(person.id);
    const signIns = new Set(all.filter(({ kind }) => kind === 'login').map(({ id }) => id));
    return all.filter(
      ({ kind, parentId }) => kind !== 'login' && (parentId === null || signIns.has(parentId)),
    );
  }
}
