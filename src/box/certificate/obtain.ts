import { type Clock, minutes } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { ZoneState } from '../../protocol/zone-api.ts';
import type { AcmeCa, AcmeSession, Authorizations, ExternalAccount } from './acme.ts';
import { type AcmeOrder, wordsOf } from './acme-shapes.ts';
import { untilServed } from './dns-check.ts';
import { checkedPair, ecKeyPem, type Pair, sameNames } from './pair.ts';
import type { CertificateStore, StoredOrder } from './store.ts';

/** What the certificate needs of the zone API. Each call resolves when the authoritative servers serve the change. */
export interface CertificateZone {
  get(signal: AbortSignal): Promise<ZoneState>;
  addChallenge(value: string, signal: AbortSignal): Promise<ZoneState>;
  removeChallenge(value: string, signal: AbortSignal): Promise<ZoneState>;
  setCaa(accountUri: string | null, signal: AbortSignal): Promise<ZoneState>;
}

export interface Issuance {
  ca: AcmeCa;
  zone: CertificateZone;
  names: ZoneNames;
  store: CertificateStore;
  contactEmail?: string | undefined;
  termsAgreed: boolean;
  externalAccount?: ExternalAccount | undefined;
  /** ARI identifier of the certificate that this one takes the place of. */
  replaces?: string | undefined;
  profile?: string | undefined;
  clock: Clock;
  log: Log;
  onStep: (step: string) => void;
  signal: AbortSignal;
}

const accountLost = 'acme-account-does-not-exist';
const accountClosed = 'acme-account-closed';

/** How long the CA may take to look at our TXT values, and to sign. */
const caPatienceMs = minutes(10);
const longestLookMs = 5000;

/** The names of a box's certificate: `<zone>` and `*.<zone>`. */
export function certificateNames(names: ZoneNames): string[] {
  return [names.main, `*.${names.main}`];
}

/**
 * One certificate by DNS-01 (RFC 8555). Every step is safe to repeat, and each is remembered before the next, so that
 * after a crash the order goes on where it was. The order is forgotten by the caller, when the pair is in use.
 */
export async function obtain(issuance: Issuance): Promise<Pair> {
  const { store, ca } = issuance;
  await store.prepare();
  try {
    return await attempted(issuance);
  } catch (error) {
    const account = await store.account(ca.directoryUrl);
    const code = codeOf(error);
    if (account === undefined || (code !== accountLost && code !== accountClosed)) throw error;
    // The key of a lost account (a test CA was started afresh) makes it again; that of a closed one is of no use.
    await store.setAccount(ca.directoryUrl, code === accountLost ? { keyPem: account.keyPem } : undefined);
    return orRefused(issuance, attempted(issuance));
  }
}

/** A fresh key has no account that could be closed: it is the binding that the CA does not take (RFC 8555, 7.3.4). */
async function orRefused<T>({ externalAccount }: Issuance, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (externalAccount === undefined || !(error instanceof Problem) || error.code !== accountClosed)
      throw error;
    throw new Problem('acme-external-account-refused', error.message, { status: error.status, cause: error });
  }
}

/** For what a CA says to an address for notices that it does not take (RFC 8555, 7.3). */
const contactRefusals = new Set(['acme-invalid-contact', 'acme-unsupported-contact', 'acme-malformed']);

async function attempted(issuance: Issuance): Promise<Pair> {
  const account = await ensureAccount(issuance);
  const session = issuance.ca.as(account);
  // Before the CA looks: only this account of this CA may issue (RFC 8657).
  await issuance.zone.setCaa(account.url, issuance.signal);
  issuance.onStep('caa-set');
  const { order, keyPem } = (await resumed(issuance, session)) ?? (await placed(issuance, session));
  return completed(issuance, session, order, keyPem);
}

