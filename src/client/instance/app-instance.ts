import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import { instanceEntries, instanceLimits, instancePaths, sealedMediaType } from '../../protocol/constants.ts';
import type {
  InstanceCredentials,
  InstanceRequest,
  InstanceView,
  AskAnswer,
  Sealed,
} from '../../protocol/instance-api.ts';
import { newSealingKeys, open, publicKeyText, seal, sealedFor } from '../../protocol/sealed.ts';
import { askJson, jsonOf } from '../answers.ts';
import { type Runtime, runtimeFrom } from '../runtime.ts';
import { safePath } from '../safe-path.ts';
import type { Store } from '../store.ts';
import type { InstanceMailbox } from './mailbox.ts';
import { signedFields } from './signed-request.ts';
import { textsIn } from './texts.ts';

export interface AppInstanceOptions {
  /** Of the box, as it is reached from where the app is: `https://remote.<zone>`. */
  origin: string;
  boxId: string;
  /** What the app calls this device; the box ties the password to it. */
  deviceId: string;
  /** What the person is to read in the list of sessions. */
  label?: string;
  mailbox: InstanceMailbox;
  /** The credentials stay here: give a `sealedStore`. */
  store: Store;
  runtime?: Partial<Runtime>;
}

export interface InstanceRequestInit {
  method?: string;
  /** A text as it is; anything else as JSON. */
  body?: unknown;
  /** Encrypt the body to the box's key for this instance. */
  sealed?: boolean;
  signal?: AbortSignal;
}

/** One installation of an app, which reaches a box over the internet: it lets itself be known, and signs all it asks. */
export class AppInstance {
  readonly #options: AppInstanceOptions;
  readonly #runtime: Runtime;
  #credentials: InstanceCredentials | undefined;
  /** The box's clock less this one, ms. */
  #aheadMs = 0;

  constructor(options: AppInstanceOptions) {
    this.#options = options;
    this.#runtime = runtimeFrom(options.runtime);
  }

  /** Takes the credentials from the store, or gets some: then the mailbox is needed, and the box answers strangers. */
  async open(signal?: AbortSignal): Promise<void> {
    const known = await this.#options.store.load(this.#storeKey);
    if (known === undefined) await this.register(signal);
    else this.#credentials = JSON.parse(known) as InstanceCredentials;
  }

