import { type Static, Type } from 'typebox';
import { boxIdSchemaPattern, mirrorLabelPattern } from './names.ts';

/** Zone API v1: how a box edits its own zone at the dns-server (HTTPS, TLS client certificate required). */

export const zoneLimits = {
  /** Addresses in one name. */
  addressesPerName: 4,
  mirrors: 8,
  challenges: 4,
  challengeTtlSeconds: 3600,
  bodyBytes: 16_384,
} as const;

const addressList = Type.Array(Type.String({ minLength: 2, maxLength: 45 }), {
  maxItems: zoneLimits.addressesPerName,
});

/** Body of `PUT /v1/zones/{boxId}`. Lists of IPv4 and IPv6 addresses; an empty list removes the name's records. */
export const ZoneRecords = Type.Object(
  {
    main: addressList,
    mirrors: Type.Record(Type.String({ pattern: mirrorLabelPattern }), addressList, {
      maxProperties: zoneLimits.mirrors,
      // A pattern alone says nothing of the names that it does not match.
      additionalProperties: false,
    }),
    tunnel: addressList,
  },
  { additionalProperties: false },
);
export type ZoneRecords = Static<typeof ZoneRecords>;

/** The 43 base64url characters of a DNS-01 key authorization digest (RFC 8555, 8.4). */
export const ChallengeValue = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });

/** Body of `POST /v1/zones/{boxId}/challenges`. */
export const ChallengeRequest = Type.Object({ value: ChallengeValue }, { additionalProperties: false });
export type ChallengeRequest = Static<typeof ChallengeRequest>;

/** Answer of `GET`, `PUT` and the challenge calls: what the authoritative servers serve now. */
export const ZoneState = Type.Object({
  boxId: Type.String({ pattern: boxIdSchemaPattern }),
  zone: Type.String(),
  /** SOA serial (RFC 1982 arithmetic) that first carries this content. */
  serial: Type.Integer({ minimum: 0, maximum: 0xff_ff_ff_ff }),
  records: ZoneRecords,
  challenges: Type.Array(ChallengeValue),
  /** `host:port` of every authoritative server, for checks before the CA is told. */
  nameServers: Type.Array(Type.String()),
  /** Where to ask for `POST …/tunnel` relays' addresses: those that `records.tunnel` may hold. */
  tunnelAddresses: Type.Array(Type.String()),
});
export type ZoneState = Static<typeof ZoneState>;

/** Body of `PUT /v1/zones/{boxId}/caa`: pins the ACME account that may issue for the zone (RFC 8657). */
export const CaaRequest = Type.Object(
  {
    accountUri: Type.Union([
      Type.String({ minLength: 8, maxLength: 200, pattern: '^https?://[!-~]+$' }),
      Type.Null(),
    ]),
  },
  { additionalProperties: false },
);
export type CaaRequest = Static<typeof CaaRequest>;

/** Answer of `POST /v1/zones/{boxId}/tunnel`. */
export const TunnelGrant = Type.Object({
  frontends: Type.Array(
    Type.Object({
      /** `host:port` the PageKite client connects to. */
      address: Type.String(),
      /** Name on the relay's TLS certificate; absent: the connection to the relay is not wrapped in TLS. */
      certName: Type.Optional(Type.String()),
      /** PEM of a private CA to trust for `certName`. */
      ca: Type.Optional(Type.String()),
    }),
  ),
  /** Public addresses of the relays: what the zone's tunnel name is to hold while connected. */
  addresses: Type.Array(Type.String()),
  /** Port at which browsers reach the relay. */
  publicPort: Type.Integer({ minimum: 1, maximum: 65_535 }),
  kiteName: Type.String(),
  secret: Type.String({ minLength: 32, maxLength: 128 }),
  /** A second kite, which nobody visits: it proves to the relay which run the tunnel is of (run-api.ts). */
  runKite: Type.Optional(
    Type.Object({ name: Type.String(), secret: Type.String({ minLength: 32, maxLength: 128 }) }),
  ),
  /** Ask again before this time (ms since the epoch): the secret stops working some time after. */
  renewBefore: Type.Integer(),
});
export type TunnelGrant = Static<typeof TunnelGrant>;
