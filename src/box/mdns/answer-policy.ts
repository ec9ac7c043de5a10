import type { Random } from '../../kit/runtime/clock.ts';
import { keyOf, nothingElse, type OwnedRecord, sameName, uniqueNames } from './records.ts';

/** As dns-packet decodes it; the top bit of a class is no part of it (RFC 6762, 5.4). */
interface Question {
  name: string;
  type: string;
  class?: string | undefined;
}

/** A query, and how it came. */
export interface Query {
  id: number;
  questions: readonly Question[];
  /** What the querier knows already (RFC 6762, 7.1). */
  known: readonly OwnedRecord[];
  /** Somebody wants to take a name (8.1). */
  probe: boolean;
  /** More of what is known follows in further packets (7.2). */
  more: boolean;
  /**
   * `multicast`: from another mDNS responder; `direct`: sent to this machine alone (5.5); `legacy`: from a plain resolver,
   * which waits at a port of its own (6.7).
   */
  via: 'multicast' | 'direct' | 'legacy';
}

export interface Answer {
  id?: number;
  questions?: readonly Question[];
  answers: readonly OwnedRecord[];
  additionals: readonly OwnedRecord[];
}

export interface Reply {
  /** To everybody. */
  multicast?: Answer;
  /** To the querier alone. */
  unicast?: Answer;
  /** How long to wait before, so that many answers do not collide. */
  delayMs: number;
}

/** `IN` and `ANY` with the top bit set, as dns-packet calls what it does not know. */
const unicastClasses = [0x80_01, 0x80_ff].map((number) => `UNKNOWN_${number}`);
const inAnyCase = (question: Question): boolean =>
  [undefined, 'IN', 'ANY', ...unicastClasses].includes(question.class);
const wantsUnicast = (question: Question): boolean => unicastClasses.includes(question.class ?? '');

/** Resolvers that do not take part in mDNS would keep a record after it has changed (RFC 6762, 6.7). */
const legacyTtl = 10;

/**
 * What to say to `query`, given the records that are ours on that link and how long ago (ms) each was multicast there;
 * `undefined` when nothing.
 */
export function replyTo(
  query: Query,
  owned: readonly OwnedRecord[],
  sinceSaid: (record: OwnedRecord) => number,
  random: Random,
): Reply | undefined {
  const known = query.known.map((record) => ({ key: keyOf(record), ttl: record.ttl }));
  // What has less than half of its life left is said again (7.1).
  const isNews = (record: OwnedRecord): boolean =>
    !known.some(({ key, ttl }) => key === keyOf(record) && ttl >= record.ttl / 2);
  const [toAll, toOne]: [OwnedRecord[], OwnedRecord[]] = [[], []];
  for (const question of query.questions.filter(inAnyCase)) {
    for (const record of matching(question, owned).filter(isNews)) {
      const quiet = sinceSaid(record);
      if (query.via !== 'multicast') add(toOne, record);
      // One that others have not heard for long is told to them too, not to the one who asks alone (5.4).
      else if (wantsUnicast(question) && (query.probe || quiet < (record.ttl * 1000) / 4)) add(toOne, record);
      // Not twice in a second, but whoever defends a name may speak sooner (6).
      else if (quiet >= (query.probe ? 250 : 1000)) add(toAll, record);
    }
  }
  if (toAll.length + toOne.length === 0) return undefined;
  const answer = (answers: OwnedRecord[]): Answer => ({
    answers,
    additionals: companions(answers, owned).filter((record) => isNews(record) && !has(answers, record)),
  });
  const shared = [...toAll, ...toOne].some(({ flush }) => flush !== true);
  return {
    ...(toAll.length > 0 ? { multicast: answer(toAll) } : {}),
    ...(toOne.length > 0
      ? { unicast: query.via === 'legacy' ? plain(query, answer(toOne)) : answer(toOne) }
      : {}),
    delayMs: pause(query, shared, random),
  };
}

/** RFC 6762, 6: at once what nobody else can say or a name is defended by; else at random, longer where more is to come. */
function pause(query: Query, shared: boolean, random: Random): number {
  if (query.probe || query.via === 'legacy') return 0;
  if (query.more) return 400 + 100 * random();
  return shared ? 20 + 100 * random() : 0;
}

function matching(question: Question, owned: readonly OwnedRecord[]): OwnedRecord[] {
  const ofName = owned.filter((record) => sameName(record.name, question.name));
  if (question.type === 'ANY') return ofName;
  const found = ofName.filter((record) => record.type === question.type);
  if (found.length > 0 || !uniqueNames(ofName).some((name) => sameName(name, question.name))) return found;
  return [nothingElse(ofName[0]?.name ?? question.name, owned)];
}

/** What whoever got these asks next: the service behind the pointer, the host behind it, its addresses (RFC 6763, 12). */
function companions(answers: readonly OwnedRecord[], owned: readonly OwnedRecord[]): OwnedRecord[] {
  const more: OwnedRecord[] = [];
  for (const pointer of answers.filter(({ type }) => type === 'PTR')) {
    for (const record of owned.filter(
      ({ name, type }) => type !== 'PTR' && sameName(name, String(pointer.data)),
    )) {
      add(more, record);
    }
  }
  const hosts = [...answers, ...more].flatMap((record) =>
    record.type === 'SRV'
      ? [(record.data as { target: string }).target]
      : record.type === 'A' || record.type === 'AAAA'
        ? [record.name]
        : [],
  );
  for (const host of hosts) {
    const addresses = owned.filter(({ name, type }) => /^A(AAA)?$/.test(type) && sameName(name, host));
    for (const record of addresses) add(more, record);
    // Whoever looks for the other family need not ask (RFC 6762, 6.2).
    if (new Set(addresses.map(({ type }) => type)).size === 1) add(more, nothingElse(host, owned));
  }
  return more;
}

const short = ({ flush: _flush, ...record }: OwnedRecord): OwnedRecord => ({
  ...record,
  ttl: Math.min(record.ttl, legacyTtl),
});

/** RFC 6762, 6.7: with its id and question, no bit that only mDNS knows, and not to be kept for long. */
function plain(query: Query, { answers, additionals }: Answer): Answer {
  return {
    id: query.id,
    questions: query.questions.filter(inAnyCase).map(({ name, type }) => ({ name, type, class: 'IN' })),
    answers: answers.map(short),
    additionals: additionals.map(short),
  };
}

const has = (records: readonly OwnedRecord[], record: OwnedRecord): boolean =>
  records.some((other) => keyOf(other) === keyOf(record));

function add(records: OwnedRecord[], record: OwnedRecord): void {
  if (!has(records, record)) records.push(record);
}
