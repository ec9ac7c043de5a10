import { HttpClient, type HttpClientOptions } from '../../kit/http/http-client.ts';
import { TunnelGrant, type ZoneRecords, ZoneState } from '../../protocol/zone-api.ts';
import { StandingAnswer, type StandingRequest } from '../../protocol/run-api.ts';
import type { Identity, Run } from '../facts.ts';
import { runHeadersOf } from '../run-headers.ts';

export interface ZoneClientOptions extends Pick<
  HttpClientOptions,
  'origin' | 'ca' | 'connectTo' | 'timeoutMs'
> {
  identity: Identity;
  /** Absent: a caller that is no run of a box. */
  run?: Run;
}

/**
 * The box's side of the zone API (docs/api/README.md): every call speaks of the zone of the identity that is presented as TLS
 * client certificate. Failures are `Problem`s with the server's own code (`address-not-allowed`, `rate-limited`, …),
 * `unreachable`, or `bad-answer` when the answer is not of the agreed shape.
 */
export class ZoneClient {
  readonly #options: HttpClientOptions;
  readonly #path: string;
  #http: HttpClient;

  constructor({ identity, run, ...http }: ZoneClientOptions) {
    this.#options = { ...http, headers: runHeadersOf(run), key: identity.keyPem, cert: identity.certPem };
    this.#path = `/v1/zones/${identity.boxId}`;
    this.#http = new HttpClient(this.#options);
  }

  /** What the authoritative servers serve now. */
  get(signal: AbortSignal): Promise<ZoneState> {
    return this.#http.request({ method: 'GET', path: this.#path, answer: ZoneState, signal });
  }

  /** Replaces all address records. Resolves when the authoritative servers serve them. Idempotent. */
  put(records: ZoneRecords, signal: AbortSignal): Promise<ZoneState> {
    return this.#http.request({ method: 'PUT', path: this.#path, body: records, answer: ZoneState, signal });
  }

  /** Adds one TXT value (43 base64url characters) at `_acme-challenge`; the others stay. Idempotent. */
  addChallenge(value: string, signal: AbortSignal): Promise<ZoneState> {
    const path = `${this.#path}/challenges`;
    return this.#http.request({ method: 'POST', path, body: { value }, answer: ZoneState, signal });
  }

  /** Removes one TXT value; that it was not there is no failure. */
  removeChallenge(value: string, signal: AbortSignal): Promise<ZoneState> {
    const path = `${this.#path}/challenges/${encodeURIComponent(value)}`;
    return this.#http.request({ method: 'DELETE', path, answer: ZoneState, signal });
  }

  /** Pins issuance to one ACME account (RFC 8657); `null` takes the pin away. */
  setCaa(accountUri: string | null, signal: AbortSignal): Promise<ZoneState> {
    const path = `${this.#path}/caa`;
    return this.#http.request({ method: 'PUT', path, body: { accountUri }, answer: ZoneState, signal });
  }

  /** Relays to connect to, the kite name and a secret that is this box's own. */
  tunnel(signal: AbortSignal): Promise<TunnelGrant> {
    return this.#http.request({ method: 'POST', path: `${this.#path}/tunnel`, answer: TunnelGrant, signal });
  }

  /** How this run of the box stands; the answer is held back, see protocol/run-api.ts. */
  stand(body: StandingRequest, signal: AbortSignal): Promise<StandingAnswer> {
    const path = `${this.#path}/run`;
    return this.#http.request({ method: 'POST', path, body, answer: StandingAnswer, signal });
  }

  /** This run is over. */
  async endRun(signal: AbortSignal): Promise<void> {
    await this.#http.request({ method: 'DELETE', path: `${this.#path}/run`, signal });
  }

  /** Gives up the zone: the box leaves. */
  async leave(signal: AbortSignal): Promise<void> {
    await this.#http.request({ method: 'DELETE', path: this.#path, signal });
  }

  /**
   * Ends open connections and what is under way on them (`unreachable`): when an address is lost they may be bound to it,
   * and calls would only hang. The next call opens a new one.
   */
  async reconnect(): Promise<void> {
    const before = this.#http;
    this.#http = new HttpClient(this.#options);
    await before.close();
  }

  async close(): Promise<void> {
    await this.#http.close();
  }
}
