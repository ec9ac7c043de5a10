import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../kit/runtime/errors.ts';

/**
 * The resources of RFC 8555 as far as we read them. A CA is a stranger: nothing it sends is used unchecked, and nothing that
 * is not used is checked. Go's and Java's servers say *absent* by null, so it is taken away first (`withoutNull`).
 */

const Link = Type.String({ pattern: '^https://' });

export const Order = Type.Object({
  url: Link,
  status: Type.Enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  // A CA that has said these once may leave them out of later answers.
  authorizations: Type.Optional(Type.Array(Link)),
  finalize: Type.Optional(Link),
  certificate: Type.Optional(Link),
  error: Type.Optional(Type.Unknown()),
});
export type AcmeOrder = Static<typeof Order>;

/** The answer to a challenge that is told to be ready. */
export const ToldChallenge = Type.Object({ status: Type.String() });

export const DnsChallenge = Type.Object({
  type: Type.Literal('dns-01'),
  url: Link,
  status: Type.Optional(Type.String()),
  token: Type.String(),
});

export const Authorization = Type.Object({
  url: Link,
  status: Type.String(),
  identifier: Type.Optional(Type.Object({ value: Type.String() })),
  wildcard: Type.Optional(Type.Boolean()),
  /** Of any kind; those of other kinds are not ours to judge. */
  challenges: Type.Optional(Type.Array(Type.Unknown())),
});
export type Authorization = Static<typeof Authorization>;

export const Directory = Type.Object({
  newOrder: Link,
  renewalInfo: Type.Optional(Link),
  meta: Type.Optional(Type.Unknown()),
});

/** The names of the profiles that a directory lists in `meta`. */
export function profilesIn(meta: unknown): string[] {
  const profiles = fieldOf(meta, 'profiles');
  return typeof profiles === 'object' && profiles !== null ? Object.keys(profiles) : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** JSON without its nulls, at any depth. */
export function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((element) => element !== null).map(withoutNull);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (inner === null ? [] : [[name, withoutNull(inner)]])),
  );
}

/** `value` when it has the shape of `schema`; throws `acme-bad-answer`. `what`: for the message. */
export function shaped<S extends TSchema>(schema: S, value: unknown, what: string): Static<S> {
  if (Value.Check(schema, value)) return value;
  const [first] = Value.Errors(schema, value);
  throw badAnswer(
    what,
    first === undefined ? 'it is of another kind' : `${first.instancePath || 'it'} ${first.message}`,
  );
}

export function badAnswer(what: string, why: string): Problem {
  return new Problem('acme-bad-answer', `the CA's ${what} cannot be used: ${why}`, { status: 502 });
}

const said = 500;

/** On one line, and short: what a stranger wrote goes into a condition, and into the log. */
const oneLine = (text: string): string =>
  text
    .replaceAll(/[\s\p{C}]+/gu, ' ')
    .trim()
    .slice(0, said);

/**
 * What the CA says, in its own words: the detail of a problem document (RFC 7807) and of each of its subproblems (RFC 8555,
 * 6.7.1); of a page or a line of text, which something between us and the CA may have sent, its words.
 */
export function wordsOf(data: unknown): string {
  if (typeof data === 'string')
    return oneLine(data.replaceAll(/<(style|script)[^]*?<\/\1>|<[^>]*>/gi, ' ')) || 'without a reason';
  const { type, title, detail, subproblems } = Object(data) as Record<string, unknown>;
  const first = [detail, title, type].find((text): text is string => typeof text === 'string' && text !== '');
  const parts = Array.isArray(subproblems) ? subproblems.map(subproblem) : [];
  return oneLine([first ?? 'without a reason', ...parts].join('; '));
}

function subproblem(problem: unknown): string {
  const name = fieldOf(fieldOf(problem, 'identifier'), 'value');
  return `${typeof name === 'string' ? `${name}: ` : ''}${wordsOf(problem)}`;
}

export function isBadNonce(data: unknown): boolean {
  return fieldOf(data, 'type') === 'urn:ietf:params:acme:error:badNonce';
}

/** A refused request as a `Problem`: `urn:ietf:params:acme:error:rateLimited` becomes `acme-rate-limited`. */
export function refusal(answer: {
  status: number;
  data: unknown;
  retryAfterSeconds: number | undefined;
  url: string | undefined;
}): Problem {
  const { status, data, retryAfterSeconds, url = '' } = answer;
  const name =
    /^urn:ietf:params:acme:error:(\w+)$/.exec(String(fieldOf(data, 'type')))?.[1] ?? `http-${status}`;
  const code = `acme-${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return new Problem(code, `the CA answered ${status} to ${url}: ${wordsOf(data)}`, {
    status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Why the CA did not accept an authorization, with its name. */
export function reasonOf({ wildcard, identifier, challenges = [], status }: Authorization): string {
  const name = `${wildcard === true ? '*.' : ''}${identifier?.value ?? 'a name'}`;
  const error = challenges
    .map((challenge) => fieldOf(challenge, 'error'))
    .find((error) => error !== undefined);
  return `${name}: ${error === undefined ? status : wordsOf(error)}`;
}
