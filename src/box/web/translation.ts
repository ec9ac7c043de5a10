import { lowerAscii, normalAuthority } from '../../kit/http/http-text.ts';
import type { Headers } from './forwarding.ts';

/*
 * A service behind a proxy is called by its own name (`Host`) and believes that its pages stand there. What it and its
 * visitors tell each other of origins is therefore translated, both ways. Exact origins only: what names another one stays as
 * it is, so that a service sees a foreign page as foreign, and a visitor is sent where the service meant.
 */

/** One and the same pages under two origins (RFC 6454, 6.2). */
export interface Sides {
  /** As visitors know it. */
  outside: string;
  /** As the service knows it. */
  inside: string;
}

type Move = (url: string) => string;
type Changes = Readonly<Record<string, Move>>;

/** For one pair of origins, made once: every request goes through it. */
export class Translation {
  readonly #request: Changes;
  readonly #answer: Changes;

  constructor({ outside, inside }: Sides) {
    this.#request = requestChanges(mover([outside], inside));
    // The scheme that the service was told of (X-Forwarded-Proto) with the host that it was called by.
    this.#answer = answerChanges(mover([inside, inside.replace(/^http:/, 'https:')], outside));
  }

  /** A visitor's headers as the service understands them. */
  request(headers: Headers): Headers {
    return changed(headers, this.#request);
  }

  /** A service's headers as its visitors understand them. */
  answer(headers: Headers): Headers {
    return changed(headers, this.#answer);
  }
}

function requestChanges(move: Move): Changes {
  return {
    origin: move,
    referer: move,
    // RFC 4918, 10.3 and 10.4.
    destination: move,
    if: (value) => movedReferences(value, move, 'tags'),
  };
}

function answerChanges(move: Move): Changes {
  return {
    location: move,
    'content-location': move,
    refresh: (value) => value.replace(/^([\d.]*[;,\t ]*(?:url[\t ]*=[\t ]*)?["']?)(.*)$/i, moveSecond(move)),
    link: (value) => movedReferences(value, move, 'links'),
  };
}

/**
 * What a service sets is a cookie of its own host. With `Domain` it would go to all names beside it, the box's console among
 * them, and one that is named as the console's would come back there. Removed with whatever a browser might take for space.
 */
export function hostOnly(setCookie: string): string {
  return withoutAttributes(setCookie, ['domain']);
}

/** A `Set-Cookie` without these attributes (RFC 6265, 5.2). */
export function withoutAttributes(setCookie: string, names: readonly string[]): string {
  const [pair = '', ...attributes] = setCookie.split(';');
  const kept = attributes.filter((attribute) => {
    const [name = ''] = attribute.split('=', 1);
    // oxlint-disable-next-line no-control-regex
    return !names.includes(lowerAscii(name).replaceAll(/[\0-\u0020\u007F-\u00A0]/g, ''));
  });
  return [pair, ...kept].join(';');
}

/** Puts `to` in the place of the origin of a URL, when that is one of `from`. */
function mover(from: readonly string[], to: string): Move {
  const known = new Set(from.map(normalOrigin));
  return (url) => {
    const [origin] = /^(?:https?:)?\/\/[^/?#\\]*/i.exec(url) ?? [];
    if (origin === undefined) return url;
    // A reference without a scheme (RFC 3986, 4.2) has that of the page.
    const schemes = origin.startsWith('//') ? ['http:', 'https:'] : [''];
    const ours = schemes.some((scheme) => known.has(normalOrigin(scheme + origin)));
    return ours ? to + url.slice(origin.length) : url;
  };
}

function normalOrigin(origin: string): string {
  const [scheme = '', authority = ''] = origin.split('://');
  const small = lowerAscii(scheme);
  return `${small}://${normalAuthority(authority, small === 'http' ? 80 : 443)}`;
}

/** In place: the headers are a copy that the proxy has made. */
function changed(headers: Headers, changes: Changes): Headers {
  for (const name in changes) {
    const value = headers[name];
    const change = changes[name];
    if (value === undefined || change === undefined) continue;
    headers[name] = Array.isArray(value) ? value.map(change) : change(value);
  }
  return headers;
}

const moveSecond =
  (move: Move) =>
  (_all: string, before: string, url: string): string =>
    before + move(url);

/**
 * Moves what stands in `<…>`: targets of links (RFC 8288, 3), and resource tags of WebDAV (RFC 4918, 10.4.2), where what stands
 * in parentheses are tokens of locks, which mean what the service made them mean. Not in quoted strings. One pass: visitors
 * and services choose what stands here.
 */
function movedReferences(value: string, move: Move, of: 'links' | 'tags'): string {
  let result = '';
  let copied = 0;
  let inList = false;
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at];
    if (of === 'tags' && (character === '(' || character === ')')) inList = character === '(';
    if (character !== '"' && character !== '<') continue;
    const end = character === '<' ? value.indexOf('>', at) : endOfQuoted(value, at, of === 'links');
    if (end === -1) break;
    if (character === '<' && !inList) {
      result += value.slice(copied, at + 1) + move(value.slice(at + 1, end));
      copied = end;
    }
    at = end;
  }
  return result + value.slice(copied);
}

/** Where a quoted string that begins at `start` ends; entity tags know no escapes (RFC 9110, 8.8.3). */
function endOfQuoted(value: string, start: number, escapes: boolean): number {
  let at = start + 1;
  while (at < value.length && value[at] !== '"') at += escapes && value[at] === '\\' ? 2 : 1;
  return at < value.length ? at : -1;
}
