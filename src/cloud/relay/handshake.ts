import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isBoxId, type BoxId } from '../../protocol/names.ts';
import { minutes } from '../../kit/runtime/clock.ts';
import { runOfLabel } from '../../protocol/run-api.ts';
import { lowerAscii, trimOws } from '../../kit/http/http-text.ts';

/** How a box proves its kite names to us. Pure: text and time in, answer out. */

export interface RequestHead {
  method: string;
  target: string;
  /** In the order they came; names in lower case. */
  headers: readonly (readonly [string, string])[];
}

/** Parses an HTTP/1 request head (without the empty line); `undefined` when it is not one. */
export function parseRequestHead(text: string): RequestHead | undefined {
  const [first = '', ...lines] = text.split('\r\n');
  const request = /^([A-Z]{3,10}) ([!-~]{1,1024}) HTTP\/1\.[01]$/.exec(first);
  const headers = lines.map((line) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*)$/.exec(line));
  if (request === null || headers.includes(null) || headers.length > 64) return undefined;
  return {
    method: request[1] ?? '',
    target: request[2] ?? '',
    headers: headers.map((header) => [lowerAscii(header?.[1] ?? ''), trimOws(header?.[2] ?? '')] as const),
  };
}

export interface KiteRequest {
  proto: string;
  name: string;
  /** The client's own salt; returned unread. */
  salt: string;
  /** Our challenge and its answer; empty in the first round. */
  token: string;
  signature: string;
}

const maxKites = 8;

/** The `X-PageKite` lines of a request; `undefined` when one is malformed or there are none or too many. */
export function kiteRequests(head: RequestHead): KiteRequest[] | undefined {
  const requests: KiteRequest[] = [];
  for (const [name, value] of head.headers) {
    if (name !== 'x-pagekite') continue;
    const parts =
      /^([a-z0-9-]{1,20}):([A-Za-z0-9._-]{1,253}):([0-9A-Za-z]{0,64}):([0-9a-z]{0,64}):([0-9a-z]{0,64})$/.exec(
        value,
      );
    if (parts === null) return undefined;
    const [, proto = '', kite = '', salt = '', token = '', signature = ''] = parts;
    requests.push({ proto, name: kite, salt, token, signature });
  }
  return requests.length === 0 || requests.length > maxKites ? undefined : requests;
}

/** The box that may prove the kite `name`: exactly one label under a zone, as its wildcard certificate reaches. */
export function ownerOfKite(name: string, zoneRoot: string): BoxId | undefined {
  const suffix = `.${lowerAscii(zoneRoot)}`;
  const lower = lowerAscii(name);
  if (!lower.endsWith(suffix)) return undefined;
  const [label = '', boxId = '', ...more] = lower.slice(0, -suffix.length).split('.');
  return more.length === 0 && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label) && isBoxId(boxId)
    ? boxId
    : undefined;
}

export const challengeLifetimeMs = minutes(1);

/**
 * A challenge nobody has to remember: time, chance, and a MAC over both and what was asked, so that any relay with the
 * same master key can check it. `nonce`: 16 hexadecimal characters that were never used before.
 */
export function challengeFor(masterKey: Uint8Array, kite: KiteRequest, now: number, nonce: string): string {
  const stamp = secondsOf(now) + nonce;
  const asked = `challenge:${kite.proto}:${kite.name}:${kite.salt}:${stamp}`;
  return stamp + createHmac('sha256', masterKey).update(asked).digest('hex').slice(0, 32);
}

function secondsOf(now: number): string {
  return Math.floor(now / 1000)
    .toString(16)
    .padStart(10, '0');
}

function isOwnChallenge(masterKey: Uint8Array, kite: KiteRequest, now: number): boolean {
  const [, seconds = '', nonce = ''] = /^([0-9a-f]{10})([0-9a-f]{16})/.exec(kite.token) ?? [];
  const issued = Number.parseInt(seconds, 16) * 1000;
  if (Number.isNaN(issued) || Math.abs(now - issued) > challengeLifetimeMs) return false;
  return equal(kite.token, challengeFor(masterKey, kite, issued, nonce));
}

/** `sign` of the client: 8 characters of its choice, then the first 28 of a SHA-1 over secret, request and those 8. */
export function signatureOf(secret: string, kite: Omit<KiteRequest, 'signature'>, salt: string): string {
  const signed = `${secret}${kite.proto}:${kite.name}:${kite.salt}:${kite.token}${salt}`;
  return salt + createHash('sha1').update(signed, 'latin1').digest('hex').slice(0, 28);
}