async function ensureAccount(issuance: Issuance): Promise<{ keyPem: string; url: string }> {
  const { ca, store, contactEmail, onStep } = issuance;
  let account = await store.account(ca.directoryUrl);
  if (account === undefined) {
    account = { keyPem: await ecKeyPem() };
    await store.setAccount(ca.directoryUrl, account);
    onStep('account-key-saved');
  }
  const { keyPem, url: known, contactRefused } = account;
  // An account without an address that was refused is told the next one.
  const corrected = contactRefused !== undefined && contactRefused.contact !== contactEmail;
  if (known !== undefined && !corrected) return { keyPem, url: known };
  const made = await registered(issuance, keyPem);
  onStep('account-made');
  await store.setAccount(ca.directoryUrl, { keyPem, ...made });
  onStep('account-saved');
  return { keyPem, url: made.url };
}

/** A CA that does not like the address for notices still gives a certificate: the account is made without one. */
async function registered(
  issuance: Issuance,
  keyPem: string,
): Promise<{ url: string; contactRefused?: { contact: string; said: string } }> {
  const { ca, contactEmail, termsAgreed, externalAccount, log, signal } = issuance;
  const account = { keyPem, termsAgreed, externalAccount };
  try {
    return { url: await orClosed(ca.register({ ...account, contactEmail }, signal)) };
  } catch (error) {
    if (contactEmail === undefined || !contactRefusals.has(codeOf(error))) throw error;
    const url = await orClosed(ca.register(account, signal));
    log.warn({ code: codeOf(error) }, `the account has no address for notices: ${messageOf(error)}`);
    return { url, contactRefused: { contact: contactEmail, said: messageOf(error) } };
  }
}

/** What a deactivated account is told (RFC 8555, 7.3.6), and here nobody else. */
async function orClosed<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'acme-unauthorized') throw error;
    throw new Problem(accountClosed, error.message, { status: error.status, cause: error });
  }
}

interface OrderUnderWay {
  order: AcmeOrder;
  keyPem: string;
}

/** The order of an earlier attempt, when the CA still has it and it can still become a certificate. */
async function resumed(issuance: Issuance, session: AcmeSession): Promise<OrderUnderWay | undefined> {
  const { store, ca, names, log, signal } = issuance;
  const stored = await store.order.read();
  if (stored?.url === undefined || !isFor(stored, ca.directoryUrl, certificateNames(names))) return undefined;
  try {
    const order = await session.order(stored.url, signal);
    if (order.status !== 'invalid') {
      log.info({ order: stored.url, status: order.status }, 'going on with the order of an earlier attempt');
      return { order, keyPem: stored.keyPem };
    }
  } catch (error) {
    const lost = error instanceof Problem && [400, 401, 403, 404].includes(error.status);
    if (!lost || error.code === accountLost) throw error;
  }
  return undefined;
}

function isFor(stored: StoredOrder, directoryUrl: string, names: readonly string[]): boolean {
  return stored.directoryUrl === directoryUrl && sameNames(stored.names, names);
}

async function placed(issuance: Issuance, session: AcmeSession): Promise<OrderUnderWay> {
  const { store, ca, onStep, signal } = issuance;
  const names = certificateNames(issuance.names);
  const stored: StoredOrder = { directoryUrl: ca.directoryUrl, names, keyPem: await ecKeyPem() };
  // First on disk: a disk that takes nothing must not cost an order at each attempt.
  await store.order.write(stored);
  onStep('order-prepared');
  const order = await orClosed(placedOnce(issuance, session, names, signal));
  onStep('order-placed');
  await store.order.write({ ...stored, url: order.url });
  onStep('order-saved');
  return { order, keyPem: stored.keyPem };
}

/** `replaces` is a courtesy: a CA that refuses an order because of it is asked once more without (RFC 9773, 5). */
async function placedOnce(
  { replaces, profile, log }: Issuance,
  session: AcmeSession,
  names: readonly string[],
  signal: AbortSignal,
): Promise<AcmeOrder> {
  try {
    return await session.placeOrder({ names, replaces, profile }, signal);
  } catch (error) {
    const refused = error instanceof Problem && error.status < 500 && error.status !== 429;
    if (!refused || replaces === undefined || error.code === accountLost) throw error;
    log.info({ code: error.code, replaces }, 'the CA refused the order with "replaces"; placing it without');
    return session.placeOrder({ names, profile }, signal);
  }
}

