import type { TSchema } from 'typebox';

/** What a route answers: JSON of this schema, or something else in words (`type` absent: no body). */
export type CallAnswer = TSchema | { what: string; type?: string };

/** What the description of an API says of a route beside what the route says itself. */
export interface Call {
  /** `GET /api/me`, as the route is written. */
  route: string;
  /** What it does, in one sentence. */
  summary: string;
  /** By status. */
  answers: Readonly<Record<number, CallAnswer>>;
  /** Who may call, where the route's `config` does not say it: a key of `Api.callers`. */
  who?: string;
  /** What the handler reads without a schema of the route: the query, or a body that is no JSON. */
  query?: TSchema;
  body?: { type: string; schema: TSchema };
}

/** Who may call: in words for people, and as OpenAPI has it (any one of the list; all that is in one of its entries). */
export interface Caller {
  who: string;
  security: readonly Readonly<Record<string, readonly string[]>>[];
}

export interface Api {
  /** File name of the document. */
  name: 'zone' | 'registration' | 'mailbox' | 'box';
  title: string;
  /** `major.minor`; see docs/api/README.md for what may change within one. */
  version: string;
  /** Where it is served. */
  server: { url: string; description: string };
  /** Markdown: what a reader has to know before the calls, and what OpenAPI has no words for. */
  description: string;
  securitySchemes: Readonly<Record<string, object>>;
  callers: Readonly<Record<string, Caller>>;
  calls: readonly Call[];
  /** Other spellings of a call that is there; `GET /w/`. */
  hidden: ReadonlySet<string>;
}

export const nothing = (what = 'Done.'): CallAnswer => ({ what });
export const page = (what: string): CallAnswer => ({ what, type: 'text/html' });

/** A schema, and not words. */
export function isSchema(answer: CallAnswer): answer is TSchema {
  return !('what' in answer);
}
