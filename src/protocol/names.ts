import { base32nopad } from '@scure/base';
import { addressFromLabel, addressLabel } from './addresses.ts';
import { type BoxId, tunnelLabel } from './constants.ts';

export {
  type BoxId,
  boxIdSchemaPattern,
  isBoxId,
  mirrorLabelPattern,
  shortId,
  tunnelLabel,
} from './constants.ts';

/** The box id for the SHA-256 digest (32 bytes) of a certificate's DER. */
export function boxIdFromDigest(digest: Uint8Array): BoxId {
  if (digest.length !== 32) throw new RangeError(`a SHA-256 digest has 32 bytes, not ${digest.length}`);
  return base32nopad.encode(digest).toLowerCase();
}

/** `<box id>.<zone root>`: the zone's apex and the box's main name. No trailing dot, lower case. */
export function zoneName(boxId: BoxId, zoneRoot: string): string {
  return `${boxId}.${zoneRoot.toLowerCase()}`;
}

/** Has a meaning of its own, as `remote` has. */
export const challengeLabel = '_acme-challenge';

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
