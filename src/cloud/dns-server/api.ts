import type { TLSSocket } from 'node:tls';
import { Type } from 'typebox';
import type { FastifyRequest } from 'fastify';
import { apiDocumentPath, serveApiDocument } from '../../kit/http/api-document.ts';
import { type Clock, likelyNow } from '../../kit/runtime/clock.ts';
import { createHttpsApp, httpLimits, type HttpsApp } from '../../kit/http/http-server.ts';
import { RateLimit } from '../../kit/http/rate-limit.ts';
import type { Log } from '../../kit/log/log.ts';
import { takeUntypedJson } from '../../kit/http/untyped-json.ts';
import { tunnelLabel, zoneName } from '../../protocol/names.ts';
import { runLabel } from '../../protocol/run-api.ts';
import {
  CaaRequest,
  type TunnelGrant,
  zoneLimits,
  ZoneRecords,
  type ZoneState,
} from '../../protocol/zone-api.ts';
import { boxIdOfPeer, boxTlsOptions } from '../box-certificate.ts';
import { KnownBoxes } from '../known-boxes.ts';
import { tunnelSecret } from '../tunnel-secret.ts';
import { claimOf } from '../runs/claim.ts';
import { legacyRoutes } from './legacy-api.ts';
import { clientKey } from '../../kit/http/client-key.ts';
import { peerAddress } from '../peer-address.ts';
import type { Runs } from '../runs/runs.ts';
import { onlyFirst, runRoutes } from './run-routes.ts';
import type { StoredZone } from './store.ts';
import { withChallenge, withoutChallenge, withRecords } from './zone-content.ts';
import { allowedRecords, AnyChallenge, refusal, wellFormedChallenge } from './zone-rules.ts';
import type { Zones } from './zones.ts';

/** A relay that boxes are told to connect to. */
export interface Relay {
  /** `host:port`. */
  address: string;
  certName?: string;
  ca?: string;
}

export interface ApiLimits {
  /** Calls of one box, and of one source (IPv4 address or IPv6 /48): so many at once, then so many a second. */
  boxBurst: number;
  boxPerSecond: number;
  sourceBurst: number;
  sourcePerSecond: number;
  /** A call that has not arrived whole by then is ended (`body-too-slow`). */
  requestTimeoutMs: number;
}

export const defaultApiLimits: ApiLimits = {
  boxBurst: 120,
  boxPerSecond: 2,
  sourceBurst: 600,
  sourcePerSecond: 20,
  requestTimeoutMs: httpLimits.requestTimeoutMs,
};

export interface ApiOptions {
  zoneRoot: string;
  tls: { keyPem: string; certPem: string };
  zones: Zones;
  /** SOA serial of now. */
  serial: () => number;
  /** `host:port` of every authoritative server. */
  nameServers: () => readonly string[];
  masterKey: Uint8Array;
  relays: readonly Relay[];
  relayAddresses: readonly string[];
  relayPublicPort: number;
  acceptSha1Zones: boolean;
  limits: ApiLimits;
  /** Which run of each box may act. */
  runs: Runs;
  clock: Clock;
  log: Log;
}

const limiterCapacity = 50_000;

/** The zone API (docs/api/README.md). Who calls, and how often, is settled before a byte of a body is read. */
export function createApi(options: ApiOptions): Promise<HttpsApp> {
  const { tls, log, zones } = options;
  const app = createHttpsApp({
    log,
    isKnown: new KnownBoxes({ clock: options.clock }).isKnown,
    tls: { key: tls.keyPem, cert: tls.certPem, ...boxTlsOptions },
    bodyLimit: zoneLimits.bodyBytes,
    requestTimeoutMs: options.limits.requestTimeoutMs,
  });
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', gatekeeper(options));
  serveApiDocument(app, 'zone');
  app.register(async (scope: HttpsApp) => {
    scope.addHook('preHandler', async (request) => {
      const { boxId } = request.params as { boxId: string };
      if (request.method !== 'GET') await onlyFirst(options.runs, boxId, request);
    });
    zoneRoutes(scope, options);
  });
  runRoutes(app, options);
  app.register(async (scope: HttpsApp) => {
    takeUntypedJson(scope);
    legacyRoutes(scope, { ...options, zones, sourceOf });
  });
  return Promise.resolve(app);
}

function gatekeeper({ limits, clock }: ApiOptions): (request: FastifyRequest) => Promise<void> {
  const { boxBurst, boxPerSecond, sourceBurst, sourcePerSecond } = limits;
  const sources = new RateLimit({ burst: sourceBurst, perSecond: sourcePerSecond }, limiterCapacity);
  const boxes = new RateLimit({ burst: boxBurst, perSecond: boxPerSecond }, limiterCapacity);
  const admit = (calls: RateLimit, key: string, who: string): void =>
    calls.take(key, clock.monotonic(), `calls from this ${who}`);
  return async (request): Promise<void> => {
    admit(sources, clientKey(sourceOf(request)), 'network');
    // What is in the sources for everybody.
    if (request.routeOptions.url === apiDocumentPath) return;
    const caller = boxIdOfPeer(request.raw.socket as TLSSocket);
    admit(boxes, caller, 'box');
    const { boxId } = request.params as { boxId?: string };
    if (boxId !== undefined && boxId !== caller) {
      throw refusal(
        'zone-not-yours',
        `your certificate belongs to zone ${caller}, not to ${boxId.slice(0, 60)}`,
        { caller },
      );
    }
  };
}

