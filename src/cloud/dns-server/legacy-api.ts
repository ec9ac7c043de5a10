import type { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../../kit/runtime/clock.ts';
import type { HttpsApp } from '../../kit/http/http-server.ts';
import { hostName, lowerAscii } from '../../kit/http/http-text.ts';
import { addressFamily, addressFromLabel } from '../../protocol/addresses.ts';
import { challengeLabel, tunnelLabel } from '../../protocol/names.ts';
import { boxIdOfPeer, sha1OfPeer } from '../box-certificate.ts';
import { type ExtraRecord, withLegacyRecord } from './zone-content.ts';
import { ownAddress, refusal, tunnelAddress, wellFormedChallenge } from './zone-rules.ts';
import type { Zones } from './zones.ts';

export interface LegacyOptions {
  zoneRoot: string;
  zones: Zones;
  relays: readonly { address: string }[];
  relayAddresses: readonly string[];
  acceptSha1Zones: boolean;
  clock: Clock;
  sourceOf: (request: FastifyRequest) => string;
}

const LegacyRecord = Type.Object({
  type: Type.String({ maxLength: 10 }),
  value: Type.String({ maxLength: 300 }),
});

const ldhLabel = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/;
const maxDepth = 3;

/**
 * The call of 2016, for the clients that were written for it: `POST /v1/dns/org/example/box/<zone>/local {type, value}`
 * sets one record of one name. Their zones are named by the SHA-1 fingerprint of the certificate; such zones are served
 * only where the operator says so. Everything else of today's rules holds: own addresses only, challenges expire.
 */
export function legacyRoutes(app: HttpsApp, options: LegacyOptions): void {
  app.post('/v1/dns/*', { schema: { body: LegacyRecord } }, async (request) => {
    const socket = request.raw.socket as TLSSocket;
    const { '*': path } = request.params as { '*': string };
    const labels = lowerAscii(path)
      .split('/')
      .filter((label) => label !== '')
      .toReversed();
    const root = options.zoneRoot.split('.');
    const zone = labels.at(-root.length - 1);
    const own = [boxIdOfPeer(socket), ...(options.acceptSha1Zones ? [sha1OfPeer(socket)] : [])];
    if (
      zone === undefined ||
      !own.includes(zone) ||
      labels.slice(-root.length).join('.') !== options.zoneRoot
    ) {
      throw refusal(
        'zone-not-yours',
        `${labels.join('.').slice(0, 260)} is not in the zone of your certificate`,
        { own },
      );
    }
    const below = labels.slice(0, -root.length - 1);
    const source = options.sourceOf(request);
    const record = legacyRecord(below, request.body, { ...options, source, zone });
    const { serial } = options.zones.edit(zone, source, (content) =>
      withLegacyRecord(content, record, options.clock.now()),
    );
    return { name: labels.join('.'), type: record.type, value: record.value, serial };
  });
}

function legacyRecord(
  below: readonly string[],
  { type, value }: { type: string; value: string },
  options: LegacyOptions & { source: string; zone: string },
): Omit<ExtraRecord, 'expiresAt'> {
  const name = below.join('.');
  const allowed = { source: options.source, tunnelAddresses: options.relayAddresses };
  const isAddressName = addressFromLabel(below.at(-1) ?? '') !== undefined;
  if (below.length > maxDepth || isAddressName || !below.every((label) => ldhLabel.test(label))) {
    throw refusal('record-not-supported', `${name}: not a name that a zone can hold`, { value: name });
  }
  switch (type) {
    case 'A': {
      const address = name === tunnelLabel ? tunnelAddress(value, allowed) : ownAddress(name, value, allowed);
      if (addressFamily(address) === 4) return { name, type, value: address };
      throw refusal('address-malformed', `${value} is not an IPv4 address`, { value });
    }
    case 'TXT':
      if (below[0] === challengeLabel) return { name, type, value: wellFormedChallenge(value) };
      throw refusal('record-not-supported', `TXT is for names that begin with ${challengeLabel}`, {
        value: name,
      });
    case 'CNAME':
      // Names with an underscore belong to protocols, and a CNAME would stand beside their TXT records.
      if (name.startsWith('_'))
        throw refusal('record-not-supported', `${name} cannot be an alias`, { value: name });
      return { name, type, value: aliasTarget(value, options) };
    default:
      throw refusal('record-not-supported', `${type}: only A, TXT and CNAME can be set`, { value: type });
  }
}

/** Where an alias may lead: into the own zone, or to a relay. Anywhere else would get round the rules for addresses. */
function aliasTarget(value: string, options: LegacyOptions & { zone: string }): string {
  const target = lowerAscii(value).replace(/\.$/, '');
  const zone = `${options.zone}.${options.zoneRoot}`;
  const wellFormed = target.length <= 253 && target.split('.').every((label) => ldhLabel.test(label));
  const relays = options.relays.map(({ address }) => hostName(address));
  const known =
    target === zone ||
    target.endsWith(`.${zone}`) ||
    (relays.includes(target) && addressFamily(target) === undefined);
  if (wellFormed && known) return target;
  throw refusal(
    'record-not-supported',
    `a CNAME may lead to a name in your zone or to a relay, not to ${target.slice(0, 260)}`,
    {
      value: value.slice(0, 300),
    },
  );
}
