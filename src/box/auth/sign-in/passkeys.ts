import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import type { Clock } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';
import type { PasskeyView } from '../../../protocol/access-api.ts';
import { Challenges } from './challenges.ts';
import type { People, Person } from '../../sessions/people.ts';
import { secretHash } from '../../sessions/secrets.ts';
import { type AccessStore, numberOrNull, type Row } from '../../sessions/store.ts';

export interface PasskeysOptions {
  store: AccessStore;
  people: People;
  boxName: Fact<string>;
  /** The zone: every endpoint in it shares it, and no other box lies below it. */
  rpId: string;
  clock: Clock;
}

/** Loaded by the first who uses a passkey: it takes 27 MB, which a small box has better uses for. */
const webauthn = async () => import('@simplewebauthn/server');

const maxPerPerson = 20;
/** COSE: EdDSA, ES256, RS256, which all authenticators have one of. The library's own choice loads an experiment of Node's. */
const algorithms = [-8, -7, -257];

/** Passkeys (WebAuthn Level 3), discoverable and with the person verified: one is a whole sign-in. */
export class Passkeys {
  readonly #options: PasskeysOptions;
  readonly #challenges: Challenges;

  constructor(options: PasskeysOptions) {
    this.#options = options;
    this.#challenges = new Challenges(options);
  }

  any(): boolean {
    return this.#options.store.get('SELECT 1 FROM passkey') !== undefined;
  }

