import { Problem } from '../../kit/runtime/errors.ts';
import { askJson } from '../answers.ts';
import { type Runtime, runtimeFrom } from '../runtime.ts';
import { type InstanceMailbox, readPatienceMs } from './mailbox.ts';
import { textsIn } from './texts.ts';

export interface FirebaseMailboxOptions {
  /** `https://<project>-default-rtdb.firebaseio.com`. */
  database: string;
  /** Of the Firebase project: it names the project and is no secret. */
  apiKey: string;
  /** Where one signs in; for tests and emulators. */
  identity?: string;
  runtime?: Partial<Runtime>;
}

const pauseMs = 1000;

/** Firebase: anonymous authentication and the Realtime Database, over their REST APIs. */
export class FirebaseMailbox implements InstanceMailbox {
  readonly name = 'firebase';
  readonly #options: FirebaseMailboxOptions;
  readonly #runtime: Runtime;
  #signedIn: { localId: string; idToken: string } | undefined;

  constructor(options: FirebaseMailboxOptions) {
    this.#options = options;
    this.#runtime = runtimeFrom(options.runtime);
  }

  async signIn(signal?: AbortSignal): Promise<string> {
    const { apiKey, identity = 'https://identitytoolkit.googleapis.com' } = this.#options;
    const url = `${identity}/v1/accounts:signUp?key=${encodeURIComponent(apiKey)}`;
    const headers = { 'content-type': 'application/json' };
    const post = { method: 'POST', headers, body: JSON.stringify({ returnSecureToken: true }) };
    const { value } = await askJson(url, post, { runtime: this.#runtime, signal });
    this.#signedIn = textsIn(value, identity, ['localId', 'idToken']);
    return this.#signedIn.localId;
  }

  async read(boxId: string, entry: string, signal?: AbortSignal): Promise<string> {
    const { database } = this.#options;
    const { clock } = this.#runtime;
    if (this.#signedIn === undefined) await this.signIn(signal);
    const { localId = '', idToken = '' } = this.#signedIn ?? {};
    // The REST API takes the token of a user nowhere but here.
    const url = `${database}/users/${localId}/${boxId}/${entry}.json?auth=${encodeURIComponent(idToken)}`;
    const until = clock.monotonic() + readPatienceMs;
    for (;;) {
      const { value } = await askJson(url, {}, { runtime: this.#runtime, signal });
      // What is not there is `null`.
      if (value !== null) return textsIn(value, database, ['value']).value;
      if (clock.monotonic() >= until)
        throw new Problem('not-found', `there is no ${entry} of this box in the mailbox`, { status: 404 });
      await clock.sleep(pauseMs, signal);
    }
  }
}
