import type { Clock } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';
import type {
  FirstRunRequest,
  JoinRequest,
  PasswordSignInRequest,
  PasswordRequest,
  RecoverRequest,
} from '../../../protocol/access-api.ts';
import type { ProofRequest, RecoverLookRequest } from '../../../protocol/account-api.ts';
import type { AuditAction } from '../../../protocol/audit-api.ts';
import type { PasswordHasher } from './argon2.ts';
import { GuessLimit, guessRules } from './guess-limit.ts';
import { checkPassword } from './password-policy.ts';
import type { Audit } from '../../sessions/audit.ts';
import { alreadyClaimed, type People, type Person } from '../../sessions/people.ts';
import type { OtherAccess } from './other-access.ts';
import type { RecentProof } from '../../sessions/recent-proof.ts';
import { secretHash } from '../../sessions/secrets.ts';
import { secondFactorNeeded, type SecondFactors, wrongCode } from './second-factors.ts';
import { cookieIdleMs, type Session, type Sessions } from '../../sessions/sessions.ts';
import type { SetupCode } from './setup-code.ts';
import type { AccessStore } from '../../sessions/store.ts';
import type { Tokens } from '../../sessions/tokens.ts';
import { clientKeyOf, type Visitor } from '../../visitor.ts';

export interface SignInsOptions {
  people: People;
  sessions: Sessions;
  tokens: Tokens;
  setupCode: SetupCode;
  /** Lines apart: strangers who make the box compute keep nobody waiting at home. */
  hashers: Record<Side, Pick<PasswordHasher, 'hash' | 'verify'>>;
  boxName: Fact<string>;
  recentProof: RecentProof;
  secondFactors: Pick<SecondFactors, 'of' | 'isRight'>;
  otherAccess: Pick<OtherAccess, 'end'>;
  store: Pick<AccessStore, 'transaction'>;
  audit: Audit;
  clock: Clock;
}

type Side = 'home' | 'away';

/** Also a visitor without the tunnel can be a stranger: by a global IPv6 address, or a port the router forwards. */
const sideOf = ({ atHome }: Visitor): Side => (atHome ? 'home' : 'away');

/** By whom, from where, on what. */
export interface Caller extends Visitor {
  device: string;
}

/** Every way for a person to come in: first run, password, recovery code, invitation. Each answers the console's cookie. */
export class SignIns {
  readonly #options: SignInsOptions;
  readonly #accounts = new GuessLimit({ rule: guessRules.account });
  readonly #codes = new GuessLimit({ rule: guessRules.code });
  readonly #addresses = new GuessLimit({ rule: guessRules.address });

  constructor(options: SignInsOptions) {
    this.#options = options;
  }

  /** Throws `only-at-home`, `already-claimed`, `wrong-setup-code`, `password-refused`, `rate-limited`. */
  async firstRun(given: FirstRunRequest, caller: Caller): Promise<{ recoveryCode: string; cookie: string }> {
    const { people, setupCode, hashers, boxName } = this.#options;
    if (people.claimed.value) throw alreadyClaimed();
    if (!caller.atHome) {
      const message =
        'a new box is set up at home: join the network the box is plugged into, and open it from there';
      throw new Problem('only-at-home', message, { status: 403 });
    }
    try {
      setupCode.check(given.setupCode);
    } catch (error) {
      this.#failed(undefined, caller);
      throw error;
    }
    checkPassword(given.password, [given.name, boxName.value]);
    const password = await hashers[sideOf(caller)].hash(given.password);
    const { recoveryCode, also: cookie = '' } = people.claim(given.name, password, (person) => {
      this.#record('claimed', person, caller);
      return this.enter(person, caller);
    });
    await setupCode.remove();
    return { recoveryCode, cookie };
  }