async function completed(
  issuance: Issuance,
  session: AcmeSession,
  start: AcmeOrder,
  keyPem: string,
): Promise<Pair> {
  const { signal, names, onStep } = issuance;
  const next = (from: AcmeOrder, isDone: (order: AcmeOrder) => boolean): Promise<AcmeOrder> =>
    polled(issuance, from, isDone, () => session.order(from.url, signal));
  let order = start;
  if (order.status === 'pending') {
    await authorized(issuance, session, order);
    onStep('authorized');
    order = await next(await session.order(order.url, signal), ({ status }) => status !== 'pending');
  }
  if (order.status === 'ready') {
    order = await session.finalize(order, { keyPem, names: certificateNames(names) }, signal);
    onStep('finalized');
  }
  order = await next(
    order,
    ({ status, certificate }) => status === 'invalid' || (status === 'valid' && certificate !== undefined),
  );
  if (order.status === 'invalid') throw await failed(issuance, 'acme-order-failed', wordsOf(order.error));
  onStep('issued');
  const pair = { chainPem: await session.download(order, signal), keyPem };
  onStep('downloaded');
  try {
    checkedPair(pair, certificateNames(names));
  } catch (error) {
    throw await failed(issuance, 'acme-wrong-certificate', messageOf(error));
  }
  return pair;
}

/** Makes every authorization of the order valid. Some may be so already: by an earlier order, or before a crash. */
async function authorized(issuance: Issuance, session: AcmeSession, order: AcmeOrder): Promise<void> {
  const { zone, names, clock, signal, onStep } = issuance;
  const { open, refused } = await session.authorizations(order, signal);
  if (refused.length === 0 && open.length > 0) {
    const values = open.map(({ value }) => value);
    const { nameServers } = await published(zone, values, signal);
    onStep('challenges-added');
    await untilServed({ name: names.challenge, values, servers: nameServers, clock, signal });
    onStep('challenges-served');
    for (const challenge of open.filter(({ told }) => !told)) await session.validate(challenge, signal);
    onStep('challenges-told');
  }
  const last = await polled(issuance, { open, refused }, isDecided, () =>
    session.authorizations(order, signal),
  );
  if (last.refused.length > 0)
    throw await failed(issuance, 'acme-authorization-failed', last.refused.join('; '));
}

function isDecided({ open, refused }: Authorizations): boolean {
  return open.length === 0 || refused.length > 0;
}

/** Exactly these TXT values: others are what a killed attempt left, and would soon be too many. */
async function published(
  zone: CertificateZone,
  values: readonly string[],
  signal: AbortSignal,
): Promise<ZoneState> {
  let state = await zone.get(signal);
  for (const value of state.challenges) {
    if (!values.includes(value)) state = await zone.removeChallenge(value, signal);
  }
  for (const value of values) state = await zone.addChallenge(value, signal);
  return state;
}

/** Takes every TXT value away. Whatever stays expires by itself after an hour. */
export async function withdrawn(zone: CertificateZone, signal: AbortSignal): Promise<void> {
  const { challenges } = await zone.get(signal);
  for (const value of challenges) await zone.removeChallenge(value, signal);
}

/** Looks until `done`, at first soon, then less often, and never earlier than the CA asks for (Retry-After). */
async function polled<T>(
  { ca, clock, signal }: Issuance,
  first: T,
  done: (value: T) => boolean,
  look: () => Promise<T>,
): Promise<T> {
  const end = clock.monotonic() + caPatienceMs;
  let value = first;
  for (let delayMs = 50; !done(value); delayMs = Math.min(delayMs * 2, longestLookMs)) {
    if (clock.monotonic() >= end) {
      throw new Problem(
        'acme-slow',
        `the CA has not decided within ${caPatienceMs / 1000} s; it is asked again later`,
        { status: 504 },
      );
    }
    const asked = Math.min(ca.retryAfterSeconds ?? 0, 30) * 1000;
    await clock.sleep(Math.max(delayMs, asked), signal);
    value = await look();
  }
  return value;
}

/** A final no of the CA: this order can become nothing any more. */
async function failed({ store }: Issuance, code: string, reason: string): Promise<Problem> {
  await store.order.remove();
  return new Problem(code, `the CA refused the certificate: ${reason}`, { status: 403 });
}
