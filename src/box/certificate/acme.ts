import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent } from 'node:https';
import acme from 'acme-client';
import { Type } from 'typebox';
import { messageOf, Problem } from '../../kit/errors.ts';
import { retryAfterSeconds } from '../../kit/http-client.ts';
import {
  type AcmeOrder,
  Authorization,
  badAnswer,
  Challenge,
  Directory,
  isBadNonce,
  Order,
  reasonOf,
  refusal,
  shaped,
} from './acme-shapes.ts';

/** The one file that knows the library `acme-client`. Words and shapes are those of RFC 8555. */

/** What a CA offers beyond RFC 8555: where to ask for renewal information, and the profiles one may choose. */
export interface Offers {
  renewalInfo: string | undefined;
  profiles: readonly string[];
}

/** One DNS-01 challenge that the CA has not validated yet. */
export interface OpenChallenge {
  /** The TXT value that proves it (RFC 8555, 8.4). */
  value: string;
  /** The CA has been told already, and is looking or has looked. */
  told: boolean;
  url: string;
}

export interface Authorizations {
  /** Names the CA has refused, with its reasons. */
  refused: readonly string[];
  /** Still to be validated. */
  open: readonly OpenChallenge[];
}

export interface AcmeCaOptions {
  directoryUrl: string;
  /** PEM of a private CA to trust for the connection, in place of the public ones. */
  caPem?: string | undefined;
  /** For each request. */
  timeoutMs?: number;
}

const maxAnswerBytes = 1024 * 1024;

/** What a request of the library needs from us; it has one HTTP client for the whole process. */
interface Exchange {
  agent: Agent;
  signal: AbortSignal;
  timeoutMs: number;
  /** Retry-After of the latest answer, seconds. */
  retryAfterSeconds: number | undefined;
}
const exchanges = new AsyncLocalStorage<Exchange>();

// As shipped, the library repeats a refused request with its used-up nonce and waits minutes for a peer that is gone.
acme.axios.interceptors.request.clear();
acme.axios.interceptors.response.clear();
acme.axios.defaults.headers.common['User-Agent'] = 'Porchlight (node-acme-client)';
acme.axios.interceptors.request.use((config) => {
  const exchange = exchanges.getStore();
  if (exchange === undefined) throw new Error('a request of acme-client outside of an AcmeCa');
  config.httpsAgent = exchange.agent;
  config.signal = AbortSignal.any([exchange.signal, AbortSignal.timeout(exchange.timeoutMs)]);
  config.maxContentLength = maxAnswerBytes;
  config.proxy = false;
  return config;
});
acme.axios.interceptors.response.use((response) => {
  const { status, data, headers, config } = response;
  const retryAfter = retryAfterSeconds(headers['retry-after']?.toString());
  const exchange = exchanges.getStore();
  if (exchange !== undefined) exchange.retryAfterSeconds = retryAfter;
  // The library repeats a request whose nonce was refused; all other refusals end here, with what the CA said.
  if (status >= 400 && !isBadNonce(data)) {
    throw refusal({ status, data, retryAfterSeconds: retryAfter, url: config.url });
  }
  return response;
});

/** A certificate authority. Every failure is a `Problem` whose code starts with `acme-`; `status` as the CA answered. */
export class AcmeCa {
  readonly directoryUrl: string;
  readonly #timeoutMs: number;
  readonly #agent: Agent;
  #retryAfterSeconds: number | undefined;

  constructor(options: AcmeCaOptions) {
    this.directoryUrl = options.directoryUrl;
    this.#timeoutMs = options.timeoutMs ?? 15_000;
    this.#agent = new Agent({
      keepAlive: true,
      ...(options.caPem === undefined ? {} : { ca: options.caPem }),
    });
  }

  async offers(signal: AbortSignal): Promise<Offers> {
    const directory = await this.call(signal, async () => {
      const { data } = await acme.axios.get<unknown>(this.directoryUrl, { validateStatus: null });
      return shaped(Directory, data, 'directory');
    });
    return { renewalInfo: directory.renewalInfo, profiles: Object.keys(directory.meta?.profiles ?? {}) };
  }

  /** When the CA wants to be asked again, by its latest answer. */
  get retryAfterSeconds(): number | undefined {
    return this.#retryAfterSeconds;
  }

  /** The answer of a `renewalInfo` resource (RFC 9773, 4). */
  async renewalInfo(url: string, signal: AbortSignal): Promise<unknown> {
    return this.call(signal, async () => (await acme.axios.get<unknown>(url, { validateStatus: null })).data);
  }

  /**
   * The URL of the account of this key, made when it does not exist (RFC 8555, 7.3: the same key gives the same account).
   */
  async register(
    account: { keyPem: string; contactEmail?: string | undefined; termsAgreed: boolean },
    signal: AbortSignal,
  ): Promise<string> {
    const client = new acme.Client({ directoryUrl: this.directoryUrl, accountKey: account.keyPem });
    return this.call(signal, async () => {
      const made = client.createAccount({
        termsOfServiceAgreed: account.termsAgreed,
        ...(account.contactEmail === undefined ? {} : { contact: [`mailto:${account.contactEmail}`] }),
      });
      // Of an account that exists the library learns the URL and then sends an update, which not every CA takes.
      await made.catch((error: unknown) => {
        if (!hasAccountUrl(client)) throw error;
      });
      return client.getAccountUrl();
    });
  }

  as(account: { keyPem: string; url: string }): AcmeSession {
    return new AcmeSession(this, account);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Runs `action`, whose requests use our agent, end with `signal`, and fail with a `Problem`. */
  async call<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const exchange: Exchange = {
      agent: this.#agent,
      signal,
      timeoutMs: this.#timeoutMs,
      retryAfterSeconds: undefined,
    };
    try {
      const result = await exchanges.run(exchange, action);
      this.#retryAfterSeconds = exchange.retryAfterSeconds;
      return result;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Problem) throw error;
      throw this.#unanswered(error);
    }
  }

  #unanswered(error: unknown): Problem {
    const options = { status: 502, cause: error, details: { directoryUrl: this.directoryUrl } };
    const name = error instanceof Error ? error.name : '';
    if (name !== 'AxiosError' && name !== 'CanceledError') {
      const message = `the CA at ${this.directoryUrl} answered nonsense: ${messageOf(error)}`;
      return new Problem('acme-bad-answer', message, options);
    }
    const why = name === 'CanceledError' ? `no answer within ${this.#timeoutMs} ms` : messageOf(error);
    return new Problem(
      'acme-unreachable',
      `the CA at ${this.directoryUrl} cannot be reached: ${why}`,
      options,
    );
  }
}

