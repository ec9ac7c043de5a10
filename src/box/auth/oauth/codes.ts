import { createHash } from 'node:crypto';
import { type Clock, days } from '../../../kit/runtime/clock.ts';
import { codeMs } from '../../sessions/dated-columns.ts';
import { invalidGrant } from '../../sessions/oauth-problem.ts';
import { newToken, secretHash } from '../../sessions/secrets.ts';
import type { Session, Sessions } from '../../sessions/sessions.ts';
import type { AccessStore } from '../../sessions/store.ts';

export interface CodeGrant {
  clientId: string;
  redirectUri: string;
  /** RFC 7636: base64url of the SHA-256 of the verifier. */
  challenge: string;
}

/** A code that was used is remembered so long, to end what it made when it comes again. */
const usedMs = days(1);

/** The one-time codes between consent and token (RFC 6749, 4.1.2; RFC 7636). */
export class Codes {
  readonly #store: AccessStore;
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  constructor(options: { store: AccessStore; sessions: Sessions; clock: Clock }) {
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#clock = options.clock;
  }

  /** `sessionId`: of the person who consented. */
  issue(sessionId: string, grant: CodeGrant): string {
    const code = newToken();
    this.#store.run(
      'INSERT INTO code VALUES (:hash, :sessionId, :clientId, :redirectUri, :challenge, :expiresAt, NULL, NULL)',
      {
        ...grant,
        hash: secretHash('code', code),
        sessionId,
        expiresAt: this.#clock.now() + codeMs,
      },
    );
    return code;
  }

  /**
   * Uses the code, and binds it to the session that `make` makes below the one of the person who consented. Used a second
   * time it ends that session (RFC 6749, 4.1.2). Throws `invalid-grant`, always with the same words: a guesser learns nothing.
   */
  use(
    given: Omit<CodeGrant, 'challenge'> & { code: string; verifier: string },
    make: (parent: Session) => Session,
  ): Session {
    const hash = secretHash('code', given.code);
    const row = this.#store.get('SELECT * FROM code WHERE hash = :hash', { hash });
    if (row === undefined) throw refused();
    if (row['used_at'] !== null) {
      if (row['made_session_id'] !== null)
        this.#sessions.end(String(row['made_session_id']), { action: 'credential-replayed' });
      throw refused();
    }
    const challenge = createHash('sha256').update(given.verifier).digest('base64url');
    const parent = this.#sessions.find(String(row['session_id']));
    const good =
      Number(row['expires_at']) > this.#clock.now() &&
      row['client_id'] === given.clientId &&
      row['redirect_uri'] === given.redirectUri &&
      row['challenge'] === challenge;
    const made = this.#store.transaction(() => {
      const now = this.#clock.now();
      // Also a wrong try uses it up: whoever sent it has the code and not the verifier.
      this.#store.run('UPDATE code SET used_at = :now WHERE hash = :hash', { now, hash });
      if (!good || parent === undefined) return undefined;
      const session = make(parent);
      this.#store.run('UPDATE code SET made_session_id = :id WHERE hash = :hash', { id: session.id, hash });
      return session;
    });
    if (made === undefined) throw refused();
    return made;
  }

  sweep(): void {
    this.#store.run('DELETE FROM code WHERE expires_at <= :before', { before: this.#clock.now() - usedMs });
  }
}

function refused(): ReturnType<typeof invalidGrant> {
  return invalidGrant(
    'this code is not good: it works once, for one minute, for the app and the address it was made for; connect again',
  );
}
