import { isIP } from 'node:net';
import { type Clock, minutes } from '../../kit/runtime/clock.ts';
import { codeOf } from '../../kit/runtime/errors.ts';
import { HttpClient } from '../../kit/http/http-client.ts';
import { RegisterResponse } from '../../protocol/registration-api.ts';
import type { Identity, Run } from '../facts.ts';
import { runHeadersOf } from '../run-headers.ts';

export interface RegistrationServerAddress {
  /** `https://host:port` of the registration-server. */
  origin: string;
  /** PEM certificates to trust instead of the system's. */
  caPem?: string | undefined;
  /** Connect here instead of resolving the host of `origin`. */
  connectTo?: { host: string; port: number };
}

interface Endpoint {
  client: HttpClient;
  /** Not tried before this time of the monotonic clock. */
  restsUntil: number;
  /** Failures in a row. A way that never worked begins where one that did must first come to. */
  failures: number;
}

const restMs = minutes(10);
/** A record lives for two announcements: a way that worked is not left alone for one that was lost. */
const failuresBeforeRest = 3;

/**
 * Talks to the registration-server over IPv4 and over IPv6: it groups by the caller's address, and nobody knows over which
 * of the two the browsers at home will ask. A family that never worked, or fails again and again, while the other works is
 * left alone for a while.
 */
export class RegistrationClient {
  readonly #identity: Identity;
  readonly #clock: Clock;
  readonly #ways: readonly Endpoint[];

  constructor(options: {
    server: RegistrationServerAddress;
    identity: Identity;
    run?: Run | undefined;
    clock: Clock;
  }) {
    const { origin, caPem, connectTo } = options.server;
    this.#identity = options.identity;
    this.#clock = options.clock;
    this.#ways = familiesOf(connectTo?.host ?? new URL(origin).hostname).map((family) => ({
      restsUntil: Number.NEGATIVE_INFINITY,
      failures: failuresBeforeRest - 1,
      client: new HttpClient({
        origin,
        key: options.identity.keyPem,
        cert: options.identity.certPem,
        ca: caPem,
        headers: runHeadersOf(options.run),
        ...(connectTo === undefined ? {} : { connectTo }),
        ...(family === undefined ? {} : { family }),
      }),
    }));
  }

  /** `message`: the announcement as JSON. Answers what the server said; of two answers the first, with the earlier time. */
  async announce(message: string, signal: AbortSignal): Promise<RegisterResponse> {
    const body = { client: this.#identity.boxId, message };
    const [first, ...others] = await this.#overAll((client) =>
      client.request({ method: 'POST', path: '/register', body, answer: RegisterResponse, signal }),
    );
    return { ...first, again_in: Math.min(first.again_in, ...others.map((answer) => answer.again_in)) };
  }

  /** The server forgets the box, over whichever family it hears it. */
  async leave(signal: AbortSignal): Promise<void> {
    await this.#overAll(async (client) => {
      await client.request({ method: 'DELETE', path: '/register', signal });
      return 'left';
    });
  }

  /** The box's page was reached with this one-time `state`: over whichever family works, because apps ask with its hash. */
  async arrived(state: string, signal: AbortSignal): Promise<void> {
    await this.#overAll(async (client) => {
      await client.request({ method: 'POST', path: '/arrivals', body: { state }, signal });
      return 'told';
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#ways.map((way) => way.client.close()));
  }

  /** What the families that worked answered. When none did, throws the most telling error. */
  async #overAll<T extends object | string>(
    action: (client: HttpClient) => Promise<T>,
  ): Promise<[T, ...T[]]> {
    const now = this.#clock.monotonic();
    const awake = this.#ways.filter((way) => way.restsUntil <= now);
    const errors: unknown[] = [];
    const attempts = awake.map(async (way): Promise<T[]> => {
      try {
        const answer = await action(way.client);
        way.failures = 0;
        return [answer];
      } catch (error) {
        errors.push(error);
        if (codeOf(error) === 'unreachable' && ++way.failures >= failuresBeforeRest)
          way.restsUntil = now + restMs;
        return [];
      }
    });
    const [first, ...others] = (await Promise.all(attempts)).flat();
    if (first !== undefined) return [first, ...others];
    for (const way of this.#ways) way.restsUntil = Number.NEGATIVE_INFINITY;
    throw errors.find((error) => codeOf(error) !== 'unreachable') ?? errors[0];
  }
}

/** Both families for a name; an address is of one family anyway (URL puts those of IPv6 in brackets). */
function familiesOf(host: string): readonly (4 | 6 | undefined)[] {
  return isIP(host.replace(/^\[|\]$/g, '')) === 0 ? [4, 6] : [undefined];
}
