import { addressFamily, canonicalAddress, isHomeAddress } from '../../protocol/addresses.ts';
import { errorCodes, type ErrorCode } from '../../protocol/error-codes.ts';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { mirrorLabelPattern } from '../../protocol/names.ts';
import { ChallengeValue, type ZoneRecords } from '../../protocol/zone-api.ts';
import { Problem } from '../../kit/runtime/errors.ts';

const mirrorLabel = new RegExp(mirrorLabelPattern);

/** What a caller may put into its zone. Pure: the caller's address and the operator's relays are handed in. */
export interface Allowed {
  /** The address the call came from, canonical. */
  source: string;
  /** Public addresses of the operator's relays, canonical. */
  tunnelAddresses: readonly string[];
}

/**
 * The records in canonical text, without duplicates. Throws `address-malformed`; `address-not-allowed` for an address of
 * main or a mirror that is neither of a home network nor the caller's own; `tunnel-address-unknown`. Each names the value.
 */
export function allowedRecords(records: ZoneRecords, allowed: Allowed): ZoneRecords {
  for (const label of Object.keys(records.mirrors)) {
    if (!mirrorLabel.test(label))
      throw refusal('bad-request', `mirrors: ${label.slice(0, 60)} is not one small letter`);
  }
  const own = (field: string) => (address: string) => ownAddress(field, address, allowed);
  return {
    main: distinct(records.main, own('main')),
    mirrors: Object.fromEntries(
      Object.entries(records.mirrors).map(([label, addresses]) => [
        label,
        distinct(addresses, own(`mirrors.${label}`)),
      ]),
    ),
    tunnel: distinct(records.tunnel, (address) => tunnelAddress(address, allowed)),
  };
}

export function ownAddress(field: string, text: string, allowed: Allowed): string {
  const address = wellFormed(field, text);
  if (isHomeAddress(address) || address === allowed.source) return address;
  throw refusal(
    'address-not-allowed',
    `${field}: ${address} is neither a home network's nor the address you call from`,
    {
      field,
      value: text,
    },
  );
}

export function tunnelAddress(text: string, allowed: Allowed): string {
  const address = wellFormed('tunnel', text);
  if (allowed.tunnelAddresses.includes(address)) return address;
  throw refusal(
    'tunnel-address-unknown',
    `tunnel: ${address} is no relay of this cloud; ask POST …/tunnel for them`,
    {
      field: 'tunnel',
      value: text,
    },
  );
}

function wellFormed(field: string, text: string): string {
  if (addressFamily(text) !== undefined) return canonicalAddress(text);
  throw refusal('address-malformed', `${field}: ${JSON.stringify(text.slice(0, 60))} is not an IP address`, {
    field,
    value: text,
  });
}

export function refusal(code: ErrorCode, message: string, details: Record<string, unknown> = {}): Problem {
  return new Problem(code, message, { status: errorCodes[code], details, retryable: false });
}

const distinct = (addresses: readonly string[], check: (address: string) => string): string[] => [
  ...new Set(addresses.map(check)),
];

/** Wider than `ChallengeValue`, so that a malformed value gets its own code. */
export const AnyChallenge = Type.String({ maxLength: 300 });

/** Throws `challenge-malformed`. */
export function wellFormedChallenge(value: string): string {
  if (Value.Check(ChallengeValue, value)) return value;
  const shown = JSON.stringify(value);
  throw refusal('challenge-malformed', `${shown} is not 43 base64url characters (RFC 8555, 8.4)`, { value });
}