  /** Throws `wrong-name-or-password`, `second-factor-needed`, `wrong-code`, `not-claimed`, `rate-limited`. */
  async signIn(given: PasswordSignInRequest, caller: Caller): Promise<string> {
    const { people, hashers } = this.#options;
    this.#requireOwner();
    const person = people.byName(given.name);
    const stored = person && people.passwordOf(person.id);
    const right = await this.#guess(accountOf(given.name, person), caller, () =>
      hashers[sideOf(caller)].verify(given.password, stored),
    );
    // Replaced while it was looked at: who knows the old one stays out.
    const wrong = new Problem('wrong-name-or-password', 'the name or the password is wrong', { status: 401 });
    if (!right || person === undefined) throw wrong;
    await this.#second(person, given.code, caller);
    if (people.passwordOf(person.id) !== stored) throw wrong;
    return this.enter(person, caller);
  }

  /** Whose recovery code it is; the code stays good. Throws `wrong-recovery-code`, `not-claimed`, `rate-limited`. */
  async mayRecover(given: RecoverLookRequest, caller: Caller): Promise<Person> {
    const { people } = this.#options;
    this.#requireOwner();
    const person = people.byName(given.name);
    const right = (): boolean => person !== undefined && people.isRecoveryCode(person.id, given.recoveryCode);
    if (!(await this.#guess(accountOf(given.name, person), caller, right)) || person === undefined)
      throw wrongRecovery();
    return person;
  }

  /** Wants no second factor, and ends what is not kept of it. Throws `wrong-recovery-code`, `password-refused`, `rate-limited`. */
  async recover(given: RecoverRequest, caller: Caller): Promise<{ recoveryCode: string; cookie: string }> {
    const { people, otherAccess, store, tokens } = this.#options;
    const person = await this.mayRecover(given, caller);
    const password = await this.#hashed(given.password, person, caller);
    // Two who came with the same code at the same time: the second finds it used.
    if (!people.isRecoveryCode(person.id, given.recoveryCode)) throw wrongRecovery();
    return store.transaction(() => {
      const recoveryCode = people.setPassword(person.id, password);
      this.#record('recovered', person, caller);
      const session = this.#session(person, caller);
      otherAccess.end(person, given.keep ?? [], session.id, { who: person.name, address: caller.address });
      return { recoveryCode, cookie: tokens.newCookie(session.id) };
    });
  }

  /** Throws `invite-refused`, `password-refused`, `rate-limited`. */
  async join(given: JoinRequest, caller: Caller): Promise<{ recoveryCode: string; cookie: string }> {
    const { people } = this.#options;
    const invited = (): Person | undefined => people.invited(given.inviteCode);
    const right = await this.#guess(undefined, caller, () => invited() !== undefined);
    const person = invited();
    if (!right || person === undefined) throw inviteRefused();
    const password = await this.#hashed(given.password, person, caller);
    if (invited() === undefined) throw inviteRefused();
    return this.#options.store.transaction(() => {
      const recoveryCode = people.setPassword(person.id, password);
      this.#record('person-joined', person, caller);
      return { recoveryCode, cookie: this.enter(person, caller) };
    });
  }

  /**
   * Ends every other sign-in of the person, and what else lets somebody in but `keep`; `still` is asked before. Throws what it
   * throws, `wrong-name-or-password`, `password-refused`, `rate-limited`.
   */
  async changePassword(
    given: PasswordRequest,
    { person, session }: { person: Person; session: Pick<Session, 'id'> },
    caller: Caller,
    still: () => void,
  ): Promise<void> {
    const { people, hashers, otherAccess, store } = this.#options;
    const stored = people.passwordOf(person.id);
    const right = await this.#guess(person.id, caller, () =>
      hashers[sideOf(caller)].verify(given.current, stored),
    );
    const wrong = new Problem('wrong-name-or-password', 'the present password is wrong', { status: 401 });
    if (!right) throw wrong;
    const password = await this.#hashed(given.password, person, caller);
    // Replaced meanwhile, by somebody with the recovery code for example: theirs holds.
    if (people.passwordOf(person.id) !== stored) throw wrong;
    store.transaction(() => {
      still();
      people.changePassword(person.id, password);
      this.#record('password-changed', person, caller);
      otherAccess.end(person, given.keep ?? [], session.id, { who: person.name, address: caller.address });
    });
  }

  /** That it is this person who sits there, before what outlives the session. Throws as `login` does. */
  async prove(given: ProofRequest, person: Person, sessionId: string, caller: Caller): Promise<void> {
    const { people, hashers } = this.#options;
    const stored = people.passwordOf(person.id);
    const right = await this.#guess(person.id, caller, () =>
      hashers[sideOf(caller)].verify(given.password, stored),
    );
    const wrong = new Problem('wrong-name-or-password', 'the password is wrong', { status: 401 });
    if (!right) throw wrong;
    await this.#second(person, given.code, caller);
    if (people.passwordOf(person.id) !== stored) throw wrong;
    this.#options.recentProof.mark(sessionId);
  }

  /** A new sign-in session of somebody who proved who they are; answers its cookie. */
  enter(person: Person, caller: Caller): string {
    const { store, tokens } = this.#options;
    return store.transaction(() => tokens.newCookie(this.#session(person, caller).id));
  }

  #session(person: Person, caller: Caller): Session {
    const { sessions, recentProof } = this.#options;
    const session = sessions.create({
      parentId: null,
      personId: person.id,
      kind: 'login',
      label: caller.device,
      address: caller.address,
      idleMs: cookieIdleMs,
    });
    recentProof.mark(session.id);
    return session;
  }

  /** What is wanted beside the right password. Throws `second-factor-needed`, `wrong-code`, `rate-limited`. */
  async #second(person: Person, code: string | undefined, caller: Caller): Promise<void> {
    const { secondFactors } = this.#options;
    const by = secondFactors.of(person.id);
    if (by.length === 0) return;
    if (code === undefined || !by.includes('totp')) throw secondFactorNeeded(by);
    const right = await this.#guess(
      person.id,
      caller,
      () => secondFactors.isRight(person.id, code),
      this.#codes,
    );
    if (!right) throw wrongCode();
  }

  #record(action: AuditAction, { name }: Person, { address }: Caller): void {
    this.#options.audit.record({ action, who: name, address });
  }

  /** Only names that are somebody's: people type their password into the field for the name. */
  #failed(account: string | undefined, { address }: Caller): void {
    const person = account === undefined ? undefined : this.#options.people.byId(account);
    this.#options.audit.note({ action: 'login-failed', who: person?.name ?? '', address });
  }

  #hashed(password: string, person: Person, caller: Caller): Promise<string> {
    checkPassword(password, [person.name, this.#options.boxName.value]);
    return this.#options.hashers[sideOf(caller)].hash(password);
  }

  #requireOwner(): void {
    if (this.#options.people.claimed.value) return;
    const message = 'nobody has an account here yet: set the box up first';
    throw new Problem('not-claimed', message, { status: 409 });
  }

  /** One guess, counted against the account and the address until it proves right. Throws `rate-limited`. */
  async #guess(
    account: string | undefined,
    caller: Caller,
    check: () => boolean | Promise<boolean>,
    accounts = this.#accounts,
  ): Promise<boolean> {
    const now = this.#options.clock.monotonic();
    const counters: [GuessLimit, string][] = [[this.#addresses, clientKeyOf(caller.address)]];
    // A stranger's guesses from outside keep nobody out at home.
    const key = account === undefined ? undefined : `${sideOf(caller)}:${account}`;
    if (key !== undefined) counters.push([accounts, key]);
    const waitMs = Math.max(...counters.map(([limit, key]) => limit.wait(key, now)));
    if (waitMs > 0) throw tooMany(waitMs);
    const undo = counters.map(([limit, key]) => limit.count(key, now));
    let right: boolean | undefined;
    try {
      right = await check();
      return right;
    } finally {
      // What could not be looked at was no guess.
      if (right === undefined) for (const takeBack of undo) takeBack();
      // Who proved who they are has nothing to wait for, nor has anybody else where they are: each account has its own count.
      if (right === true) for (const [limit, counted] of counters) limit.forgive(counted);
      if (right === false) this.#failed(account, caller);
    }
  }
}

/** Names without a person are counted like those with one: who is told to wait learns nothing about who lives here. */
function accountOf(name: string, person: Person | undefined): string {
  return person?.id ?? secretHash('name', name.toLowerCase());
}

function tooMany(waitMs: number): Problem {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const message = `too many wrong tries; try again in ${retryAfterSeconds} seconds`;
  return new Problem('rate-limited', message, { status: 429, retryAfterSeconds });
}

const wrongRecovery = (): Problem =>
  new Problem('wrong-recovery-code', 'the name or the recovery code is wrong, or the code was used before', {
    status: 401,
  });

const inviteRefused = (): Problem =>
  new Problem('invite-refused', 'this invite code is wrong, used or too old; ask for a new one', {
    status: 401,
  });
