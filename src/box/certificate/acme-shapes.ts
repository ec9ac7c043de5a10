import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../kit/errors.ts';

/** The resources of RFC 8555 as far as we read them. A CA is a stranger: nothing it sends is used unchecked. */

const Link = Type.String({ pattern: '^https://' });

export const Order = Type.Object({
  url: Link,
  status: Type.Enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  authorizations: Type.Array(Link),
  finalize: Link,
  certificate: Type.Optional(Link),
  error: Type.Optional(Type.Unknown()),
});
export type AcmeOrder = Static<typeof Order>;

export const Challenge = Type.Object({
  type: Type.String(),
  url: Link,
  status: Type.String(),
  token: Type.Optional(Type.String()),
  error: Type.Optional(Type.Unknown()),
});

export const Authorization = Type.Object({
  url: Link,
  status: Type.String(),
  identifier: Type.Object({ value: Type.String() }),
  wildcard: Type.Optional(Type.Boolean()),
  challenges: Type.Array(Challenge),
});
export type Authorization = Static<typeof Authorization>;

export const Directory = Type.Object({
  newOrder: Link,
  renewalInfo: Type.Optional(Link),
  meta: Type.Optional(Type.Object({ profiles: Type.Optional(Type.Record(Type.String(), Type.Unknown())) })),
});

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

/** What the CA says in an RFC 7807 document. */
interface ProblemDocument {
  type?: unknown;
  detail?: unknown;
}

function documentOf(data: unknown): ProblemDocument {
  return typeof data === 'object' && data !== null ? data : {};
}

export function isBadNonce(data: unknown): boolean {
  return documentOf(data).type === 'urn:ietf:params:acme:error:badNonce';
}

/** A refused request as a `Problem`: `urn:ietf:params:acme:error:rateLimited` becomes `acme-rate-limited`. */
export function refusal(answer: {
  status: number;
  data: unknown;
  retryAfterSeconds: number | undefined;
  url: string | undefined;
}): Problem {
  const { status, data, retryAfterSeconds, url = '' } = answer;
  const { type, detail } = documentOf(data);
  const name = /^urn:ietf:params:acme:error:(\w+)$/.exec(String(type))?.[1] ?? `http-${status}`;
  const code = `acme-${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const said = typeof detail === 'string' ? detail.slice(0, 500) : 'without a reason';
  return new Problem(code, `the CA answered ${status} to ${url}: ${said}`, {
    status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Why the CA did not accept an authorization, with its name. */
export function reasonOf(authorization: Authorization): string {
  const name = `${authorization.wildcard === true ? '*.' : ''}${authorization.identifier.value}`;
  const details = authorization.challenges.map(({ error }) => documentOf(error).detail);
  const said = details.find((detail) => typeof detail === 'string') ?? authorization.status;
  return `${name}: ${said.slice(0, 500)}`;
}
