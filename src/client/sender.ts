import { messageOf, Problem } from '../kit/runtime/errors.ts';
import type { Runtime } from './runtime.ts';
import type { Endpoint } from './endpoints.ts';
import type { EndpointKeeper } from './endpoint-keeper.ts';

/** A request to the box, whichever way it takes. */
export interface BoxRequest {
  /** Path and query. */
  path: string;
  init: RequestInit;
  /** Doing it twice is as doing it once (RFC 9110, 9.2.2), and its body can be sent twice. */
  repeatable: boolean;
  /** Better late than lost: sent only over a way just proven open. Always so for what is not repeatable. */
  careful?: boolean;
}

type Outcome = { response: Response } | { open: boolean; error: unknown };

/** A way on which nothing comes back for this long is asked whether it is open; then after twice as long, and so on. */
const quietMs = 500;
/** A careful request is sent only over a way that has answered this recently. */
const provenWithinMs = 10_000;
/** Twice around all ways: after that it is the request that does not get through. */
const mostTries = 8;

/**
 * Sends requests over the endpoint in use. One that fails with its endpoint is repeated on the next as soon as the failure is known,
 * if it may be; one that may not is sent only over a way just proven open, and never twice.
 */
export class Sender {
  readonly #endpoints: EndpointKeeper;
  readonly #runtime: Runtime;

  constructor(options: { ways: EndpointKeeper; runtime: Runtime }) {
    this.#endpoints = options.ways;
    this.#runtime = options.runtime;
  }

  /**
   * The box's answer, whatever its status. Throws `Problem`: `no-way`, `unreachable`, `request-failed` (the box is there,
   * but this request does not come through), `request-not-repeated` (whether it was done is not known); or what `signal`
   * aborted with.
   */
  async send(request: BoxRequest, signal: AbortSignal): Promise<Response> {
    this.#endpoints.apply({ type: 'wanted' });
    const failures = new Map<string, number>();
    for (let tries = 0; tries < mostTries; tries++) {
      const endpoint = await this.#endpointFor(request, signal);
      const outcome = await this.#attempt(endpoint, request, signal);
      if ('response' in outcome) return outcome.response;
      if (!request.repeatable) throw notRepeated(request, outcome.error);
      const failed = (failures.get(endpoint.origin) ?? 0) + 1;
      failures.set(endpoint.origin, failed);
      // The way is open, and the request fails on it again: no other way would change that.
      if (outcome.open && failed >= 2) throw requestFailed(request, outcome.error);
    }
    throw unreachable();
  }

  async #endpointFor(request: BoxRequest, signal: AbortSignal): Promise<Endpoint> {
    const { repeatable, careful = !repeatable } = request;
    const endpoint = careful
      ? await this.#endpoints.proven(provenWithinMs, signal)
      : this.#endpoints.endpoint;
    if (endpoint !== undefined) return endpoint;
    if (this.#endpoints.choice.value.current !== undefined) throw unreachable();
    throw new Problem('no-way', 'the box has no endpoint that this page may use', {
      retryable: false,
      status: 503,
    });
  }

  async #attempt(endpoint: Endpoint, request: BoxRequest, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const lost = new AbortController();
    const answered = new AbortController();
    void this.#watch(endpoint, lost, answered.signal);
    try {
      const response = await this.#runtime.fetch(endpoint.origin + request.path, {
        ...request.init,
        signal: AbortSignal.any([signal, lost.signal]),
      });
      this.#endpoints.apply({ type: 'answered', origin: endpoint.origin });
      return { response };
    } catch (error) {
      signal.throwIfAborted();
      return { open: !lost.signal.aborted && (await this.#endpoints.stillOpen(endpoint, signal)), error };
    } finally {
      answered.abort();
    }
  }

  /** Until there is an answer: gives the request up when its way is lost, and has a silent way asked. */
  async #watch(endpoint: Endpoint, lost: AbortController, answered: AbortSignal): Promise<void> {
    const giveUp = this.#endpoints
      .lost(endpoint, answered)
      .then(() => lost.abort(new Problem('unreachable', `${endpoint.origin} does not answer`)));
    const ask = (async () => {
      for (let pause = quietMs; ; pause *= 2) {
        await this.#runtime.clock.sleep(pause, answered);
        this.#endpoints.apply({ type: 'suspect', origin: endpoint.origin });
      }
    })();
    await Promise.allSettled([giveUp, ask]);
  }
}

const named = ({ path, init }: BoxRequest): string => `${init.method ?? 'GET'} ${path.split('?')[0]}`;

const unreachable = (): Problem =>
  new Problem('unreachable', 'the box cannot be reached by any way: is it on, and is this device online?', {
    status: 502,
  });

const requestFailed = (request: BoxRequest, error: unknown): Problem =>
  new Problem(
    'request-failed',
    `${named(request)} gets no answer, though the box is there: ${messageOf(error)}`,
    {
      status: 502,
      cause: error,
    },
  );

const notRepeated = (request: BoxRequest, error: unknown): Problem =>
  new Problem(
    'request-not-repeated',
    `the way to the box broke during ${named(request)}, which may or may not have been done, and was not sent again: look before you repeat it`,
    { status: 502, retryable: false, cause: error },
  );
