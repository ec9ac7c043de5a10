import { type Clock, days, seconds } from '../../kit/clock.ts';
import { accessLimits } from '../../protocol/access-api.ts';
import { invalidGrant } from './oauth-problem.ts';
import { newToken, secretHash } from './secrets.ts';
import type { Session, Sessions } from './sessions.ts';
import { type AccessStore, numberOrNull } from './store.ts';

type Kind = 'cookie' | 'access' | 'refresh';

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
}

const accessMs = seconds(accessLimits.accessTokenSeconds);
/** A used refresh token is remembered so long, to know a thief by it. */
const usedMs = days(30);
/** An app whose answer was lost on the way asks again within this. */
const lostAnswerMs = seconds(30);

/** The last answer to a refresh, of which nothing has been used yet. Tokens are hashes. */
interface Unheard {
  /** What was traded. */
  given: string;
  access: string;
  refresh: string;
  /** Of the clock that only moves forward. */
  until: number;
}

/** What is shown to prove a session: random, opaque, kept as hashes. A token is good while its row and its session are. */
export class Tokens {
  readonly #store: AccessStore;
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  /** By session. In memory: after a restart of the box nobody asks again. */
  readonly #unheard = new Map<string, Unheard>();

  constructor(options: { store: AccessStore; sessions: Sessions; clock: Clock }) {
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#clock = options.clock;
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
    if (this.#unheard.get(session.id)?.access === row.hash) this.#unheard.delete(session.id);
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
    const lost = row.usedAt === null ? undefined : this.#lostAnswer(session.id, row.hash);
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
      return this.newPair(session.id);
    });
    this.#unheard.set(session.id, {
      given: row.hash,
      access: secretHash('access', pair.accessToken),
      refresh: secretHash('refresh', pair.refreshToken),
      until: lost?.until ?? this.#clock.monotonic() + lostAnswerMs,
    });
    return { session, pair };
  }

  /** The answer that a refresh token was traded for, if it may have been lost. */
  #lostAnswer(sessionId: string, given: string): Unheard | undefined {
    const last = this.#unheard.get(sessionId);
    return last?.given === given && this.#clock.monotonic() < last.until ? last : undefined;
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

  /** Forgets tokens that ended. */
  sweep(): void {
    this.#store.run('DELETE FROM token WHERE expires_at <= :now', { now: this.#clock.now() });
    for (const [id, { until }] of this.#unheard)
      if (until <= this.#clock.monotonic()) this.#unheard.delete(id);
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
