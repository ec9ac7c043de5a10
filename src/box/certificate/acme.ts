import { Agent } from 'node:https';
import acme from 'acme-client';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { type Exchange, exchanges, patientClient } from './acme-exchange.ts';
import {
  type AcmeOrder,
  Authorization,
  badAnswer,
  Directory,
  DnsChallenge,
  Order,
  profilesIn,
  reasonOf,
  shaped,
  ToldChallenge,
} from './acme-shapes.ts';
import { tidyChain } from './pair.ts';

/** With `acme-exchange.ts` all that knows the library `acme-client`. Words and shapes are those of RFC 8555. */

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

/** An account made elsewhere, to which one is bound (RFC 8555, 7.3.4), as the CA gave it. */
export interface ExternalAccount {
  kid: string;
  /** base64url */
  hmacKey: string;
}

export interface AcmeCaOptions {
  directoryUrl: string;
  /** PEM of a private CA to trust for the connection, in place of the public ones. */
  caPem?: string | undefined;
  /** For each request. */
  timeoutMs?: number;
}

/** For each request. A new connection over a slow line takes four ways there and back before it carries a byte of an answer. */
const requestMs = 60_000;

/** A certificate authority. Every failure is a `Problem` whose code starts with `acme-`; `status` as the CA answered. */
export class AcmeCa {
  readonly directoryUrl: string;
  readonly #timeoutMs: number;
  readonly #agent: Agent;
  #retryAfterSeconds: number | undefined;

  constructor(options: AcmeCaOptions) {
    this.directoryUrl = options.directoryUrl;
    this.#timeoutMs = options.timeoutMs ?? requestMs;
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
    return { renewalInfo: directory.renewalInfo, profiles: profilesIn(directory.meta) };
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
    account: {
      keyPem: string;
      contactEmail?: string | undefined;
      termsAgreed: boolean;
      externalAccount?: ExternalAccount | undefined;
    },
    signal: AbortSignal,
  ): Promise<string> {
    const { keyPem: accountKey, externalAccount: externalAccountBinding } = account;
    const client = patientClient({
      directoryUrl: this.directoryUrl,
      accountKey,
      ...(externalAccountBinding === undefined ? {} : { externalAccountBinding }),
    });
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

  /**
   * Runs `action`, whose requests use our agent, end with `signal`, and fail with a `Problem`. `success`: the status by which
   * the library knows a success here, in whose place a CA may say any other (201 for an order that is being finalized).
   */
  async call<T>(signal: AbortSignal, action: () => Promise<T>, success?: number): Promise<T> {
    signal.throwIfAborted();
    const exchange: Exchange = {
      agent: this.#agent,
      signal,
      timeoutMs: this.#timeoutMs,
      success,
      retryAfterSeconds: undefined,
      badNonces: 0,
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
  /** What is known of each order, by its URL: later answers need not say it all again. */
  readonly #orders = new Map<string, AcmeOrder>();

  constructor(ca: AcmeCa, account: { keyPem: string; url: string }) {
    this.#ca = ca;
    this.#client = patientClient({
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
    return this.#ca.call(signal, async () => this.#known(await this.#client.createOrder(request)), 201);
  }

  order(url: string, signal: AbortSignal): Promise<AcmeOrder> {
    return this.#ca.call(signal, async () => this.#known(await this.#client.getOrder(asOrder({ url }))), 200);
  }

  async authorizations(order: AcmeOrder, signal: AbortSignal): Promise<Authorizations> {
    const { authorizations } = await this.#with('authorizations', order, signal);
    const all = await this.#ca.call(
      signal,
      async () =>
        shaped(
          Type.Array(Authorization),
          await this.#client.getAuthorizations(asOrder({ authorizations })),
          'authorizations',
        ),
      200,
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
    await this.#ca.call(
      signal,
      async () => {
        const answer = await this.#client.completeChallenge({ ...asChallenge(url), token: '' });
        shaped(ToldChallenge, answer, 'challenge');
      },
      200,
    );
  }

  async finalize(
    order: AcmeOrder,
    request: { keyPem: string; names: readonly string[] },
    signal: AbortSignal,
  ): Promise<AcmeOrder> {
    const whole = await this.#with('finalize', order, signal);
    const finalizing = async (): Promise<AcmeOrder> => {
      // No common name: it holds 64 characters at most (RFC 5280, A.1), and ours are longer.
      const [, csr] = await acme.crypto.createCsr({ altNames: [...request.names] }, request.keyPem);
      return this.#known(await this.#client.finalizeOrder(asOrder(whole), csr));
    };
    return this.#ca.call(signal, finalizing, 200);
  }

  /** The chain of a valid order, PEM, leaf first. */
  async download(order: AcmeOrder, signal: AbortSignal): Promise<string> {
    const pem: unknown = await this.#ca.call(signal, () => this.#client.getCertificate(asOrder(order)), 200);
    const chain = typeof pem === 'string' ? tidyChain(pem) : '';
    if (chain === '') throw badAnswer('certificate', 'it is not PEM');
    return chain;
  }

  #known(answer: unknown): AcmeOrder {
    const order = shaped(Order, answer, 'order');
    const whole = { ...this.#orders.get(order.url), ...order };
    this.#orders.set(order.url, whole);
    return whole;
  }

  /** The order with what is needed of it, which is asked for once more where it was never said. */
  async #with<K extends 'authorizations' | 'finalize'>(
    field: K,
    order: AcmeOrder,
    signal: AbortSignal,
  ): Promise<AcmeOrder & Required<Pick<AcmeOrder, K>>> {
    const whole = { ...this.#orders.get(order.url), ...order };
    const found = whole[field] === undefined ? await this.order(order.url, signal) : whole;
    if (found[field] === undefined) throw badAnswer('order', `it does not say its ${field}`);
    return found as AcmeOrder & Required<Pick<AcmeOrder, K>>;
  }

  async #challengeOf({ challenges = [], identifier }: Authorization): Promise<OpenChallenge> {
    const challenge = challenges.find((offered) => Value.Check(DnsChallenge, offered));
    if (challenge === undefined)
      throw badAnswer('authorization', `it offers no dns-01 challenge for ${identifier?.value ?? 'a name'}`);
    const { token, url, status = 'pending' } = challenge;
    const value = await this.#client.getChallengeKeyAuthorization({ ...asChallenge(url), token });
    return { value, told: status !== 'pending', url };
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
