import type { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../../kit/runtime/clock.ts';
import type { HttpsApp } from '../../kit/http/http-server.ts';
import { ArrivalAnswer, arrivalLimits, ArrivalRequest } from '../../protocol/registration-api.ts';
import { boxIdOfPeer } from '../box-certificate.ts';
import { clientKey } from '../../kit/http/client-key.ts';
import type { Arrivals } from './arrivals.ts';
import { callerAddress, type ProxyTrust } from './caller.ts';
import { type Rate, RateLimit } from '../../kit/http/rate-limit.ts';

export interface ArrivalRates {
  /** Reports of one box. */
  perBox: Rate;
  /** Reports from one source: an IPv4 address or an IPv6 /48. */
  reportsPerSource: Rate;
  questionsPerSource: Rate;
}

/** A person presses Connect a few times a minute at most; carrier-grade NAT puts many homes behind one address. */
export const defaultArrivalRates: ArrivalRates = {
  perBox: { burst: 30, perSecond: 0.5 },
  reportsPerSource: { burst: 300, perSecond: 20 },
  questionsPerSource: { burst: 120, perSecond: 10 },
};

interface ArrivalRouteOptions {
  arrivals: Arrivals;
  trust: ProxyTrust;
  rates: ArrivalRates;
  clock: Clock;
}

/**
 * `/arrivals`: how an app learns that the browser it sent away has reached the box, without asking anything of the home
 * network itself. The state is a secret between app and box, so whoever knows it may know that it arrived.
 */
export async function registerArrivals(app: HttpsApp, options: ArrivalRouteOptions): Promise<void> {
  const { arrivals, trust, rates, clock } = options;
  const sourceOf = (request: FastifyRequest): string =>
    clientKey(callerAddress(request.raw.socket.remoteAddress, request.headers, trust));

  await app.register(async (boxes: HttpsApp) => {
    const perSource = new RateLimit(rates.reportsPerSource);
    const perBox = new RateLimit(rates.perBox);
    boxes.addHook('onRequest', async (request) => {
      perSource.take(sourceOf(request), clock.monotonic(), 'arrivals from your address');
      const box = boxIdOfPeer(request.raw.socket as TLSSocket);
      perBox.take(box, clock.monotonic(), 'arrivals at this box');
    });
    boxes.post('/arrivals', { schema: { body: ArrivalRequest } }, async (request, reply) => {
      arrivals.note(request.body.state, sourceOf(request));
      return reply.status(204).send();
    });
  });

  await app.register(async (open: HttpsApp) => {
    const perSource = new RateLimit(rates.questionsPerSource);
    open.addHook('onRequest', async (request, reply) => {
      // Pages of any origin may ask, and a question without a body or headers of its own has no preflight.
      reply.headers({ 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' });
      perSource.take(sourceOf(request), clock.monotonic(), 'questions from your address');
    });
    const schema = {
      params: Type.Object({ hash: Type.String({ pattern: '^[0-9a-f]{64}$' }) }),
      querystring: Type.Object({
        wait: Type.Optional(Type.Integer({ minimum: 0, maximum: arrivalLimits.waitSeconds })),
      }),
      response: { 200: ArrivalAnswer },
    };
    open.get('/arrivals/:hash', { schema }, async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const waitMs = (request.query.wait ?? 0) * 1000;
      const arrived = await arrivals.wait(request.params.hash, waitMs, gone.signal, sourceOf(request));
      reply.header('cache-control', 'no-store');
      return { arrived };
    });
  });
}
