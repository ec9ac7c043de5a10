import { STATUS_CODES } from 'node:http';
import Negotiator from 'negotiator';
import type { Problem } from '../runtime/errors.ts';
import { escaped } from './markup.ts';
import { plainPage, plainPageHeaders } from './plain-page.ts';

/** An answer of status 4xx or 5xx, ready to be sent. */
export interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What heads the page, for people who do not know the numbers. */
const titles: Record<number, string> = {
  400: 'This request makes no sense here',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'This page does not exist',
  405: 'This is not possible here',
  408: 'The request took too long',
  413: 'This is too large',
  415: 'This kind of content is not accepted here',
  421: 'This name is served elsewhere',
  426: 'This is not a page',
  429: 'Too many requests',
  431: 'Your browser sent too much',
  500: 'Something went wrong',
  501: 'This is not supported',
  502: 'The service gave a wrong answer',
  503: 'Not possible right now',
  504: 'The service took too long to answer',
  507: 'Changes cannot be saved right now',
};

/** Where the number alone says too little. */
const titlesByCode: Record<string, string> = {
  'storage-read-only': 'Changes cannot be saved right now',
  'storage-failed': 'Changes cannot be saved right now',
};

/**
 * A refusal as the one who asked can read it: a page for browsers, JSON `{ code, message, … }` for programs. `accept` is the
 * header of the request; who names no preference for HTML gets JSON (RFC 9110, 12.5.1). `home` is a path of the same origin
 * that a person can go on with; absent where there is no page.
 */
export function refusal(
  problem: Problem,
  { accept, home }: { accept: string | undefined; home?: string | undefined },
): Refusal {
  const { status, retryAfterSeconds } = problem;
  const headers: Record<string, string> = { vary: 'accept' };
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterSeconds));
  if (prefersHtml(accept))
    return { status, headers: { ...headers, ...plainPageHeaders }, body: refusalPage(problem, home) };
  const json = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };
  return { status, headers: { ...headers, ...json }, body: JSON.stringify(problem) };
}

/** A refusal for the only head of HTTP/1.1 there is: what to write to a connection that then ends. */
export function refusalBytes({ status, headers, body }: Refusal): string {
  const all = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\n${lines.join('')}\r\n${body}`;
}

/** Whether somebody would rather have a page than JSON. `*` is said by programs. */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return new Negotiator({ headers: { accept } }).mediaType(['application/json', 'text/html']) === 'text/html';
}

function refusalPage(
  { status, code, message, retryAfterSeconds }: Problem,
  home: string | undefined,
): string {
  const title = titlesByCode[code] ?? titles[status] ?? STATUS_CODES[status] ?? 'This was refused';
  const again =
    retryAfterSeconds === undefined ? '' : `\n<p>Try again in ${Math.ceil(retryAfterSeconds)} seconds.</p>`;
  const on = home === undefined ? '' : `\n<p><a href="${escaped(home)}">Go to the start page</a></p>`;
  return plainPage({
    title: `${title} · Porchlight`,
    main: `<h1>${escaped(title)}</h1>
<p>${escaped(sentence(message))}</p>${again}${on}
<p class="id"><small>${status} · ${escaped(code)}</small></p>`,
  });
}

/** A message of a `Problem` begins small and ends without a full stop. */
export const sentence = (words: string): string =>
  `${words.slice(0, 1).toUpperCase()}${words.slice(1)}${/[.?!]$/.test(words) ? '' : '.'}`;
