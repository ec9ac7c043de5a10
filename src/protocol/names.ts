import { base32nopad } from '@scure/base';
import { addressFromLabel, addressLabel } from './addresses.ts';

/** SHA-256 of an identity certificate's DER in lower-case base32 without padding (RFC 4648): 52 characters. */
export type BoxId = string;

/** A character set of 32 and 256 bits: the last of the 52 characters carries one bit, so only `a` and `q` can stand there. */
const boxIdPattern = /^[a-z2-7]{51}[aq]$/;
export const boxIdSchemaPattern = boxIdPattern.source;

export function isBoxId(text: string): text is BoxId {
  return boxIdPattern.test(text);
}

/** The box id for the SHA-256 digest (32 bytes) of a certificate's DER. */
export function boxIdFromDigest(digest: Uint8Array): BoxId {
  if (digest.length !== 32) throw new RangeError(`a SHA-256 digest has 32 bytes, not ${digest.length}`);
  return base32nopad.encode(digest).toLowerCase();
}

/** The first characters of a box id, enough for a person to tell boxes apart. */
export function shortId(boxId: BoxId): string {
  return boxId.slice(0, 8);
}

/** `<box id>.<zone root>`: the zone's apex and the box's main name. No trailing dot, lower case. */
export function zoneName(boxId: BoxId, zoneRoot: string): string {
  return `${boxId}.${zoneRoot.toLowerCase()}`;
}

/** Labels under a zone that have a meaning of their own and can name no mirror and no published service. */
export const tunnelLabel = 'remote';
export const challengeLabel = '_acme-challenge';

/** Names of mirrors: one letter, so that they can never clash with an address name, the tunnel or a service. */
export const mirrorLabelPattern = '^[a-z]$';

/** Names of published services: an LDH label of 2 to 40 characters, but for the reserved ones (`xn--…`; RFC 5890, 2.3.1). */
const serviceLabelPattern = /^(?!..--)[a-z][a-z0-9-]{0,38}[a-z0-9]$/;

export function isServiceLabel(label: string): boolean {
  return serviceLabelPattern.test(label) && label !== tunnelLabel && addressFromLabel(label) === undefined;
}

export interface ZoneNames {
  main: string;
  mirrors: Record<string, string>;
  tunnel: string;
  challenge: string;
}

/** Every name of a box. `mirrors` are labels, `['a', 'b']` by default. */
export function zoneNames(boxId: BoxId, zoneRoot: string, mirrors: readonly string[]): ZoneNames {
  const zone = zoneName(boxId, zoneRoot);
  return {
    main: zone,
    mirrors: Object.fromEntries(mirrors.map((label) => [label, `${label}.${zone}`])),
    tunnel: `${tunnelLabel}.${zone}`,
    challenge: `${challengeLabel}.${zone}`,
  };
}

/** `192-168-1-20.<zone>`: a name that is answered from itself. `undefined` for an address that such a name may not carry. */
export function addressName(address: string, zone: string): string | undefined {
  const label = addressLabel(address);
  return label === undefined ? undefined : `${label}.${zone}`;
}
