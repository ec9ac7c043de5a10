import { Problem } from '../../kit/runtime/errors.ts';
import { challengeLabel, mirrorLabelPattern, tunnelLabel } from '../../protocol/names.ts';
import { zoneLimits, type ZoneRecords } from '../../protocol/zone-api.ts';

/** What one box has put into its zone: the unit that is stored, served and replicated. Times: ms since the epoch. */
export interface ZoneContent {
  records: ZoneRecords;
  challenges: readonly Challenge[];
  /** The ACME account that alone may issue for the zone (RFC 8657), once known. */
  accountUri: string | null;
  /** Records of the 2016 call at names that `records` has no place for. */
  extra: readonly ExtraRecord[];
}

interface Challenge {
  value: string;
  expiresAt: number;
}

export interface ExtraRecord {
  /** Relative to the zone, lower case: `local`, `_acme-challenge.local`. */
  name: string;
  type: 'A' | 'TXT' | 'CNAME';
  value: string;
  /** TXT only: they were challenges in 2016 too, and nobody removed them. */
  expiresAt: number | null;
}

/** Names besides those of `records` that one zone may hold. */
const maxExtraRecords = 16;

const mirrorLabel = new RegExp(mirrorLabelPattern);

export const emptyZone: ZoneContent = {
  records: { main: [], mirrors: {}, tunnel: [] },
  challenges: [],
  accountUri: null,
  extra: [],
};

/** Replaces all address records, those of the 2016 call at the same names included. */
export function withRecords(content: ZoneContent, records: ZoneRecords): ZoneContent {
  const names = new Set([tunnelLabel, ...Object.keys(records.mirrors)]);
  return { ...content, records, extra: content.extra.filter((record) => !names.has(record.name)) };
}

/** Adds one value; the time of one that is there already starts again. Throws `too-many-challenges`. */
export function withChallenge(content: ZoneContent, value: string, now: number): ZoneContent {
  const others = content.challenges.filter((challenge) => challenge.value !== value);
  if (others.length >= zoneLimits.challenges) {
    const most = zoneLimits.challenges;
    throw new Problem(
      'too-many-challenges',
      `a zone holds at most ${most} challenges; remove one before adding ${value}`,
      {
        status: 422,
        details: { value, most },
        retryable: false,
      },
    );
  }
  return { ...content, challenges: [...others, { value, expiresAt: expiry(now) }] };
}

export function withoutChallenge(content: ZoneContent, value: string): ZoneContent {
  return { ...content, challenges: content.challenges.filter((challenge) => challenge.value !== value) };
}

/**
 * The 2016 call: sets the one A or CNAME of a name, adds a TXT value to it. At names that the calls of today know the
 * record lands in the same place, so that the two can be mixed. Throws `too-many-challenges`, `record-not-supported`.
 */
export function withLegacyRecord(
  content: ZoneContent,
  record: Omit<ExtraRecord, 'expiresAt'>,
  now: number,
): ZoneContent {
  const { name, type, value } = record;
  if (type === 'TXT') {
    if (name === challengeLabel) return withChallenge(content, value, now);
    return withExtra(
      content,
      { ...record, expiresAt: expiry(now) },
      (other) => other.type !== 'CNAME' && other.value !== value,
    );
  }
  const others: ZoneContent = { ...content, extra: content.extra.filter((other) => other.name !== name) };
  const addresses = type === 'A' ? [value] : [];
  if (type === 'CNAME') {
    if (name === '') {
      throw new Problem(
        'record-not-supported',
        'a zone itself cannot be a CNAME (RFC 1034, 3.6.2); use A, or a name below',
        {
          status: 422,
          details: { type, value },
          retryable: false,
        },
      );
    }
    const cname = { ...record, expiresAt: null };
    return withExtra(
      { ...others, records: withAddresses(content.records, name, []) ?? content.records },
      cname,
      () => false,
    );
  }
  const records = withAddresses(content.records, name, addresses);
  if (records !== undefined) return { ...others, records };
  return withExtra(content, { ...record, expiresAt: null }, (other) => other.type === 'TXT');
}

/** What is left of `content` at `now`. The same object when nothing has expired. */
export function unexpired(content: ZoneContent, now: number): ZoneContent {
  if (nextExpiry(content) > now) return content;
  return {
    ...content,
    challenges: content.challenges.filter((challenge) => challenge.expiresAt > now),
    extra: content.extra.filter((record) => (record.expiresAt ?? Number.POSITIVE_INFINITY) > now),
  };
}

/** When the first part of `content` expires; infinity when nothing does. */
export function nextExpiry(content: ZoneContent): number {
  const times = [...content.challenges, ...content.extra].map(
    (part) => part.expiresAt ?? Number.POSITIVE_INFINITY,
  );
  return Math.min(Number.POSITIVE_INFINITY, ...times);
}

const expiry = (now: number): number => now + zoneLimits.challengeTtlSeconds * 1000;

/** `undefined` when `records` has no place for `name`. */
function withAddresses(records: ZoneRecords, name: string, addresses: string[]): ZoneRecords | undefined {
  if (name === '') return { ...records, main: addresses };
  if (name === tunnelLabel) return { ...records, tunnel: addresses };
  if (!mirrorLabel.test(name)) return undefined;
  const { [name]: _replaced, ...others } = records.mirrors;
  return { ...records, mirrors: addresses.length === 0 ? others : { ...others, [name]: addresses } };
}

/** `keep` says which records of the same name stay beside the new one. */
function withExtra(
  content: ZoneContent,
  record: ExtraRecord,
  keep: (other: ExtraRecord) => boolean,
): ZoneContent {
  const others = content.extra.filter((other) => other.name !== record.name || keep(other));
  const sameName = others.filter((other) => other.name === record.name).length;
  if (others.length >= maxExtraRecords || sameName >= zoneLimits.challenges) {
    throw new Problem(
      'record-not-supported',
      `no room for ${record.type} at ${record.name}: the zone holds too many records`,
      {
        status: 422,
        details: { name: record.name, type: record.type },
        retryable: false,
      },
    );
  }
  return { ...content, extra: [...others, record] };
}