/** A CA, spoken to as one account. */
export class AcmeSession {
  readonly #ca: AcmeCa;
  readonly #client: acme.Client;

  constructor(ca: AcmeCa, account: { keyPem: string; url: string }) {
    this.#ca = ca;
    this.#client = new acme.Client({
      directoryUrl: ca.directoryUrl,
      accountKey: account.keyPem,
      accountUrl: account.url,
    });
  }

  /** `replaces`: RFC 9773, 5. `profile`: one of the directory's `meta.profiles`. */
  placeOrder(
    order: { names: readonly string[]; replaces?: string | undefined; profile?: string | undefined },
    signal: AbortSignal,
  ): Promise<AcmeOrder> {
    const request = {
      identifiers: order.names.map((value) => ({ type: 'dns', value })),
      ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
      ...(order.profile === undefined ? {} : { profile: order.profile }),
    };
    return this.#ca.call(signal, async () => shaped(Order, await this.#client.createOrder(request), 'order'));
  }

  order(url: string, signal: AbortSignal): Promise<AcmeOrder> {
    return this.#ca.call(signal, async () =>
      shaped(Order, await this.#client.getOrder(asOrder({ url })), 'order'),
    );
  }

  async authorizations(order: AcmeOrder, signal: AbortSignal): Promise<Authorizations> {
    const all = await this.#ca.call(signal, async () =>
      shaped(
        Type.Array(Authorization),
        await this.#client.getAuthorizations(asOrder(order)),
        'authorizations',
      ),
    );
    const pending = all.filter(({ status }) => status === 'pending');
    return {
      refused: all.filter(({ status }) => status !== 'pending' && status !== 'valid').map(reasonOf),
      open: await Promise.all(pending.map(async (authorization) => this.#challengeOf(authorization))),
    };
  }

  /** Tells the CA to look (RFC 8555, 7.5.1). */
  async validate(challenge: OpenChallenge, signal: AbortSignal): Promise<void> {
    const { url } = challenge;
    await this.#ca.call(signal, async () => {
      const answer = await this.#client.completeChallenge({ ...asChallenge(url), token: '' });
      shaped(Challenge, answer, 'challenge');
    });
  }

  finalize(
    order: AcmeOrder,
    request: { keyPem: string; names: readonly string[] },
    signal: AbortSignal,
  ): Promise<AcmeOrder> {
    return this.#ca.call(signal, async () => {
      // No common name: it holds 64 characters at most (RFC 5280, A.1), and ours are longer.
      const [, csr] = await acme.crypto.createCsr({ altNames: [...request.names] }, request.keyPem);
      return shaped(Order, await this.#client.finalizeOrder(asOrder(order), csr), 'order');
    });
  }

  /** The chain of a valid order, PEM, leaf first. */
  async download(order: AcmeOrder, signal: AbortSignal): Promise<string> {
    const pem = await this.#ca.call(signal, () => this.#client.getCertificate(asOrder(order)));
    if (typeof pem === 'string' && pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
    throw badAnswer('certificate', 'it is not PEM');
  }

  async #challengeOf(authorization: Authorization): Promise<OpenChallenge> {
    const challenge = authorization.challenges.find(({ type }) => type === 'dns-01');
    if (challenge?.token === undefined)
      throw badAnswer('authorization', `it offers no dns-01 challenge for ${authorization.identifier.value}`);
    const { token, url } = challenge;
    const value = await this.#client.getChallengeKeyAuthorization({ ...asChallenge(url), token });
    return { value, told: challenge.status !== 'pending', url: challenge.url };
  }
}

function hasAccountUrl(client: acme.Client): boolean {
  try {
    return client.getAccountUrl() !== '';
  } catch {
    return false;
  }
}

/** The library's types ask for whole orders and challenges where it uses their URLs. */
function asOrder(order: Partial<AcmeOrder>): acme.Order {
  return order as acme.Order;
}

function asChallenge(url: string): { type: 'dns-01'; url: string; status: 'pending' } {
  return { type: 'dns-01', url, status: 'pending' };
}
