import type { TLSSocket } from 'node:tls';
import cors from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Clock, Random } from '../../kit/runtime/clock.ts';
import { serveApiDocument } from '../../kit/http/api-document.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import type { HttpsApp } from '../../kit/http/http-server.ts';
import { plainPageHeaders } from '../../kit/http/plain-page.ts';
import { takeUntypedJson } from '../../kit/http/untyped-json.ts';
import { addressFamily, homeOf } from '../../protocol/addresses.ts';
import type { BoxId } from '../../protocol/names.ts';
import {
  PingEntry,
  RegisterRequest,
  RegisterResponse,
  sharedAddressHeader,
} from '../../protocol/registration-api.ts';
import { boxIdOfPeer } from '../box-certificate.ts';
import { clientKey } from '../../kit/http/client-key.ts';
import type { KnownBoxes } from '../known-boxes.ts';
import { announcementOf } from './announcement.ts';
import { callerAddress, type ProxyTrust } from './caller.ts';
import { choosePage, returnAddress } from './choose-page.ts';
import { type Discovery, discover } from './discovery.ts';
import type { RegistrationCounters } from './metrics.ts';
import { againIn, type LoadMeter } from './pace.ts';
import type { RateLimit } from '../../kit/http/rate-limit.ts';
import { shortCode } from './short-code.ts';
import type { RecordStore } from './store.ts';
import { claimOf } from '../runs/claim.ts';
import type { Runs } from '../runs/runs.ts';
import { mayAsk } from './who-may-ask.ts';

export interface RouteOptions {
  store: RecordStore;
  zoneRoot: string;
  /** Origins of the apps whose pages may ask which boxes are near. */
  apps: ReadonlySet<string>;
  shortCodeKey: Uint8Array;
  trust: ProxyTrust;
  limits: Record<'perBox' | 'announcementsPerSource' | 'pingsPerSource' | 'wrongCodes', RateLimit>;
  load: LoadMeter;
  comfortablePerSecond: number;
  known: KnownBoxes;
  /** Which run of each box may announce it. */
  runs: Runs;
  counters: RegistrationCounters;
  clock: Clock;
  random: Random;
}

/** Puts the registration API (docs/api/README.md) on `app`. Limits are checked before a body is read. */
export async function registerRoutes(app: HttpsApp, options: RouteOptions): Promise<void> {
  const { counters } = options;
  app.addHook('onError', async (_request, _reply, error) => {
    if (error instanceof Problem && error.status === 429) counters.limited++;
    else counters.refused++;
  });
  await app.register(async (boxes: HttpsApp) => forBoxes(boxes, options));
  await app.register(async (open: HttpsApp) => forBrowsers(open, options));
}

const addressOf = (request: FastifyRequest, trust: ProxyTrust): string =>
  callerAddress(request.raw.socket.remoteAddress, request.headers, trust);

const boxOf = (request: FastifyRequest): BoxId => boxIdOfPeer(request.raw.socket as TLSSocket);

/** Announce and leave: the box is who its certificate says. */
function forBoxes(app: HttpsApp, options: RouteOptions): void {
  const { store, trust, limits, load, comfortablePerSecond, known, runs, counters, clock, random } = options;

  takeUntypedJson(app);
  app.addHook('onRequest', async (request) => {
    const source = clientKey(addressOf(request, trust));
    limits.announcementsPerSource.take(source, clock.monotonic(), 'announcements from your address');
    limits.perBox.take(boxOf(request), clock.monotonic(), 'announcements of this box');
  });

  const schema = { body: RegisterRequest, response: { 200: RegisterResponse } };
  app.post('/register', { schema }, async (request) => {
    const box = boxOf(request);
    const address = addressOf(request, trust);
    const { client, message } = request.body;
    if (client !== box) {
      throw new Problem(
        'client-mismatch',
        `client is ${client}, but the certificate presented belongs to ${box}; announce for yourself only`,
        { status: 403, retryable: false, details: { value: client } },
      );
    }
    const { discoverable = false } = announcementOf(message, box, options.zoneRoot);
    const claim = claimOf(request.headers);
    if (claim !== undefined) await runs.admit(box, claim);
    const code = shortCode(options.shortCodeKey, box);
    await store.put({
      client: box,
      family: addressFamily(address) ?? 4,
      publicIp: address,
      home: homeOf(address),
      shortCode: code,
      discoverable,
      message,
      announcedAt: clock.now(),
      knownSince: Math.round(clock.now() - known.seen(box, address)),
    });
    counters.announcements++;
    load.count(clock.monotonic());
    const perSecond = load.perSecond(clock.monotonic());
    return {
      again_in: againIn({ perSecond, comfortablePerSecond }, random),
      public_ip: address,
      short_code: code,
    };
  });

  app.delete('/register', async (request, reply) => {
    const box = boxOf(request);
    const claim = claimOf(request.headers);
    // A copy's goodbye is none of the box's that was there first.
    if (claim !== undefined) await runs.admit(box, claim);
    await store.remove(box);
    if (claim !== undefined) runs.end(box, claim.run);
    counters.goodbyes++;
    return reply.status(204).send();
  });
}

/** Which boxes share the caller's public address: for apps that the operator lists, and what a person chooses for others. */
async function forBrowsers(app: HttpsApp, options: RouteOptions): Promise<void> {
  const { store, trust, limits, counters, clock } = options;
  await app.register(cors, {
    origin: '*',
    methods: ['GET'],
    exposedHeaders: [sharedAddressHeader, 'retry-after'],
  });

  app.addHook('onRequest', async (request) => {
    const source = clientKey(addressOf(request, trust));
    limits.pingsPerSource.take(source, clock.monotonic(), 'questions from your address');
  });

  serveApiDocument(app, 'registration');

  const code = Type.Optional(Type.String({ maxLength: 20 }));
  const found = (request: FastifyRequest, code: string | undefined): Discovery => {
    const home = homeOf(addressOf(request, trust));
    return discover(store, { home, code, now: clock.now(), guesses: limits.wrongCodes });
  };

  const schema = { querystring: Type.Object({ code }), response: { 200: Type.Array(PingEntry) } };
  app.get('/ping', { schema }, async (request, reply) => {
    // The answer depends on who asks.
    reply.headers({ 'cache-control': 'no-store', vary: 'origin', 'x-content-type-options': 'nosniff' });
    const told = mayAsk(request.headers.origin, options);
    const { shared, entries } = found(request, request.query.code);
    counters.pings++;
    if (shared) reply.header(sharedAddressHeader, '?1');
    return told === 'all' ? entries : entries.filter(({ client }) => client === told.only);
  });

  const asked = Type.Object({ return_to: Type.String({ maxLength: 2000 }), code });
  app.get('/choose', { schema: { querystring: asked } }, async (request, reply) => {
    const returnTo = returnAddress(request.query.return_to);
    const { shared, entries } = found(request, request.query.code);
    return reply.headers(plainPageHeaders).send(choosePage(entries, returnTo, shared));
  });
}
