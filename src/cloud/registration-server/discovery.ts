import { registrationLimits, type PingEntry } from '../../protocol/registration-api.ts';
import type { RateLimit } from '../../kit/http/rate-limit.ts';
import { readShortCode } from './short-code.ts';
import type { ShownRecord } from './store.ts';

/** What discovery asks of the store. */
export interface Records {
  inHome(home: string, since: number, limit: number): ShownRecord[];
  discoverable(home: string, since: number, limit: number): ShownRecord[];
  byCode(home: string, code: string, since: number): ShownRecord | undefined;
}

/** The most boxes one answer lists, however many owners open their windows at once. */
const mostShown = 50;

export interface Discovery {
  /** More than a handful of boxes: this is a shared address, and not all of them are shown. */
  shared: boolean;
  entries: PingEntry[];
}

/**
 * The boxes that a caller from `home` is shown. A handful of boxes is a home: all of them. More is a shared address
 * (carrier-grade NAT, an office), whose people are strangers to each other: boxes whose owner opened a window, the one whose
 * short code was typed, and the handful that the server has known for longest. For identities cost nothing: were the list empty
 * as soon as it is long, four certificates of a stranger behind the same address would hide everybody's box; who was there
 * before them stays. Wrong codes are counted per home; `rate-limited` when there were too many, right or wrong.
 */
export function discover(
  records: Records,
  asked: { home: string; code: string | undefined; now: number; guesses: RateLimit },
): Discovery {
  const { home, code, now, guesses } = asked;
  const since = now - registrationLimits.lifetimeSeconds * 1000;
  const few = records.inHome(home, since, registrationLimits.handful + 1);
  if (few.length <= registrationLimits.handful) return { shared: false, entries: few.map(entryOf) };
  const longest = few.slice(0, registrationLimits.handful);
  const shown = new Map(
    [...longest, ...records.discoverable(home, since, mostShown)].map((record) => [record.client, record]),
  );
  if (code !== undefined) {
    const meant = byCode(records, { home, code, since, now, guesses });
    if (meant !== undefined) shown.set(meant.client, meant);
  }
  return { shared: true, entries: [...shown.values()].map(entryOf) };
}

function byCode(
  records: Records,
  asked: { home: string; code: string; since: number; now: number; guesses: RateLimit },
): ShownRecord | undefined {
  asked.guesses.check(asked.home, asked.now, 'wrong codes');
  const code = readShortCode(asked.code);
  const found = code === undefined ? undefined : records.byCode(asked.home, code, asked.since);
  if (found === undefined) asked.guesses.take(asked.home, asked.now, 'wrong codes');
  return found;
}

function entryOf(record: ShownRecord): PingEntry {
  return {
    public_ip: record.publicIp,
    client: record.client,
    message: record.message,
    timestamp: Math.floor(record.announcedAt / 1000),
  };
}
