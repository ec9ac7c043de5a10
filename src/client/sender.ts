import { messageOf, Problem } from '../kit/errors.ts';
import type { Runtime } from './runtime.ts';
import type { Way } from './ways.ts';
import type { WayKeeper } from './way-keeper.ts';

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
 * Sends requests over the way in use. One that fails with its way is repeated on the next as soon as the failure is known,
 * if it may be; one that may not is sent only over a way just proven open, and never twice.
 */
export class Sender {
  readonly #ways: WayKeeper;
  readonly #runtime: Runtime;

  constructor(options: { ways: WayKeeper; runtime: Runtime }) {
    this.#ways = options.ways;
    this.#runtime = options.runtime;
  }

  /**
   * The box's answer, whatever its status. Throws `Problem`: `no-way`, `unreachable`, `request-failed` (the box is there,
   * but this request does not come through), `request-not-repeated` (whether it was done is not known); or what `signal`
   * aborted with.
   */
  async send(request: BoxRequest, signal: AbortSignal): Promise<Response> {
    this.#ways.apply({ type: 'wanted' });
    const failures = new Map<string, number>();
    for (let tries = 0; tries < mostTries; tries++) {
      const way = await this.#wayFor(request, signal);
      const outcome = await this.#attempt(way, request, signal);
      if ('response' in outcome) return outcome.response;
      if (!request.repeatable) throw notRepeated(request, outcome.error);
      const failed = (failures.get(way.origin) ?? 0) + 1;
      failures.set(way.origin, failed);
      // The way is open, and the request fails on it again: no other way would change that.
      if (outcome.open && failed >= 2) throw requestFailed(request, outcome.error);
    }
    throw unreachable();
  }

  async #wayFor(request: BoxRequest, signal: AbortSignal): Promise<Way> {
    const { repeatable, careful = !repeatable } = request;
    const way = careful ? await this.#ways.proven(provenWithinMs, signal) : this.#ways.way;
    if (way !== undefined) return way;
    if (this.#ways.choice.value.current !== undefined) throw unreachable();
    throw new Problem('no-way', 'the box has no way in that this page may use', {
      retryable: false,
      status: 503,
    });
  }

  async #attempt(way: Way, request: BoxRequest, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const lost = new AbortController();
    const answered = new AbortController();
    void this.#watch(way, lost, answered.signal);
    try {
      const response = await this.#runtime.fetch(way.origin + request.path, {
        ...request.init,
        signal: AbortSignal.any([signal, lost.signal]),
      });
      this.#ways.apply({ type: 'answered', origin: way.origin });
      return { response };
    } catch (error) {
      signal.throwIfAborted();
      return { open: !lost.signal.aborted && (await this.#ways.stillOpen(way, signal)), error };
    } finally {
      answered.abort();
    }
  }

  /** Until there is an answer: gives the request up when its way is lost, and has a silent way asked. */
  async #watch(way: Way, lost: AbortController, answered: AbortSignal): Promise<void> {
    const giveUp = this.#ways
      .lost(way, answered)
      .then(() => lost.abort(new Problem('unreachable', `${way.origin} does not answer`)));
    const ask = (async () => {
      for (let pause = quietMs; ; pause *= 2) {
        await this.#runtime.clock.sleep(pause, answered);
        this.#ways.apply({ type: 'suspect', origin: way.origin });
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
