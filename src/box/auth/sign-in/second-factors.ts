import { type Clock, likelyNow, minutes, seconds } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { SecondFactor, SecondFactorView, TotpView } from '../../../protocol/account-api.ts';
import type { Passkeys } from './passkeys.ts';
import type { Person } from '../../sessions/people.ts';
import { type AccessStore, numberOrNull } from '../../sessions/store.ts';
import type { Vault } from '../../sessions/vault.ts';

export interface SecondFactorsOptions {
  store: AccessStore;
  vault: Vault;
  passkeys: Pick<Passkeys, 'of'>;
  clock: Clock;
}

/** Loaded by the first who uses a code. */
const otpauth = async () => import('otpauth');

/** What every authenticator app can do (RFC 6238, 1.2; the apps ignore other choices). */
const parameters = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** RFC 4226, 4: 160 bits. */
const secretBytes = 20;
/** One step each way for clocks that differ (RFC 6238, 5.2). */
const window = 1;
/** So long a person may take to scan the code and type what the app shows. */
const setUpMs = minutes(10);

/**
 * What a person has to show beside their password, when they switched that on: a code of an authenticator app (TOTP, RFC 6238), or
 * a passkey. A passkey alone is two factors already (it is something they have, and verifies them), so it lets in by itself.
 */
export class SecondFactors {
  readonly #options: SecondFactorsOptions;
  /** By session: a secret that was shown and not confirmed yet. */
  readonly #begun = new Map<string, { secret: Uint8Array; until: number }>();

  constructor(options: SecondFactorsOptions) {
    this.#options = options;
  }

  /** What the person can show beside the password; empty: the password is enough. */
  of(personId: string): readonly SecondFactor[] {
    const { on, totp, passkeys } = this.view(personId);
    if (!on) return [];
    return [...(totp ? (['totp'] as const) : []), ...(passkeys ? (['passkey'] as const) : [])];
  }

  view(personId: string): SecondFactorView {
    const { store, passkeys } = this.#options;
    const row = store.get('SELECT second_factor FROM person WHERE id = :personId', { personId });
    const totp = store.get('SELECT 1 FROM totp WHERE person_id = :personId', { personId }) !== undefined;
    const has = { totp, passkeys: passkeys.of(personId).length > 0 };
    // When the last passkey goes (a recovery takes them), there is nothing to ask for.
    return { ...has, on: row?.['second_factor'] === 1 && (has.totp || has.passkeys) };
  }

  /** A new secret, shown once; it counts from `confirm` on. `issuer`: what the app shows, the name of the box. */
  async begin(person: Person, sessionId: string, issuer: string): Promise<TotpView> {
    const now = this.#options.clock.monotonic();
    for (const [id, { until }] of this.#begun) if (until <= now) this.#begun.delete(id);
    const { Secret, TOTP } = await otpauth();
    const secret = new Secret({ size: secretBytes });
    this.#begun.set(sessionId, { secret: secret.bytes, until: now + setUpMs });
    const totp = new TOTP({ ...parameters, secret, issuer: plain(issuer), label: plain(person.name) });
    return { secret: secret.base32, uri: totp.toString() };
  }

  /**
   * The app shows the right code: from now on it is asked for. `still` is asked before, and `record` writes it down, in the
   * same transaction. Throws what they throw, `wrong-code`, `not-found` when it took too long.
   */
  async confirm(
    person: Person,
    sessionId: string,
    code: string,
    { still, record }: Record<'still' | 'record', () => void>,
  ): Promise<void> {
    const { store, vault, clock } = this.#options;
    const begun = this.#begun.get(sessionId);
    if (begun === undefined || begun.until <= clock.monotonic()) throw tookTooLong();
    const step = await stepOf(begun.secret, code, likelyNow(clock));
    if (step === undefined) throw wrongCode();
    await vault.open();
    this.#begun.delete(sessionId);
    const secret = vault.seal(nameOf(person.id), begun.secret);
    store.transaction(() => {
      still();
      store.run('INSERT OR REPLACE INTO totp VALUES (:personId, :secret, :step, :now)', {
        personId: person.id,
        secret,
        step,
        now: clock.now(),
      });
      this.#switch(person.id, 1);
      record();
    });
  }

  /** From now on the password wants a passkey beside it. Throws `no-passkey`. */
  requirePasskey(personId: string): void {
    if (!this.view(personId).passkeys)
      throw new Problem('no-passkey', 'you have no passkey yet; add one first', { status: 409 });
    this.#switch(personId, 1);
  }

  /** The password is enough again; the secret of the authenticator app is forgotten. */
  off(personId: string): void {
    const { store } = this.#options;
    store.transaction(() => {
      store.run('DELETE FROM totp WHERE person_id = :personId', { personId });
      this.#switch(personId, 0);
    });
  }

  /** Whether `code` is the one of now; then it, and all before it, are none any more (RFC 6238, 5.2). */
  async isRight(personId: string, code: string): Promise<boolean> {
    const { store, vault, clock } = this.#options;
    await vault.open();
    const row = store.get('SELECT secret FROM totp WHERE person_id = :personId', { personId });
    const sealed = row?.['secret'];
    const secret = sealed instanceof Uint8Array ? vault.unseal(nameOf(personId), sealed) : undefined;
    const step = secret && (await stepOf(secret, code, likelyNow(clock)));
    if (step === undefined) return false;
    const used = store.run(
      'UPDATE totp SET last_step = :step WHERE person_id = :personId AND last_step < :step',
      { personId, step },
    );
    return used === 1;
  }

  /** When the authenticator app was set up, ms since the epoch. */
  since(personId: string): number | undefined {
    const row = this.#options.store.get('SELECT created_at FROM totp WHERE person_id = :personId', {
      personId,
    });
    return numberOrNull(row?.['created_at']) ?? undefined;
  }

  #switch(personId: string, on: 0 | 1): void {
    this.#options.store.run('UPDATE person SET second_factor = :on WHERE id = :personId', { personId, on });
  }
}

/** The step of time whose code it is, among those of now; `undefined`: none. */
async function stepOf(secret: Uint8Array, code: string, now: number): Promise<number | undefined> {
  const { Secret, TOTP } = await otpauth();
  const digits = code.replaceAll(/[ -]/g, '');
  const bytes = Uint8Array.from(secret);
  const totp = new TOTP({ ...parameters, secret: new Secret({ buffer: bytes.buffer }) });
  const delta = totp.validate({ token: digits, timestamp: now, window });
  return delta === null ? undefined : Math.floor(now / seconds(parameters.period)) + delta;
}

/** Under which its secret is in the vault. */
const nameOf = (personId: string): string => `totp:${personId}`;

/** A colon separates issuer and label in what the app reads. */
const plain = (text: string): string => text.replaceAll(':', ' ').trim() || 'Porchlight';

export const secondFactorNeeded = (by: readonly SecondFactor[]): Problem => {
  const message =
    'the password is right, and this account wants a second factor: give a code, or use a passkey';
  return new Problem('second-factor-needed', message, { status: 401, details: { by } });
};

export const wrongCode = (): Problem =>
  new Problem('wrong-code', 'the code is wrong, used, or older than a minute; take the next one', {
    status: 401,
  });

const tookTooLong = (): Problem =>
  new Problem('not-found', 'the secret is not there any more; begin the set-up again', { status: 404 });
