import { randomUUID } from 'node:crypto';
import { type Clock, days } from '../../../kit/runtime/clock.ts';
import { instanceLimits } from '../../../protocol/instance-api.ts';
import type { Session, Sessions } from '../../sessions/sessions.ts';
import { type AccessStore, type Row, textOrNull } from '../../sessions/store.ts';
import type { Asker } from './pending.ts';
import type { Vault } from '../../sessions/vault.ts';

export interface InstanceSecrets {
  /** What the instance signs with, 32 bytes. */
  hmac: Uint8Array;
  /** The pair that the box made for the instance, which bodies are encrypted to; see protocol/sealed.ts. */
  sealing: Uint8Array;
}

export interface Instance {
  clientId: string;
  session: Session;
  /** Absent for one that has a token. */
  secrets: InstanceSecrets | undefined;
}

/** Those that no owner said yes to: more than this, and the one that was used longest ago goes. */
export const mostStrangers = 500;
/** One that was never used is not kept as long as one that was. */
const neverUsedMs = days(1);
const dormantMs = days(instanceLimits.dormantDays);

const ofInstance = 'FROM instance JOIN session ON session.id = instance.session_id';

/** The credentials of app instances. Each is as good as its session: it goes with it. */
export class InstanceTable {
  readonly #store: AccessStore;
  readonly #sessions: Sessions;
  readonly #vault: Vault;
  readonly #clock: Clock;
  /** Ids of those that were made since the start and have not come with their credential yet, with when they were made by the clock that only moves forward. */
  readonly #unused = new Map<string, number>();

  constructor(options: { store: AccessStore; sessions: Sessions; vault: Vault; clock: Clock }) {
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#vault = options.vault;
    this.#clock = options.clock;
  }

  /** A credential of nobody's yet: a session without a person. The one before of the same mailbox and nobody's goes. */
  create(asker: Asker, proof: InstanceSecrets | { tokenHash: string }): Instance {
    const { deviceId, uid, mailbox, label, address } = asker;
    const clientId = randomUUID();
    const [secret, tokenHash] =
      'tokenHash' in proof
        ? [null, proof.tokenHash]
        : [this.#vault.seal(clientId, Buffer.concat([proof.hmac, proof.sealing])), null];
    const before = this.#ids(`${ofInstance} WHERE person_id IS NULL AND uid = :uid AND mailbox = :mailbox`, {
      uid,
      mailbox,
    });
    const tooMany = this.#ids(
      `${ofInstance} WHERE person_id IS NULL ORDER BY last_seen_at DESC, created_at DESC LIMIT -1 OFFSET :kept`,
      { kept: mostStrangers - 1 },
    );
    for (const id of new Set([...before, ...tooMany])) this.#sessions.end(id);
    return this.#store.transaction(() => {
      const session = this.#sessions.create({
        parentId: null,
        personId: null,
        kind: 'instance',
        label,
        address,
        idleMs: null,
      });
      this.#store.run(
        'INSERT INTO instance VALUES (:clientId, :sessionId, :deviceId, :mailbox, :uid, :secret, :tokenHash)',
        { clientId, sessionId: session.id, deviceId, mailbox, uid, secret, tokenHash },
      );
      this.#unused.set(clientId, this.#clock.monotonic());
      const [oldest] = this.#unused.keys();
      if (this.#unused.size > mostStrangers && oldest !== undefined) this.#unused.delete(oldest);
      return { clientId, session, secrets: 'tokenHash' in proof ? undefined : proof };
    });
  }

  byClientId(clientId: string): Instance | undefined {
    return this.#instance(
      this.#store.get('SELECT * FROM instance WHERE client_id = :clientId', { clientId }),
    );
  }

  byToken(tokenHash: string): Instance | undefined {
    return this.#instance(
      this.#store.get('SELECT * FROM instance WHERE token_hash = :tokenHash', { tokenHash }),
    );
  }

  bySession(sessionId: string): Instance | undefined {
    return this.#instance(
      this.#store.get('SELECT * FROM instance WHERE session_id = :sessionId', { sessionId }),
    );
  }

  /** The instance has come with its credential. */
  used({ clientId }: Instance): void {
    this.#unused.delete(clientId);
  }

  /** From now on the instance stands for `session`, and is over with that one. */
  link({ clientId, session: before }: Instance, session: Session): void {
    if (before.id === session.id) return;
    this.#store.transaction(() => {
      const linked = this.#store.run(
        'UPDATE instance SET session_id = :sessionId WHERE client_id = :clientId',
        { clientId, sessionId: session.id },
      );
      // Ended while the owner was asked: then there is nobody for whom the yes would be.
      this.#sessions.end(linked === 0 ? session.id : before.id);
    });
  }

  /** Ends what was not used for too long; answers how many. */
  endDormant(): number {
    const now = this.#clock.now();
    const longAgo = this.#clock.monotonic() - neverUsedMs;
    const unused = [...this.#unused].filter(([, madeAt]) => madeAt <= longAgo).map(([id]) => id);
    for (const clientId of unused) this.#unused.delete(clientId);
    const ids = [
      ...unused.map((clientId) => this.byClientId(clientId)?.session.id ?? ''),
      ...this.#ids(`${ofInstance} WHERE last_seen_at <= :dormant`, { dormant: now - dormantMs }),
    ];
    return ids.filter((id) => this.#sessions.end(id, { action: 'session-expired' }).length > 0).length;
  }

  #ids(sql: string, values: Record<string, string | number>): string[] {
    return this.#store.all(`SELECT session.id ${sql}`, values).map((row) => String(row['id']));
  }

  #instance(row: Row | undefined): Instance | undefined {
    const session = row && this.#sessions.find(String(row['session_id']));
    if (row === undefined || session === undefined) return undefined;
    const clientId = String(row['client_id']);
    if (textOrNull(row['token_hash']) !== null) return { clientId, session, secrets: undefined };
    const secret = row['secret'];
    const opened = secret instanceof Uint8Array ? this.#vault.unseal(clientId, secret) : undefined;
    // The key of the vault is another one: nobody can prove to be this instance any more.
    if (opened === undefined) return undefined;
    return { clientId, session, secrets: { hmac: opened.subarray(0, 32), sealing: opened.subarray(32) } };
  }
}
