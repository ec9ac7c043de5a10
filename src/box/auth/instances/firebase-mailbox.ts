import { Type } from 'typebox';
import { type Clock, likelyNow, seconds as inMs } from '../../../kit/runtime/clock.ts';
import { HttpClient } from '../../../kit/http/http-client.ts';
import { GoogleToken } from './google-token.ts';
import type { MailboxMessage, Mailbox } from './mailbox.ts';

export interface FirebaseMailboxOptions {
  /** `https://<project>-default-rtdb.firebaseio.com`. */
  database: string;
  serviceAccountFile: string;
  boxId: string;
  caPem?: string | undefined;
  clock: Clock;
}

/** The box is what the rules in docs/access/firebase-rules.json call the backend, and no administrator who passes them by. */
const identity = (boxId: string): object => ({
  uid: boxId,
  provider: 'backend-identity',
  backend_identity: true,
  box: boxId,
});

/**
 * Firebase's Realtime Database, over its REST API. A message is at `users/<uid>/<box id>/<name>`; `boxes/<box id>/<uid>/<name>`
 * says that it is, in the same change, so that after a restart the box finds all it has to remove.
 */
export class FirebaseMailbox implements Mailbox {
  readonly name = 'firebase';
  readonly uidPattern = /^[A-Za-z0-9]{16,128}$/;
  readonly forgets = false;
  readonly #boxId: string;
  readonly #clock: Clock;
  readonly #http: HttpClient;
  readonly #token: GoogleToken;

  constructor({ database, serviceAccountFile, boxId, caPem, clock }: FirebaseMailboxOptions) {
    this.#boxId = boxId;
    this.#clock = clock;
    this.#http = new HttpClient({ origin: database, ca: caPem });
    this.#token = new GoogleToken({ file: serviceAccountFile, caPem, clock });
  }

  async put({ uid, name, value, seconds }: MailboxMessage, signal: AbortSignal): Promise<void> {
    const message = { value, expiresAt: likelyNow(this.#clock) + inMs(seconds) };
    await this.#change({ [this.#place(uid, name)]: message, [this.#mark(uid, name)]: true }, signal);
  }

  async remove({ uid, name }: Pick<MailboxMessage, 'uid' | 'name'>, signal: AbortSignal): Promise<void> {
    await this.#change({ [this.#place(uid, name)]: null, [this.#mark(uid, name)]: null }, signal);
  }

  async clear(signal: AbortSignal): Promise<void> {
    const path = this.#path(`boxes/${this.#boxId}`);
    const answer = Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())]);
    const headers = await this.#headers(signal);
    const marks = await this.#http.request({ method: 'GET', path, headers, answer, signal });
    const uids = Object.keys(marks ?? {});
    if (uids.length === 0) return;
    const places = uids.flatMap((uid) => [`users/${uid}/${this.#boxId}`, `boxes/${this.#boxId}/${uid}`]);
    await this.#change(Object.fromEntries(places.map((place) => [place, null])), signal);
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** One change of several places, all or nothing: a *multi-path update*. */
  async #change(body: Record<string, unknown>, signal: AbortSignal): Promise<void> {
    const headers = await this.#headers(signal);
    await this.#http.request({ method: 'PATCH', path: this.#path(''), headers, body, signal });
  }

  async #headers(signal: AbortSignal): Promise<Record<string, string>> {
    return { authorization: `Bearer ${await this.#token.get(signal)}` };
  }

  #path(place: string): string {
    const override = encodeURIComponent(JSON.stringify(identity(this.#boxId)));
    return `/${place}.json?auth_variable_override=${override}`;
  }

  #place(uid: string, name: string): string {
    return `users/${uid}/${this.#boxId}/${name}`;
  }

  #mark(uid: string, name: string): string {
    return `boxes/${this.#boxId}/${uid}/${name}`;
  }
}