  /**
   * Gets new credentials: signs in to the mailbox, asks the box, and sends back the one-time password that only this instance
   * can read. Throws `otp-refused`, `rate-limited`, `mailbox-failed`, `not-found`, `wrong-box`, `unreachable`, `bad-answer`.
   */
  async register(signal?: AbortSignal): Promise<void> {
    const { deviceId, boxId, label, mailbox, store } = this.#options;
    const uid = await mailbox.signIn(signal);
    const named = label === undefined ? {} : { label };
    const asked: InstanceRequest = { deviceId, uid, mailbox: mailbox.name, ...named };
    const answer = await this.#post(instancePaths.request, asked, signal);
    const found = textsIn(answer, this.#options.origin, ['boxId']).boxId;
    if (found !== boxId)
      throw new Problem('wrong-box', `${this.#options.origin} is the box ${found} and not ${boxId}`, {
        retryable: false,
      });
    const otp = await mailbox.read(boxId, instanceEntries.otp, signal);
    const keys = await newSealingKeys();
    const confirmed = { deviceId, uid, otp, publicKey: await publicKeyText(keys) };
    await this.#post(instancePaths.confirm, confirmed, signal);
    const message = await mailbox.read(boxId, instanceEntries.credentials, signal);
    const sealed = textsIn(parsed(message), 'the mailbox', ['enc', 'ct']);
    const opened = parsed(await open(keys, sealed, sealedFor.credentials(boxId, uid)));
    const names = ['boxId', 'clientId', 'hmacSecret', 'boxKey'] as const;
    const credentials = textsIn(opened, 'the box', names);
    await store.save(this.#storeKey, JSON.stringify(credentials));
    this.#credentials = credentials;
  }

  /**
   * A signed request; `path` with its query. Answers whatever the box answers. When the clocks differ it is signed once more by
   * the box's clock. Throws `bad-path` for one that leads elsewhere.
   */
  async fetch(path: string, init: InstanceRequestInit = {}): Promise<Response> {
    const answer = await this.#send(path, init);
    const now = answer.status === 401 ? await staleAt(answer.clone()) : undefined;
    if (now === undefined) return answer;
    this.#aheadMs = now * 1000 + 500 - this.#runtime.clock.now();
    return this.#send(path, init);
  }

  /** Who this instance is to the box, and for whom it acts. */
  async whoAmI(signal?: AbortSignal): Promise<InstanceView> {
    return (await this.#ask(instancePaths.self, signal === undefined ? {} : { signal })) as InstanceView;
  }

  /**
   * Asks an owner of the box whether the instance may act for them; `onCode` is told what the person is to compare. Resolves
   * with the answer; `expired` after two minutes without any.
   */
  async ask(
    onCode: (code: string) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<'allowed' | 'refused' | 'expired'> {
    let wait = 0;
    for (;;) {
      const init = { method: 'POST', body: { wait }, ...(signal === undefined ? {} : { signal }) };
      const { answer, code } = (await this.#ask(instancePaths.ask, init)) as AskAnswer;
      if (answer !== 'pending') return answer;
      if (wait === 0) onCode(code);
      wait = instanceLimits.waitSeconds;
    }
  }

  /** Ends the credentials at the box, and forgets them. */
  async leave(signal?: AbortSignal): Promise<void> {
    try {
      await this.#ask(instancePaths.self, { method: 'DELETE', ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      // They are over already.
      if (codeOf(error) !== 'signature-refused') throw error;
    }
    await this.#options.store.remove(this.#storeKey);
    this.#credentials = undefined;
  }

  get #storeKey(): string {
    return `instance:${this.#options.boxId}`;
  }

  async #ask(path: string, init: InstanceRequestInit): Promise<unknown> {
    return jsonOf(await this.fetch(path, init));
  }

  async #send(
    path: string,
    { method: given = 'GET', body, sealed = false, signal }: InstanceRequestInit,
  ): Promise<Response> {
    const credentials = this.#credentials;
    if (credentials === undefined)
      throw new Problem('not-ready', 'open the instance first', { retryable: false });
    const { origin, boxId } = this.#options;
    const { clock, fetch } = this.#runtime;
    // As it is sent, which is what both sides sign and encrypt for.
    const url = new URL(safePath(path), origin);
    const method = given.toUpperCase();
    const plain = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const info = sealedFor.request(boxId, credentials.clientId);
    const shut: Sealed | undefined =
      sealed && plain !== undefined
        ? await seal(credentials.boxKey, plain, info, `${method} ${url.pathname}${url.search}`)
        : undefined;
    const text = shut === undefined ? plain : JSON.stringify(shut);
    const headers = await signedFields(credentials, {
      method,
      url,
      body: text,
      contentType: shut === undefined ? undefined : sealedMediaType,
      created: Math.floor((clock.now() + this.#aheadMs) / 1000),
    });
    return fetch(url.href, {
      method,
      headers,
      ...(text === undefined ? {} : { body: text }),
      ...(signal === undefined ? {} : { signal }),
      credentials: 'omit',
      cache: 'no-store',
    });
  }

  async #post(path: string, body: object, signal?: AbortSignal): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const { value } = await askJson(this.#options.origin + path, init, { runtime: this.#runtime, signal });
    return value;
  }
}

/** The box's time, seconds since the epoch, when it refused a signature for its time. */
async function staleAt(answer: Response): Promise<number | undefined> {
  const { code, now } = ((await answer.json().catch(() => undefined)) ?? {}) as {
    code?: unknown;
    now?: unknown;
  };
  return code === 'signature-stale' && typeof now === 'number' ? now : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('bad-answer', 'what is in the mailbox is no JSON', { status: 502 });
  }
}