  of(personId: string): PasskeyView[] {
    return this.#rows(personId).map((row) => ({
      id: shownId(String(row['id'])),
      label: String(row['label']),
      createdAt: Number(row['created_at']),
      lastUsedAt: numberOrNull(row['last_used_at']),
    }));
  }

  /** Throws `not-found`. */
  remove(personId: string, id: string): void {
    const found = this.#rows(personId).find((row) => shownId(String(row['id'])) === id);
    if (found === undefined) throw new Problem('not-found', 'you have no such passkey', { status: 404 });
    this.#options.store.run('DELETE FROM passkey WHERE id = :id', { id: String(found['id']) });
  }

  /** What `navigator.credentials.create` is asked for. `sessionId`: of the person, whom alone it is for. */
  async optionsToAdd(person: Person, sessionId: string): Promise<PublicKeyCredentialCreationOptionsJSON> {
    const { boxName, rpId } = this.#options;
    const { generateRegistrationOptions } = await webauthn();
    return generateRegistrationOptions({
      rpName: boxName.value,
      rpID: rpId,
      userName: person.name,
      userDisplayName: person.name,
      userID: Uint8Array.from(Buffer.from(person.id)),
      challenge: this.#challenges.issue(`add:${sessionId}`),
      // The authenticator that holds one of these makes no other: it would overwrite it.
      excludeCredentials: this.#credentials(person.id),
      supportedAlgorithmIDs: algorithms,
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
  }

  /**
   * `origin`: of the page that asked for it, one of the box's own. Never in the place of another one. Throws `passkey-refused`,
   * `passkey-known`.
   */
  async add(given: {
    person: Person;
    sessionId: string;
    label: string;
    origin: string;
    response: RegistrationResponseJSON;
    /** Throws when the session is over. */
    still: () => void;
    /** Writes down that it was added, in the same transaction. */
    record: (label: string) => void;
  }): Promise<PasskeyView> {
    const { store, rpId, clock } = this.#options;
    const { person, response, origin, label } = given;
    requireTopPage(response.response.clientDataJSON);
    const { verifyRegistrationResponse } = await webauthn();
    const challenge = this.#challengeOf(`add:${given.sessionId}`);
    const { verified, registrationInfo } = await understood(
      verifyRegistrationResponse({
        response,
        expectedChallenge: challenge.isExpected,
        expectedOrigin: origin,
        expectedRPID: rpId,
        requireUserVerification: true,
        supportedAlgorithmIDs: algorithms,
      }),
    );
    given.still();
    if (!verified || !this.#challenges.use(challenge.value)) throw refused();
    if (this.#rows(person.id).length >= maxPerPerson)
      throw new Problem('bad-request', `you have ${maxPerPerson} passkeys; remove one first`, {
        status: 400,
      });
    const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
    const now = clock.now();
    if (store.get('SELECT 1 FROM passkey WHERE id = :id', { id }) !== undefined) throw known();
    store.transaction(() => {
      store.run(
        'INSERT INTO passkey VALUES (:id, :personId, :label, :publicKey, :counter, :transports, :now, NULL)',
        { id, personId: person.id, label, publicKey, counter, transports: JSON.stringify(transports), now },
      );
      given.record(label);
    });
    return { id: shownId(id), label, createdAt: now, lastUsedAt: null };
  }

  /** What `navigator.credentials.get` is asked for: any passkey of this box, so that nobody learns whose there are. */
  async optionsToSignIn(): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const { generateAuthenticationOptions } = await webauthn();
    return generateAuthenticationOptions({
      rpID: this.#options.rpId,
      challenge: this.#challenges.issue('login'),
      userVerification: 'required',
    });
  }

  /** Whose passkey it is. Throws `passkey-refused`. */
  signIn(response: AuthenticationResponseJSON, origin: string): Promise<Person> {
    return this.#verify(response, origin, 'login');
  }

  /** As `optionsToLogIn`, of one person who is in already. */
  async optionsToProve(person: Person, sessionId: string): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const { generateAuthenticationOptions } = await webauthn();
    return generateAuthenticationOptions({
      rpID: this.#options.rpId,
      challenge: this.#challenges.issue(`prove:${sessionId}`),
      allowCredentials: this.#credentials(person.id),
      userVerification: 'required',
    });
  }

  /** It is this person who sits there. Throws `passkey-refused`, also for somebody else's passkey. */
  async prove(
    person: Person,
    sessionId: string,
    response: AuthenticationResponseJSON,
    origin: string,
  ): Promise<void> {
    const found = await this.#verify(response, origin, `prove:${sessionId}`);
    if (found.id !== person.id) throw refused();
  }

  async #verify(response: AuthenticationResponseJSON, origin: string, purpose: string): Promise<Person> {
    const { store, people, rpId, clock } = this.#options;
    requireTopPage(response.response.clientDataJSON);
    const row = store.get('SELECT * FROM passkey WHERE id = :id', { id: response.id });
    const person = row && people.byId(String(row['person_id']));
    if (row === undefined || person === undefined) throw refused();
    const { verifyAuthenticationResponse } = await webauthn();
    const challenge = this.#challengeOf(purpose);
    const { verified, authenticationInfo } = await understood(
      verifyAuthenticationResponse({
        response,
        expectedChallenge: challenge.isExpected,
        expectedOrigin: origin,
        expectedRPID: rpId,
        credential: {
          id: response.id,
          publicKey: Uint8Array.from(row['public_key'] as Uint8Array),
          counter: Number(row['counter']),
          transports: JSON.parse(String(row['transports'])) as string[],
        },
        requireUserVerification: true,
      }),
    );
    if (!verified || !this.#challenges.use(challenge.value)) throw refused();
    const changed = store.run('UPDATE passkey SET counter = :counter, last_used_at = :now WHERE id = :id', {
      id: response.id,
      counter: authenticationInfo.newCounter,
      now: clock.now(),
    });
    // Removed while it was looked at.
    if (changed === 0) throw refused();
    return person;
  }

  /** The library hands over the challenge it found in the response. */
  #challengeOf(purpose: string): { isExpected: (challenge: string) => boolean; readonly value: string } {
    let value = '';
    return {
      isExpected: (challenge) => this.#challenges.isGood(purpose, (value = challenge)),
      get value() {
        return value;
      },
    };
  }

  #credentials(personId: string): { id: string }[] {
    return this.#rows(personId).map((row) => ({ id: String(row['id']) }));
  }

  #rows(personId: string): Row[] {
    const { store } = this.#options;
    return store.all('SELECT * FROM passkey WHERE person_id = :personId ORDER BY created_at', { personId });
  }
}

/** A credential's own id can be longer than what fits in a path. */
const shownId = (id: string): string => secretHash('passkey', id);

/**
 * The page that asked must be the whole window (WebAuthn Level 3, 5.8.1): not one in a frame of somebody else's, which the
 * library does not look at. Browsers of before Level 2 leave `crossOrigin` out, and know no frames that may ask. Throws
 * `passkey-refused`.
 */
function requireTopPage(clientDataJSON: string): void {
  let data: { crossOrigin?: unknown; topOrigin?: unknown };
  try {
    data = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()) as typeof data;
  } catch (cause) {
    throw refused(cause);
  }
  if ((data.crossOrigin ?? false) !== false || data.topOrigin !== undefined) throw refused();
}

/** The library throws at whatever is wrong with a response, in words about its fields. */
async function understood<T>(verification: Promise<T>): Promise<T> {
  try {
    return await verification;
  } catch (error) {
    throw refused(error);
  }
}

const known = (): Problem =>
  new Problem(
    'passkey-known',
    'this passkey is known on the box already, and stays as it is; make a new one',
    {
      status: 409,
    },
  );

function refused(cause?: unknown): Problem {
  const message = 'this passkey cannot be used here: it is unknown, or it took too long; try again';
  return new Problem('passkey-refused', message, { status: 401, cause });
}
