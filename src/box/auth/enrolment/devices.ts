import { X509Certificate } from 'node:crypto';
import { type Clock, days } from '../../../kit/runtime/clock.ts';
import { codeOf, messageOf } from '../../../kit/runtime/errors.ts';
import type { Log } from '../../../kit/log/log.ts';
import type { Session, Sessions } from '../../sessions/sessions.ts';
import type { AccessStore } from '../../sessions/store.ts';

/** A device as its signing request, and the query it came with, have it. */
export interface Device {
  keyFingerprint: string;
  commonName: string;
  app: string;
}

/** A device that asks again and again gets so many certificates a day; then the last one once more. */
const perDay = 8;

/**
 * The devices that an owner let in, each below its session, and their certificates. A certificate whose session is over has
 * none any more, and is on the list of the revoked until it would have ended by itself.
 */
export class Devices {
  readonly #store: AccessStore;
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(options: { store: AccessStore; sessions: Sessions; clock: Clock; log: Log }) {
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Fingerprints of the keys that came under this name for this app, and are let in. */
  keysOf({ commonName, app }: Device): Set<string> {
    const rows = this.#store.all(
      'SELECT key_fingerprint FROM device WHERE common_name = :commonName AND app = :app',
      { commonName, app },
    );
    return new Set(rows.map((row) => String(row['key_fingerprint'])));
  }

  /** The last certificate, when there have been enough of them today. */
  enough(sessionId: string): string | undefined {
    const rows = this.#store.all(
      `SELECT pem FROM device_certificate WHERE session_id = :sessionId AND issued_at > :since ORDER BY issued_at DESC`,
      { sessionId, since: this.#clock.now() - days(1) },
    );
    return rows.length < perDay ? undefined : String(rows[0]?.['pem']);
  }

  /**
   * From now on the certificate opens the secure port; `record` writes that down in the same transaction. Answers whether
   * the session was still there.
   */
  keep(sessionId: string, device: Device, pem: string, record: () => void = () => undefined): boolean {
    const { fingerprint256, serialNumber, validToDate } = new X509Certificate(pem);
    return this.#store.transaction(() => {
      if (this.#sessions.find(sessionId) === undefined) return false;
      this.#store.run(
        'INSERT OR IGNORE INTO device VALUES (:sessionId, :keyFingerprint, :commonName, :app)',
        { sessionId, ...device },
      );
      this.#store.run(
        'INSERT INTO device_certificate VALUES (:fingerprint256, :serialNumber, :sessionId, :pem, :now, :endsAt, NULL)',
        {
          fingerprint256,
          serialNumber,
          sessionId,
          pem,
          now: this.#clock.now(),
          endsAt: validToDate.getTime(),
        },
      );
      record();
      return true;
    });
  }

  /** Whose certificate it is; `undefined`: revoked, ended, or none of ours. */
  find(certificate: X509Certificate): Session | undefined {
    const row = this.#store.get(
      'SELECT session_id FROM device_certificate WHERE fingerprint = :fingerprint AND session_id IS NOT NULL AND expires_at > :now',
      { fingerprint: certificate.fingerprint256, now: this.#clock.now() },
    );
    return row && this.#sessions.find(String(row['session_id']));
  }

  /** Writes down when those without a session were revoked. Never fails: that they are revoked does not hang on it. */
  noteRevoked(): void {
    try {
      this.#store.run(
        'UPDATE device_certificate SET revoked_at = :now WHERE session_id IS NULL AND revoked_at IS NULL',
        { now: this.#clock.now() },
      );
    } catch (error) {
      this.#log.warn(
        { code: codeOf(error) },
        `the time of a revocation is written down later: ${messageOf(error)}`,
      );
    }
  }

  /** Serial numbers in hex, with when. */
  revoked(): { serial: string; at: Date }[] {
    this.noteRevoked();
    const rows = this.#store.all(
      'SELECT serial, coalesce(revoked_at, :now) AS at FROM device_certificate WHERE session_id IS NULL AND expires_at > :now ORDER BY at, serial',
      { now: this.#clock.now() },
    );
    return rows.map((row) => ({ serial: String(row['serial']), at: new Date(Number(row['at'])) }));
  }

  /** Forgets certificates that have ended. */
  sweep(): void {
    this.#store.run('DELETE FROM device_certificate WHERE expires_at <= :now', { now: this.#clock.now() });
  }
}