export type Run = NonNullable<ReturnType<typeof runOfLabel>>;

export type KiteVerdict =
  | { kind: 'challenge'; token: string }
  | { kind: 'ok'; boxId: BoxId; name: string }
  /** `reason` travels to the box, which tells a person. */
  | {
      kind: 'invalid';
      reason: 'unauthorized' | 'not-this-zone' | 'protocol' | 'challenge' | 'copied-identity';
    };

export interface KiteRules {
  zoneRoot: string;
  masterKey: Uint8Array;
  now: number;
  /** For a challenge, see `challengeFor`. */
  nonce: string;
  /** What proves a name (see tunnel-secret.ts). */
  secrets: (kiteName: string) => readonly string[];
}

/** Decides one kite. */
export function judgeKite(kite: KiteRequest, rules: KiteRules): KiteVerdict {
  const { zoneRoot, masterKey, now, nonce, secrets } = rules;
  if (kite.proto !== 'https') return { kind: 'invalid', reason: 'protocol' };
  const boxId = ownerOfKite(kite.name, zoneRoot);
  if (boxId === undefined) return { kind: 'invalid', reason: 'not-this-zone' };
  if (kite.token === '') return { kind: 'challenge', token: challengeFor(masterKey, kite, now, nonce) };
  if (!isOwnChallenge(masterKey, kite, now)) return { kind: 'invalid', reason: 'challenge' };
  const name = lowerAscii(kite.name);
  const salt = kite.signature.slice(0, 8);
  const proven =
    salt.length === 8 &&
    secrets(name).some((secret) => equal(kite.signature, signatureOf(secret, kite, salt)));
  return proven ? { kind: 'ok', boxId, name } : { kind: 'invalid', reason: 'unauthorized' };
}

function equal(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

/** What the kites of one request prove. One tunnel, one box: who proves names of two boxes gets those of the first. */
export interface Proven {
  boxId: BoxId;
  names: string[];
  /** Which run of the box it is, when one of the kites says so (protocol/run-api.ts). */
  run: Run | undefined;
}

export function provenBy(verdicts: readonly { verdict: KiteVerdict }[]): Proven | undefined {
  const ok = verdicts.flatMap(({ verdict }) => (verdict.kind === 'ok' ? [verdict] : []));
  const boxId = ok[0]?.boxId;
  if (boxId === undefined) return undefined;
  const own = ok.filter((verdict) => verdict.boxId === boxId).map(({ name }) => name);
  const runs = own.map((name) => runOfLabel(name.split('.')[0] ?? ''));
  const names = own.filter((_name, index) => runs[index] === undefined);
  return names.length === 0 ? undefined : { boxId, names, run: runs.find((run) => run !== undefined) };
}

/**
 * Whether a tunnel of another run is there that may act since a later time: two boxes have one identity, and the dns-server,
 * which found that out, has said which of them it is. It alone can make the kite that proves a time.
 */
export function isCopy(run: Run | undefined, present: Iterable<Run | undefined>): boolean {
  if (run === undefined) return false;
  return [...present].some(
    (other) => other !== undefined && other.run !== run.run && other.since > run.since,
  );
}

/** The answer to all kites of a request, up to and including the empty line. */
export function answerHead(options: {
  verdicts: readonly { kite: KiteRequest; verdict: KiteVerdict }[];
  publicPort: number;
  sessionId: string | undefined;
}): string {
  const lines = ['HTTP/1.1 200 OK', 'X-PageKite-Protos: https', `X-PageKite-Ports: ${options.publicPort}`];
  for (const { kite, verdict } of options.verdicts) {
    const asked = `${kite.proto}:${kite.name}:${kite.salt}`;
    if (verdict.kind === 'challenge') lines.push(`X-PageKite-SignThis: ${asked}:${verdict.token}`);
    else if (verdict.kind === 'ok') lines.push(`X-PageKite-OK: ${asked}`);
    else lines.push(`X-PageKite-Invalid-Why: ${asked};${verdict.reason}`, `X-PageKite-Invalid: ${asked}`);
  }
  if (options.sessionId !== undefined) lines.push(`X-PageKite-SessionID: ${options.sessionId}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