const ZonePath = Type.Object({ boxId: Type.String({ maxLength: 100 }) });
const ChallengePath = Type.Object({ ...ZonePath.properties, value: AnyChallenge });

function zoneRoutes(app: HttpsApp, options: ApiOptions): void {
  const { zones, clock, relayAddresses } = options;
  const zone = '/v1/zones/:boxId';
  const state = (boxId: string, stored: StoredZone | undefined): ZoneState => ({
    boxId,
    zone: zoneName(boxId, options.zoneRoot),
    serial: stored?.serial ?? options.serial(),
    records: stored?.content.records ?? { main: [], mirrors: {}, tunnel: [] },
    challenges: stored?.content.challenges.map(({ value }) => value) ?? [],
    nameServers: [...options.nameServers()],
    tunnelAddresses: [...relayAddresses],
  });

  // A zone that was never written to is empty, not missing: its name servers and relays can be asked for all the same.
  app.get(zone, { schema: { params: ZonePath } }, async ({ params: { boxId } }) =>
    state(boxId, zones.visit(boxId)),
  );

  app.put(zone, { schema: { params: ZonePath, body: ZoneRecords } }, async (request) => {
    const { boxId } = request.params;
    const allowed = { source: sourceOf(request), tunnelAddresses: relayAddresses };
    const records = allowedRecords(request.body, allowed);
    return state(
      boxId,
      zones.edit(boxId, allowed.source, (content) => withRecords(content, records)),
    );
  });

  app.delete(zone, { schema: { params: ZonePath } }, async ({ params: { boxId } }, reply) => {
    zones.remove(boxId);
    return reply.status(204).send();
  });

  const posted = Type.Object({ value: AnyChallenge }, { additionalProperties: false });
  app.post(`${zone}/challenges`, { schema: { params: ZonePath, body: posted } }, async (request) => {
    const { boxId } = request.params;
    const value = wellFormedChallenge(request.body.value);
    return state(
      boxId,
      zones.edit(boxId, sourceOf(request), (content) => withChallenge(content, value, clock.now())),
    );
  });

  app.delete(`${zone}/challenges/:value`, { schema: { params: ChallengePath } }, async (request) => {
    const { boxId } = request.params;
    const value = wellFormedChallenge(request.params.value);
    if (zones.read(boxId) === undefined) return state(boxId, undefined);
    return state(
      boxId,
      zones.edit(boxId, sourceOf(request), (content) => withoutChallenge(content, value)),
    );
  });

  app.put(`${zone}/caa`, { schema: { params: ZonePath, body: CaaRequest } }, async (request) => {
    const { boxId } = request.params;
    const { accountUri } = request.body;
    // RFC 8659, 4.2: what would end the parameter, or the quotes of a zone file.
    if (accountUri !== null && /[;"\\]/.test(accountUri)) {
      throw refusal('bad-request', `accountUri: ${accountUri} cannot stand in a CAA record`, {
        value: accountUri,
      });
    }
    return state(
      boxId,
      zones.edit(boxId, sourceOf(request), (content) => ({ ...content, accountUri })),
    );
  });

  const granted = (kiteName: string): Pick<TunnelGrant, 'secret' | 'renewBefore'> =>
    tunnelSecret(options.masterKey, kiteName, likelyNow(clock));

  app.post(`${zone}/tunnel`, { schema: { params: ZonePath } }, async ({ params: { boxId }, headers }) => {
    const zone = zoneName(boxId, options.zoneRoot);
    const kiteName = `${tunnelLabel}.${zone}`;
    const run = claimOf(headers)?.run;
    const since = run === undefined ? undefined : options.runs.since(boxId, run);
    const runKite =
      run === undefined || since === undefined ? undefined : `${runLabel({ run, since })}.${zone}`;
    return {
      frontends: options.relays.map((relay) => ({ ...relay })),
      addresses: [...relayAddresses],
      publicPort: options.relayPublicPort,
      kiteName,
      ...granted(kiteName),
      ...(runKite === undefined ? {} : { runKite: { name: runKite, secret: granted(runKite).secret } }),
    } satisfies TunnelGrant;
  });
}

/** The address a call came from, canonical: no proxy can stand in front of a TLS client certificate. */
function sourceOf(request: FastifyRequest): string {
  return peerAddress(request.ip);
}
