import { AsyncLocalStorage } from 'node:async_hooks';
import type { Agent } from 'node:https';
import acme from 'acme-client';
import { Problem } from '../../kit/runtime/errors.ts';
import { retryAfterSeconds } from '../../kit/http/refused-answer.ts';
import { isBadNonce, refusal, withoutNull } from './acme-shapes.ts';

/**
 * How the library `acme-client` speaks HTTP: through our agent, ended by our signals, and with answers that are taken as
 * RFC 8555 means them rather than as the library expects them.
 */

/** What a request of the library needs from us; it has one HTTP client for the whole process. */
export interface Exchange {
  agent: Agent;
  signal: AbortSignal;
  timeoutMs: number;
  /** The status that the library takes for success here; any other success is told to it as this one. */
  success: number | undefined;
  /** Retry-After of the latest answer, seconds. */
  retryAfterSeconds: number | undefined;
  /** Nonces that the CA has refused one after the other. */
  badNonces: number;
}
export const exchanges = new AsyncLocalStorage<Exchange>();

const maxAnswerBytes = 1024 * 1024;

/** A CA may refuse one now and then (RFC 8555, 6.5); one in two, by chance never so many in a row. */
const mostBadNonces = 20;

/** As shipped, the library gives up after five. */
export function patientClient(options: ConstructorParameters<typeof acme.Client>[0]): acme.Client {
  const client = new acme.Client(options);
  Object.assign(Reflect.get(client, 'http') as object, { maxBadNonceRetries: mostBadNonces + 1 });
  return client;
}

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
  const { status, headers, config } = response;
  const data: unknown = withoutNull(response.data);
  response.data = data;
  const retryAfter = retryAfterSeconds(headers['retry-after']?.toString());
  const exchange = exchanges.getStore();
  if (exchange !== undefined) exchange.retryAfterSeconds = retryAfter;
  if (status < 400) {
    if (exchange !== undefined && config.method === 'post') exchange.badNonces = 0;
    if (exchange?.success !== undefined && status >= 200 && status < 300) response.status = exchange.success;
    return response;
  }
  const said = refusal({ status, data, retryAfterSeconds: retryAfter, url: config.url });
  if (!isBadNonce(data) || exchange === undefined) throw said;
  // The library repeats a request whose nonce was refused, when the answer has the status that it looks for.
  exchange.badNonces += 1;
  if (exchange.badNonces > mostBadNonces) throw alwaysBadNonce(exchange.badNonces, said);
  response.status = 400;
  return response;
});

function alwaysBadNonce(times: number, said: Problem): Problem {
  return new Problem(
    'acme-bad-nonce',
    `the CA refuses the nonces that it gives out itself, ${times} in a row (RFC 8555, 6.5); ${said.message}`,
    { status: 502, cause: said },
  );
}
