import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import type { AccessStore } from './store.ts';
import { StorageProblem } from '../../kit/disk/problem.ts';

/** An app whose answer was lost on the way asks again within this. */
const windowMs = seconds(30);

/** The last answer to a refresh, of which nothing has been used yet. All three are hashes of tokens. */
export interface UnacknowledgedRefresh {
  /** What was traded. */
  given: string;
  access: string;
  refresh: string;
}

/**
 * Which refreshes may have lost their answer on the way. They stand in the store, beside the tokens and in the transaction
 * that makes them: a box that ends between commit and answer, and starts again, still tells its app from a thief. No token
 * is kept for that: who asks again gets other ones. How long it may ask is counted by the clock that only moves forward; after
 * a start nobody knows how long the box was away, so the window begins again.
 */
export class UnacknowledgedRefreshes {
  readonly #store: AccessStore;
  readonly #clock: Clock;
  /** By session: until when. */
  readonly #windows = new Map<string, number>();
  /** An answer was used; it stands in the store no more, or the disk did not take that yet. */
  readonly #used = new Set<string>();

  constructor(options: { store: AccessStore; clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /** At the start of the box. */
  open(): void {
    const until = this.#clock.monotonic() + windowMs;
    for (const row of this.#store.all('SELECT session_id FROM unacknowledged_refresh'))
      this.#windows.set(String(row['session_id']), until);
  }

  /** The answer that a refresh token was traded for, while it may have been lost. */
  find(sessionId: string, given: string): UnacknowledgedRefresh | undefined {
    const until = this.#windows.get(sessionId);
    if (until === undefined || this.#clock.monotonic() >= until) return undefined;
    const row = this.#store.get('SELECT * FROM unacknowledged_refresh WHERE session_id = :id', {
      id: sessionId,
    });
    if (row?.['given'] !== given) return undefined;
    const refresh = String(row['refresh']);
    if (this.#used.has(refresh)) return undefined;
    return { given, access: String(row['access']), refresh };
  }

  /** In the transaction that makes the answer. */
  put(sessionId: string, answer: UnacknowledgedRefresh): void {
    this.#store.run(
      'INSERT OR REPLACE INTO unacknowledged_refresh VALUES (:sessionId, :given, :access, :refresh)',
      { sessionId, ...answer },
    );
  }

  /** The first answer is made and on the disk; one for another that was lost has what is left of its window. */
  begin(sessionId: string): void {
    this.#windows.set(sessionId, this.#clock.monotonic() + windowMs);
  }

  /** A token of the session is used: its answer has arrived, if it is the one of that answer. */
  acknowledge(sessionId: string, access: string): void {
    if (!this.#windows.has(sessionId)) return;
    const row = this.#store.get(
      'SELECT refresh FROM unacknowledged_refresh WHERE session_id = :sessionId AND access = :access',
      { sessionId, access },
    );
    if (row === undefined) return;
    const refresh = String(row['refresh']);
    this.#used.add(refresh);
    this.#windows.delete(sessionId);
    this.#forget(refresh);
  }

  /** Forgets those whose window is over, so that no later start opens it again; answers in how many ms to look again. */
  sweep(): number | undefined {
    const now = this.#clock.monotonic();
    for (const row of this.#store.all('SELECT session_id, refresh FROM unacknowledged_refresh'))
      if (now >= (this.#windows.get(String(row['session_id'])) ?? 0)) this.#forget(String(row['refresh']));
    for (const [id, until] of this.#windows) if (now >= until) this.#windows.delete(id);
    const next = Math.min(...this.#windows.values());
    return Number.isFinite(next) ? next - now : undefined;
  }

  /** A full disk must not keep out who came with a good token. What is left there goes with the next sweep. */
  #forget(refresh: string): void {
    try {
      this.#store.run('DELETE FROM unacknowledged_refresh WHERE refresh = :refresh', { refresh });
      this.#used.delete(refresh);
    } catch (error) {
      if (!(error instanceof StorageProblem)) throw error;
    }
  }
}
