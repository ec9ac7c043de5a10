import { type Clock, days } from '../../kit/runtime/clock.ts';
import { accessMs } from './dated-columns.ts';
import { invalidGrant } from './oauth-problem.ts';
import { newToken, secretHash } from './secrets.ts';
import type { Session, Sessions } from './sessions.ts';
import { type AccessStore, numberOrNull } from './store.ts';
import { UnacknowledgedRefreshes } from './unacknowledged-refreshes.ts';

type Kind = 'cookie' | 'access' | 'refresh';

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
}

/** A used refresh token is remembered so long, to know a thief by it. */
const usedMs = days(30);

/** What is shown to prove a session: random, opaque, kept as hashes. A token is good while its row and its session are. */
export class Tokens {
  readonly #store: AccessStore;
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #unacknowledged: UnacknowledgedRefreshes;
  readonly #onRefreshed: () => void;

  /** `onRefreshed`: there is something to sweep soon. */
  constructor(options: { store: AccessStore; sessions: Sessions; clock: Clock; onRefreshed?: () => void }) {
    this.#unacknowledged = new UnacknowledgedRefreshes(options);
    this.#onRefreshed = options.onRefreshed ?? (() => undefined);
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#clock = options.clock;
  }

  /** At the start of the box. */
  open(): void {
    this.#unacknowledged.open();
  }

  /** The console's; lives as long as its session. */
  newCookie(sessionId: string): string {
    return this.#make('cookie', sessionId, null);
  }

  newAccess(sessionId: string): string {
    return this.#make('access', sessionId, this.#clock.now() + accessMs);
  }

  newPair(sessionId: string): TokenPair {
    return this.#store.transaction(() => ({
      accessToken: this.newAccess(sessionId),
      refreshToken: this.#make('refresh', sessionId, null),
    }));
  }

  /** The session a cookie or an access token is for, while both are good; with when the token ends, ms since the epoch. */
  find(kind: 'cookie' | 'access', token: string): { session: Session; expiresAt: number | null } | undefined {
    const row = this.#row(kind, token);
    if (row === undefined) return undefined;
    const expiresAt = row.expiresAt;
    if (expiresAt !== null && expiresAt <= this.#clock.now()) return undefined;
    const session = this.#sessions.find(row.sessionId);
    if (session === undefined) return undefined;
    if (kind === 'access') this.#unacknowledged.acknowledge(session.id, row.hash);
    return { session, expiresAt };
  }

  /**
   * Trades a refresh token for the next pair (RFC 6749, 6). One that was used before is in two hands, and nobody knows
   * which is the right one: the session ends with all below it (RFC 9700, 4.14.2). But for an answer that was lost on the
   * way: asked again at once, and nothing of that answer used, there is another one, and the lost one counts as used: should
   * somebody have it after all, the session ends when they come with it. Throws `invalid-grant`.
   */
  refresh(refreshToken: string, clientId: string): { session: Session; pair: TokenPair } {
    const row = this.#row('refresh', refreshToken);
    const session = row && this.#sessions.find(row.sessionId);
    if (row === undefined || session === undefined || session.clientId !== clientId)
      throw invalidGrant('this refresh token is not, or no longer, good here; connect again');
    const lost = row.usedAt === null ? undefined : this.#unacknowledged.find(session.id, row.hash);
    if (row.usedAt !== null && lost === undefined) {
      this.#sessions.end(session.id, { action: 'credential-replayed' });
      throw invalidGrant(
        'this refresh token was used before, so somebody else may hold it: the session is ended; connect again',
      );
    }
    const pair = this.#store.transaction(() => {
      this.#use(row.hash);
      if (lost !== undefined) {
        this.#use(lost.refresh);
        this.#store.run('DELETE FROM token WHERE hash = :hash', { hash: lost.access });
      }
      const made = this.newPair(session.id);
      const answer = {
        given: row.hash,
        access: secretHash('access', made.accessToken),
        refresh: secretHash('refresh', made.refreshToken),
      };
      this.#unacknowledged.put(session.id, answer);
      return made;
    });
    if (lost === undefined) this.#unacknowledged.begin(session.id);
    this.#onRefreshed();
    return { session, pair };
  }

  #use(hash: string): void {
    const now = this.#clock.now();
    const until = now + usedMs;
    this.#store.run('UPDATE token SET used_at = :now, expires_at = :until WHERE hash = :hash', {
      now,
      until,
      hash,
    });
  }

  /** The session a token of any kind for apps belongs to (RFC 7009). */
  owner(token: string): string | undefined {
    return (this.#row('access', token) ?? this.#row('refresh', token))?.sessionId;
  }

  /** Forgets tokens that ended; answers in how many ms to look again. */
  sweep(): number | undefined {
    this.#store.run('DELETE FROM token WHERE expires_at <= :now', { now: this.#clock.now() });
    return this.#unacknowledged.sweep();
  }

  #make(kind: Kind, sessionId: string, expiresAt: number | null): string {
    const token = newToken();
    this.#store.run('INSERT INTO token VALUES (:hash, :sessionId, :kind, :expiresAt, NULL)', {
      hash: secretHash(kind, token),
      sessionId,
      kind,
      expiresAt,
    });
    return token;
  }

  #row(
    kind: Kind,
    token: string,
  ): { hash: string; sessionId: string; expiresAt: number | null; usedAt: number | null } | undefined {
    const hash = secretHash(kind, token);
    const row = this.#store.get('SELECT * FROM token WHERE hash = :hash', { hash });
    if (row === undefined) return undefined;
    return {
      hash,
      sessionId: String(row['session_id']),
      expiresAt: numberOrNull(row['expires_at']),
      usedAt: numberOrNull(row['used_at']),
    };
  }
}
